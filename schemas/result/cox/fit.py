"""Cox models."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.cox_fit",
    "One row per endpoint, origin and model.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.cox_model,
        c.cox_method,
        c.n,
        integer("n_missing", "Patients left out because a covariate is missing"),
        c.n_event,
        real("events_per_variable", "Events per coefficient"),
        real("log_likelihood_null", "Partial log-likelihood without covariates"),
        real("log_likelihood", "Partial log-likelihood at the solution"),
        real("likelihood_ratio_p_value", "Likelihood ratio test of all coefficients"),
        real("concordance", "Harrell's concordance"),
        real("concordance_se", "Standard error of the concordance"),
        real("ph_p_value", "Global score test of proportional hazards"),
        c.status,
        c.note,
    ],
)
