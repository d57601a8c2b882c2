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
    end, owner = check_times(frame, duration, event), series(frame, patient)
    names = np.array([initial, *states, final, None], dtype=object)
    columns, is_dead = [None, *states.values()], end.event == 1
    until, following = np.where(is_dead, end.duration, np.inf), np.where(is_dead, -2, -1)
    parts = []
    for code in range(len(states), -1, -1):  # what ends a state is the first entry into a more severe one
        column = columns[code]
        entered = np.zeros(len(end)) if column is None else _entries(frame, column, end.duration)
        stop = np.minimum(until, end.duration)
        rows = np.flatnonzero(entered < stop)
        parts.append((rows, entered[rows], stop[rows], np.full(len(rows), code), following[rows]))
        is_entered = entered < until
        until, following = np.where(is_entered, entered, until), np.where(is_entered, code, following)
    row, start, stops, state, target = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((start, row))
    values = [owner.iloc[row], start, stops, names[state], names[target]]
    return pd.DataFrame({name: np.asarray(value)[order] for name, value in zip(COLUMNS, values, strict=True)})


def _entries(frame: Frame, column: str, last: np.ndarray) -> np.ndarray:
    """Times of entering one state; infinite where never."""
    values = numbers(frame, column)
    refuse_rows(column, int((values < 0).sum()), "negative")
    refuse_rows(column, int((values > last).sum()), "after the last contact")
    return np.where(np.isnan(values), np.inf, values)
