"""Headline numbers without each facility in turn."""

from schemas import columns as c
from schemas.columns import count, real, text
from schemas.table import table

MODEL = table(
    "result.facility_left_out",
    "One row per headline number and facility that is left out.",
    key=[],
    columns=[
        text("headline", "Key of the number"),
        text("description", "What it is"),
        text("unit", "Its unit"),
        text("left_out", "Facility that is left out", is_quasi_identifier=True, is_facility=True),
        c.n.described("Patients that stay"),
        count("n_left_out", "Patients of the facility"),
        real("computed_value", "The number without the facility"),
        real("change", "Less that of everybody"),
        c.status,
        c.note,
    ],
)
