"""Until when a patient is known about."""

from schemas import columns as c
from schemas.columns import boolean, text
from schemas.table import table

MODEL = table(
    "mart.vital_status",
    "One row per curated patient: death, last evidence of life, last adequate disease assessment.",
    key=["patient_id"],
    columns=[
        c.patient_id,
        c.facility_id.required(),
        boolean("is_dead", "A death up to the extract date is on record", is_required=True),
        c.Column("death_date", "date", "Death, not before the last evidence of life that its bounds allow"),
        c.Column("last_alive_date", "date", "Last evidence of life, not after the extract date"),
        text("last_alive_source", "Curated table that holds that evidence"),
        c.Column("end_date", "date", "End of observation: death, else the last evidence of life"),
        c.Column("last_assessment_date", "date", "Last adequate assessment of the disease, up to end_date"),
    ],
)
