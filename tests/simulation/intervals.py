"""Whether intervals hold the truth.

Belongs here: what a design gives back. Does not belong here: designs, bars and tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Z = 1.959963984540054


@dataclass(frozen=True)
class Intervals:
    """Of each replicate: -1 the interval lies below the truth, 0 it holds it, 1 it lies above, NaN there is none."""

    side: np.ndarray

    @property
    def n_given(self) -> int:
        """Replicates with an interval."""
        return int((~np.isnan(self.side)).sum())

    @property
    def given(self) -> float:
        """Share of replicates with an interval."""
        return self.n_given / max(len(self.side), 1)

    @property
    def coverage(self) -> float:
        """Share of the intervals that hold the truth."""
        return float((self.side == 0).sum() / max(self.n_given, 1))

    @property
    def below(self) -> float:
        """Share of the intervals that lie below the truth."""
        return float((self.side == -1).sum() / max(self.n_given, 1))


def between(lower: npt.ArrayLike, upper: npt.ArrayLike, truth: npt.ArrayLike) -> Intervals:
    """Judge limits of each replicate; NaN on either side is no interval, an open end is infinite."""
    low, high = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    side = np.where(high < truth, -1.0, np.where(low > truth, 1.0, 0.0))
    return Intervals(np.where(np.isnan(low) | np.isnan(high), np.nan, side))


# Draws replicates of a number of patients (or lesions) from a seed; several intervals may come from the same draws.
Design = Callable[[int, int, int], Mapping[str, Intervals]]
