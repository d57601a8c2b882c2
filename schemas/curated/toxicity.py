"""One adverse effect of locoregional therapy."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, integer, partial_date, text
from schemas.table import table

MODEL = table(
    "curated.toxicity",
    "One row per adverse effect of a course.",
    key=["toxicity_id"],
    columns=[
        text("toxicity_id", "Adverse effect within the registry", is_identifying=True),
        c.lrt_id.required().pointing_to("curated.lrt_course"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        text("ctcae_term", "CTCAE v5 term", is_identifying=True),
        integer("grade", "CTCAE v5 grade, 1 to 5", minimum=0, maximum=9),
        *partial_date("onset", "Onset of the adverse effect"),
        *partial_date("resolved", "Resolution of the adverse effect"),
        coded("attribution", codes.ATTRIBUTION, "Attribution to the therapy"),
        boolean("is_acute", "Labelled acute (within 90 days of the end of therapy)"),
    ],
    rules=[],
)
