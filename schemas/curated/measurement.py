"""One size of one lesion at one examination."""

import polars as pl

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, real, text
from schemas.disease import expressions as judge
from schemas.table import Rule, table

MODEL = table(
    "curated.measurement",
    "One row per measurement of a lesion at an examination.",
    key=["measurement_id"],
    columns=[
        text("measurement_id", "Measurement within the registry", is_identifying=True),
        c.exam_id.required().pointing_to("curated.imaging_exam"),
        c.lesion_id.required().pointing_to("curated.lesion"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        c.long_axis_mm,
        c.short_axis_mm,
        real("third_axis_mm", "Third diameter", "mm", minimum=0, maximum=c.LONGEST_MM),
        coded("size_qualifier", codes.QUALIFIER, "Whether the size is exact, a bound or a range"),
        real("size_lower_mm", "Lower bound of the size", "mm", minimum=0, maximum=c.LONGEST_MM),
        real("size_upper_mm", "Upper bound of the size", "mm", minimum=0, maximum=c.LONGEST_MM),
        coded("axis_reported", codes.SIZE_AXIS, "Axis that the report names"),
        coded("series_role", codes.SERIES_ROLE, "Place of the measurement in the lesion's series"),
        real("suvmax", "Maximum standardised uptake value", minimum=0, maximum=200),
        text("size_text", "Size as the report states it", is_free_text=True),
        boolean("is_verified", "A reader has confirmed the size"),
        boolean("is_measurable", "The reader calls the lesion measurable by RECIST 1.1"),
    ],
    rules=[
        Rule(
            "M01",
            "error",
            ("long_axis_mm",),
            "The diameter must lie between {minimum_mm} and {maximum_mm} mm (usual: {usual_minimum_mm} to"
            " {usual_maximum_mm}). Check the number and the unit (mm or cm).",
            lambda parameters: pl.col("long_axis_mm").is_between(
                parameters["minimum_mm"], parameters["maximum_mm"]
            ),
            "plausibility/atemporal",
            "P",
            passing=({"long_axis_mm": 15.0}, {"long_axis_mm": 3.0}),
            failing=(
                {"long_axis_mm": 0.5},
                {"long_axis_mm": 201.0},
                {"long_axis_mm": 2.0, "_severity": "warning"},
                {"long_axis_mm": 120.0, "_severity": "warning"},
            ),
            warning=lambda parameters: pl.col("long_axis_mm").is_between(
                parameters["usual_minimum_mm"], parameters["usual_maximum_mm"]
            ),
            thresholds={
                "minimum_mm": 1.0,
                "maximum_mm": 200.0,
                "usual_minimum_mm": 3.0,
                "usual_maximum_mm": 100.0,
            },
        ),
        Rule(
            "M02",
            "error",
            ("long_axis_mm", "short_axis_mm", "third_axis_mm"),
            "The longest diameter comes first: long axis, short axis and third diameter must not increase. Swap them"
            " or correct the wrong one.",
            lambda _: judge.are_axes_ordered(),
            "conformance/relational",
            "X, mCODE",
            suggest=lambda _: judge.axes_in_order(),
            passing=(
                {"long_axis_mm": 12.0, "short_axis_mm": 12.0},
                {"long_axis_mm": 12.0, "short_axis_mm": 9.0},
            ),
            failing=(
                {"long_axis_mm": 9.0, "short_axis_mm": 12.0},
                {"long_axis_mm": 12.0, "short_axis_mm": 9.0, "third_axis_mm": 10.0},
            ),
        ),
        Rule(
            "M12",
            "error",
            ("size_lower_mm", "size_upper_mm", "long_axis_mm"),
            "The bounds of the size contradict it: lower bound, size and upper bound must not decrease.",
            lambda _: judge.are_bounds_ordered(),
            "conformance/relational",
            "P",
            passing=({"size_lower_mm": 9.0, "long_axis_mm": 10.5, "size_upper_mm": 12.0},),
            failing=({"size_lower_mm": 12.0, "size_upper_mm": 9.0},),
        ),
    ],
)
