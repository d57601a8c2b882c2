"""Frames to the arrays of a Cox model: covariates, dummy columns, strata, clusters, counts.

Belongs here: reading and coding; which rows are used and how many are not.
Does not belong here: likelihoods, results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.gate import (
    Flags,
    Floats,
    Frame,
    Ints,
    Times,
    check_groups,
    check_times,
    counted,
    is_numeric,
    label,
    numbers,
    series,
)

FEW_EVENTS = 5


@dataclass(frozen=True)
class Level:
    """Patients and events of a term's level, and of the level that it is compared with."""

    n: int
    n_event: int
    n_reference: int
    n_event_reference: int

    @property
    def note(self) -> str:
        """A sentence where either rests on few events."""
        if min(self.n_event, self.n_event_reference) >= FEW_EVENTS:
            return ""
        return (
            f"Rests on few events: {self.n_event} of {counted(self.n, 'patient')} against "
            f"{self.n_event_reference} of {counted(self.n_reference, 'patient')}."
        )


@dataclass(frozen=True)
class CoxData:
    """The rows a Cox model uses.

    x (n, p): raw columns; terms (p,): their names, `histology_group[other]` for a level; references: for
    each dummy-coded covariate its reference level; stratum, cluster (n,): codes (cluster None: rows are
    independent); count (n,): patients per row; row (n,): position in the frame; n_missing: rows left out.
    """

    times: Times
    x: Floats
    terms: tuple[str, ...]
    references: dict[str, str]
    stratum: Ints
    cluster: Ints | None
    count: Floats
    row: Ints
    n_missing: int

    @property
    def n(self) -> int:
        """Patients, each row as often as it counts."""
        return int(self.count.sum())

    @property
    def n_event(self) -> int:
        """Events, each row as often as it counts."""
        return int(self.count @ (self.times.event > 0))

    def levels(self) -> list[Level | None]:
        """Of each term its level and the level it is compared with; None for a continuous covariate.

        The larger value of a covariate of two values counts as its level.
        """
        return [self._level(j, term) for j, term in enumerate(self.terms)]

    def _level(self, j: int, term: str) -> Level | None:
        column, is_event = self.x[:, j], self.times.event > 0
        rest: Flags
        if term.endswith("]"):
            stem = term.rsplit("[", 1)[0] + "["
            own = [i for i, other in enumerate(self.terms) if other.startswith(stem)]
            rest, is_own = np.asarray(~self.x[:, own].any(axis=1)), column > 0
        else:
            is_own = column == np.max(column, initial=-np.inf)
            rest = ~is_own
            if not rest.any() or np.ptp(column[rest]) > 0:
                return None
        n, event = (int(self.count @ chosen) for chosen in (is_own, is_own & is_event))
        return Level(n, event, int(self.count @ rest), int(self.count @ (rest & is_event)))


def read_cox_data(
    frame: Frame,
    duration: str,
    event: str,
    covariates: Sequence[str],
    entry: str | None,
    strata: str | None,
    counts: str | None,
    cluster: str | None,
    competing: bool = False,
) -> CoxData:
    """Read the columns of a Cox model; rows with a missing covariate, stratum or cluster are left out."""
    names = [covariates] if isinstance(covariates, str) else list(covariates)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"covariates named twice: {', '.join(repeated)}")
    outcome = [name for name in names if name in (duration, event, entry)]
    if outcome:
        raise ValueError(f"covariates must not be part of the outcome: {', '.join(outcome)}")
    times = check_times(frame, duration, event, entry, competing)
    n = len(times)
    raw = [series(frame, name) for name in names]
    layer, group = check_groups(frame, strata, n), check_groups(frame, cluster, n)
    number = _whole_counts(frame, counts, n)
    missing = (layer.code < 0) | (group.code < 0)
    for column in raw:
        missing |= column.isna().to_numpy(dtype=bool)
    keep = np.flatnonzero(~missing & (number > 0))
    blocks = [_columns(frame, name, column, keep) for name, column in zip(names, raw, strict=True)]
    x = np.column_stack([block for block, _, _ in blocks]) if blocks else np.zeros((len(keep), 0))
    return CoxData(
        times.take(keep),
        x,
        tuple(term for _, terms, _ in blocks for term in terms),
        {
            name: reference
            for name, (_, _, reference) in zip(names, blocks, strict=True)
            if reference is not None
        },
        np.unique(layer.code[keep], return_inverse=True)[1].astype(np.int64),
        None if cluster is None else group.code[keep],
        number[keep],
        keep.astype(np.int64),
        int((number * missing).sum()),
    )


def pooled(data: CoxData) -> CoxData:
    """Rows that agree in everything as one row with their count, where that leaves at most half of them.

    The likelihood is the same. `row` names the first of each; rows of clusters stay as they are.
    """
    if data.cluster is not None or data.times.entry is not None:
        return data
    code = np.zeros(len(data.row), dtype=np.int64)
    for column in (data.times.duration, data.times.event, data.stratum, *data.x.T):
        own, found = pd.factorize(column)
        code = pd.factorize(code * (len(found) + 1) + own)[0]
    size = int(code.max(initial=-1)) + 1
    if 2 * size > len(code):
        return data
    first = np.unique(code, return_index=True)[1]
    return replace(
        data,
        times=data.times.take(first),
        x=data.x[first],
        stratum=data.stratum[first],
        count=np.bincount(code, weights=data.count, minlength=size).astype(np.float64),
        row=data.row[first],
    )


def _whole_counts(frame: Frame, counts: str | None, n: int) -> Floats:
    """Read how many patients each row stands for."""
    if counts is None:
        return np.ones(n)
    values = numbers(frame, counts)
    bad = int((~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))).sum())
    if bad:
        raise ValueError(f"column {counts!r}: {bad} rows are no whole count")
    return values


def _columns(frame: Frame, name: str, column: pd.Series, keep: Ints) -> tuple[Floats, list[str], str | None]:
    """Give one covariate's columns, their terms, and the reference level where it is dummy-coded."""
    if is_numeric(column):
        return numbers(frame, name)[keep][:, None], [name], None
    used = column.iloc[keep]
    levels = _levels(used)
    if not levels:
        return np.zeros((len(keep), 1)), [name], None
    code, found = pd.factorize(_as_text(used))
    others = levels[1:]
    if not others:
        return np.zeros((len(keep), 1)), [f"{name}[{levels[0]}]"], None
    place = {level: at for at, level in enumerate(found)}
    block = np.column_stack([(code == place[level]).astype(np.float64) for level in others])
    return block, [f"{name}[{level}]" for level in others], levels[0]


def _as_text(used: pd.Series) -> Any:
    """The label of each value; texts are their own labels and are not asked one by one."""
    if pd.api.types.infer_dtype(used, skipna=False) == "string":
        return used.to_numpy(dtype=object)
    return used.map(label).to_numpy(dtype=object)


def _levels(used: pd.Series) -> list[str]:
    """Order the levels, reference first.

    Categorical columns keep their order, the first used category being the reference; text columns take
    the most frequent level (the first in the alphabet among equals), then the alphabet.
    """
    if isinstance(used.dtype, pd.CategoricalDtype):
        return [label(level) for level in used.cat.remove_unused_categories().cat.categories]
    tally = pd.Series(_as_text(used), dtype=object).value_counts()
    ordered = sorted(tally.index, key=lambda level: (-int(tally[level]), level))
    return ordered[:1] + sorted(ordered[1:])
