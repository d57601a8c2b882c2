"""The interval to the cutpoint without each patient in turn."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.growth_influence",
    "One row per patient.",
    key=[],
    columns=[
        c.patient_id,
        integer("n_lesions", "Lesions of the patient"),
        real("months", "Interval with all patients", "months"),
        real("months_without", "Interval without the patient", "months"),
        real("change_months", "The difference", "months"),
        integer("rank", "1: largest absolute change"),
        c.status,
        c.note,
    ],
)
