"""Share still small at detection, by interval."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.growth_share",
    "One row per interval.",
    key=[],
    columns=[
        real("interval_months", "Lesions detected within this interval of the last negative CT", "months"),
        real("cutpoint_mm", "Cutpoint", "mm"),
        integer("n_lesions", "Lesions within the interval"),
        integer("n_small", "Of these, at most the cutpoint"),
        real("share", "n_small / n_lesions"),
        c.ci_lower,
        c.ci_upper,
        real("wilson_lower", "Lower end of the Wilson interval"),
        real("wilson_upper", "Upper end of the Wilson interval"),
        c.n_patients,
        real(
            "cluster_ci_lower",
            "Lower end of the 95 % interval that takes lesions of one patient as dependent (Korn and Graubard)",
        ),
        real("cluster_ci_upper", "Upper end of that interval"),
        c.status,
        c.note,
    ],
)
