"""The multivariable model after multiple imputation."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.imputed_cox",
    "One row per term: chained equations, pooled by Rubin's rules.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.cox_model,
        c.term,
        c.reference_level,
        *c.hazard_estimate,
        real("degrees_of_freedom", "Degrees of freedom of the pooled estimate"),
        real("fraction_missing_information", "Share of information lost to missing values"),
        c.n,
        integer("n_missing", "Patients with an imputed covariate"),
        c.n_event,
        integer("n_imputations", "Imputations"),
        integer("n_used", "Of these, whose fit was certified"),
        text("method", "mice"),
        c.status,
        c.note,
    ],
)
