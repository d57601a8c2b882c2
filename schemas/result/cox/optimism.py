"""How much of a model's concordance is optimism."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.cox_optimism",
    "One row per endpoint, origin and model (Harrell's bootstrap).",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.cox_model,
        c.n,
        c.n_event,
        integer("n_bootstrap", "Bootstrap samples"),
        integer("n_used", "Of these, with events"),
        integer("n_not_certified", "Of these, whose refit had no certified solution"),
        real("concordance_apparent", "Concordance in the patients that the model was fitted to"),
        real("optimism", "Mean loss of concordance outside the sample"),
        real("concordance_corrected", "Apparent less optimism"),
        c.status,
        c.note,
    ],
)
