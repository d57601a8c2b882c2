"""Frames to the arrays of a Cox model: covariates, dummy columns, strata, clusters, counts.

Belongs here: reading and coding; which rows are used and how many are not.
Does not belong here: likelihoods, results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.cox.levels import Level, read_levels
from registry_pipeline.analysis.inputs import (
    Flags,
    Floats,
    Frame,
    Ints,
    PreparedFrame,
    is_numeric,
    label,
    numbers,
    refuse_rows,
    refuse_unordered_values,
    series,
)
from registry_pipeline.analysis.times import Times, check_groups, check_times


@dataclass(frozen=True)
class CoxData:
    """The rows a Cox model uses; their covariates x (n, p) stand beside it, for a fit works in that very matrix.

    terms (p,): names of the columns, `histology_group[other]` for a level; references: for
    each dummy-coded covariate its reference level; stratum, cluster (n,): codes (cluster None: rows are
    independent); count (n,): patients per row, or case weights where `is_weighted`; row (n,): position in the frame;
    n_missing: rows left out; levels (p,): what each term is compared with; covariates (p,): the column of each term.
    """

    times: Times
    terms: tuple[str, ...]
    references: dict[str, str]
    stratum: Ints
    cluster: Ints | None
    count: Floats
    row: Ints
    n_missing: int
    levels: tuple[Level | None, ...]
    covariates: tuple[str, ...] = ()
    is_weighted: bool = False

    @cached_property
    def n(self) -> int:
        """Patients, each row as often as it counts; case weights do not multiply patients."""
        return len(self.row) if self.is_weighted else int(self.count.sum())

    @cached_property
    def n_event(self) -> int:
        """Events, each row as often as it counts."""
        is_event = self.times.event > 0
        return int((is_event if self.is_weighted else self.count[is_event]).sum())

    @cached_property
    def n_cluster(self) -> int:
        """Clusters; each row is its own where none are named."""
        return len(self.row) if self.cluster is None else len(np.unique(self.cluster))

    def positions(self, covariate: str) -> list[int]:
        """The positions of a covariate's terms: several for a factor."""
        return [j for j, name in enumerate(self.covariates) if name == covariate]


@dataclass(frozen=True)
class Dummies:
    """Columns (n, levels - 1) of a text covariate, their terms, and the level that they are against."""

    columns: Flags
    terms: list[str]
    reference: str | None


@dataclass(frozen=True)
class Texts:
    """A column that is not numeric, read for whichever rows a model uses.

    code (n,): the position of each value in labels, -1 where missing; is_ordered: labels are in an order of their
    own, as those of categories are.
    """

    code: Ints
    labels: tuple[str, ...]
    is_ordered: bool


def read_cox_data(
    frame: Frame,
    duration: str,
    event: str,
    covariates: Sequence[str],
    entry: str | None,
    strata: str | Sequence[str] | None,
    counts: str | None,
    cluster: str | Sequence[str] | None,
    competing: bool = False,
    weights: str | None = None,
) -> tuple[CoxData, Floats]:
    """Read the columns of a Cox model; rows with a missing covariate, stratum or cluster are left out.

    Gives the rows and their covariates (n, p), columns contiguous, which belong to the caller.
    """
    names = _names(covariates, (duration, event, entry))
    times = check_times(frame, duration, event, entry, competing)
    n = len(times)
    layer, group = check_groups(frame, strata, n), _clusters(frame, cluster, n)
    number = _whole_counts(frame, counts, n) if weights is None else _case_weights(frame, weights, counts)
    missing = (layer.code < 0) | (group < 0) | np.isnan(number)
    texts = {name: text for name in names if (text := _texts(frame, name)) is not None}
    for name in names:
        missing |= texts[name].code < 0 if name in texts else series(frame, name).isna().to_numpy(dtype=bool)
    keep = np.flatnonzero(~missing & (number > 0))
    is_whole = len(keep) == n
    matrix = _assemble(frame, names, texts, slice(None) if is_whole else keep, len(keep))
    stratum = np.zeros(len(keep), dtype=np.int64)
    if strata is not None:
        stratum = np.unique(layer.code[keep], return_inverse=True)[1].astype(np.int64)
    data = CoxData(
        times if is_whole else times.take(keep),
        matrix.terms,
        matrix.references,
        stratum,
        None if cluster is None else group[keep],
        number if is_whole else number[keep],
        keep,
        int(missing.sum()) if weights is not None else int(number[missing].sum()),
        read_levels(
            matrix.x, matrix.terms, times.event[keep] > 0, np.ones(len(keep)) if weights else number[keep]
        ),
        matrix.covariates,
        weights is not None,
    )
    return data, matrix.x


@dataclass(frozen=True)
class DesignMatrix:
    """Columns x (n, p) with their terms, the reference level of each factor, and the covariate of each term."""

    x: Floats
    terms: tuple[str, ...]
    references: dict[str, str]
    covariates: tuple[str, ...]


def _names(covariates: Sequence[str], outcome: tuple[str | None, ...]) -> list[str]:
    """The covariates asked for; none of them twice or part of the outcome."""
    names = [covariates] if isinstance(covariates, str) else list(covariates)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"covariates named twice: {', '.join(repeated)}")
    of_outcome = [name for name in names if name in outcome]
    if of_outcome:
        raise ValueError(f"covariates must not be part of the outcome: {', '.join(of_outcome)}")
    return names


def _texts(frame: Frame, name: str) -> Texts | None:
    """Read a covariate that is not numeric, of a checked frame once for all models; None for numbers."""
    if isinstance(frame, PreparedFrame):
        texts: Texts | None = frame.once(("texts", name), lambda: _texts(frame.frame, name))
        return texts
    column = series(frame, name)
    if is_numeric(column):
        return None
    refuse_unordered_values(column, name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        labels = tuple(label(level) for level in column.cat.categories)
        return Texts(column.cat.codes.to_numpy().astype(np.int64), labels, is_ordered=True)
    code, is_there = np.full(len(column), -1, dtype=np.int64), column.notna().to_numpy(dtype=bool)
    code[is_there], levels = pd.factorize(as_text(column[is_there]))
    return Texts(code, tuple(levels), is_ordered=False)


def _assemble(
    frame: Frame, names: list[str], texts: Mapping[str, Texts], keep: Ints | slice, n: int
) -> DesignMatrix:
    """Covariates of the n rows to keep as one matrix (n, p), columns contiguous.

    Numbers are read straight into their place: of many patients there may be no room for two of each.
    """
    coded = {name: _dummies(name, text, keep) for name, text in texts.items()}
    named = [(name, term) for name in names for term in (coded[name].terms if name in coded else [name])]
    terms = tuple(term for _, term in named)
    x = np.empty((n, len(terms)), order="F")
    at = 0
    for name in names:
        stop = at + (len(coded[name].terms) if name in coded else 1)
        x[:, at:stop] = coded[name].columns if name in coded else numbers(frame, name)[keep, None]
        at = stop
    references = {name: dummies.reference for name, dummies in coded.items() if dummies.reference is not None}
    return DesignMatrix(x, terms, references, tuple(name for name, _ in named))


def pooled(data: CoxData, x: Floats) -> tuple[CoxData, Floats]:
    """Rows that agree in everything as one row with their count, where that leaves at most half of them.

    The likelihood is the same. `row` names the first of each; rows of clusters stay as they are.
    """
    if data.cluster is not None or data.times.entry is not None or data.is_weighted:
        return data, x
    n = len(data.row)
    code = data.times.distinct[1] * 2 + data.times.event
    for column in (data.stratum, *x.T):
        own, levels = pd.factorize(column)
        code = pd.factorize(code * len(levels) + own)[0].astype(np.int64)
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


def _clusters(frame: Frame, cluster: str | Sequence[str] | None, n: int) -> Ints:
    """The cluster of each row by number, in order of appearance; -1 where it is missing."""
    if cluster is None:
        return np.zeros(n, dtype=np.int64)
    if not isinstance(cluster, str):
        return check_groups(frame, cluster, n).code
    return np.asarray(pd.factorize(series(frame, cluster))[0], dtype=np.int64)


def _case_weights(frame: Frame, weights: str, counts: str | None) -> Floats:
    """Read case weights: greater than zero; a row of weight 0 is left out."""
    if counts is not None:
        raise ValueError("a model has counts or weights, not both")
    values = numbers(frame, weights)
    refuse_rows(weights, int((values < 0).sum()), "negative, which no case weight is")
    return values


def _whole_counts(frame: Frame, counts: str | None, n: int) -> Floats:
    """Read how many patients each row stands for."""
    if counts is None:
        return np.ones(n)
    values = numbers(frame, counts)
    bad = int((~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))).sum())
    refuse_rows(counts, bad, "no whole count")
    return values


def _dummies(name: str, read: Texts, keep: Ints | slice) -> Dummies:
    """Code a text covariate; where it has a single level, a column without spread stands for it."""
    code = read.code[keep]
    levels = _levels(read, code)
    if len(levels) < 2:
        term = f"{name}[{read.labels[levels[0]]}]" if levels else name
        return Dummies(np.zeros((len(code), 1), dtype=bool), [term], None)
    columns = np.column_stack([code == level for level in levels[1:]])
    return Dummies(columns, [f"{name}[{read.labels[level]}]" for level in levels[1:]], read.labels[levels[0]])


def as_text(used: pd.Series) -> Any:
    """The label of each value; texts are their own labels and are not asked one by one."""
    if pd.api.types.infer_dtype(used, skipna=False) == "string":
        return used.to_numpy(dtype=object)
    return used.map(label).to_numpy(dtype=object)


def _levels(read: Texts, code: Ints) -> list[int]:
    """Order the levels that occur among the codes (n,), reference first.

    Categorical columns keep their order, the first used category being the reference; text columns take
    the most frequent level (the first in the alphabet among equals), then the alphabet.
    """
    tally = np.bincount(code, minlength=len(read.labels))
    used = [int(level) for level in np.flatnonzero(tally)]
    if read.is_ordered:
        return used
    ordered = sorted(used, key=lambda level: (-int(tally[level]), read.labels[level]))
    return ordered[:1] + sorted(ordered[1:], key=lambda level: read.labels[level])
