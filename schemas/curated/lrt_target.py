"""Which lesions a course treated."""

from schemas import columns as c
from schemas.table import table

MODEL = table(
    "curated.lrt_target",
    "One row per course and treated lesion.",
    key=["lrt_id", "lesion_id"],
    columns=[
        c.lrt_id.pointing_to("curated.lrt_course"),
        c.lesion_id.pointing_to("curated.lesion"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.dose_gy,
    ],
    is_key_declared=False,
    rules=[],
)
