"""The data dictionary."""

from schemas.columns import boolean, count, real, text
from schemas.table import table

MODEL = table(
    "meta.dictionary",
    "One row per column of the release.",
    key=["schema_name", "table_name", "column_name"],
    columns=[
        text("schema_name", "Schema"),
        text("table_name", "Table"),
        text("column_name", "Column"),
        count("position", "Order of the column in the table, from 1"),
        count(
            "key_position",
            "Order of the column in the key of the table, from 1; NULL where it is no part of it",
        ),
        text("data_type", "DuckDB type"),
        text("unit", "Unit"),
        boolean("is_nullable", "NULL is allowed"),
        text("codes", "Code list, as code = label"),
        text("description", "What the column means"),
        boolean("is_identifying", "Identifier or free text; not for analysts"),
        boolean("is_quasi_identifier", "Says with others who somebody is; grouped before it leaves"),
        boolean("is_date", "A day or a moment; moved before it leaves"),
        boolean("is_free_text", "Words of a person, in which anything may stand"),
        real("minimum", "Smallest possible value", minimum=-1e18),
        real("maximum", "Largest possible value", minimum=-1e18),
    ],
)
