"""Local control lesion by lesion."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, elapsed, integer, real, text
from schemas.table import table

MODEL = table(
    "mart.lesion_control",
    "One row per treated index lesion of the cohort, from the start of locoregional therapy.",
    key=["lesion_id"],
    columns=[
        c.lesion_id,
        c.patient_id.required(),
        coded("lesion_site_group", codes.LESION_SITE_GROUP, "Group of the lesion's site", is_required=True),
        real("diameter_mm", "Diameter at detection, by the study's axis", "mm", minimum=0),
        boolean("is_small", "The lesion is at most the cutpoint"),
        text("size_group", "small or large, by the cutpoint"),
        elapsed(
            "duration_days",
            "Days to the lesion's recurrence, to death or to the last assessment",
            "days",
            is_required=True,
        ),
        integer(
            "event", "0 censored, 1 recurrence of the lesion, 2 death", is_required=True, minimum=0, maximum=2
        ),
        boolean(
            "is_attributed", "The recurrence names its lesion; false: it counts against each treated one"
        ),
    ],
)
