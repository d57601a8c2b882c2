"""One woman, as the registry knows her."""

import polars as pl

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, partial_date, text
from schemas.table import Rule, table

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
        *partial_date("birth", "Date of birth", has_reason=True, is_identifying=True),
        coded("sex", codes.SEX, "Administrative sex", is_required=True, is_quasi_identifier=True),
        text(
            "residence_region",
            "Region of residence, no finer than a district",
            is_identifying=True,
            is_quasi_identifier=True,
        ),
        boolean("has_consent", "Consent or a waiver of consent is documented"),
    ],
    rules=[
        Rule(
            "E14",
            "warning",
            ("has_consent",),
            "Consent is refused or withdrawn, or neither consent nor a waiver is documented: the patient is not in the"
            " study. Confirm, or send the consent.",
            lambda _: pl.col("has_consent"),
            "eligibility",
            "P",
            passing=({"has_consent": True}, {"has_consent": None}),
            failing=({"has_consent": False},),
        ),
        Rule(
            "V02",
            "error",
            ("sex",),
            "Cervical cancer and a male sex contradict each other. Correct the sex or the patient number.",
            lambda _: pl.col("sex") != "M",
            "conformance/relational",
            "C,D; IARC/ENCR check sex/site",
            passing=({"sex": "F"},),
            failing=({"sex": "M"}, {"sex": "U", "_severity": "warning"}),
            warning=lambda _: pl.col("sex") == "F",
            suggestion="F",
        ),
        Rule(
            "V06",
            "error",
            ("source_patient_id",),
            "The patient number looks like that of a test or quality assurance patient. Leave such patients out of"
            " the export.",
            lambda _: (
                ~pl.col("source_patient_id").str.contains(
                    r"(?i)\A\s*(zz|test|dummy|demo|phantom)|(\A|[^a-z])test([^a-z]|\z)|测试|试验"
                )
            ),
            "plausibility/atemporal",
            "P",
            passing=({"source_patient_id": "0012345"}, {"source_patient_id": "contest7"}),
            failing=(
                {"source_patient_id": "ZZ_01"},
                {"source_patient_id": "0012-Test"},
                {"source_patient_id": "测试病人"},
            ),
            version=2,
        ),
    ],
)
