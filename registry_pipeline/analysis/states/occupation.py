"""State occupation over time: Aalen-Johansen for any number of states, and the expected time spent in each.

Belongs here: probabilities of being in a state and mean times in it, with a variance that knows whose intervals they are.
Does not belong here: making intervals of dates (course.py), competing risks of a first event
(survival/cumulative_incidence.py), which are a special case.

Variance is the infinitesimal jackknife: each patient's influence on the probabilities, followed through all
transitions, squared and summed (R survfit with id; Therneau, survival vignette "methods").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.analysis.inputs import (
    NOT_ESTIMABLE,
    OK,
    Floats,
    Frame,
    Ints,
    numbers,
    refuse_rows,
    series,
)
from registry_pipeline.analysis.inputs import label as level_label
from registry_pipeline.analysis.survival.cumulative_incidence import incidence_limits
from registry_pipeline.analysis.tidy import about_estimate, tidy
from registry_pipeline.analysis.times import check_groups
from registry_pipeline.core.units import DAYS_PER_MONTH

OCCUPATION_COLUMNS = [
    "stratum_variable", "stratum", "state", "landmark", "landmark_months", "n_patients", "n_in_state", "probability",
    "standard_error", "ci_lower", "ci_upper", "status", "note",
]  # fmt: skip
TIME_COLUMNS = [
    "stratum_variable", "stratum", "state", "tau", "tau_months", "n_patients", "n_ever", "mean_time", "standard_error",
    "ci_lower", "ci_upper", "mean_months", "standard_error_months", "ci_lower_months", "ci_upper_months", "status",
    "note",
]  # fmt: skip
BEYOND = "The time asked for is later than the last observation."
IN_MONTHS = ("standard_error", "ci_lower", "ci_upper")


@dataclass(frozen=True)
class Intervals:
    """Checked intervals of n rows: (start, stop], the state in it, the state entered at its end (-1 none), the patient.

    states: their names, in order.
    """

    start: Floats
    stop: Floats
    state: Ints
    target: Ints
    patient: Ints
    states: tuple[str, ...]

    def take(self, rows: Ints) -> Intervals:
        """Give the chosen rows; patients are numbered anew."""
        patient = np.unique(self.patient[rows], return_inverse=True)[1].astype(np.int64)
        return Intervals(
            self.start[rows], self.stop[rows], self.state[rows], self.target[rows], patient, self.states
        )


@dataclass(frozen=True)
class Occupation:
    """Probabilities of the S states from just after `time` on, and the influence of each patient on them (patients, S)."""

    time: float
    probability: Floats
    influence: Floats


def read_intervals(
    frame: Frame, patient: str, entry: str, duration: str, state: str, event: str
) -> Intervals:
    """Read and check intervals: start < stop, those of a patient one after the other, each in the state entered last."""
    start, stop = numbers(frame, entry), numbers(frame, duration)
    refuse_rows(entry, int(np.isnan(start).sum()), "missing")
    refuse_rows(duration, int(np.isnan(stop).sum()), "missing")
    refuse_rows(entry, int((start < 0).sum()), "negative")
    refuse_rows(entry, int((start >= stop).sum()), f"not less than column {duration!r}")
    own, following = series(frame, state), series(frame, event)
    refuse_rows(state, int(own.isna().sum()), "missing")
    owner = check_groups(frame, patient, len(start)).code
    refuse_rows(patient, int((owner < 0).sum()), "missing")
    names = tuple(_ordered(own, following))
    codes = {name: code for code, name in enumerate(names)}
    state_code = np.array([codes[level_label(value)] for value in own], dtype=np.int64)
    target = np.array(
        [-1 if pd.isna(value) else codes[level_label(value)] for value in following], dtype=np.int64
    )
    refuse_rows(event, int((target == state_code).sum()), f"the state that column {state!r} names already")
    _refuse_jumps(start, stop, state_code, target, owner, entry, state)
    return Intervals(start, stop, state_code, target, owner, names)


def _ordered(own: pd.Series, following: pd.Series) -> list[str]:
    """States in order of category where there is one, else as they come."""
    if isinstance(own.dtype, pd.CategoricalDtype):
        names = [level_label(value) for value in own.cat.categories]
    else:
        names = [level_label(value) for value in own.unique()]
    return list(dict.fromkeys([*names, *(level_label(value) for value in following.dropna().unique())]))


def _refuse_jumps(
    start: Floats, stop: Floats, state: Ints, target: Ints, owner: Ints, entry: str, name: str
) -> None:
    """Refuse intervals of a patient that overlap, or that begin in another state than the one entered before."""
    order = np.lexsort((start, owner))
    is_same = owner[order][1:] == owner[order][:-1]
    overlap = is_same & (start[order][1:] < stop[order][:-1])
    refuse_rows(entry, int(overlap.sum()), "before the end of the patient's interval before")
    before = np.where(target[order][:-1] >= 0, target[order][:-1], state[order][:-1])
    is_joined = is_same & (start[order][1:] == stop[order][:-1])
    refuse_rows(name, int((is_joined & (state[order][1:] != before)).sum()), "not the state entered before")


def occupations(data: Intervals, last: float) -> Iterator[Occupation]:
    """Follow the probabilities through all transitions up to `last`, the first from the start on.

    One after the other: of 100,000 patients the influences at all times would take gigabytes. Source: Aalen & Johansen 1978.
    """
    n_patient, n_state = int(data.patient.max()) + 1, len(data.states)
    begin = float(data.start.min())
    first = np.flatnonzero(data.start == begin)
    probability = np.bincount(data.state[first], minlength=n_state) / len(first)
    influence = np.zeros((n_patient, n_state))
    np.add.at(influence, (data.patient[first], data.state[first]), 1 / len(first))
    influence[data.patient[first]] -= probability / len(first)
    yield Occupation(begin, probability, influence)
    for time in np.unique(data.stop[(data.target >= 0) & (data.stop <= last)]):
        probability, influence = _step(data, float(time), probability, influence)
        yield Occupation(float(time), probability, influence)


def _at_marks(data: Intervals, marks: Floats) -> list[Occupation]:
    """What holds at each time; before the start, what holds there."""
    result: dict[float, Occupation] = {}
    for occupation in occupations(data, float(marks.max())):
        result |= {
            float(mark): occupation for mark in marks if mark >= occupation.time or float(mark) not in result
        }
    return [result[float(mark)] for mark in marks]


def _step(data: Intervals, time: float, before: Floats, influence: Floats) -> tuple[Floats, Floats]:
    """One transition time: the probabilities and influences after it."""
    n_state = len(data.states)
    at_risk = (data.start < time) & (data.stop >= time)
    moves = at_risk & (data.stop == time) & (data.target >= 0)
    size = np.bincount(data.state[at_risk], minlength=n_state).astype(np.float64)
    jumps = np.zeros((n_state, n_state))
    np.add.at(jumps, (data.state[moves], data.target[moves]), 1.0)
    rate = jumps / np.maximum(size, 1)[:, None]
    rate -= np.diag(rate.sum(axis=1))
    after = before + before @ rate
    effect = influence + influence @ rate
    rows = np.flatnonzero(at_risk)
    weight = (before / np.maximum(size, 1))[data.state[rows]]
    own = -rate[data.state[rows]]
    moved = moves[rows]
    own[moved, data.target[rows][moved]] += 1.0
    own[moved, data.state[rows][moved]] -= 1.0
    np.add.at(effect, data.patient[rows], weight[:, None] * own)
    return after, effect


@checked
def state_occupation(
    frame: Frame,
    patient: str,
    entry: str,
    duration: str,
    state: str,
    event: str,
    at: float | Sequence[float],
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Probability of being in each state at each time (unit of the frame); one row per group, state and time.

    frame: one row per patient and interval (entry, duration], spent in `state`; event: the state entered at its end,
    missing where the patient was last seen. A patient who enters late joins then. Limits on the complementary log-log
    scale; the standard error knows that intervals of a patient belong together. n_in_state: patients seen in the state
    at the time. The probabilities of all states add up to 1. Source: Aalen & Johansen 1978; agrees with R survfit.
    """
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    rows: list[dict[str, Any]] = []
    variable, n_missing, parts = _groups(frame, patient, entry, duration, state, event, by)
    for name, data in parts:
        for mark, occupation in zip(marks, _at_marks(data, marks), strict=True):
            reason = _unknown(data, float(mark))
            value = occupation.probability
            variance = (occupation.influence**2).sum(axis=0)
            lower, upper = incidence_limits(value, variance, level)
            within = (data.start < mark) & (data.stop >= mark)
            for code, label in enumerate(data.states):
                numbers_of = [value[code], np.sqrt(variance[code]), lower[code], upper[code]]
                shown = [np.nan] * 4 if reason else [float(number) for number in numbers_of]
                counts = [int(data.patient.max()) + 1, int((within & (data.state == code)).sum())]
                head = [variable, name, label, float(mark), float(mark) / DAYS_PER_MONTH, *counts, *shown]
                about = about_estimate(float(value[code]), reason, "probability").values()
                rows.append(dict(zip(OCCUPATION_COLUMNS, [*head, *about], strict=True)))
    return tidy(rows, OCCUPATION_COLUMNS, n_missing)


@checked
def time_in_state(
    frame: Frame,
    patient: str,
    entry: str,
    duration: str,
    state: str,
    event: str,
    tau: float,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Expected time in each state within `tau` (unit of the frame); one row per group and state. Frame as there.

    The area under the state's occupation probability; the times of all states add up to tau. Limits are normal, kept
    between 0 and tau. n_ever: patients who were ever seen in the state. A horizon beyond the last observation, unless
    everybody is then in a state that nobody leaves: not_estimable. Agrees with R's restricted mean of survfit.
    """
    rows: list[dict[str, Any]] = []
    variable, n_missing, parts = _groups(frame, patient, entry, duration, state, event, by)
    for name, data in parts:
        reason = _unknown(data, tau)
        mean, error = _areas(data, tau)
        half = normal_quantile(level) * error
        for code, label in enumerate(data.states):
            limits = [max(mean[code] - half[code], 0.0), min(mean[code] + half[code], tau)]
            values = [np.nan] * 4 if reason else [float(mean[code]), float(error[code]), *map(float, limits)]
            ever = np.unique(data.patient[(data.state == code) | (data.target == code)])
            head = [variable, name, label, tau, tau / DAYS_PER_MONTH, int(data.patient.max()) + 1, len(ever)]
            months = [value / DAYS_PER_MONTH for value in values]
            about = [NOT_ESTIMABLE if reason else OK, reason]
            rows.append(dict(zip(TIME_COLUMNS, [*head, *values, *months, *about], strict=True)))
    return tidy(rows, TIME_COLUMNS, n_missing)


def _areas(data: Intervals, tau: float) -> tuple[Floats, Floats]:
    """Area under each state's probability up to a horizon, and its standard error."""
    path = occupations(data, tau)
    before = next(path)
    area, influence = np.zeros_like(before.probability), np.zeros_like(before.influence)
    for occupation in path:
        width = occupation.time - before.time
        area += width * before.probability
        influence += width * before.influence
        before = occupation
    width = tau - before.time
    area, influence = area + width * before.probability, influence + width * before.influence
    return area, np.sqrt((influence**2).sum(axis=0))


def _unknown(data: Intervals, mark: float) -> str:
    """Why occupation at a time is unknown, or an empty text: nobody is watched that long and somebody was lost."""
    if mark < data.start.min():
        return "Nobody was under observation yet: the time asked for is before the first entry."
    if mark <= data.stop.max():
        return ""
    last = data.stop == data.stop.max()
    return "" if bool((data.target[last] >= 0).all()) and _is_absorbed(data) else BEYOND


def _is_absorbed(data: Intervals) -> bool:
    """Whether those seen last moved into states in which no interval is spent."""
    final = data.target[data.stop == data.stop.max()]
    return not bool(np.isin(final, data.state).any())


def _groups(
    frame: Frame, patient: str, entry: str, duration: str, state: str, event: str, by: Any
) -> tuple[str, int, Iterator[tuple[str, Intervals]]]:
    """Variable, rows without a group, and the intervals of each group that has any."""
    data = read_intervals(frame, patient, entry, duration, state, event)
    groups = check_groups(frame, by, len(data.start))
    parts = (
        (name, data.take(np.flatnonzero(groups.code == code)))
        for code, name in enumerate(groups.labels)
        if (groups.code == code).any()
    )
    return groups.variable, groups.n_missing, parts
