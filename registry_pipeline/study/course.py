"""The course after local therapy as states: free of recurrence, recurred, progressed widely, dead.

Belongs here: which states, from mild to severe. Does not belong here: how they are estimated (``analysis/``).
"""

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables
from registry_pipeline.study.rows import joined, nothing
from schemas.study import LRT_START, OS, SIZE_GROUP

INITIAL, FINAL = "free of recurrence", "dead"
STATES = {
    "local recurrence": "local_recurrence",
    "new oligometastasis": "new_oligomet",  # of the kinds of recurrence, not the endpoint
    "polymetastatic progression": "polymet",
}
"""From mild to severe: state -> kind of recurrence."""
INTERVAL = ("patient", "start", "stop", "state", "next_state")
HORIZON_MONTHS = 36


def course_results(inputs: Inputs) -> Tables:
    """``state_occupation`` at the landmarks and ``state_time`` within three years, overall and by size."""
    times = inputs.marts.groups(OS.name, LRT_START.name).frame
    days = inputs.study.days_per_month
    if not len(times):
        return {"state_occupation": nothing(), "state_time": nothing()}
    intervals = _intervals(times, inputs.marts.recurrence)
    marks = [months * days for months in inputs.study.landmark_months]
    parts = [(None, intervals), (SIZE_GROUP.name, intervals[intervals[SIZE_GROUP.name].notna()])]
    nonempty = [(by, rows) for by, rows in parts if len(rows)]
    return {
        "state_occupation": joined(
            [analysis.state_occupation(rows, *INTERVAL, marks, by) for by, rows in nonempty]
        ),
        "state_time": joined(
            [analysis.time_in_state(rows, *INTERVAL, HORIZON_MONTHS * days, by) for by, rows in nonempty]
        ),
    }


def _intervals(times: pd.DataFrame, recurrence: pd.DataFrame) -> pd.DataFrame:
    """A row per patient and state; a recurrence after the last contact, which rules ask about, is left out."""
    first = recurrence.pivot_table(
        index="patient_id", columns="event_type", values="days_since_lrt", aggfunc="min"
    )
    entered = first.reindex(index=times["patient_id"], columns=list(STATES.values())).reset_index(drop=True)
    base = times[["patient_id", "duration_days", "is_event"]].reset_index(drop=True)
    possible = entered.where(entered.ge(0) & entered.le(base["duration_days"], axis=0))
    frame = pd.concat([base, possible], axis=1)
    rows = analysis.course_intervals(frame, "patient_id", "duration_days", "is_event", STATES, INITIAL, FINAL)
    size = times.set_index("patient_id")[SIZE_GROUP.name]
    return rows.assign(**{SIZE_GROUP.name: rows["patient"].map(size)})


ANALYSES = (
    Analysis(
        name="course as states",
        reads=("mart.recurrence", *TIMES),
        makes=("state_occupation", "state_time"),
        run=course_results,
    ),
)
