"""What one examination said of one region of the body."""

from schemas import codes
from schemas import columns as c
from schemas.columns import coded
from schemas.table import table

MODEL = table(
    "curated.imaging_region",
    "One row per examination and body region covered.",
    key=["exam_id", "body_region"],
    columns=[
        c.exam_id.pointing_to("curated.imaging_exam"),
        coded("body_region", codes.BODY_REGION, "Region of the body"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        coded("impression", codes.IMPRESSION, "Metastasis in the region: negative, positive, equivocal"),
    ],
    is_key_declared=False,
    rules=[],
)
