"""What was proved of this release before it was sealed."""

from schemas.columns import count, text
from schemas.table import table

MODEL = table(
    "quality.reconciliation",
    "One row per check of sql/checks and per proof of keys and references.",
    key=["check_name"],
    columns=[
        text("check_name", "Name of the check: a sentence that is true of the release"),
        text("sentence", "What holds, in words", is_required=True),
        count("n_violated", "Rows against the sentence; 0 in every sealed release", is_required=True),
        count("n_denominator", "Rows that were looked at", is_required=True),
    ],
)
