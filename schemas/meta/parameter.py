"""Every analysis parameter."""

from schemas.columns import boolean, text
from schemas.table import table

MODEL = table(
    "meta.parameter",
    "One row per parameter.",
    key=["name"],
    columns=[
        text("name", "Name in registry.toml"),
        text("value", "Value in force"),
        text("default_value", "Default"),
        boolean("is_assumption", "The publication does not fix it"),
        text("note", "What it means and why the default"),
    ],
)
