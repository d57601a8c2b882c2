"""One line of systemic therapy."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, integer, partial_date, text
from schemas.table import table

MODEL = table(
    "curated.systemic_line",
    "One row per line of systemic therapy of a patient.",
    key=["line_id"],
    columns=[
        text("line_id", "Line of systemic therapy within the registry", is_identifying=True),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        text("episode_id", "Episode that the line belongs to, if any", is_identifying=True),
        integer("line_number", "Order of the line as stated", minimum=0, maximum=50),
        coded("systemic_setting", codes.SYSTEMIC_SETTING, "Setting of the line"),
        text("agents", "Agents, separated by +", is_identifying=True),
        *partial_date("start", "First day of the line"),
        *partial_date("end", "Last day of the line"),
        boolean("is_concurrent", "Given together with radiotherapy"),
        text("stop_reason", "Why the line ended", is_free_text=True),
    ],
    rules=[],
)
