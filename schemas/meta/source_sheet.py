"""Sheets that were read."""

from schemas import columns as c
from schemas.columns import count, text
from schemas.table import table

MODEL = table(
    "meta.source_sheet",
    "One row per sheet of a file; other files than workbooks are one sheet.",
    key=["facility_id", "sheet_no"],
    columns=[
        c.facility_id.required(),
        count(
            "sheet_no",
            "Number of the sheet among those of the facility: 256 x file + sheet",
            is_required=True,
        ),
        c.submission_id.required(),
        c.source_file.required(),
        c.sheet,
        text("source_name", "Source of the facility's TOML that took the file"),
    ],
)
