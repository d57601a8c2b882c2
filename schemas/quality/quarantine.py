"""Records kept out of the curated tables."""

from schemas import columns as c
from schemas.columns import text
from schemas.table import table

MODEL = table(
    "quality.quarantine",
    "One row per quarantined record.",
    key=[],
    columns=[
        c.facility_id,
        text("table_name", "Table of the record"),
        text("record_key", "Key of the record", is_identifying=True),
        c.source_record_id.described("Key of the record as its facility writes it"),
        c.patient_id.described("Patient whom the record belongs to"),
        text(
            "reason", "own: an error of the record; parent: hangs on a quarantined record", is_required=True
        ),
        text("cause", "Rules broken, or table and key of the quarantined parent", is_identifying=True),
        c.source_file,
        c.sheet,
        c.source_row,
    ],
)
