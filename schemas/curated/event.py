"""One recurrence or progression."""

from schemas import codes
from schemas import columns as c
from schemas.columns import coded, integer, partial_date, text
from schemas.table import table

MODEL = table(
    "curated.event",
    "One row per recurrence or progression after treatment.",
    key=["event_id"],
    columns=[
        text("event_id", "Event within the registry", is_identifying=True),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        text("lesion_id", "Treated lesion that recurred, for local recurrences", is_identifying=True),
        coded("event_type", codes.EVENT_TYPE, "Kind of event", is_required=True),
        *partial_date("event", "Date of the event", is_required=True),
        integer("n_new_lesions", "Number of new lesions", minimum=0, maximum=500),
        coded("event_evidence", codes.EVENT_EVIDENCE, "What the event rests on"),
        text("event_site_text", "Site of the event in the facility's words", is_free_text=True),
    ],
    rules=[],
)
