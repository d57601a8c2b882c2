"""A mixed model of repeated measurements before therapy."""

from schemas import columns as c
from schemas.columns import boolean, integer, real, text
from schemas.table import table

MODEL = table(
    "result.growth_mixed",
    "One row per parameter: log diameter with a random intercept and slope per lesion.",
    key=[],
    columns=[
        c.growth_model,
        c.error_model,
        integer("n_lesions", "Lesions measured more than once"),
        integer("n_patients", "Patients whose lesions they are"),
        text("parameter", "Parameter of the model"),
        real("estimate", "Estimate"),
        real("standard_error", "Standard error"),
        real("aicc", "Corrected Akaike criterion"),
        real("residual_sd", "Residual standard deviation of the log diameter"),
        boolean("converged", "A certified optimum was found"),
        c.status,
        c.note,
    ],
)
