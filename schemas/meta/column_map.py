"""Which columns of the files fill which curated column."""

from schemas import codes
from schemas import columns as c
from schemas.columns import coded, count, text
from schemas.table import table

MODEL = table(
    "meta.column_map",
    "One row per curated column of a [[source.table]] and source column behind it.",
    key=[],
    columns=[
        c.facility_id.required(),
        count("mapping_no", "Number of the [[source.table]] among those of the facility", is_required=True),
        text("table_name", "Curated table, without its schema", is_required=True),
        text("column_name", "Curated column", is_required=True),
        count("position", "Order of the source columns; of several the first that is filled counts"),
        coded("origin", codes.VALUE_ORIGIN, "How the value comes about", is_required=True),
        text(
            "source_column",
            "Column as the mapping names it; NULL where no cell gives the value",
            is_identifying=True,
        ),
    ],
)
