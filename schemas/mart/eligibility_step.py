"""The questions that a patient is asked before she is analysed."""

from schemas import columns as c
from schemas.columns import count, text
from schemas.table import table

MODEL = table(
    "mart.eligibility_step",
    "One row per reason for leaving the study, in the order in which reasons are looked for.",
    key=["step"],
    columns=[
        count("step", "Order of the step; 0: before anything of the patient could be judged"),
        c.rule_id.described("Rule of the catalogue that the step implements"),
        text("reason", "Why patients leave at this step", is_required=True),
    ],
)
