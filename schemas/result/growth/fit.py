"""Growth models: parameters."""

from schemas import columns as c
from schemas.columns import boolean, real, text
from schemas.table import table

MODEL = table(
    "result.growth_fit",
    "One row per model, error model and parameter.",
    key=[],
    columns=[
        text(
            "model",
            "exponential, power, linear, gompertz, logistic, von_bertalanffy, exponential_interval_onset",
        ),
        c.error_model,
        c.n_lesions,
        c.n_patients,
        text("parameter", "Parameter of the model"),
        real("estimate", "Estimate"),
        real("standard_error", "Standard error"),
        real("aicc", "Corrected Akaike criterion, comparable between error models"),
        real("residual_sd", "Residual standard deviation"),
        real("r_squared", "Share of variance explained on the diameter"),
        boolean("converged", "A certified optimum was found"),
        c.status,
        c.note,
    ],
)
