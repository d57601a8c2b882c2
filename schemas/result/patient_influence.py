"""The study's numbers without each patient."""

from schemas import columns as c
from schemas.columns import real, text
from schemas.study import MEASURES
from schemas.table import table

MODEL = table(
    "result.patient_influence",
    "One row per number and patient that it rests on: what it would be without her.",
    key=["measure", "patient_id"],
    columns=[
        text("measure", f"The number: {', '.join(MEASURES)}", is_required=True),
        c.patient_id.required(),
        real("value_now", "The number as it is", minimum=0),
        real(
            "value_without", "The number without the patient; NULL where it then has no estimate", minimum=0
        ),
        text(
            "method",
            "exact: by formula; refit: the model fitted without her; one_step: approximated, for her share is small",
            is_required=True,
        ),
    ],
)
