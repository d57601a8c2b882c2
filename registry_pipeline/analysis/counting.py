"""Counting and adding up by time: distinct values, ties, sums by position.

Belongs here: array helpers that every estimate of times uses. Does not belong here: frames, estimates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MOST_DAYS = 100_000  # whole numbers up to here, or to their count, are counted one by one
# R's aeqSurv: times closer than this, absolutely or relative to their mean, are one time.
TIE_TOLERANCE = float(np.sqrt(np.finfo(float).eps))


def merge_close_times(values: Floats) -> Floats:
    """Make times that differ by rounding only exactly equal; whole numbers pass unchanged.

    R's survival merges such ties (`timefix`); without it 0.1 + 0.2 and 0.3 would be two event times.
    """
    if not len(values) or bool(np.all(values == np.floor(values))):
        return values
    unique, inverse = np.unique(values, return_inverse=True)
    gap = np.diff(unique)
    scale = float(np.mean(np.abs(unique)))
    is_new = np.concatenate(([True], (gap > TIE_TOLERANCE) & (gap > TIE_TOLERANCE * scale)))
    merged: Floats = unique[is_new][np.cumsum(is_new) - 1][inverse]
    return merged


def distinct(values: Floats | Ints) -> tuple[Floats, Ints]:
    """Give the distinct values in increasing order and the position of each value among them.

    As `np.unique` with its inverse; whole numbers, as days are, are counted instead of sorted.
    """
    if len(values) and values.min() >= 0 and values.max() <= max(MOST_DAYS, len(values)):
        whole = values.astype(np.int64)
        if bool(np.all(whole == values)):
            occurs = np.bincount(whole) > 0
            levels: Floats = np.flatnonzero(occurs).astype(np.float64)
            return levels, (np.cumsum(occurs) - 1)[whole]
    unique, position = np.unique(values, return_inverse=True)
    return unique.astype(np.float64), position.astype(np.int64)


def binned(index: npt.NDArray[np.integer[Any]], weight: npt.ArrayLike, size: int) -> Floats:
    """Sum weights by their index 0..size-1."""
    return np.asarray(np.bincount(index, weights=np.asarray(weight), minlength=size), dtype=np.float64)
