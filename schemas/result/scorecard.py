"""The 13 published numbers beside the computed ones."""

from schemas import columns as c
from schemas.columns import boolean, integer, real, text
from schemas.table import table

MODEL = table(
    "result.scorecard",
    "One row per part of a published item.",
    key=[],
    columns=[
        integer("item", "Number of the published item, 1 to 13"),
        text("part", "Part of the item"),
        text("description", "What the number is"),
        text("published", "As published"),
        text("computed", "As computed from this release's records; NULL when not estimable"),
        text("unit", "Unit of the numbers; empty for counts and dates"),
        real("published_value", "The published number"),
        real("computed_value", "The computed number; NULL when not estimable"),
        c.ci_lower,
        c.ci_upper,
        c.n,
        boolean(
            "agrees",
            "The computed figure rounds to the published one, or lies inside the published range or bound; "
            "NULL when not estimable",
        ),
        text("tolerance", "What counts as agreement"),
        text("assumption", "What was assumed, or why there is no figure"),
    ],
)
