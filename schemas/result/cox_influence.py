"""Patients without whom a coefficient would move most."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.cox_influence",
    "One row per term and patient, the ten largest of each term.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        text("model", "univariable:VARIABLE or multivariable"),
        text("term", "Covariate, with its level in brackets"),
        c.patient_id,
        integer("rank", "1: largest absolute influence on the term"),
        real("dfbeta", "Approximate change of the coefficient that the patient makes"),
        real("dfbetas", "The same in standard errors"),
        real("coefficient", "Log hazard ratio of all patients"),
        real("coefficient_without", "Log hazard ratio without the patient, approximately"),
        text("method", "efron or firth"),
        c.n,
        c.status,
        c.note,
    ],
)
