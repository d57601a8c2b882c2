"""What people decided of findings: the ledger, as it was when the release was made."""

from schemas import codes
from schemas import columns as c
from schemas.columns import Column, boolean, coded, count, text
from schemas.table import table

MODEL = table(
    "quality.decision",
    "One row per decision, remark and assignment, in the order in which they were made; none is ever changed or removed.",
    key=["decision_no"],
    columns=[
        count("decision_no", "Number of the entry in the ledger, from 1 without gaps"),
        Column("decided_at", "timestamp", "When it was taken (UTC)", is_required=True),
        text("finding_id", "Finding that it speaks of; it may be gone since", is_required=True),
        coded("state", codes.DECISION_STATE, "What was decided", is_required=True),
        text("reason", "Why, in the decider's words", is_required=True, is_identifying=True),
        text("decided_by", "Who decided", is_required=True, is_identifying=True),
        Column("until_date", "date", "Last day (UTC) on which it holds; NULL: until another decision"),
        text("assigned_to", "Who looks after the finding from then on", is_identifying=True),
        Column("due_date", "date", "Day until which an answer is expected"),
        text("old_value", "Of a correction: the value as received", is_identifying=True),
        text(
            "new_value",
            "Of a correction: the value that is used until the source sends it",
            is_identifying=True,
        ),
        boolean(
            "is_in_force", "It was the last word on its finding when the release was made", is_required=True
        ),
        c.rule_id,
        c.facility_id,
        text("table_name", "Table of the record"),
        text(
            "record_key",
            "Key of the record; of a pair of patients both pseudonyms, joined by |",
            is_identifying=True,
        ),
        text("items", "Columns that the finding looked at, comma-separated", is_identifying=True),
        text("entry_hash", "Hash of the entry and of the one before it", is_required=True),
    ],
)
