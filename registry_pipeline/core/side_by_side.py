"""Rows of several facilities under one another, for work that costs more per call than per row.

Belongs here: numbers of rows that tell facilities apart, and parting what was made of them. Does not belong here:
which facilities these are (``pipeline/groups.py``), typing, judging.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from registry_pipeline.core.row_id import FILE_SHIFT

_SHIFT = 56
"""Bits of a row's number within its facility (``core/row_id.py``); the place of the facility stands above them."""
MOST_FILES = 1 << (_SHIFT - FILE_SHIFT)
"""Of a facility whose rows may be stacked: numbers of later files would reach above."""
_OWN = (1 << _SHIFT) - 1
_NUMBERS = ("_row_id", "_record_row_id")
Bounds = Sequence[tuple[int, int]]
"""Of each facility where its rows begin, and how many there are."""


def stacked(parts: Sequence[pl.DataFrame], numbers: Sequence[str] = ("_row_id",)) -> pl.DataFrame:
    """Rows of facilities under one another, with the place of each above the number that a row has.

    Args:
        numbers: columns that hold numbers of rows, or lists of them.
    """
    if len(parts) == 1:
        return parts[0]
    whole = pl.concat(parts, how="diagonal_relaxed", rechunk=True)
    places = np.arange(len(parts), dtype=np.int64) << _SHIFT
    above = pl.Series(np.repeat(places, [part.height for part in parts]))
    return whole.with_columns(pl.col(name) + above for name in numbers if name in whole.columns)


def own_number(number: pl.Expr) -> pl.Expr:
    """The number that a stacked row has within its facility."""
    return number & _OWN


def place_of_row(n: int, number: str = "_row_id") -> pl.Expr:
    """The place of the facility of each of the stacked rows of ``n``."""
    return pl.lit(0, dtype=pl.Int64) if n == 1 else pl.col(number) // (1 << _SHIFT)


def facility_of_row(facility_ids: Sequence[str], number: str = "_row_id") -> pl.Expr:
    """The facility of each of stacked rows."""
    if len(facility_ids) == 1:
        return pl.lit(facility_ids[0])
    places = dict(enumerate(facility_ids))
    return place_of_row(len(facility_ids), number).replace_strict(places, return_dtype=pl.String)


def bounds(row_ids: pl.Series, n: int) -> Bounds:
    """Where the rows of each of ``n`` facilities begin, and how many there are; rows as they were stacked."""
    if n == 1:
        return [(0, len(row_ids))]
    ends = np.searchsorted(row_ids.to_numpy() >> _SHIFT, np.arange(n + 1)).tolist()
    return [(first, end - first) for first, end in pairwise(ends)]


def filled(frame: pl.DataFrame, places: Bounds) -> dict[str, list[int]]:
    """Column -> of each facility how many of its rows have a value."""
    if not frame.columns:
        return {}
    n_blank = [frame.slice(*place).null_count().row(0) for place in places]
    return {
        name: [height - blanks[at] for (_, height), blanks in zip(places, n_blank, strict=True)]
        for at, name in enumerate(frame.columns)
    }


def at_a_time(places: Bounds, most: int) -> Iterator[tuple[int, Bounds]]:
    """Rows to work on at the same time: where they begin, and where those of each facility stand among them.

    Whole facilities, and of one of more than ``most`` rows slices.
    """
    begin, part, n_rows = 0, [(0, 0)] * len(places), 0
    for at, (first, height) in enumerate(places):
        for at_row in range(first, first + height, most):
            own = min(first + height - at_row, most)
            if n_rows and n_rows + own > most:
                yield begin, part
                begin, part, n_rows = at_row, [(0, 0)] * len(places), 0
            part[at] = (at_row - begin, own)
            n_rows += own
    yield begin, part


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
        frame = frame[np.argsort(places, kind="stable")]
    parts = bounds(frame["_row_id"], n)
    named = [name for name in _NUMBERS if name in frame.columns]
    frame = frame.with_columns(own_number(pl.col(named)))
    return [frame.slice(*part) for part in parts]
