"""The rule catalogue of this release."""

from schemas import codes
from schemas import columns as c
from schemas.columns import coded, count, text
from schemas.table import table

MODEL = table(
    "quality.rule",
    "One row per rule.",
    key=["rule_id"],
    columns=[
        c.rule_id,
        text("table_name", "Table that the rule judges"),
        coded("severity", codes.SEVERITY, "Severity in force"),
        text("category", "Kahn category"),
        text("message", "What a data manager reads"),
        text("suggestion", "What to write instead"),
        text("items", "Columns that the rule looks at"),
        text("source", "Where the rule comes from"),
        count("version", "Version of the rule"),
    ],
)
