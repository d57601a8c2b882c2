"""How far the interval to the cutpoint moves with what the data cannot settle."""

from schemas import columns as c
from schemas.columns import count, real, text
from schemas.table import table

MODEL = table(
    "result.growth_band",
    "One row per choice that nobody can make for sure: the form of growth, the detection limit.",
    key=[],
    columns=[
        text("band", "plausible forms, or detection limits"),
        real("months", "Under the choice that is reported", "months"),
        real("lowest_months", "Lowest over the choices", "months"),
        real("highest_months", "Highest over the choices", "months"),
        real("averaged_months", "Weighted by how well each form fits (Akaike weights)", "months"),
        real("ci_lower", "Lowest lower limit of any choice", "months"),
        real("ci_upper", "Highest upper limit of any choice", "months"),
        text("ci_method", "Interval of each choice"),
        count("n_readings", "Choices"),
        count("n_plausible", "Choices that fit about as well as the best"),
        text("readings", "The choices"),
        c.status,
        c.note,
    ],
)
