"""One contact with, or evidence of, a patient."""

from datetime import date

import polars as pl

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, partial_date, text
from schemas.table import Rule, table

MODEL = table(
    "curated.followup",
    "One row per dated contact with a patient.",
    key=["followup_id"],
    columns=[
        text("followup_id", "Contact within the registry", is_identifying=True),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        *partial_date("contact", "Date of the contact", is_required=True),
        coded("followup_source", codes.FOLLOWUP_SOURCE, "Kind of contact"),
        boolean("is_alive", "The patient was alive at the contact; false: reported dead"),
        coded("disease_status", codes.DISEASE_STATUS, "Disease at the contact"),
    ],
    is_key_declared=False,
    rules=[
        Rule(
            "U09",
            "info",
            ("is_alive",),
            "The contact does not say whether the patient was alive; it counts as evidence of life. Map is_alive, or"
            " say what kind of contact it was.",
            lambda _: pl.col("is_alive").is_not_null() | pl.col("followup_source").is_not_null(),
            "completeness",
            "P",
            passing=({"is_alive": False}, {"followup_source": "visit"}),
            failing=({"contact_date": date(2020, 5, 4)},),
        ),
    ],
)
