"""Every code list."""

from schemas.columns import count, text
from schemas.table import table

MODEL = table(
    "meta.code",
    "One row per code.",
    key=["code_list", "code"],
    columns=[
        text("code_list", "Name of the list"),
        text("code", "Code"),
        text("label", "What it means"),
        text("source", "Where the list comes from"),
        count("position", "Display order"),
    ],
)
