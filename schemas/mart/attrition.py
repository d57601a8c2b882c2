"""From every patient to the analysed ones (STROBE)."""

from schemas import columns as c
from schemas.columns import count, text
from schemas.table import table

MODEL = table(
    "mart.attrition",
    "One row per step of the eligibility flow.",
    key=["step"],
    columns=[
        count("step", "Order of the step; 0: before anything of the patient could be judged"),
        c.rule_id.described("Rule of the catalogue that the step implements"),
        text("reason", "Why patients left at this step", is_required=True),
        count("n_before", "Patients before the step", is_required=True),
        count("n_excluded", "Patients who left", is_required=True),
        count("n_after", "Patients after the step", is_required=True),
    ],
)
