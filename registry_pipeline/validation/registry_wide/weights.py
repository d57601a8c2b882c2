"""What agreement is worth: the probabilities of Fellegi and Sunter, estimated from the registry itself.

Belongs here: m (probability of a level of agreement in two records of one person), u (in two records of
two persons), how common pairs of one person are, the probability that a pair is one person.
Does not belong here: comparing (``validation/registry_wide/compare.py``).

Model: the fields are independent given whether a pair is one person (Fellegi IP, Sunter AB. A theory for
record linkage. J Am Stat Assoc 1969;64:1183-1210). u is counted in pairs of arbitrary persons, nearly all
of whom are two. m and the share of true pairs follow by expectation-maximisation over the compared pairs
(Winkler WE, 1988), sharpened on the way to its classification variant (Celeux G, Govaert G. Comput Stat Data
Anal 1992;14:315-332). Both lean on the stated values below as if they had been seen ``PSEUDO_PAIRS`` times, so
that thirty patients give sober weights too; with thousands the data speak for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from registry_pipeline.validation.registry_wide.compare import LEVELS, compare

Levels = Mapping[str, NDArray[np.float64]]

STATED_M: Mapping[str, tuple[float, ...]] = {
    "birth_date": (0.01, 0.03, 0.05, 0.91),
    "dx_date": (0.07, 0.10, 0.13, 0.70),
    "histology_group": (0.10, 0.90),
    "name": (0.05, 0.10, 0.85),
    "national_id": (0.03, 0.97),
}
STATED_U: Mapping[str, tuple[float, ...]] = {
    "birth_date": (0.98495, 0.01, 0.005, 0.00005),
    "dx_date": (0.83475, 0.15, 0.015, 0.00025),
    "histology_group": (0.40, 0.60),
    "name": (0.989, 0.01, 0.001),
    "national_id": (0.999, 0.001),
}
PSEUDO_PAIRS_M, PSEUDO_PAIRS_U = 50.0, 2_000.0
STATED_DUPLICATES = 0.002
"""Share of patients who are expected to stand twice, before anything was seen."""
SAMPLED_PAIRS = 400_000
MOST_ROUNDS, CONVERGED = 200, 1e-9


@dataclass(frozen=True)
class Weights:
    """Estimated probabilities.

    Attributes:
        m, u: field -> probability of each level in pairs of one person and of two.
        share: share of all pairs of patients that are one person.
        rounds: rounds of expectation-maximisation.
    """

    m: Levels
    u: Levels
    share: float
    rounds: int

    def bits(self, levels: pl.DataFrame) -> NDArray[np.float64]:
        """Match weight: log2 of the posterior odds; an unknown field weighs nothing."""
        total = np.full(levels.height, np.log2(self.share / (1 - self.share)))
        for name in LEVELS:
            weight = np.append(np.log2(self.m[name] / self.u[name]), 0.0)  # position -1: unknown
            total += weight[levels[name].to_numpy()]
        return total

    def probability(self, levels: pl.DataFrame) -> NDArray[np.float64]:
        """Probability that a pair is one person."""
        return 1 / (1 + np.exp2(-np.clip(self.bits(levels), -500, 500)))


def estimate(persons: pl.DataFrame, levels: pl.DataFrame) -> Weights:
    """The probabilities for this registry.

    Args:
        persons: everybody; columns of ``PERSON``.
        levels: of the compared pairs. All other pairs count as two persons.
    """
    patterns = levels.group_by(list(LEVELS)).len().sort(list(LEVELS))
    return weigh(patterns, persons.height, _chance_agreement(persons))


def weigh(patterns: pl.DataFrame, n_persons: int, u: Levels) -> Weights:
    """The probabilities that the patterns of agreement of the compared pairs give.

    Args:
        patterns: a level of every field and ``len``, how many of the compared pairs have them.
        n_persons: everybody, of whom all other pairs count as two persons.
        u: probability of each level in pairs of two persons.
    """
    counts = patterns["len"].to_numpy().astype(np.float64)
    n_pairs = max(n_persons * (n_persons - 1) / 2, 1.0)
    expected = STATED_DUPLICATES * n_persons / 2
    weights = Weights(
        {name: np.array(stated) for name, stated in STATED_M.items()}, u, _share(expected, n_pairs), 0
    )
    for rounds in range(1, MOST_ROUNDS + 1):
        probability = weights.probability(patterns)
        # Squared for m: in a large registry chance pairs outnumber true ones a thousandfold, and their many small
        # probabilities would together drown the true pairs, until an equal date of birth alone meant one person. Not
        # for the share: where no pair is sure (a million women known by dates alone) the true ones would count as few.
        m = {name: _mode(patterns[name].to_numpy(), counts * probability**2, name) for name in LEVELS}
        share = _share(expected + float(counts @ probability), n_pairs)
        before, weights = weights, Weights(m, u, share, rounds)
        if abs(np.log(share / before.share)) < CONVERGED:
            break
    return weights


def _share(matched: float, n_pairs: float) -> float:
    return min(max(matched / n_pairs, 1e-15), 0.5)


def _mode(level: NDArray[np.int8], weight: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Probabilities of the levels of a field, those stated counting as ``PSEUDO_PAIRS_M`` pairs."""
    is_comparable = level >= 0
    seen = np.bincount(level[is_comparable], weight[is_comparable], minlength=len(LEVELS[name]))
    total = seen + PSEUDO_PAIRS_M * np.array(STATED_M[name])
    return np.asarray(total / total.sum(), dtype=np.float64)


def _chance_agreement(persons: pl.DataFrame) -> dict[str, NDArray[np.float64]]:
    """u: agreement in pairs of arbitrary persons; each is paired with the ones that follow her."""
    order = persons.sort("patient_id")  # pseudonyms are hashes: their order says nothing of the persons
    n_shifts = min(max(persons.height - 1, 0), -(-SAMPLED_PAIRS // max(persons.height, 1)))
    left = np.tile(np.arange(order.height, dtype=np.uint32), n_shifts)
    shift = np.repeat(np.arange(1, n_shifts + 1, dtype=np.uint32), order.height)
    right = (left + shift) % np.uint32(max(order.height, 1))
    levels = compare(order, pl.DataFrame({"_left": left, "_right": right}))
    shares = {}
    for name, stated in STATED_U.items():
        level = levels[name].to_numpy()
        seen = np.bincount(level[level >= 0], minlength=len(stated))
        total = seen + PSEUDO_PAIRS_U * np.array(stated)
        shares[name] = total / total.sum()
    return shares
