"""One size of one lesion at one examination."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, real, text
from schemas.table import table

MODEL = table(
    "curated.measurement",
    "One row per measurement of a lesion at an examination.",
    key=["measurement_id"],
    columns=[
        text("measurement_id", "Measurement within the registry"),
        c.exam_id.required().pointing_to("curated.imaging_exam"),
        c.lesion_id.required().pointing_to("curated.lesion"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.long_axis_mm,
        c.short_axis_mm,
        real("third_axis_mm", "Third diameter", "mm"),
        coded("size_qualifier", codes.QUALIFIER, "Whether the size is exact, a bound or a range"),
        real("size_lower_mm", "Lower bound of the size", "mm"),
        real("size_upper_mm", "Upper bound of the size", "mm"),
        coded("axis_reported", codes.SIZE_AXIS, "Axis that the report names"),
        coded("series_role", codes.SERIES_ROLE, "Place of the measurement in the lesion's series"),
        real("suvmax", "Maximum standardised uptake value"),
        text("size_text", "Size as the report states it", is_identifying=True),
        boolean("is_verified", "A reader has confirmed the size"),
    ],
    rules=[],
)
