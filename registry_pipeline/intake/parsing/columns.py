"""A parser over a whole column: every distinct text is read once.

Belongs here: the way from a text column to typed columns. Does not belong here: any parser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import polars as pl
import pyarrow as pa
from polars.datatypes import DataTypeClass

from registry_pipeline.intake.parsing.result import Parsed


def parse_column(
    series: pl.Series,
    parser: Callable[[str | None], Parsed],
    fields: Mapping[str, pl.DataType | DataTypeClass],
) -> pl.DataFrame:
    """Read every value of a text column.

    Args:
        series: the texts, nulls allowed.
        parser: a function of one text; bind its options with ``functools.partial``.
        fields: attributes of the parser's result that are wanted -> their types (``status`` and ``reason``
            are attributes too).

    Returns:
        One row per value of the series, in its order, with the columns ``fields``.
    """
    # through Arrow's own interface: polars' to_arrow() was seen to crash the process now and then
    texts = pa.chunked_array(series.cast(pl.String)).cast(pa.large_string())
    encoded = texts.combine_chunks().dictionary_encode()
    results = [parser(text) for text in [*encoded.dictionary.to_pylist(), None]]
    parsed = pl.DataFrame(
        [pl.Series(name, [getattr(r, name) for r in results], dtype=dtype) for name, dtype in fields.items()]
    )
    places = pl.Series(encoded.indices, dtype=pl.Int64).fill_null(len(encoded.dictionary))
    return parsed[places]


def parser_name(parser: Callable[..., object]) -> str:
    """The name by which ``quality.coercion`` knows a parser: ``date`` for ``parse_date`` and so on."""
    inner = parser.func if isinstance(parser, partial) else parser
    name: str = getattr(inner, "__name__", type(inner).__name__)
    return name.removeprefix("parse_").removesuffix("_of_list")
