"""Who is at risk at which death time, and sums over them.

Belongs here: the risk sets of a Cox model, sums over those at risk and over the dying, sums over time.
Does not belong here: the likelihood (analysis/cox/likelihood.py), frames.

A row is at risk for the death times first <= k < last, so a sum over risk sets is one counting pass and one
running sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.counting import binned, distinct
from registry_pipeline.analysis.inputs import Floats, Ints
from registry_pipeline.analysis.times import Times

DENSE_CELLS = 50_000  # death times times rows up to which the risk sets are held as matrices


@dataclass(frozen=True)
class RiskSets:
    """Who is at risk when; independent of coefficients.

    Death times are numbered 0..K-1, stratum after stratum; stratum s holds bounds[s] <= k < bounds[s+1].
    first, last (n,): row i is at risk at death times first[i] <= k < last[i]; both are 0 for a row that never is.
    death_row, death_index (m,): rows that die, and the number of their death time.
    count (n,): how many identical patients a row stands for.
    tie_index, tie_fraction (events,): Efron's steps; step l of d deaths at time k removes the fraction l/d of
    the dying from the risk set (zeros for Breslow). tie_start (K,): the first step of each death time. tie_weight
    (events,): None, or with case weights the mean weight of those who die then (as R's coxph).
    indicator: for small data, who is at risk and who dies as two matrices (K, n) of 0 and 1; a bootstrap of 56
    patients spends its time in calls, and one matrix product is one call.
    """

    first: Ints
    last: Ints
    death_row: Ints
    death_index: Ints
    bounds: Ints
    time: Floats
    count: Floats
    tie_index: Ints
    tie_fraction: Floats
    tie_start: Ints
    tie_weight: Floats | None
    has_entry: bool
    indicator: tuple[Floats, Floats] | None = None

    @property
    def n_time(self) -> int:
        """Number of distinct death times, over all strata."""
        return len(self.time)

    @property
    def n_event(self) -> int:
        """Number of deaths, each row as often as it counts."""
        return len(self.tie_index)


def build_risk_sets(
    times: Times, stratum: Ints, count: Floats, ties: str = "efron", is_weighted: bool = False
) -> RiskSets:
    """Find the death times of each stratum and who is at risk at them.

    times: n checked rows with events 0/1; stratum (n,): 0..s-1; count (n,): whole numbers >= 0 (a row of
    count 3 is the same as three rows), or case weights where `is_weighted`; ties: efron or breslow.
    """
    unique, key = distinct(times.duration)
    width, n_strata = len(unique), int(stratum.max(initial=-1)) + 1
    keys = np.arange(width)
    if n_strata > 1:
        keys, key = np.unique(stratum * width + key, return_inverse=True)
    dies = np.flatnonzero((times.event > 0) & (count > 0))
    is_death_time = np.zeros(len(keys), dtype=bool)
    is_death_time[key[dies]] = True
    death_key = keys[is_death_time]
    last = np.cumsum(is_death_time)[key]
    death_index = last[dies] - 1
    bounds = np.searchsorted(death_key, np.arange(n_strata + 1) * width).astype(np.int64)
    first = _first_at_risk(times, stratum, unique, death_key, bounds)
    if times.entry is not None or n_strata > 1:  # else nobody touches the zeros
        last[last <= first] = 0
        np.minimum(first, last, out=first)
    total = np.bincount(death_index, weights=count[dies], minlength=len(death_key))
    n_tied = (np.bincount(death_index, minlength=len(death_key)) if is_weighted else total).astype(np.int64)
    start = np.concatenate(([0], np.cumsum(n_tied)[:-1])).astype(np.int64)[: len(n_tied)]
    tie_index = np.repeat(np.arange(len(n_tied)), n_tied)
    step = np.arange(len(tie_index)) - start[tie_index]
    fraction = step / n_tied[tie_index] if ties == "efron" else np.zeros(len(tie_index))
    time = unique[death_key % max(width, 1)]
    indicator = None
    if len(time) * len(times) <= DENSE_CELLS:
        k = np.arange(len(time))[:, None]
        indicator = ((first <= k) & (k < last)).astype(np.float64), np.zeros((len(time), len(times)))
        indicator[1][death_index, dies] = 1.0
    return RiskSets(
        first,
        last,
        dies,
        death_index,
        bounds,
        time,
        count,
        tie_index,
        fraction,
        start,
        (total / n_tied)[tie_index] if is_weighted else None,
        times.entry is not None,
        indicator,
    )


def _first_at_risk(times: Times, stratum: Ints, unique: Floats, death_key: Ints, bounds: Ints) -> Ints:
    """The first death time at which each row is under observation, (n,)."""
    if times.entry is not None:
        entered = np.searchsorted(unique, times.entry, side="right")
        return np.searchsorted(death_key, stratum * len(unique) + entered).astype(np.int64)
    return bounds[stratum] if len(bounds) > 2 else np.zeros(len(times), dtype=np.int64)


def sum_at_risk(sets: RiskSets, weight: Floats) -> Floats:
    """Sum a weight over the rows at risk at each death time, shape (K,)."""
    total = _reverse_sums(sets, binned(sets.last, weight, sets.n_time + 1)[1:])
    if sets.has_entry:
        late = sets.first > 0
        left = binned(sets.first[late] - 1, weight[late], sets.n_time)
        starts = sets.bounds[1:-1] - 1  # a row first at risk at a stratum's first time is never subtracted
        left[starts[starts >= 0]] = 0.0
        total -= _reverse_sums(sets, left)
    return total


def _reverse_sums(sets: RiskSets, bins: Floats) -> Floats:
    """Running sums from the last death time backwards, stratum by stratum (no cancellation between strata)."""
    out = np.empty_like(bins)
    for start, stop in zip(sets.bounds[:-1], sets.bounds[1:], strict=True):
        out[start:stop] = np.cumsum(bins[start:stop][::-1])[::-1]
    return out


def sum_dying(sets: RiskSets, weight: Floats) -> Floats:
    """Sum a weight over the rows that die at each death time, shape (K,)."""
    return binned(sets.death_index, weight[sets.death_row], sets.n_time)


def cumulate(sets: RiskSets, value: Floats) -> Floats:
    """Sum a value of death times over those at which each row is at risk: (K, ...) -> (n, ...)."""
    running = np.concatenate([np.zeros((1, *value.shape[1:])), np.cumsum(value, axis=0)])
    total: Floats = running[sets.last]
    if sets.has_entry or len(sets.bounds) > 2:
        total -= running[sets.first]
    return total
