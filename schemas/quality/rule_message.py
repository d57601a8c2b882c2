"""What every rule says, in every language of the catalogue."""

from schemas import columns as c
from schemas.columns import text
from schemas.table import table

MODEL = table(
    "quality.rule_message",
    "One row per rule and language; quality.finding keeps its English message, join on rule_id for another one.",
    key=["rule_id", "language"],
    columns=[
        c.rule_id.pointing_to("quality.rule"),
        text("language", "en or zh_CN"),
        text("message", "What a data manager reads, with the thresholds in force", is_required=True),
        text("suggestion", "What to write instead"),
    ],
)
