"""What was done about the primary tumour."""

import polars as pl

from schemas import codes
from schemas import columns as c
from schemas.columns import coded, integer, partial_date, text
from schemas.table import Rule, table

MODEL = table(
    "curated.primary_treatment",
    "One row per treatment of a primary tumour.",
    key=["treatment_id"],
    columns=[
        text("treatment_id", "Treatment of the primary within the registry", is_identifying=True),
        c.tumour_id.required().pointing_to("curated.primary_tumour"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        coded("primary_modality", codes.PRIMARY_MODALITY, "Modality of the treatment"),
        coded("intent", codes.INTENT, "Intent of the treatment"),
        *partial_date("start", "First day of the treatment"),
        *partial_date("end", "Last day of the treatment"),
        c.dose_gy,
        integer("n_fractions", "Fractions delivered", minimum=0, maximum=100),
        text("regimen", "Systemic agents or radiation technique in the facility's words", is_free_text=True),
        coded("outcome", codes.TREATMENT_OUTCOME, "Response of the primary tumour"),
        *partial_date("controlled", "Date on which control of the primary was stated"),
    ],
    rules=[
        Rule(
            "V26",
            "warning",
            ("dose_gy", "n_fractions"),
            "A treatment of the primary tumour of 0 Gy or in 0 fractions was not given. Correct the number, or leave it"
            " empty.",
            lambda _: pl.min_horizontal("dose_gy", "n_fractions") > 0,
            "plausibility/atemporal",
            "P",
            passing=({"dose_gy": 50.4, "n_fractions": 28}, {"dose_gy": 24.0}, {}),
            failing=({"dose_gy": 0.0}, {"dose_gy": 50.4, "n_fractions": 0}),
        ),
    ],
)
