"""Headers that differ from the names in the mapping."""

from schemas import columns as c
from schemas.columns import count, text
from schemas.table import table

MODEL = table(
    "meta.source_header",
    "One row per sheet, column of the mapping and header that it stands under, where both differ (labels of REDCap).",
    key=[],
    columns=[
        c.facility_id.required(),
        count("sheet_no", "Number of the sheet among those of the facility", is_required=True),
        text("source_column", "Column as the mapping names it", is_required=True, is_identifying=True),
        text("header", "Header of the sheet", is_required=True, is_identifying=True),
    ],
)
