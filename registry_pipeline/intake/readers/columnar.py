"""Typed tables (Parquet, and what the statistical readers hand over) back to text rows.

Belongs here: writing typed values as the text a careful person would have typed.
Does not belong here: labels of statistical files (statistical.py).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import polars as pl

from registry_pipeline.core.native_panics import NativePanic, panics_as_exceptions
from registry_pipeline.intake.readers.formats import Format
from registry_pipeline.intake.readers.header import Header, unique_names
from registry_pipeline.intake.readers.model import SOURCE_ROW, RawSheet, ReadError, ReadOptions
from registry_pipeline.intake.readers.sheet import column_ids, finish_sheet, reject_long_cells
from registry_pipeline.intake.readers.source import Source

_INTEGERS = 9e18
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31 from 1970-01-01
_DAY_UNITS = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_DAMAGED = "the Parquet file is damaged or cut off; ask for it again"
_FAILURES = (pl.exceptions.PolarsError, NativePanic, OSError, ValueError, TypeError)


class _Unreadable(Exception):
    """A column that is no column of a table; the message says why."""


def read_parquet(source: Source, options: ReadOptions) -> list[RawSheet]:
    """Read a Parquet file; ``source_row`` is the row's number in the file, there is no header row.

    A column that cannot be read as text (lists, records, durations, bytes) is left out with a warning.

    Raises:
        ReadError: damaged, too_large, unsupported_format (no column can be read).
    """
    try:
        with panics_as_exceptions():
            scan = pl.scan_parquet(io.BytesIO(source.whole()))
            names = scan.collect_schema().names()
            n_rows = int(scan.select(pl.len()).collect().item())
    except _FAILURES as error:
        raise ReadError("damaged", _DAMAGED) from error
    if n_rows > options.limits.max_rows:
        raise ReadError("too_large", f"more than {options.limits.max_rows:,} rows; split the export")
    if len(names) > options.limits.max_columns:
        raise ReadError("too_large", f"more than {options.limits.max_columns:,} columns")
    table, warnings = _columns_of(scan, names)
    sheet = sheet_of_table(table, options, encoding="utf-8", notes=[])
    return [replace(sheet, warnings=[*warnings, *sheet.warnings])]


def _columns_of(scan: pl.LazyFrame, names: list[str]) -> tuple[pl.DataFrame, list[str]]:
    """All columns, or those that can be read where one cannot."""
    try:
        with panics_as_exceptions():
            return scan.collect(), []
    except _FAILURES:
        pass
    columns, warnings = [], []
    for name in names:
        try:
            with panics_as_exceptions():
                columns.append(scan.select(name).collect().to_series())
        except _FAILURES:
            warnings.append(_left_out(name, "is damaged or of a type that is not known"))
    if not columns:
        raise ReadError("damaged", _DAMAGED)
    return pl.DataFrame(columns), warnings


def sheet_of_table(table: pl.DataFrame, options: ReadOptions, *, encoding: str, notes: list[str]) -> RawSheet:
    """A typed table as a sheet of text.

    Raises:
        ReadError: too_large; unsupported_format where no column can be read.
    """
    if table.width > options.limits.max_columns:
        raise ReadError("too_large", f"more than {options.limits.max_columns:,} columns")
    texts, warnings = [], []
    for series in table.get_columns():
        try:
            with panics_as_exceptions():
                texts.append(_as_text(series))
        except _Unreadable as error:
            warnings.append(_left_out(series.name, str(error)))
        except _FAILURES:
            warnings.append(_left_out(series.name, "cannot be written as text"))
    if warnings and not texts:
        raise ReadError("unsupported_format", "no column of it can be read as text; export a flat table")
    if sum(int(series.str.len_bytes().sum()) for series in texts) > options.limits.max_unpacked_bytes:
        n_mb = options.limits.max_unpacked_bytes // 2**20
        raise ReadError(
            "too_large", f"its texts are more than {n_mb:,} MB in all, many of them the same; split it"
        )
    received = tuple(series.name for series in texts)
    names, renamed = unique_names(received)
    grid = pl.DataFrame(
        [series.alias(place) for place, series in zip(column_ids(len(texts)), texts, strict=True)]
    )
    rows = pl.Series(SOURCE_ROW, range(1, len(table) + 1), dtype=pl.Int64)
    grid, rejects = reject_long_cells(grid.with_columns(rows), options)
    header = Header(received, names, 1, tuple(renamed))
    sheet = finish_sheet(grid, header, options, sheet="", encoding=encoding, rejects=rejects, notes=notes)
    return replace(sheet, warnings=warnings)


def _left_out(name: str, why: str) -> str:
    return f"the column '{' '.join(name.split())[:60]}' {why}; it was left out: export it as text, numbers or dates"


def _as_text(series: pl.Series) -> pl.Series:
    """ISO dates, whole numbers without ``.0``, empty for missing and NaN; a named zone's instants as its clock shows
    them, those of UTC with ``Z``.
    """
    kind = series.dtype
    if kind.is_nested() or kind == pl.Object:
        raise _Unreadable("holds lists or records")
    if kind == pl.Duration:
        raise _Unreadable("holds lengths of time")
    if kind.is_float():
        return _float_text(series)
    if kind == pl.Date:
        return _within_calendar(series, 1, lambda days: days.dt.to_string("%Y-%m-%d"))
    if isinstance(kind, pl.Datetime):
        return _within_calendar(series, _DAY_UNITS[kind.time_unit], _moment_text)
    text = series.cast(pl.String, strict=kind != pl.Binary)
    if kind == pl.Binary and text.null_count() > series.null_count():
        raise _Unreadable("holds bytes that are no text")
    return (
        text.to_frame("t").select(pl.when(pl.col("t") != "").then(pl.col("t")).alias(series.name)).to_series()
    )


def _moment_text(series: pl.Series) -> pl.Series:
    assert isinstance(series.dtype, pl.Datetime)
    text = series.dt.to_string("%Y-%m-%d %H:%M:%S%.f").str.replace(r"\.0+$", "")
    if series.dtype.time_zone in ("UTC", "Etc/UTC", "+00:00", "Z"):
        return text + "Z"
    return text.str.replace(r"^(.{10}) 00:00:00$", "$1")


def _within_calendar(
    series: pl.Series, n_per_day: int, to_text: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """Text of dates; a number outside the years 1 to 9999 is shown as the number that it is."""
    numbers = series.to_physical().cast(pl.Int64)
    first, last = max(_FIRST_DAY * n_per_day, -(2**63)), min((_LAST_DAY + 1) * n_per_day, 2**63) - 1
    is_date = numbers.is_between(first, last)
    if is_date.all():
        return to_text(series).alias(series.name)
    unit = "days" if n_per_day == 1 else {v: k for k, v in _DAY_UNITS.items()}[n_per_day]
    dates = to_text(series.set(~is_date.fill_null(True), None))
    texts = pl.DataFrame({"date": dates, "is_date": is_date, "number": numbers})
    other = pl.col("number").cast(pl.String) + f" {unit} from 1970-01-01"
    return texts.select(
        pl.when(pl.col("is_date")).then("date").otherwise(other).alias(series.name)
    ).to_series()


def _float_text(series: pl.Series) -> pl.Series:
    """The shortest decimal of the stored width: numbers that went through 32 bits are told by all of them fitting."""
    narrow = series.cast(pl.Float32)
    if series.dtype == pl.Float64 and (narrow.cast(pl.Float64) == series).fill_null(True).all():
        series = narrow
    value = pl.col("v")
    whole = (value == value.round(0)) & (value.abs() < _INTEGERS)
    as_whole = value.cast(pl.Int64, strict=False).cast(pl.String)
    text = pl.when(whole).then(as_whole).when(value.is_not_nan()).then(value.cast(pl.String))
    return series.to_frame("v").select(text.alias(series.name)).to_series()


FORMATS = (Format("parquet", read_parquet, (b"PAR1",), unpacked=10),)
