"""One woman, as the registry knows her."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, partial_date, text
from schemas.table import table

MODEL = table(
    "curated.patient",
    "One row per patient.",
    key=["patient_id"],
    columns=[
        c.patient_id,
        c.facility_id.required(),
        text(
            "source_patient_id", "Number of the patient in the facility's leading system", is_identifying=True
        ),
        *partial_date("birth", "Date of birth"),
        coded("sex", codes.SEX, "Administrative sex", is_required=True),
        text("residence_region", "Region of residence, no finer than a district", is_identifying=True),
        boolean("has_consent", "Consent or a waiver of consent is documented"),
    ],
    rules=[],
)
