"""Typed tables (Parquet, and what the statistical readers hand over) back to text rows.

Belongs here: writing typed values as the text a careful person would have typed.
Does not belong here: labels of statistical files (statistical.py).
"""

from __future__ import annotations

import io

import polars as pl

from registry_pipeline.intake.readers.header import Header, unique_names
from registry_pipeline.intake.readers.model import SOURCE_ROW, RawSheet, ReadError, ReadOptions
from registry_pipeline.intake.readers.sheet import column_ids, finish_sheet, reject_long_cells
from registry_pipeline.intake.readers.source import Source

_INTEGERS = 9e18


def read_parquet(source: Source, options: ReadOptions) -> list[RawSheet]:
    """Read a Parquet file; ``source_row`` is the row's number in the file, there is no header row.

    Raises:
        ReadError: damaged, too_large, unsupported_format (a column holds lists or records).
    """
    try:
        n_rows = int(pl.scan_parquet(io.BytesIO(source.whole())).select(pl.len()).collect().item())
        if n_rows > options.limits.max_rows:
            raise ReadError("too_large", f"more than {options.limits.max_rows:,} rows; split the export")
        table = pl.read_parquet(io.BytesIO(source.whole()))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ReadError("damaged", "the Parquet file is damaged or cut off; ask for it again") from error
    return [sheet_of_table(table, options, encoding="utf-8", notes=[])]


def sheet_of_table(table: pl.DataFrame, options: ReadOptions, *, encoding: str, notes: list[str]) -> RawSheet:
    """A typed table as a sheet of text."""
    received = tuple(table.columns)
    names, renamed = unique_names(received)
    if len(received) > options.limits.max_columns:
        raise ReadError("too_large", f"more than {options.limits.max_columns:,} columns")
    ids = column_ids(len(received))
    texts = [_as_text(series).alias(name) for name, series in zip(ids, table.get_columns(), strict=True)]
    rows = pl.Series(SOURCE_ROW, range(1, len(table) + 1), dtype=pl.Int64)
    grid, rejects = reject_long_cells(pl.DataFrame([*texts, rows]), options)
    header = Header(received, names, 1, tuple(renamed))
    return finish_sheet(grid, header, options, sheet="", encoding=encoding, rejects=rejects, notes=notes)


def _as_text(series: pl.Series) -> pl.Series:
    """ISO dates, whole numbers without ``.0``, empty for missing and NaN."""
    kind = series.dtype
    if kind.is_nested() or kind == pl.Object:
        raise ReadError("unsupported_format", "a column holds lists or records; export a flat table")
    if kind.is_float():
        return _float_text(series.cast(pl.Float64))
    if isinstance(kind, pl.Datetime):
        text = series.dt.to_string("%Y-%m-%d %H:%M:%S%.f")
        return text.str.replace(r"^(.{10}) 00:00:00(?:\.0+)?$", "$1").str.replace(r"\.0+$", "")
    if kind == pl.Binary:
        return series.cast(pl.String, strict=False)
    text = series.cast(pl.String)
    return text.to_frame("t").select(pl.when(pl.col("t") != "").then(pl.col("t"))).to_series()


def _float_text(series: pl.Series) -> pl.Series:
    value = pl.col("v")
    whole = (value == value.round(0)) & (value.abs() < _INTEGERS)
    as_whole = value.cast(pl.Int64, strict=False).cast(pl.String)
    text = pl.when(whole).then(as_whole).when(value.is_not_nan()).then(value.cast(pl.String))
    return series.to_frame("v").select(text).to_series()
