"""Growth rate of each lesion measured more than once before therapy."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.growth_serial",
    "One row per lesion.",
    key=[],
    columns=[
        c.lesion_id,
        c.patient_id,
        integer("n_measurements", "Days on which it was measured"),
        real("span_months", "First to last measurement", "months"),
        real("rate_per_month", "Slope of the log diameter per month"),
        real("standard_error", "Its standard error; NULL with two measurements"),
        real("volume_doubling_days", "Volume doubling time; NULL where the lesion does not grow", "days"),
        c.status,
        c.note,
    ],
)
