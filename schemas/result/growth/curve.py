"""Fitted growth curves over the interval, with bands."""

from schemas import columns as c
from schemas.columns import boolean, real, text
from schemas.table import table

MODEL = table(
    "result.growth_curve",
    "One row per model, error model and month.",
    key=[],
    columns=[
        c.growth_model,
        c.error_model,
        real("months_since_negative_ct", "Months since the last negative CT", "months"),
        real("diameter_mm", "Fitted mean diameter", "mm"),
        real("ci_lower", "Lower end of the 95 % band of the curve", "mm"),
        real("ci_upper", "Upper end of the 95 % band of the curve", "mm"),
        real("scatter_lower", "Lower end of where about 95 % of lesions lie if the curve is right", "mm"),
        real("scatter_upper", "Upper end of it", "mm"),
        text("band_method", "cluster_bootstrap: patients drawn; delta: normal approximation"),
        boolean("is_extrapolated", "Outside the observed intervals"),
        c.n_lesions,
        c.n_patients,
        c.status,
        c.note,
    ],
)
