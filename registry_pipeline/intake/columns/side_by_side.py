"""Rows of several facilities under one another, for typing that costs more per call than per row.

Belongs here: numbers of rows that tell facilities apart, and parting what was made of them. Does not belong here:
which facilities these are (``pipeline/judging.py``), typing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from registry_pipeline.core.row_id import FILE_SHIFT

_SHIFT = 56
"""Bits of a row's number within its facility (``core/row_id.py``); the place of the facility stands above them."""
MOST_FILES = 1 << (_SHIFT - FILE_SHIFT)
"""Of a facility whose rows may be stacked: numbers of later files would reach above."""
_NUMBERS = ("_row_id", "_record_row_id")


def stacked(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Rows of facilities under one another, ``_row_id`` with the place of each above the number that it has."""
    if len(parts) == 1:
        return parts[0]
    moved = [part.with_columns(pl.col("_row_id") + (place << _SHIFT)) for place, part in enumerate(parts)]
    return pl.concat(moved, how="diagonal", rechunk=True)


def facility_of_row(facility_ids: Sequence[str]) -> pl.Expr:
    """The facility of each of stacked rows."""
    if len(facility_ids) == 1:
        return pl.lit(facility_ids[0])
    places = dict(enumerate(facility_ids))
    return (pl.col("_row_id") // (1 << _SHIFT)).replace_strict(places, return_dtype=pl.String)


def bounds(row_ids: pl.Series, n: int) -> list[tuple[int, int]]:
    """Where the rows of each of ``n`` facilities begin, and how many there are; rows as they were stacked."""
    if n == 1:
        return [(0, len(row_ids))]
    ends = np.searchsorted(row_ids.to_numpy() >> _SHIFT, np.arange(n + 1)).tolist()
    return [(first, end - first) for first, end in pairwise(ends)]


def by_facility(values: pl.Series, row_ids: pl.Series) -> list[pl.Series]:
    """Values of rows, those of each facility that has any of the rows."""
    n = int(row_ids[-1] >> _SHIFT) + 1 if len(row_ids) else 1
    parts = [values.slice(*own) for own in bounds(row_ids, n)]
    return [part for part in parts if len(part)] or [values]


def parted(frame: pl.DataFrame, n: int) -> list[pl.DataFrame]:
    """What was made of stacked rows, facility by facility, with the numbers that their rows have; in their order."""
    if n == 1:
        return [frame]
    if frame.is_empty():
        return [frame] * n
    places = frame["_row_id"].to_numpy() >> _SHIFT
    if (places[1:] < places[:-1]).any():
        order = np.argsort(places, kind="stable")
        frame, places = frame[order], places[order]
    ends = np.searchsorted(places, np.arange(n + 1)).tolist()
    named = [name for name in _NUMBERS if name in frame.columns]
    frame = frame.with_columns(pl.col(named) & ((1 << _SHIFT) - 1))
    return [frame.slice(first, end - first) for first, end in pairwise(ends)]
