"""How far a finding can move the study's numbers."""

from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "quality.finding_impact",
    "One row per open finding and measure: which findings matter first. A patient who is analysed is left out; one"
    " whose record is in quarantine is added, with the outcome that moves the number farther.",
    key=["finding_id", "measure"],
    columns=[
        text("finding_id", "Finding, of quality.finding"),
        text(
            "measure",
            "os_36_months: overall survival 36 months after the start of local therapy",
            is_required=True,
        ),
        real("value_now", "The number as it is", minimum=0, maximum=1),
        real(
            "value_if_corrected",
            "The number if the records behind the finding changed as far as is thought of here",
            minimum=0,
            maximum=1,
        ),
        real(
            "value_if_confirmed",
            "The number if the finding is confirmed or waived without letting its record in",
            minimum=0,
            maximum=1,
        ),
        integer(
            "rank",
            "1: the finding that can move the number farthest; equal shifts have equal ranks",
            minimum=1,
        ),
    ],
)
