"""Text columns of a source to typed columns of a table, with issues and coercions.

Belongs here: blanks and sentinels, typing one mapped column over all its rows.
Does not belong here: what one text means (``intake/columns/readings.py``), records and keys (``intake/columns/table.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from registry_pipeline.intake.columns.readings import (
    SIZE_FIELDS,
    UNIT_MARK,
    ColumnReader,
    Reading,
    plain,
    read_identifier,
    read_text,
    reader_for,
)
from registry_pipeline.intake.mapping.model import ColumnMapping, Source
from registry_pipeline.intake.parsing import Distinct, distinct_texts, parse_texts
from registry_pipeline.intake.readers.model import DECLARED_MISSING

ISSUE_SCHEMA = {
    "_row_id": pl.Int64,
    "column_name": pl.String,
    "source_column": pl.String,
    "rule_id": pl.String,
    "reason": pl.String,
    "value_text": pl.String,
}
CHANGE_SCHEMA = {
    "_row_id": pl.Int64,
    "column_name": pl.String,
    "text_before": pl.String,
    "value_after": pl.String,
    "parser": pl.String,
}
SOURCE_PREFIX = "_source:"
"""Before the name of a source column that a template or a group still needs beside the typed columns."""
EPOCH_PREFIX = "_epoch:"
"""Before the name of a source column: the system, 1900 or 1904, in which a row's workbook counts days."""
_DAY_NUMBER = r"\A[0-9]{5}(?:\.[0-9]+)?\z"
_FOUND = {"rule_id": pl.String, "reason": pl.String, "after": pl.String, "parser": pl.String}
_DATE_PARTS = {"%Y": "(?:1[89]|2[01])[0-9]{2}", "%m": "[0-9]{2}", "%d": "[0-9]{2}"}
_PLAIN_IDENTIFIER = r"\A[!-~]+(?: [!-~]+)*\z"
_ROUNDED_IDENTIFIER = r"\A[0-9]\.[0-9]+[eE]"


@dataclass(frozen=True)
class Typed:
    """One mapped column, typed.

    Attributes:
        values: the curated columns that it fills, in the order of the rows.
        texts: the text behind each value, blanks null.
        source_column: where each text came from.
        issues: texts that could not be read, as ``ISSUE_SCHEMA``.
        changes: values that differ from their text, as ``CHANGE_SCHEMA``.
    """

    values: pl.DataFrame
    texts: pl.Series
    source_column: pl.Series
    issues: pl.DataFrame
    changes: pl.DataFrame


def folded(column: pl.Expr) -> pl.Expr:
    """Text made comparable: NFKC, blanks collapsed, no case."""
    return column.str.normalize("NFKC").str.replace_all(r"\s+", " ").str.strip_chars().str.to_lowercase()


def clean(rows: pl.DataFrame, columns: Sequence[str], sentinels: Sequence[str]) -> pl.DataFrame:
    """Outer blanks off; empty texts and sentinels (whatever their width and case) to null."""
    blanks = pl.Series([*sentinels, ""], dtype=pl.String).to_frame("text").select(folded(pl.col("text")))
    wanted = blanks["text"].unique().implode()
    changed = []
    for name in columns:
        received = rows[name].unique().drop_nulls()
        distinct = received.str.strip_chars().alias("text").to_frame()
        is_missing = folded(pl.col("text")).is_in(wanted) | pl.col("text").str.contains(DECLARED_MISSING)
        missing = distinct.filter(is_missing)["text"].unique()
        stripped = pl.col(name).str.strip_chars()
        if len(missing):
            changed.append(pl.when(~stripped.is_in(missing.implode())).then(stripped).alias(name))
        elif (distinct["text"] != received).any():
            changed.append(stripped)
    return rows.with_columns(changed)


def type_column(
    rows: pl.DataFrame, mapping: ColumnMapping, source: Source, siblings: Mapping[str, object]
) -> Typed:
    """Type one column that comes from source columns.

    Args:
        rows: cleaned source columns and ``_row_id``.
        siblings: columns of the table that a size may fill, by name.
    """
    texts, origin = _first_filled(rows, mapping.sources)
    reader = reader_for(mapping, source)
    name = mapping.target.name
    if reader.read is read_text:
        nothing = pl.DataFrame(schema=ISSUE_SCHEMA), pl.DataFrame(schema=CHANGE_SCHEMA)
        return Typed(texts.alias(name).to_frame(), texts, origin, *nothing)
    readings, places = _readings(rows, texts, mapping, source, reader)
    parts = {"value": name}
    if mapping.target.kind == "date" and mapping.anchor is None:
        parts |= {part: f"{name}_{part}" for part in ("precision", "lower", "upper")}
    if mapping.is_size:
        parts |= {field: column for column, field in SIZE_FIELDS.items() if column in siblings}
    values = readings.select(pl.col(part).gather(places).alias(column) for part, column in parts.items())
    if mapping.is_size and "size_text" in siblings:
        values = values.with_columns(texts.alias("size_text"))
    judged = _judged(readings, places, pl.DataFrame([rows["_row_id"], texts.alias("text"), origin]))
    judged = judged.with_columns(pl.lit(name).alias("column_name"))
    issues = judged.filter(pl.col("rule_id").is_not_null()).rename({"text": "value_text"})
    changes = judged.filter(pl.col("after").is_not_null()).rename(
        {"text": "text_before", "after": "value_after"}
    )
    return Typed(
        values, texts, origin, issues.select(list(ISSUE_SCHEMA)), changes.select(list(CHANGE_SCHEMA))
    )


def _judged(readings: pl.DataFrame, places: pl.Series, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows whose reading has something to tell, and what."""
    tells = readings["rule_id"].is_not_null() | readings["after"].is_not_null()
    wanted = tells.gather(places).arg_true() if tells.any() else pl.Series(dtype=pl.UInt32)
    told = readings.select(pl.col(list(_FOUND)).gather(places.gather(wanted)))
    return rows.select(pl.all().gather(wanted)).hstack(told)


def with_default(typed: Typed, mapping: ColumnMapping, row_ids: pl.Series) -> Typed:
    """The declared default where the source is blank; a text that could not be read stays an issue."""
    name = mapping.target.name
    is_blank = typed.texts.is_null()
    filled = {name: mapping.default}
    if mapping.target.kind == "date":
        filled |= {
            f"{name}_lower": mapping.default,
            f"{name}_upper": mapping.default,
            f"{name}_precision": "day",
        }
    values = typed.values.with_columns(
        pl.when(is_blank).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
        for column, value in filled.items()
    )
    changes = (
        row_ids.filter(is_blank)
        .to_frame("_row_id")
        .select(
            "_row_id",
            pl.lit(name).alias("column_name"),
            pl.lit(None, dtype=pl.String).alias("text_before"),
            pl.lit(plain(mapping.default)).alias("value_after"),
            pl.lit("default").alias("parser"),
        )
    )
    return replace(typed, values=values, changes=pl.concat([typed.changes, changes]))


def _first_filled(rows: pl.DataFrame, names: Sequence[str]) -> tuple[pl.Series, pl.Series]:
    """The first text that is not blank, and the column it stands in (the first one where all are blank)."""
    filled = rows.select(
        pl.coalesce(pl.col(list(names))).alias("text"),
        pl.coalesce(
            *(pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in names), pl.lit(names[0])
        ).alias("source_column"),
    )
    return filled["text"], filled["source_column"]


def _readings(
    rows: pl.DataFrame, texts: pl.Series, mapping: ColumnMapping, source: Source, reader: ColumnReader
) -> tuple[pl.DataFrame, pl.Series]:
    """What each distinct text means, and for every row the place of its text among them."""
    fields = {**reader.types, **_FOUND}
    if mapping.unit_from is not None:
        units = rows[mapping.unit_from].fill_null("")
        texts = texts.to_frame("text").select(pl.col("text") + UNIT_MARK + units).to_series()
    distinct = distinct_texts(texts)
    if reader.read is read_identifier:
        return read_identifiers(distinct.texts, fields), distinct.places
    epoch = next((EPOCH_PREFIX + one for one in mapping.sources if EPOCH_PREFIX + one in rows.columns), None)
    if epoch is not None and mapping.target.kind == "date" and mapping.anchor is None:
        return _read_day_numbers(distinct, rows[epoch], mapping, source, fields)
    if column_format := _plain_date_format(mapping, source):
        return read_dates(distinct.texts, reader.read, fields, column_format), distinct.places
    return parse_texts(distinct.texts, reader.read, fields), distinct.places


def _read_day_numbers(
    distinct: Distinct,
    epochs: pl.Series,
    mapping: ColumnMapping,
    source: Source,
    fields: Mapping[str, pl.DataType],
) -> tuple[pl.DataFrame, pl.Series]:
    """Dates of which some are bare day numbers of a workbook whose system is known."""
    is_number = distinct.texts.str.contains(_DAY_NUMBER).gather(distinct.places).fill_null(False)
    readings = [parse_texts(distinct.texts, reader_for(mapping, source).read, fields)]
    places = distinct.places
    for epoch in ("1900", "1904"):
        counted = is_number & (epochs == epoch).fill_null(False)
        if counted.any():
            read = reader_for(mapping, replace(source, excel_serial=epoch)).read
            moved = distinct.places + len(readings) * len(distinct.texts)
            places = moved.zip_with(counted, places)
            readings.append(parse_texts(distinct.texts, read, fields))
    return pl.concat(readings), places


def _plain_date_format(mapping: ColumnMapping, source: Source) -> str | None:
    """The first declared format of a date, where it is made of year, month and day in digits."""
    if mapping.target.kind != "date" or mapping.anchor is not None:
        return None
    first = next(iter(mapping.formats or source.date_formats), "")
    is_plain = all(first.count(part) == 1 for part in _DATE_PARTS) and first.count("%") == len(_DATE_PARTS)
    return first if is_plain else None


def read_dates(
    texts: pl.Series, read: Callable[[str | None], Reading], fields: Mapping[str, pl.DataType], form: str
) -> pl.DataFrame:
    """Readings of dates. Most are written just as declared: only the others go through the parser, which takes
    as long for one of them as this takes for a thousand.
    """
    pattern = re.escape(form)
    for part, digits in _DATE_PARTS.items():
        pattern = pattern.replace(part, digits)
    text = pl.col("text")
    is_declared = pl.when(text.str.contains(rf"\A{pattern}\z")).then(text)
    dates = texts.to_frame("text").select("text", is_declared.str.to_date(form, strict=False).alias("date"))
    iso = pl.col("date").dt.to_string("%Y-%m-%d")
    made = {name: pl.col("date") for name in ("value", "lower", "upper")}
    made |= {"precision": pl.lit("day"), "parser": pl.lit("date"), "after": pl.when(iso != text).then(iso)}
    return _read_others(texts, dates, dates["date"].is_not_null(), made, read, fields)


def read_identifiers(texts: pl.Series, fields: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Readings of identifiers, which are nearly all distinct and plain: only the others go through the parser."""
    is_plain = texts.str.contains(_PLAIN_IDENTIFIER) & ~texts.str.contains(_ROUNDED_IDENTIFIER)
    known, made = texts.to_frame("text"), {"value": pl.col("text")}
    return _read_others(texts, known, is_plain.fill_null(False), made, read_identifier, fields)


def _read_others(
    texts: pl.Series,
    known: pl.DataFrame,
    is_known: pl.Series,
    made: Mapping[str, pl.Expr],
    read: Callable[[str | None], Reading],
    fields: Mapping[str, pl.DataType],
) -> pl.DataFrame:
    """Readings of all texts: made from ``known`` where that is enough, else by the parser."""
    nothing = pl.lit(None)
    told = known.filter(is_known).select(
        made.get(name, nothing).cast(dtype).alias(name) for name, dtype in fields.items()
    )
    others = parse_texts(texts.filter(~is_known), read, fields)
    places = pl.concat([is_known.arg_true(), (~is_known).arg_true()])
    return pl.concat([told, others]).select(pl.all().gather(places.arg_sort()))
