"""Harrell's concordance of a prediction with survival, and its standard error.

Belongs here: counting concordant, discordant and tied pairs, exactly and without looking at every pair.
Does not belong here: fitting; the bootstrap for optimism (analysis/cox/bootstrap.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.blockwise import inner
from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.distributions import Z95
from registry_pipeline.analysis.inputs import Floats, Ints
from registry_pipeline.analysis.times import Times

PREDICTOR_TOLERANCE = 1e-10  # share of the range below which two predictions are the same


@dataclass(frozen=True)
class Concordance:
    """Pairs of which it is known who died first; estimate = (concordant + tied / 2) / all, NaN without pairs."""

    concordant: float
    discordant: float
    tied: float
    estimate: float
    standard_error: float

    @property
    def limits(self) -> tuple[float, float]:
        """95 % limits on the logit scale, which stay between 0 and 1; NaN where there is no spread."""
        if not (0 < self.estimate < 1 and self.standard_error > 0):
            return float("nan"), float("nan")
        centre = np.log(self.estimate / (1 - self.estimate))
        half = Z95 * self.standard_error / (self.estimate * (1 - self.estimate))
        lower, upper = 1 / (1 + np.exp(-(centre - half))), 1 / (1 + np.exp(-(centre + half)))
        return float(lower), float(upper)


def ranks(values: Floats) -> Ints:
    """Number the distinct values from 0; values equal up to rounding get the same number."""
    unique, inverse = np.unique(values, return_inverse=True)
    if len(unique) < 2:
        return np.zeros(len(values), dtype=np.int64)
    step = np.diff(unique) > PREDICTOR_TOLERANCE * (unique[-1] - unique[0])
    return np.concatenate(([0], np.cumsum(step)))[inverse].astype(np.int64)


class RangeCounter:
    """Weighted counts of the elements of a slice whose number is below a bound (a wavelet matrix)."""

    def __init__(self, number: Ints, weight: Floats, n_number: int) -> None:
        """Lay out `number` (n,) in 0..n_number-1 bit by bit, the most significant bit first."""
        self.bits = max(int(n_number).bit_length(), 1)
        # Half the memory traffic when every row counts once, as it nearly always does.
        self.is_plain = bool(np.all(weight == 1))
        self.zeros: list[npt.NDArray[np.int32]] = []
        self.weights: list[Floats] = []
        for bit in range(self.bits - 1, -1, -1):
            is_zero = (number >> bit) & 1 == 0
            self.zeros.append(np.concatenate(([0], np.cumsum(is_zero))).astype(np.int32))
            order = np.concatenate([np.flatnonzero(is_zero), np.flatnonzero(~is_zero)])
            if not self.is_plain:
                self.weights.append(np.concatenate(([0.0], np.cumsum(np.where(is_zero, weight, 0.0)))))
                weight = weight[order]
            number = number[order]

    def below(self, start: Ints, stop: Ints, bound: Ints) -> Floats:
        """Sum the weights of elements start <= position < stop whose number is less than bound (all (q,))."""
        total = np.zeros(len(start))
        left, right = start.astype(np.int32), stop.astype(np.int32)
        for level, bit in enumerate(range(self.bits - 1, -1, -1)):
            zeros = self.zeros[level]
            goes_one = (bound >> bit) & 1 == 1
            left_zero, right_zero = zeros[left], zeros[right]
            if self.is_plain:
                total += np.where(goes_one, right_zero - left_zero, 0)
            else:
                weights = self.weights[level]
                total += np.where(goes_one, weights[right] - weights[left], 0.0)
            left = np.where(goes_one, zeros[-1] + left - left_zero, left_zero)
            right = np.where(goes_one, zeros[-1] + right - right_zero, right_zero)
        return total


def _counts(
    number: Ints, weight: Floats, start: Ints, stop: Ints, own: Ints, n_number: int, is_distinct: bool
) -> tuple[Floats, Floats, Floats]:
    """Sum the weights in slices below, at and above each row's own number.

    A row is not in its own slice, so where all rows differ (`is_distinct`) nothing is equal.
    """
    counter = RangeCounter(number, weight, n_number)
    running = np.concatenate(([0.0], np.cumsum(weight)))
    below = counter.below(start, stop, own)
    upto = below if is_distinct else counter.below(start, stop, own + 1)
    return below, upto - below, running[stop] - running[start] - upto


@checked
def concordance(
    times: Times,
    score: Floats,
    stratum: Ints | None = None,
    weight: Floats | None = None,
    cluster_codes: Ints | None = None,
) -> Concordance:
    """Count pairs within strata and estimate the concordance of a risk score (higher: earlier death).

    A pair counts when one member dies while the other is at risk and outlives it; censoring on the day of a
    death comes after it; two deaths on one day are no pair. Standard error by the infinitesimal jackknife,
    as R's concordance, summed within clusters (codes, (n,)) where rows depend on each other. weight (n,): how many patients a
    row stands for, or its case weight.
    Cost O(n log n) in vector operations. Source: Harrell 1982; Therneau & Watson 2017.
    """
    n = len(times)
    for name, column in (
        ("score", score),
        ("stratum", stratum),
        ("weight", weight),
        ("cluster_codes", cluster_codes),
    ):
        if column is not None and len(column) != n:
            raise ValueError(f"concordance: {name} needs one value for each of the {n} rows")
    score = np.asarray(score, dtype=np.float64)
    layer = np.zeros(n, dtype=np.int64) if stratum is None else np.asarray(stratum, dtype=np.int64)
    counted = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
    number = ranks(score)
    better, equal, worse = np.zeros(n), np.zeros(n), np.zeros(n)
    for add_better, add_equal, add_worse, rows in (
        _as_death(times, number, layer, counted),
        _as_survivor(times, number, layer, counted),
    ):
        better[rows] += add_better
        equal[rows] += add_equal
        worse[rows] += add_worse
    codes = (
        None if cluster_codes is None else np.unique(cluster_codes, return_inverse=True)[1].astype(np.int64)
    )
    return _summarise(better, equal, worse, counted, codes)


def _key(times: Times, layer: Ints) -> tuple[Ints, Floats, int]:
    """Number (stratum, time) pairs in order; give keys, each row's time rank and the width of a stratum."""
    unique, rank = times.distinct
    width = len(unique) + 2
    return (layer * width + rank + 1).astype(np.int64), unique, width


def _as_death(times: Times, number: Ints, layer: Ints, weight: Floats) -> tuple[Floats, Floats, Floats, Ints]:
    """For each death: weights of those at risk who outlive it, with lower, equal and higher score."""
    key, unique, width = _key(times, layer)
    death = np.flatnonzero(times.event > 0)
    after = 2 * key + (times.event == 0)  # censoring on the day of a death comes after it
    order = np.argsort(after, kind="stable")
    start = np.searchsorted(after[order], 2 * key[death], side="right")
    stop = np.searchsorted(key[order], (layer[death] + 1) * width)
    size = int(number.max(initial=0)) + 1
    below, equal, above = _counts(
        number[order], weight[order], start, stop, number[death], size, size == len(number)
    )
    if times.entry is not None:
        late = (layer * width + np.searchsorted(unique, times.entry, side="right")).astype(np.int64)
        by_entry = np.argsort(late, kind="stable")
        first = np.searchsorted(late[by_entry], key[death])
        stop = np.searchsorted(late[by_entry], (layer[death] + 1) * width)
        minus = _counts(
            number[by_entry], weight[by_entry], first, stop, number[death], size, size == len(number)
        )
        below, equal, above = below - minus[0], equal - minus[1], above - minus[2]
    return below, equal, above, death


def _as_survivor(
    times: Times, number: Ints, layer: Ints, weight: Floats
) -> tuple[Floats, Floats, Floats, Ints]:
    """For each row: weights of the deaths it outlives while at risk, with higher, equal and lower score."""
    key, unique, width = _key(times, layer)
    death = np.flatnonzero(times.event > 0)
    death = death[np.argsort(key[death], kind="stable")]
    is_death = times.event > 0
    stop = np.where(
        is_death,
        np.searchsorted(key[death], key, side="left"),
        np.searchsorted(key[death], key, side="right"),
    )
    begin = layer * width
    if times.entry is not None:
        begin = layer * width + np.searchsorted(unique, times.entry, side="right")
    start = np.minimum(np.searchsorted(key[death], begin, side="right"), stop)
    size = int(number.max(initial=0)) + 1
    below, equal, above = _counts(
        number[death], weight[death], start, stop, number, size, size == len(number)
    )
    return above, equal, below, np.arange(len(number))


def _summarise(
    better: Floats, equal: Floats, worse: Floats, weight: Floats, cluster: Ints | None
) -> Concordance:
    """Add up pairs (each is seen from both ends) and take the jackknife."""
    concordant, tied, discordant = (inner(weight, part) / 2 for part in (better, equal, worse))
    pairs = concordant + tied + discordant
    if pairs <= 0:
        return Concordance(0.0, 0.0, 0.0, float("nan"), float("nan"))
    somers = (concordant - discordant) / pairs
    influence = ((better - worse) - (better + equal + worse) * somers) / pairs
    if cluster is None:
        error = float(np.sqrt(inner(weight, influence**2))) / 2
    else:
        summed = binned(cluster, weight * influence, int(cluster.max()) + 1)
        error = float(np.sqrt(summed @ summed)) / 2
    return Concordance(concordant, discordant, tied, (somers + 1) / 2, error)
