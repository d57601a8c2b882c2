"""Observed against expected deaths of each facility."""

from schemas import columns as c
from schemas.columns import real, text
from schemas.table import table

MODEL = table(
    "result.facility_funnel",
    "One row per endpoint, origin, adjustment and facility.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        text("adjustment", "none, or the covariates of the case mix, comma-separated"),
        text("facility", "Facility", is_quasi_identifier=True, is_facility=True),
        c.n,
        c.n_missing,
        c.n_event,
        real(
            "expected",
            "Events that its patients would have had if the facility made no difference",
            minimum=0,
        ),
        real("ratio", "Observed by expected events", minimum=0),
        c.ci_lower,
        c.ci_upper,
        c.p_value.described("Exact, two-sided: is the ratio 1"),
        real(
            "p_value_adjusted",
            "Adjusted for the false discovery rate among the facilities",
            minimum=0,
            maximum=1,
        ),
        real("warning_lower", "A facility without a difference lies above it in 97.5 of 100 cases"),
        real("warning_upper", "A facility without a difference lies below it in 97.5 of 100 cases"),
        real("alarm_lower", "A facility without a difference lies above it in 999 of 1000 cases"),
        real("alarm_upper", "A facility without a difference lies below it in 999 of 1000 cases"),
        text("position", "inside, or outside which limits"),
        c.status,
        c.note,
    ],
)
