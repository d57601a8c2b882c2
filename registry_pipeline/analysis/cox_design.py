"""Frames to the arrays of a Cox model: covariates, dummy columns, strata, clusters, counts.

Belongs here: reading and coding; which rows are used and how many are not.
Does not belong here: likelihoods, results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from registry_pipeline.analysis.gate import (
    Floats,
    Frame,
    Ints,
    Times,
    check_groups,
    check_times,
    distinct_durations,
    is_numeric,
    label,
    numbers,
    series,
)


@dataclass(frozen=True)
class CoxData:
    """The rows a Cox model uses; their covariates x (n, p) stand beside it, for a fit works in that very matrix.

    terms (p,): names of the columns, `histology_group[other]` for a level; references: for
    each dummy-coded covariate its reference level; stratum, cluster (n,): codes (cluster None: rows are
    independent); count (n,): patients per row; row (n,): position in the frame; n_missing: rows left out.
    """

    times: Times
    terms: tuple[str, ...]
    references: dict[str, str]
    stratum: Ints
    cluster: Ints | None
    count: Floats
    row: Ints
    n_missing: int

    @cached_property
    def n(self) -> int:
        """Patients, each row as often as it counts."""
        return int(self.count.sum())

    @cached_property
    def n_event(self) -> int:
        """Events, each row as often as it counts."""
        return int(self.count @ (self.times.event > 0))


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
) -> tuple[CoxData, Floats]:
    """Read the columns of a Cox model; rows with a missing covariate, stratum or cluster are left out.

    Gives the rows and their covariates (n, p), columns contiguous, which belong to the caller.
    """
    names = [covariates] if isinstance(covariates, str) else list(covariates)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"covariates named twice: {', '.join(repeated)}")
    outcome = [name for name in names if name in (duration, event, entry)]
    if outcome:
        raise ValueError(f"covariates must not be part of the outcome: {', '.join(outcome)}")
    times = check_times(frame, duration, event, entry, competing)
    n = len(times)
    raw = [_values(frame, name) for name in names]
    layer, group = check_groups(frame, strata, n), check_groups(frame, cluster, n)
    number = _whole_counts(frame, counts, n)
    missing = (layer.code < 0) | (group.code < 0)
    for values in raw:
        missing |= np.asarray(pd.isna(values), dtype=bool)
    keep = np.flatnonzero(~missing & (number > 0))
    is_whole = len(keep) == n
    blocks = [_columns(name, raw.pop(0), None if is_whole else keep) for name in names]
    terms = tuple(term for _, own, _ in blocks for term in own)
    references = {name: one for name, (_, _, one) in zip(names, blocks, strict=True) if one is not None}
    data = CoxData(
        times if is_whole else times.take(keep),
        terms,
        references,
        np.zeros(len(keep), dtype=np.int64)
        if strata is None
        else np.unique(layer.code[keep], return_inverse=True)[1].astype(np.int64),
        None if cluster is None else group.code[keep],
        number if is_whole else number[keep],
        keep.astype(np.int64),
        int(number[missing].sum()),
    )
    return data, _side_by_side([block for block, _, _ in blocks], len(keep))


def _values(frame: Frame, name: str) -> Floats | pd.Series:
    """A covariate as numbers where it is numeric, else as it stands."""
    column = series(frame, name)
    return numbers(frame, name) if is_numeric(column) else column


def _side_by_side(blocks: list[Any], n: int) -> Floats:
    """Blocks (n, c) as one matrix, columns contiguous; each is let go when it is copied."""
    x = np.empty((n, sum(block.shape[1] for block in blocks)), order="F")
    at = 0
    while blocks:
        block = blocks.pop(0)
        x[:, at : at + block.shape[1]] = block
        at += block.shape[1]
    return x


def pooled(data: CoxData, x: Floats) -> tuple[CoxData, Floats]:
    """Rows that agree in everything as one row with their count, where that leaves at most half of them.

    The likelihood is the same. `row` names the first of each; rows of clusters stay as they are.
    """
    if data.cluster is not None or data.times.entry is not None:
        return data, x
    n = len(data.row)
    code = distinct_durations(data.times)[1] * 2 + data.times.event
    for column in (data.stratum, *x.T):
        own, found = pd.factorize(column)
        code = pd.factorize(code * len(found) + own)[0].astype(np.int64)
        if 2 * (int(code.max(initial=-1)) + 1) > n:
            return data, x
    size = int(code.max(initial=-1)) + 1
    first = np.empty(size, dtype=np.int64)
    first[code[::-1]] = np.arange(n)[::-1]
    whole = replace(
        data,
        times=data.times.take(first),
        stratum=data.stratum[first],
        count=np.bincount(code, weights=data.count, minlength=size).astype(np.float64),
        row=data.row[first],
    )
    return whole, np.asfortranarray(x[first])


def _whole_counts(frame: Frame, counts: str | None, n: int) -> Floats:
    """Read how many patients each row stands for."""
    if counts is None:
        return np.ones(n)
    values = numbers(frame, counts)
    bad = int((~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))).sum())
    if bad:
        raise ValueError(f"column {counts!r}: {bad} rows are no whole count")
    return values


def _columns(
    name: str, values: Floats | pd.Series, keep: Ints | None
) -> tuple[npt.NDArray[Any], list[str], str | None]:
    """Give one covariate's columns (keep None: of all rows), their terms, and the reference level of dummies."""
    if isinstance(values, np.ndarray):
        return (values if keep is None else values[keep])[:, None], [name], None
    used = values if keep is None else values.iloc[keep]
    levels = _levels(used)
    if not levels:
        return np.zeros((len(used), 1)), [name], None
    others = levels[1:]
    if not others:
        return np.zeros((len(used), 1)), [f"{name}[{levels[0]}]"], None
    code, found = pd.factorize(_as_text(used))
    place = {level: at for at, level in enumerate(found)}
    block = np.column_stack([code == place[level] for level in others])
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
