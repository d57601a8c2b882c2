"""Frames brought into a declared shape.

Belongs here: columns and types that every room hands frames over by. Does not belong here: what any column means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
from polars.datatypes import DataType, DataTypeClass

PolarsType = DataType | DataTypeClass
_ROWS_AT_A_TIME = 250_000


class Slices(Protocol):
    """Rows that may be too many to hold: a frame, or one that is read slice by slice at every look."""

    def iter_slices(self, n_rows: int = 10_000, /) -> Iterator[pl.DataFrame]:
        """The rows in their order, at most so many at a time."""
        ...


@dataclass(frozen=True)
class ChangedSlices:
    """Slices of which each is changed when it is asked for."""

    source: Slices
    change: Callable[[pl.DataFrame], pl.DataFrame]

    def iter_slices(self, n_rows: int = 10_000, /) -> Iterator[pl.DataFrame]:
        """The changed rows; a change may leave rows out."""
        return (self.change(part) for part in self.source.iter_slices(n_rows))


def with_schema(frame: pl.DataFrame, schema: Mapping[str, PolarsType]) -> pl.DataFrame:
    """Exactly the columns of ``schema``, in its order and of its types; those that ``frame`` lacks are NULL."""
    # Column by column: a plan of as many expressions takes ten times as long as what it does to a small frame.
    own = frame.schema
    return pl.DataFrame(
        [
            frame.get_column(name).cast(dtype) if name in own else constant(name, None, dtype, frame.height)
            for name, dtype in schema.items()
        ]
    )


def constant(name: str, value: Any, dtype: PolarsType, height: int) -> pl.Series:
    """A column with the same value in every row."""
    return pl.Series(name, [value], dtype=dtype).new_from_index(0, height)


def column_or_null(frame: pl.DataFrame, name: str, dtype: PolarsType) -> pl.Expr:
    """A column of ``frame`` cast to a type, or NULL of that type where there is no such column."""
    if name not in frame.columns:
        return pl.repeat(None, frame.height, dtype=dtype).alias(name)
    return pl.col(name).cast(dtype)


def number_combinations(
    frame: pl.DataFrame, columns: Sequence[str], name: str
) -> tuple[pl.DataFrame, pl.Series]:
    """The distinct combinations of some columns, in order of appearance, and of every row the number of its own.

    Slice by slice: to group all of millions of rows by many columns, each row is first written as one long key.

    Args:
        name: of the number, from 0, which the combinations carry too.
    """
    slices = [part.select(columns) for part in frame.iter_slices(_ROWS_AT_A_TIME)]
    distinct = [part.unique(maintain_order=True) for part in slices]
    combinations = pl.concat([frame.select(columns).clear(), *distinct]).unique(maintain_order=True)
    numbered = combinations.with_row_index(name)
    numbers = [
        part.join(numbered, on=list(columns), how="left", nulls_equal=True, maintain_order="left")[name]
        for part in slices
    ]
    return numbered, pl.concat([numbered[name].clear(), *numbers])
