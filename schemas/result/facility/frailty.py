"""How much survival differs between facilities as a whole."""

from schemas import columns as c
from schemas.columns import count, real, text
from schemas.table import table

MODEL = table(
    "result.facility_frailty",
    "One row per endpoint, origin and adjustment: a shared frailty of the patients of a facility.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        text("adjustment", "none, or the covariates of the case mix, comma-separated"),
        c.n,
        c.n_event,
        count("n_facilities", "Facilities"),
        real("variance", "Variance of the facilities' hazard factors; 0 where they do not differ", minimum=0),
        c.ci_lower,
        c.ci_upper,
        c.chi_square,
        c.p_value,
        real(
            "median_hazard_ratio",
            "Between two facilities drawn at random, the worse against the better",
            minimum=1,
        ),
        c.status,
        c.note,
    ],
)
