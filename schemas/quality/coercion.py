"""What parsing changed."""

from schemas import columns as c
from schemas.columns import text
from schemas.table import table

MODEL = table(
    "quality.coercion",
    "One row per changed value.",
    key=[],
    columns=[
        c.facility_id,
        c.submission_id,
        c.source_file,
        c.sheet,
        c.source_row,
        text("column_name", "Table and column that the value went to"),
        text("text_before", "As received", is_identifying=True, is_free_text=True),
        text("value_after", "As stored", is_identifying=True),
        text("parser", "Parser that changed it"),
    ],
)
