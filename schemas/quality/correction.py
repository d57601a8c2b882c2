"""Values that the registry uses in place of those received."""

from schemas import columns as c
from schemas.columns import Column, count, text
from schemas.table import table

MODEL = table(
    "quality.correction",
    "One row per value of this release that a correction in force replaces; where the source agrees there is none.",
    key=["finding_id"],
    columns=[
        text("finding_id", "Finding that the correction speaks of", is_required=True),
        count("decision_no", "Entry of quality.decision that says so"),
        c.facility_id.required(),
        c.source_file,
        c.sheet,
        c.source_row,
        text("source_column", "Column of the file", is_identifying=True),
        c.patient_id.described("Patient whose record it is"),
        text("table_name", "Table of the record", is_required=True),
        text("record_key", "Key of the record", is_identifying=True),
        text("column_name", "Column of the record", is_required=True),
        text("value_received", "As the source still sends it", is_identifying=True, is_free_text=True),
        text("value_used", "What the registry uses; NULL: no value", is_identifying=True, is_free_text=True),
        text("reason", "Why, in the decider's words", is_identifying=True),
        text("decided_by", "Who decided", is_identifying=True),
        Column("decided_at", "timestamp", "When it was decided (UTC)"),
    ],
)
