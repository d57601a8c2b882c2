"""Where the search ends up in other samples of the same patients."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.cutpoint_stability",
    "One row per endpoint, origin, variable and cutpoint chosen in a bootstrap sample.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.variable,
        real("cutpoint", "Cutpoint chosen"),
        integer("n_selected", "Bootstrap samples that chose it"),
        real("share", "n_selected / n_bootstrap"),
        integer("n_bootstrap", "Bootstrap samples"),
        integer("n_without", "Of these, without a cutpoint"),
        c.n,
        c.status,
        c.note,
    ],
)
