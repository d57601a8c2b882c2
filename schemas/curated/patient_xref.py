"""Which number of which system belongs to which patient."""

from schemas import codes
from schemas import columns as c
from schemas.columns import coded, real, text
from schemas.table import table

MODEL = table(
    "curated.patient_xref",
    "One row per facility, source system and patient number in it.",
    key=["facility_id", "source_name", "own_patient_id"],
    columns=[
        c.facility_id,
        text(
            "source_name",
            "Source system as named in the facility's TOML; system.kind for its further numbers",
        ),
        text("source_patient_id", "Number of the patient in that system", is_identifying=True),
        c.patient_id.required(),
        # Hers in most cases, and no analysts' profile changes it: it must not leave beside her study id.
        text(
            "own_patient_id",
            "Pseudonym of this number by itself, before links and decisions",
            is_identifying=True,
        ),
        coded(
            "match_method", codes.MATCH_METHOD, "How the number was linked to the patient", is_required=True
        ),
        real("match_score", "Score of a probabilistic link, 0 to 1", minimum=0, maximum=1),
    ],
    is_key_declared=False,
)
