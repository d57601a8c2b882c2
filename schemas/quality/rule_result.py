"""Outcome of every rule at every facility."""

from schemas import codes
from schemas import columns as c
from schemas.columns import coded, count
from schemas.table import table

MODEL = table(
    "quality.rule_result",
    "One row per rule and facility.",
    key=["rule_id", "facility_id"],
    columns=[
        c.rule_id.pointing_to("quality.rule"),
        c.facility_id,
        coded("status", codes.RULE_STATUS, "Outcome", is_required=True),
        count("n_violated", "Records that break the rule"),
        count("n_denominator", "Records that the rule applies to"),
    ],
)
