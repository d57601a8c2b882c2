"""How far a finding can move the study's numbers."""

from schemas.columns import integer, real, text
from schemas.study import MEASURES
from schemas.table import table

MODEL = table(
    "quality.finding_impact",
    "One row per open finding and number that it can move: which findings matter first. A patient who is analysed is left"
    " out; one whose record is in quarantine is added, with the record that moves the number farther.",
    key=["finding_id", "measure"],
    columns=[
        text("finding_id", "Finding, of quality.finding"),
        text("measure", f"The number: {', '.join(MEASURES)}", is_required=True),
        real("value_now", "The number as it is", minimum=0),
        real(
            "value_if_corrected",
            "The number if the records behind the finding changed as far as is thought of here; NULL where it then has no"
            " estimate",
            minimum=0,
        ),
        real(
            "value_if_confirmed",
            "The number if the finding is confirmed or waived without letting its record in",
            minimum=0,
        ),
        real(
            "standardised_shift",
            "Distance of both in standard errors of the number (of a hazard ratio, of its logarithm), so that numbers can be"
            " compared; NULL where the corrected one has no estimate",
            minimum=0,
        ),
        text(
            "method",
            "exact: by formula; refit: the model fitted without her; one_step: approximated, for her share is small; bound:"
            " the farthest that one patient more can move it",
            is_required=True,
        ),
        integer(
            "rank",
            "1: the finding that can move the number farthest; equal shifts have equal ranks",
            minimum=1,
        ),
    ],
)
