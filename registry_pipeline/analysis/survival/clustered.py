"""Survival and incidence where rows belong together: lesions of one patient.

Belongs here: Kaplan-Meier and Aalen-Johansen at landmarks with a standard error that sums over clusters.
Does not belong here: regression with clusters (`fit_cox(..., cluster=)`), curves of independent rows.

The estimates are those of independent rows; only their variance changes. It is the infinitesimal jackknife:
each row's influence, added up within its cluster, squared and summed (Williams 1995; Ying & Wei 1994; R
survfit(cluster=)). With few clusters it is too small, like every sandwich: at 56 patients of one to three lesions
limits of 1.96 standard errors cover 93.8 %. So limits take the jackknife's factor g / (g - 1) and the t quantile with
g - 1 degrees of freedom, g being the clusters (Cameron & Miller 2015, J Human Resources 50, VI). The standard error
shown has the same factor: R's is smaller by sqrt((g - 1) / g).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.counting import binned, distinct
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Floats, Frame, Ints
from registry_pipeline.analysis.product_limit import confidence_limits
from registry_pipeline.analysis.survival.cumulative_incidence import incidence_limits
from registry_pipeline.analysis.tidy import tidy
from registry_pipeline.analysis.times import Times, check_groups, check_times
from registry_pipeline.core.units import DAYS_PER_MONTH

SURVIVAL_COLUMNS = [
    "stratum_variable", "stratum", "landmark", "landmark_months", "n", "n_cluster", "n_event", "n_at_risk",
    "survival", "standard_error", "naive_standard_error", "ci_lower", "ci_upper", "is_beyond_follow_up",
    "status", "note",
]  # fmt: skip
INCIDENCE_COLUMNS = [
    "stratum_variable", "stratum", "cause", *(
        "incidence" if name == "survival" else name for name in SURVIVAL_COLUMNS[2:]
    ),
]  # fmt: skip
FEW_CLUSTERS = 20
Limits = Callable[[Floats, Floats, float], tuple[Floats, Floats]]


@dataclass(frozen=True)
class _Table:
    """One group at its distinct times: at risk, deaths of any cause, and each row's position among them."""

    time: Floats
    position: Ints
    at_risk: Floats
    dead: Floats
    before: Floats  # survival just before each time
    hazard: Floats  # running sum of d / (n (n - d)): what being at risk does to log S


@checked
def clustered_survival(
    frame: Frame,
    duration: str,
    event: str,
    cluster: str | Sequence[str],
    at: float | Sequence[float],
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Kaplan-Meier at fixed times (unit of the frame) with rows of a cluster dependent; one row per group and time.

    standard_error is robust to the dependence and corrected for few clusters, as the limits beside it are;
    naive_standard_error treats every row as a cluster of its own. Limits are log-log, with t quantiles; NaN where S is
    0 or 1. Rows whose cluster or group is missing are left out and counted in attrs["n_missing"]. Beyond the last
    observation there is no estimate.
    """
    read = _read(frame, duration, event, cluster, by, competing=False)
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    rows = []
    for name, part, owner in _groups(read):
        value, influence = _survival(part, marks)
        for cells in _rows(part, owner, marks, value, influence, _survival_limits, part.event > 0, level):
            rows.append([read.variable, name, *cells])
    return tidy(
        [dict(zip(SURVIVAL_COLUMNS, row, strict=True)) for row in rows], SURVIVAL_COLUMNS, read.n_missing
    )


@checked
def clustered_incidence(
    frame: Frame,
    duration: str,
    event: str,
    cluster: str | Sequence[str],
    at: float | Sequence[float],
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Aalen-Johansen at fixed times with rows of a cluster dependent; one row per group, cause and time.

    event: 0 censored, 1, 2, ... Columns as `clustered_survival`, with cause and incidence; limits on the
    complementary log-log scale.
    """
    read = _read(frame, duration, event, cluster, by, competing=True)
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    causes = sorted({int(code) for code in np.unique(read.times.event) if code > 0} | {1})
    rows = []
    for name, part, owner in _groups(read):
        for cause in causes:
            value, influence = _incidence(part, cause, marks)
            is_own = part.event == cause
            for cells in _rows(part, owner, marks, value, influence, _incidence_limits, is_own, level):
                rows.append([read.variable, name, cause, *cells])
    return tidy(
        [dict(zip(INCIDENCE_COLUMNS, row, strict=True)) for row in rows], INCIDENCE_COLUMNS, read.n_missing
    )


@dataclass(frozen=True)
class _Read:
    """The times, the rows of each group, and each row's cluster."""

    times: Times
    variable: str
    groups: list[tuple[str, Ints]]
    owners: Ints
    n_missing: int


def _read(frame: Frame, duration: str, event: str, cluster: Any, by: Any, competing: bool) -> _Read:
    """Check the frame and leave out rows without a cluster or a group."""
    times = check_times(frame, duration, event, competing=competing)
    owners, groups = check_groups(frame, cluster, len(times)), check_groups(frame, by, len(times))
    is_complete = (owners.code >= 0) & (groups.code >= 0)
    rows = [
        (name, np.flatnonzero(is_complete & (groups.code == code))) for code, name in enumerate(groups.labels)
    ]
    used = [(name, members) for name, members in rows if len(members)]
    return _Read(times, groups.variable, used, owners.code, int((~is_complete).sum()))


def _groups(read: _Read) -> Iterator[tuple[str, Times, Ints]]:
    """Name, times and clusters (0, 1, ...) of each group."""
    for name, rows in read.groups:
        yield name, read.times.take(rows), distinct(read.owners[rows])[1]


def _table(times: Times) -> _Table:
    """Counts and running sums of one group."""
    time, position = distinct(times.duration)
    left = np.bincount(position, minlength=len(time)).astype(np.float64)
    at_risk = len(times) - _lag(np.cumsum(left))
    dead = np.bincount(position[times.event > 0], minlength=len(time)).astype(np.float64)
    left_alive = at_risk - dead
    term = np.divide(dead, at_risk * left_alive, out=np.zeros_like(dead), where=left_alive > 0)
    return _Table(
        time,
        position,
        at_risk,
        dead,
        _lag(np.cumprod(left_alive / at_risk), 1.0),
        np.asarray(np.cumsum(term), dtype=np.float64),
    )


def _lag(value: npt.ArrayLike, first: float = 0.0) -> Floats:
    """Values just before each position."""
    return np.concatenate(([first], np.asarray(value, dtype=np.float64)))[:-1]


def _survival(times: Times, marks: Floats) -> tuple[Floats, Floats]:
    """Survival at the marks (m,) and the influence of each row on it (m, n)."""
    table = _table(times)
    upto = np.searchsorted(table.time, marks, side="right") - 1
    after = table.before * (table.at_risk - table.dead) / table.at_risk
    value = np.where(upto >= 0, after[np.maximum(upto, 0)], 1.0)
    own = _own_jump(table, times.event > 0)
    influence = np.zeros((len(marks), len(times)))
    for i, last in enumerate(upto):
        if last >= 0:
            exposure = table.hazard[np.minimum(table.position, last)]
            influence[i] = value[i] * (exposure - np.where(table.position <= last, own, 0.0))
    return value, influence


def _own_jump(table: _Table, dies: Any) -> Floats:
    """What a row's own death does to log S: 1 / (n - d); 0 where S falls to 0 and has no logarithm."""
    left = (table.at_risk - table.dead)[table.position]
    return np.divide(1.0, left, out=np.zeros_like(left), where=dies & (left > 0))


def _incidence(times: Times, cause: int, marks: Floats) -> tuple[Floats, Floats]:
    """Incidence of a cause at the marks (m,) and the influence of each row on it (m, n).

    F(t) = sum of S(s-) d / n. A row acts on the jump at s through S(s-), through d and through n; the three
    are summed in closed form over s <= t.
    """
    table = _table(times)
    own = np.bincount(table.position[times.event == cause], minlength=len(table.time)).astype(np.float64)
    jump = table.before * own / table.at_risk
    total = np.cumsum(jump)
    history = np.cumsum(jump * _lag(table.hazard))  # jumps times the exposure before them
    exposure = np.cumsum(jump / table.at_risk)
    death = _own_jump(table, times.event > 0)
    gain = np.where(times.event == cause, (table.before / table.at_risk)[table.position], 0.0)
    upto = np.searchsorted(table.time, marks, side="right") - 1
    value, influence = np.zeros(len(marks)), np.zeros((len(marks), len(times)))
    for i, last in enumerate(upto):
        if last < 0:
            continue
        value[i] = total[last]
        end = np.minimum(table.position, last)
        later = np.where(table.position <= last, total[last] - total[end], 0.0)
        through_survival = history[end] + (table.hazard[end] - death) * later
        own_part = np.where(table.position <= last, gain, 0.0)
        influence[i] = through_survival + own_part - exposure[end]
    return value, influence


def _survival_limits(value: Floats, error: Floats, level: float) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return confidence_limits(value, (error / value) ** 2, "log-log", level)


def _incidence_limits(value: Floats, error: Floats, level: float) -> tuple[Floats, Floats]:
    return incidence_limits(value, error**2, level)


def _student_ratio(n_cluster: int, level: float) -> float:
    """How much wider t limits over so many clusters are than normal ones."""
    from scipy.special import stdtrit

    return float(stdtrit(n_cluster - 1, (1 + level) / 2)) / normal_quantile(level)


def _rows(
    times: Times,
    owner: Ints,
    marks: Floats,
    value: Floats,
    influence: Floats,
    limits: Limits,
    is_event: Any,
    level: float,
) -> Iterator[list[Any]]:
    """The cells of one group from the landmark on."""
    n_cluster = int(owner.max()) + 1
    summed = np.array([binned(owner, row, n_cluster) for row in influence])
    correction = np.sqrt(n_cluster / (n_cluster - 1)) if n_cluster > 1 else np.nan
    robust, naive = np.sqrt((summed**2).sum(axis=1)) * correction, np.sqrt((influence**2).sum(axis=1))
    lower, upper = limits(value, robust * _student_ratio(n_cluster, level), level)
    for i, mark in enumerate(marks):
        beyond = bool(mark > times.duration.max())
        note = _note(beyond, n_cluster, float(robust[i]))
        is_estimable = not beyond and n_cluster > 1
        numbers = [value[i], robust[i], naive[i], lower[i], upper[i]]
        shown = [float(number) for number in numbers] if is_estimable else [float("nan")] * 5
        counts = [len(times), n_cluster, int(is_event.sum()), int((times.duration >= mark).sum())]
        head = [float(mark), float(mark) / DAYS_PER_MONTH, *counts]
        yield [*head, *shown, beyond, OK if is_estimable else NOT_ESTIMABLE, note]


def _note(beyond: bool, n_cluster: int, error: float) -> str:
    """What a reader must know of one estimate."""
    if beyond:
        return "The landmark is later than the last observation."
    if n_cluster == 1:
        return "All rows belong to one cluster; their dependence cannot be told from chance."
    if not error > 0:
        return "No event before the landmark; the interval has no width and is not given."
    if n_cluster < FEW_CLUSTERS:
        return f"Only {n_cluster} clusters: the robust standard error is likely too small."
    return ""
