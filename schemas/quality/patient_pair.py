"""Patients who may be one woman under two numbers."""

from schemas import codes
from schemas import columns as c
from schemas.columns import coded, real, text
from schemas.table import table

MODEL = table(
    "quality.patient_pair",
    "One row per pair of patients, of one facility or of two, that may be one person; rule V05 asks about the"
    " likely ones.",
    key=["pair_key"],
    columns=[
        text("pair_key", "Both pseudonyms, the lower one first, joined by |", is_identifying=True),
        c.patient_id.required(),
        c.patient_id.named("other_patient_id", "Registry pseudonym of the other patient").required(),
        c.facility_id.required(),
        c.facility_id.named("other_facility_id", "Institution of the other patient").required(),
        real("score", "Probability that both are one person (Fellegi and Sunter)", minimum=0, maximum=1),
        real("match_weight", "The same as log2 of the odds", "bits", minimum=-1000, maximum=1000),
        coded("birth_date_agreement", codes.AGREEMENT, "Dates of birth"),
        coded("dx_date_agreement", codes.AGREEMENT, "Dates of the first diagnosis"),
        coded("histology_group_agreement", codes.AGREEMENT, "Histology of the first diagnosis"),
        coded("name_agreement", codes.AGREEMENT, "Names, by their keyed hashes"),
        coded(
            "national_id_agreement", codes.AGREEMENT, "Ends of the national numbers, by their keyed hashes"
        ),
        c.submission_id.described("Submission of the record that arrived later"),
        c.source_file.described(
            "File of the record that arrived later; of two facilities of the first patient's"
        ),
        c.sheet,
        c.source_row.described(
            "Row of the record that arrived later; of two facilities of the first patient's"
        ),
        c.source_file.named("other_source_file", "File of the other record"),
        c.sheet.named("other_sheet", "Sheet of the other record; empty where its file has none"),
        c.source_row.named("other_source_row", "Row of the other record in its file"),
    ],
)
