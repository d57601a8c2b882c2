"""What was done about the primary tumour."""

from schemas import codes
from schemas import columns as c
from schemas.columns import coded, integer, partial_date, text
from schemas.table import table

MODEL = table(
    "curated.primary_treatment",
    "One row per treatment of a primary tumour.",
    key=["treatment_id"],
    columns=[
        text("treatment_id", "Treatment of the primary within the registry"),
        c.tumour_id.required().pointing_to("curated.primary_tumour"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        coded("primary_modality", codes.PRIMARY_MODALITY, "Modality of the treatment"),
        coded("intent", codes.INTENT, "Intent of the treatment"),
        *partial_date("start", "First day of the treatment"),
        *partial_date("end", "Last day of the treatment"),
        c.dose_gy,
        integer("n_fractions", "Fractions delivered"),
        text(
            "regimen", "Systemic agents or radiation technique in the facility's words", is_identifying=True
        ),
        coded("outcome", codes.TREATMENT_OUTCOME, "Response of the primary tumour"),
        *partial_date("controlled", "Date on which control of the primary was stated"),
    ],
    rules=[],
)
