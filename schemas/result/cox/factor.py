"""Tests of whole covariates: FIGO or histology as one question."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.cox_factor",
    "One row per endpoint, origin, model, method and covariate.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.cox_model,
        text("covariate", "Covariate, with all its levels"),
        integer("degrees_of_freedom", "Terms of the covariate that have an estimate"),
        real("wald_chi_square", "Wald statistic of all its terms"),
        real("wald_p_value", "Its p value", minimum=0, maximum=1),
        real("likelihood_ratio_chi_square", "Against the model without the covariate"),
        real("likelihood_ratio_p_value", "Its p value", minimum=0, maximum=1),
        real("ph_chi_square", "Score test of proportional hazards of all its terms"),
        real("ph_p_value", "Its p value", minimum=0, maximum=1),
        c.cox_method,
        c.status,
        c.note,
    ],
)
