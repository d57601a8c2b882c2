"""Intervals in states, made of the times at which each patient entered them.

Belongs here: one row per patient to one row per interval. Does not belong here: estimates (occupation.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.inputs import Frame, numbers, refuse_rows, series
from registry_pipeline.analysis.times import check_times

COLUMNS = ["patient", "start", "stop", "state", "next_state"]


@checked
def course_intervals(
    frame: Frame,
    patient: str,
    duration: str,
    event: str,
    states: Mapping[str, str],
    initial: str,
    final: str = "death",
) -> pd.DataFrame:
    """Make intervals for `state_occupation` of one row per patient: patient, start, stop, state, next_state.

    duration, event: time to death (1) or last contact (0). states: name of each state between -> column of the time of
    entering it (missing: never), from mild to severe: of states entered on one day, or later than a more severe one,
    the more severe counts, for the course does not go back. initial, final: names of the first state and of death. A
    state entered on the day of last contact is entered then; on the day of death the death counts. Patients with
    duration 0 have no interval. Raises ValueError for times that are negative or after the last contact.
    """
    end = check_times(frame, duration, event)
    owner = series(frame, patient)
    entered = np.column_stack([_entries(frame, column, end.duration) for column in states.values()])
    names, rows = list(states), []
    for i in range(len(end)):
        time, state = 0.0, initial
        severity = -1
        order = sorted(range(len(names)), key=lambda j: (entered[i, j], -j))
        for j in order:
            at = entered[i, j]
            if not np.isfinite(at) or j < severity or (at >= end.duration[i] and end.event[i] == 1):
                continue
            if at > time:
                rows.append([owner[i], time, at, state, names[j]])
                time = float(at)
            state, severity = names[j], j
        if end.duration[i] > time:
            rows.append([owner[i], time, end.duration[i], state, final if end.event[i] == 1 else None])
    return pd.DataFrame(rows, columns=COLUMNS)


def _entries(frame: Frame, column: str, last: np.ndarray) -> np.ndarray:
    """Times of entering one state; infinite where never."""
    values = numbers(frame, column)
    refuse_rows(column, int((values < 0).sum()), "negative")
    refuse_rows(column, int((values > last).sum()), "after the last contact")
    return np.where(np.isnan(values), np.inf, values)
