"""Lowest and highest value of each headline number that open questions allow."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.bounds",
    "One row per headline number: the parts of the published items, and others.",
    key=[],
    columns=[
        text(
            "headline",
            "Which number: item_8a for a published one; follow_up_reverse_km, os_36_overall, hazard_ratio_size, "
            "growth_onset; without a study cohort registry_os_12 and so on, registry_follow_up_reverse_km",
        ),
        integer("item", "Number of the published item, 1 to 13; NULL for other headline numbers"),
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
        integer("n_agreeing", "Readings in which it agrees with the published figure"),
        c.status,
        c.note,
    ],
)
