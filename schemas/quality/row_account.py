"""What became of every row read."""

from schemas import columns as c
from schemas.columns import count
from schemas.table import table

MODEL = table(
    "quality.row_account",
    "One row per file and sheet; the parts sum to n_read.",
    key=["facility_id", "submission_id", "source_file", "sheet"],
    columns=[
        c.facility_id,
        c.submission_id,
        c.source_file,
        c.sheet,
        count("n_read", "Rows read", is_required=True),
        count("n_curated", "Rows behind a curated record", is_required=True),
        count("n_quarantined", "Rows of quarantined records", is_required=True),
        count("n_duplicate", "Rows that repeat another row", is_required=True),
        count("n_superseded", "Rows replaced by a later submission", is_required=True),
        count("n_blank", "Rows without any value", is_required=True),
        count("n_rejected", "Rows that could not be read", is_required=True),
        count("n_unrouted", "Rows with values that no table of the mapping takes", is_required=True),
    ],
)
