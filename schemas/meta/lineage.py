"""From curated records to the source rows that made them."""

from schemas import columns as c
from schemas.columns import count, text
from schemas.table import table

MODEL = table(
    "meta.lineage",
    "One row per curated record and source row behind it; joins to meta.source_sheet and meta.column_map.",
    key=[],
    columns=[
        c.facility_id.required(),
        text("table_name", "Curated table of the record, without its schema", is_required=True),
        text(
            "record_key", "Key of the record, its columns joined by |", is_identifying=True, is_required=True
        ),
        count("sheet_no", "Number of the sheet among those of the facility", is_required=True),
        c.source_row.required(),
        count("mapping_no", "Number of the [[source.table]] that read the row", is_required=True),
        text(
            "items",
            "Items that the row gave, joined by commas, where several rows speak of one record; empty: others were "
            "trusted more; NULL: every item that its mapping fills",
            is_identifying=True,
        ),
    ],
)
