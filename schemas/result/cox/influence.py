"""Patients without whom a coefficient would move most."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.cox_influence",
    "One row per term and patient, the ten largest of each term.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.cox_model,
        c.term,
        c.patient_id,
        integer("rank", "1: largest absolute influence on the term"),
        real("dfbeta", "Approximate change of the coefficient that the patient makes"),
        real("dfbetas", "The same in standard errors"),
        real("coefficient", "Log hazard ratio of all patients"),
        real("coefficient_without", "Log hazard ratio without the patient, approximately"),
        c.cox_method,
        c.n,
        c.status,
        c.note,
    ],
)
