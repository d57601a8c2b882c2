"""How much a headline number differs between facilities."""

from schemas import columns as c
from schemas.columns import count, real, text
from schemas.table import table

MODEL = table(
    "result.facility_difference",
    "One row per headline number: its estimates of each facility, pooled, and its largest change without one of them.",
    key=["headline"],
    columns=[
        text("headline", "Key of the number"),
        text("description", "What it is"),
        text("unit", "Its unit"),
        real("computed_value", "The number of everybody"),
        count("n_facilities", "Facilities that have an estimate of their own"),
        real("pooled", "Mean over facilities by random effects"),
        c.ci_lower,
        c.ci_upper,
        c.p_value.described("Cochran's Q: is it equal in all facilities"),
        real(
            "i_squared",
            "Share of the spread of the facilities' estimates beyond chance",
            minimum=0,
            maximum=1,
        ),
        real("prediction_lower", "Lower end of where another facility's true value lies (95 %)"),
        real("prediction_upper", "Upper end of it"),
        real("lowest_left_out", "Lowest value when one facility is left out"),
        real("highest_left_out", "Highest value when one facility is left out"),
        c.status,
        c.note,
    ],
)
