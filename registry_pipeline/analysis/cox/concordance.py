"""Harrell's concordance of a prediction with survival, and its standard error.

Belongs here: counting concordant, discordant and tied pairs, exactly and without looking at every pair.
Does not belong here: fitting; the bootstrap for optimism (analysis/cox/bootstrap.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.blockwise import inner
from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.analysis.inputs import Floats, Ints
from registry_pipeline.analysis.times import Times

Counts = npt.NDArray[Any]  # whole numbers where every row counts once, as it nearly always does
MOST_COUNTED = 2**30
PREDICTOR_TOLERANCE = 1e-10  # share of the range below which two predictions are the same


@dataclass(frozen=True)
class Concordance:
    """Pairs of which it is known who died first; estimate = (concordant + tied / 2) / all, NaN without pairs."""

    concordant: float
    discordant: float
    tied: float
    estimate: float
    standard_error: float

    def limits(self, level: float = 0.95) -> tuple[float, float]:
        """Limits on the logit scale, which stay between 0 and 1; NaN where there is no spread."""
        if not (0 < self.estimate < 1 and self.standard_error > 0):
            return float("nan"), float("nan")
        centre = np.log(self.estimate / (1 - self.estimate))
        half = normal_quantile(level) * self.standard_error / (self.estimate * (1 - self.estimate))
        lower, upper = 1 / (1 + np.exp(-(centre - half))), 1 / (1 + np.exp(-(centre + half)))
        return float(lower), float(upper)


def ranks(values: Floats) -> Ints:
    """Number the distinct values from 0; values equal up to rounding get the same number."""
    unique, inverse = np.unique(values, return_inverse=True)
    if len(unique) < 2:
        return np.zeros(len(values), dtype=np.int64)
    step = np.diff(unique) > PREDICTOR_TOLERANCE * (unique[-1] - unique[0])
    return np.concatenate(([0], np.cumsum(step)))[inverse].astype(np.int64)


@dataclass(frozen=True)
class Elements:
    """Rows (and, with delayed entry, their entries) in order of stratum and score.

    key: time, twice its position among the times, odd for what comes after the deaths of that time; source: the weight
    that an element has for who dies earlier; death: its weight for who outlives it.
    """

    key: Ints
    source: Counts
    death: Counts
    is_plain: bool

    @property
    def weights(self) -> tuple[Counts, Counts] | None:
        """Both weights; None where each element counts once, and dies where its key is even."""
        return None if self.is_plain else (self.source, self.death)

    def take(self, order: Ints) -> Elements:
        """Give the elements in another order."""
        if self.is_plain:
            return Elements(self.key[order], self.source, self.death, True)
        return Elements(self.key[order], self.source[order], self.death[order], False)


def lower_sums(elements: Elements, sizes: Counts, n_key: int) -> tuple[Counts, Counts]:
    """For each element, over those before it in its block: sums of `source` with a later key, of `death` with an earlier.

    sizes: of the blocks, one for each stratum. From the highest bit of the keys on each block is parted into keys
    without and with the bit, in the same order: two elements are parted once, at the highest bit in which they differ,
    and there it is known which is later. All passes over the memory are sequential (a merge sort from above).
    """
    n, weights = len(elements.key), elements.weights
    key: Counts = elements.key.astype(np.int32)
    kind = np.int32 if weights is None else np.float64
    later: Counts = np.zeros(n, kind)
    earlier: Counts = np.zeros(n, kind)
    place: Counts = np.arange(n, dtype=np.int32)
    row = place
    for bit in range(max(int(n_key).bit_length() - 1, 0), -1, -1):
        sizes = sizes[sizes > 0]
        first = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int32)[: len(sizes)]
        has_bit = (key >> bit & 1).astype(bool)
        ones, n_one = _before(has_bit.astype(np.int32), first, sizes)
        if weights is None:
            sources, deaths = ones, _before((~has_bit & (key & 1 == 0)).astype(np.int32), first, sizes)[0]
        else:
            sources = _before(weights[0] * has_bit, first, sizes)[0]
            deaths = _before(weights[1] * ~has_bit, first, sizes)[0]
        later += np.where(has_bit, 0, sources)
        earlier += np.where(has_bit, deaths, 0)
        last = np.repeat((first + sizes - n_one).astype(np.int32), sizes)
        target = np.where(has_bit, last + ones, place - ones)
        moved = np.empty(n, dtype=np.int32)
        moved[target] = place
        key, later, earlier, row = (values[moved] for values in (key, later, earlier, row))
        weights = None if weights is None else (weights[0][moved], weights[1][moved])
        sizes = np.column_stack([sizes - n_one, n_one]).reshape(-1)
    out = np.empty_like(later), np.empty_like(earlier)
    out[0][row], out[1][row] = later, earlier
    return out


def _before(values: Counts, first: Counts, sizes: Counts) -> tuple[Counts, Counts]:
    """Sums of the values before each within its block, and of each whole block."""
    if not len(first):
        return values, values
    running = np.cumsum(values, dtype=values.dtype)
    base = running[first] - values[first]
    running_before = running - values
    return running_before - np.repeat(base, sizes) if len(first) > 1 else running_before, (
        running[first + sizes - 1] - base
    )


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
    better, equal, worse = _pairs(times, ranks(score), layer, counted)
    codes = (
        None if cluster_codes is None else np.unique(cluster_codes, return_inverse=True)[1].astype(np.int64)
    )
    return _summarise(better, equal, worse, counted, codes)


def _pairs(times: Times, number: Ints, layer: Ints, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """For each row: weights of its pairs in which the right one, neither, the wrong one has the higher score."""
    n, is_death = len(times), times.event > 0
    is_plain = times.entry is None and n < MOST_COUNTED and bool(np.all(weight == 1))
    source, death = weight, weight * is_death
    unique, position = times.distinct
    key = 2 * position + ~is_death
    if (
        times.entry is not None
    ):  # who has not entered is no survivor; who died before the entry is not outlived
        late = np.maximum(2 * np.searchsorted(unique, times.entry, side="right") - 1, 0)
        key, source = np.concatenate([key, late]), np.concatenate([source, -source])
        death = np.concatenate([death, np.zeros(n)])
        number, layer = np.tile(number, 2), np.tile(layer, 2)
    at_risk, died = _totals(layer, key, source, death, n)
    elements = Elements(key, source, death, is_plain)
    below, died_upto = _ordered_sums(elements, number, layer, 2 * len(unique))
    equal, died_equal = _equal_sums(elements, number, layer)
    below, equal = below[:n] * is_death, equal[:n] * is_death
    died_upto, died_equal = _after_entry(died_upto, n), _after_entry(died_equal, n)
    better = below + died - died_upto
    worse = at_risk * is_death - below - equal + died_upto - died_equal
    return better, equal + died_equal, worse


def _after_entry(sums: Counts, n: int) -> Floats:
    """Of the deaths before each row's end those after its entry, where it has one."""
    return np.asarray(sums[:n] - (sums[n:] if len(sums) > n else 0), dtype=np.float64)


def _ordered_sums(elements: Elements, number: Ints, layer: Ints, n_key: int) -> tuple[Counts, Counts]:
    """:func:`lower_sums` in order of score; of equal scores the later do not count, and the earlier do."""
    if len(number) and int(number.max()) == len(number) - 1 and not layer.any():
        order = np.empty(len(number), dtype=np.int64)  # no two scores are equal
        order[number] = np.arange(len(number))
    else:
        order = np.argsort(_group_keys(elements, number, layer))
    sums = lower_sums(elements.take(order), np.bincount(layer, minlength=1), n_key)
    out = np.empty_like(sums[0]), np.empty_like(sums[1])
    out[0][order], out[1][order] = sums
    return out


def _group_keys(elements: Elements, number: Ints, layer: Ints) -> Ints:
    """One number for stratum, score and key, in this order."""
    width = int(elements.key.max(initial=0)) + 2
    return (layer * (int(number.max(initial=0)) + 1) + number) * width + elements.key


def _equal_sums(elements: Elements, number: Ints, layer: Ints) -> tuple[Floats, Floats]:
    """For each element, over those of the same score: sums of `source` with a later key, of `death` with an earlier."""
    n = len(number)
    later, earlier = np.zeros(n), np.zeros(n)
    rows = np.flatnonzero((np.bincount(number, minlength=1) > 1)[number])
    if not len(rows):
        return later, earlier
    keys = _group_keys(elements, number, layer)[rows]
    width = int(elements.key.max()) + 2
    order = np.argsort(keys)
    ordered, rows = keys[order], rows[order]
    held = np.concatenate(([0.0], np.cumsum(elements.source[rows])))
    gone = np.concatenate(([0.0], np.cumsum(elements.death[rows])))
    group_first, group_stop = _runs(ordered // width)
    key_first, key_stop = _runs(ordered)
    later[rows] = held[group_stop] - held[key_stop]
    earlier[rows] = gone[key_first] - gone[group_first]
    return later, earlier


def _runs(ordered: Ints) -> tuple[Ints, Ints]:
    """For each of some sorted values where the run of its equals begins, and where it has ended."""
    first = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    size = np.diff(first, append=len(ordered))
    return np.repeat(first, size), np.repeat(first + size, size)


def _totals(layer: Ints, key: Ints, source: Counts, death: Counts, n: int) -> tuple[Floats, Floats]:
    """For each of the n rows: weight of those at risk after its time, and of the deaths it was at risk for."""
    width = int(key.max(initial=0)) + 2
    cell, size = layer * width + key, (int(layer.max(initial=0)) + 1) * width
    held = np.concatenate(([0.0], np.cumsum(binned(cell, source, size))))
    gone = np.concatenate(([0.0], np.cumsum(binned(cell, death, size))))
    at, own = cell[:n], layer[:n]
    at_risk = held[(own + 1) * width] - held[at + 1]
    return at_risk, gone[at] - (gone[cell[n:]] if len(cell) > n else gone[own * width])


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
