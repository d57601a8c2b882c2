"""State occupation over time: Aalen-Johansen for any number of states, and the expected time spent in each.

Belongs here: probabilities of being in a state and mean times in it, with a variance that knows whose intervals they are.
Does not belong here: making intervals of dates (course.py), competing risks of a first event
(survival/cumulative_incidence.py), which are a special case.

Variance is the infinitesimal jackknife: each patient's influence on the probabilities, followed through all
transitions, squared and summed (R survfit with id; Therneau, survival vignette "methods"). It is linear in what happens to
the patient, so that running sums over the times give it without a walk per patient.
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
from registry_pipeline.analysis.tidy import BEYOND, about_estimate, tidy
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
class Course:
    """What happens to everybody: the start (first, nothing moves then) and each time of a transition, K in all.

    time (K,); rate (K, S, S): increments of the Aalen-Johansen matrix, their rows add up to 0; weight (K, S): probability of
    the state just before, over those at risk in it; probability (K, S): from just after the time on.
    """

    time: Floats
    rate: Floats
    weight: Floats
    probability: Floats

    def index(self, time: Any) -> Any:
        """Position of the last time that is not later; the start for what is before it."""
        return np.maximum(np.searchsorted(self.time, time, side="right") - 1, 0)


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
    state_code, target = _codes(own, names), _codes(following, names)
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


def _codes(column: pd.Series, names: Sequence[str]) -> Ints:
    """Position of each value among the names; -1 where it is missing."""
    code, levels = pd.factorize(column)
    of_level = [names.index(level_label(level)) for level in levels]
    codes: Ints = np.array([*of_level, -1], dtype=np.int64)[code]
    return codes


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


def _course(data: Intervals, last: float) -> Course:
    """Follow the probabilities through all transitions up to `last`. Source: Aalen & Johansen 1978."""
    n_state, begin = len(data.states), float(data.start.min())
    time = np.concatenate([[begin], np.unique(data.stop[(data.target >= 0) & (data.stop <= last)])])
    at_risk = np.empty((len(time), n_state))
    for code in range(n_state):
        start, stop = (np.sort(each[data.state == code]) for each in (data.start, data.stop))
        at_risk[:, code] = np.searchsorted(start, time) - np.searchsorted(stop, time)
    at_risk = np.maximum(at_risk, 1)
    moves = np.flatnonzero((data.target >= 0) & (data.stop <= last))
    cell = (np.searchsorted(time, data.stop[moves]) * n_state + data.state[moves]) * n_state
    rate = np.bincount(cell + data.target[moves], minlength=len(time) * n_state**2).astype(np.float64)
    rate = rate.reshape(len(time), n_state, n_state) / at_risk[:, :, None]
    rate[:, range(n_state), range(n_state)] -= rate.sum(axis=2)
    first = data.state[data.start == begin]
    probability = np.empty((len(time), n_state))
    probability[0] = np.bincount(first, minlength=n_state) / len(first)
    for k in range(1, len(time)):
        following = probability[k - 1] + probability[k - 1] @ rate[k]
        probability[k] = np.clip(following, 0.0, 1.0)  # sums of rounded steps lie a last digit beyond
    weight = np.vstack([np.zeros(n_state), probability[:-1]]) / at_risk
    return Course(time, rate, weight, probability)


def _weighted_sum(data: Intervals, course: Course, share: Floats) -> tuple[Floats, Floats]:
    """Sum over the times of share (k,) times the probabilities, and its variance; k times from the start on are needed.

    A patient's influence is that of the start, plus at each time weight (move - rate) of the state the patient is in, each
    followed by the matrix product to the end. Those products are made once, from the end, and what stays of the sum
    over a patient's times is a difference of running sums: nobody is followed one time after the other.
    """
    n_time, n_state = len(share), len(data.states)
    onward = share[:, None, None] * np.eye(n_state)
    for k in range(n_time - 1, 0, -1):
        onward[k - 1] += onward[k] + course.rate[k] @ onward[k]
    expected = np.cumsum(course.weight[:n_time, :, None] * (course.rate[:n_time] @ onward), axis=0)
    enters, leaves = (np.minimum(course.index(each), n_time - 1) for each in (data.start, data.stop))
    effect = expected[enters, data.state] - expected[leaves, data.state]
    rows = np.flatnonzero((data.target >= 0) & (data.stop <= course.time[n_time - 1]))
    k, state = leaves[rows], data.state[rows]
    effect[rows] += course.weight[k, state, None] * (onward[k, data.target[rows]] - onward[k, state])
    first = np.flatnonzero(data.start == course.time[0])
    effect[first] += (onward[0, data.state[first]] - course.probability[0] @ onward[0]) / len(first)
    influence = [np.bincount(data.patient, weights=column) for column in effect.T]
    return share @ course.probability[:n_time], np.square(influence).sum(axis=1)


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
        course = _course(data, float(marks.max()))
        for mark in marks:
            reason = _unknown(data, float(mark))
            value, variance = _weighted_sum(data, course, np.append(np.zeros(course.index(mark)), 1.0))
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
        course = _course(data, tau)
        mean, variance = _weighted_sum(data, course, np.diff(course.time, append=tau))
        error = np.sqrt(variance)
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
