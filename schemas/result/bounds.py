"""Lowest and highest value of each headline number that open questions allow."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.bounds",
    "One row per part of a published item.",
    key=[],
    columns=[
        integer("item", "Number of the published item, 1 to 13"),
        text("part", "Part of the item"),
        text("description", "What the number is"),
        text("unit", "Unit"),
        real("computed_value", "As computed from the records as they are"),
        real("lowest", "Lowest value over the readings"),
        real("highest", "Highest value over the readings"),
        text("lowest_scenario", "Reading that gives the lowest"),
        text("highest_scenario", "Reading that gives the highest"),
        integer("n_scenarios", "Readings, the records as they are included"),
        integer("n_not_estimable", "Readings in which the number is not estimable"),
        integer("n_agreeing", "Readings in which it rounds to the published figure"),
        c.status,
        c.note,
    ],
)
