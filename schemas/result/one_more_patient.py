"""The study's numbers with one patient more."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.one_more_patient",
    "One row per number that findings are ranked by: how far one patient more can move it, whatever her record says.",
    key=["measure"],
    columns=[
        text("measure", "Name of the number", is_required=True),
        text("description", "What it is", is_required=True),
        text("unit", "Unit of the values; NULL: none"),
        integer("n", "Patients whom it rests on", minimum=0),
        real("value_now", "The number as it is", minimum=0),
        real("lowest", "The lowest that one patient more can make it", minimum=0),
        real("highest", "The highest", minimum=0),
        real(
            "standard_error",
            "By the jackknife over patients; of a hazard ratio that of its logarithm",
            minimum=0,
        ),
        c.status,
        c.note,
    ],
)
