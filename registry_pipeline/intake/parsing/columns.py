"""A parser over a whole column: every distinct text is read once.

Belongs here: the way from a text column to its distinct texts and on to typed columns.
Does not belong here: any parser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from polars.datatypes import DataTypeClass

from registry_pipeline.intake.parsing.result import Parsed

_NULL = pl.Series([None], dtype=pl.String)


@dataclass(frozen=True)
class Distinct:
    """A text column as its distinct texts and where they stand.

    Attributes:
        texts: every text once, in the order in which they come first, and null at the end.
        places: for every value of the column the place of its text in ``texts``.
    """

    texts: pl.Series
    places: pl.Series


def distinct_texts(series: pl.Series) -> Distinct:
    """The distinct texts of a column; nulls are allowed."""
    # through Arrow's own interface: polars' to_arrow() was seen to crash the process now and then
    plain = series if series.dtype == pl.String else series.cast(pl.String)
    texts = pa.chunked_array(plain).cast(pa.large_string())
    encoded = texts.combine_chunks().dictionary_encode()
    distinct = pl.Series(series.name, encoded.dictionary, dtype=pl.String)
    places = pl.Series(encoded.indices.fill_null(len(distinct)).cast(pa.uint32()))
    return Distinct(distinct.append(_NULL), places)


def parse_texts(
    texts: pl.Series,
    parser: Callable[[str | None], Parsed],
    fields: Mapping[str, pl.DataType | DataTypeClass],
) -> pl.DataFrame:
    """Read every text of a series, best of distinct ones.

    Args:
        texts: the texts, nulls allowed.
        parser: a function of one text; bind its options with ``functools.partial``.
        fields: attributes of the parser's result that are wanted -> their types (``status`` and ``reason``
            are attributes too).

    Returns:
        One row per text, in their order, with the columns ``fields``.
    """
    results = [parser(text) for text in texts.to_list()]
    return pl.DataFrame(
        [pl.Series(name, [getattr(r, name) for r in results], dtype=dtype) for name, dtype in fields.items()]
    )
