"""Every rule broken by every record."""

from schemas import codes
from schemas import columns as c
from schemas.columns import Column, coded, count, text
from schemas.table import table

MODEL = table(
    "quality.finding",
    "One row per finding.",
    key=["finding_id"],
    columns=[
        text("finding_id", "Stable identifier: rule, record and items; not row, file or value"),
        c.rule_id.required().pointing_to("quality.rule"),
        coded("severity", codes.SEVERITY, "Severity of this finding", is_required=True),
        c.facility_id.required(),
        c.submission_id,
        c.source_file,
        c.sheet,
        c.source_row,
        text("source_column", "Column of the file that the first item came from", is_identifying=True),
        text("table_name", "Table of the record", is_required=True),
        text("record_key", "Key of the record", is_identifying=True),
        c.source_record_id.described("Key of the record as its facility writes it"),
        c.patient_id.described("Patient whose record it is; of a pair the first of both"),
        text("items", "Columns to look at, comma-separated", is_identifying=True),
        text("value_text", "What was found, as received", is_identifying=True, is_free_text=True),
        text("message", "What is wrong and what is expected", is_required=True, is_identifying=True),
        text("old_value", "Of a rule that compares releases: the value before", is_identifying=True),
        text("new_value", "Of a rule that compares releases: the value now", is_identifying=True),
        text("suggestion", "What to write instead", is_identifying=True),
        coded("status", codes.FINDING_STATUS, "Where the finding is in its life", is_required=True),
        text("first_seen_release", "Release that first showed the finding"),
        text("last_seen_release", "Latest release that showed it"),
        text("closed_release", "Release in which it was closed; NULL while it is open"),
        text("assigned_to", "Who looks after it", is_identifying=True),
        Column("due_date", "date", "Day until which an answer is expected"),
        count(
            "n_rows",
            "Rows of the file that it is about: of a common cause all of them, also those not listed",
        ),
        text(
            "systemic_finding_id",
            "Finding of the common cause that this one is a part of; it is not asked apart",
        ),
    ],
)
