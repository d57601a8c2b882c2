"""Frames brought into a declared shape.

Belongs here: columns and types that every room hands frames over by. Does not belong here: what any column means.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from polars.datatypes import DataType, DataTypeClass

PolarsType = DataType | DataTypeClass


def with_schema(frame: pl.DataFrame, schema: Mapping[str, PolarsType]) -> pl.DataFrame:
    """Exactly the columns of ``schema``, in its order and of its types; those that ``frame`` lacks are NULL."""
    return frame.select(column_or_null(frame, name, dtype) for name, dtype in schema.items())


def column_or_null(frame: pl.DataFrame, name: str, dtype: PolarsType) -> pl.Expr:
    """A column of ``frame`` cast to a type, or NULL of that type where there is no such column."""
    if name not in frame.columns:
        return pl.repeat(None, frame.height, dtype=dtype).alias(name)  # type: ignore[arg-type]
    return pl.col(name).cast(dtype)
