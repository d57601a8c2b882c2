"""Predicted against observed survival."""

from schemas import columns as c
from schemas.columns import boolean, integer, real
from schemas.table import table

MODEL = table(
    "result.prediction_calibration",
    "One row per time and group of predicted risk, lowest risk first; on the patients who made the model.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        real("landmark_months", "Months since the origin", "months", minimum=0),
        integer("risk_group", "Quarter of predicted risk, lowest first"),
        c.n,
        c.n_at_risk,
        real("predicted", "Mean predicted survival", minimum=0, maximum=1),
        real("observed", "Kaplan-Meier survival of the group", minimum=0, maximum=1),
        c.ci_lower,
        c.ci_upper,
        real("difference", "Observed less predicted", minimum=-1, maximum=1),
        real(
            "difference_corrected",
            "The difference less its optimism, by bootstrap; NULL without",
            minimum=-2,
            maximum=2,
        ),
        real(
            "slope_corrected",
            "Log hazard of new patients per unit predicted, by bootstrap; below 1 the model exaggerates",
        ),
        integer("n_bootstrap", "Resampled sets of patients"),
        integer("n_used", "Of these, those that had the group's survival at the time"),
        boolean("is_inside", "The interval of the observed holds the predicted"),
        c.status,
        c.note,
    ],
)
