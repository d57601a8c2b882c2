"""How well the multivariable model predicts survival."""

from schemas import columns as c
from schemas.columns import count, real
from schemas.table import table

MODEL = table(
    "result.prediction_accuracy",
    "One row per time: error and discrimination, apparent and less their optimism.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        real("landmark_months", "Months since the origin", "months", minimum=0),
        c.n,
        count("n_event_before", "Events up to the time"),
        c.n_at_risk,
        real("brier", "Mean squared error of the predicted survival", minimum=0),
        real("brier_corrected", "The same less optimism (bootstrap)"),
        real("brier_null", "That of Kaplan-Meier, which knows no covariate", minimum=0),
        real("scaled_brier_corrected", "Share of the error that the model takes away"),
        real("integrated_brier", "Mean of the error from the origin to the time", minimum=0),
        real("integrated_brier_corrected", "The same less optimism"),
        real("auc", "Discrimination at the time", minimum=0, maximum=1),
        real("auc_corrected", "The same less optimism"),
        count("n_bootstrap", "Replicates"),
        count("n_used", "Replicates that gave a model"),
        c.status,
        c.note,
    ],
)
