"""One imaging examination."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, partial_date, real
from schemas.table import table

MODEL = table(
    "curated.imaging_exam",
    "One row per imaging examination of a patient.",
    key=["exam_id"],
    columns=[
        c.exam_id,
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        *partial_date("exam", "Date of the examination", is_required=True),
        coded("imaging_modality", codes.IMAGING_MODALITY, "Modality of the examination"),
        real("slice_mm", "Slice thickness", "mm", minimum=0.05, maximum=50),
        boolean("has_contrast", "Contrast medium was given"),
    ],
    rules=[],
)
