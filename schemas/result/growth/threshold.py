"""Predicted interval to the cutpoint."""

from schemas import columns as c
from schemas.columns import boolean, integer, real, text
from schemas.table import table

MODEL = table(
    "result.growth_threshold",
    "One row per model, error model and kind of interval.",
    key=[],
    columns=[
        c.growth_model,
        c.error_model,
        real("threshold_mm", "Diameter reached", "mm"),
        real(
            "months",
            "Months since the last negative CT; of exponential_interval_onset: months of a lesion of median rate "
            "from the detection limit. NULL where the curve is above the threshold from the start",
            "months",
        ),
        c.ci_lower,
        c.ci_upper,
        text("ci_method", "profile or cluster_bootstrap"),
        integer("n_bootstrap", "Bootstrap replicates"),
        integer("n_bootstrap_failed", "Of these, without a fit"),
        boolean("is_extrapolated", "The time lies outside the observed intervals"),
        real("implied_doubling_days", "Volume doubling time at the threshold", "days"),
        c.status,
        c.note,
    ],
)
