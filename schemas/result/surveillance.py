"""What lesions would look like at detection if CT came every so many months."""

from schemas import columns as c
from schemas.columns import boolean, real, text
from schemas.table import table

MODEL = table(
    "result.surveillance",
    "One row per growth model, error model and interval between scans: of lesions at or above the detection limit.",
    key=[],
    columns=[
        text("model", "Growth model that the expectation rests on"),
        c.error_model,
        real("ct_interval_months", "Interval between scans", "months"),
        real("cutpoint_mm", "Cutpoint", "mm"),
        real("share_small", "Expected share of lesions at most the cutpoint at detection"),
        real("share_lower", "Lower end of its 95 % band (uncertainty of the estimates only)"),
        real("share_upper", "Upper end of the band"),
        real("median_diameter_mm", "Expected median diameter at detection", "mm"),
        real("median_lower", "Lower end of its 95 % band", "mm"),
        real("median_upper", "Upper end of the band", "mm"),
        boolean("is_extrapolated", "The interval lies outside those observed"),
        c.status,
        text("assumption", "What has to hold, or why there is no figure"),
        c.note,
    ],
)
