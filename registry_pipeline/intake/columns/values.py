"""Text columns of a source to typed columns of a table, with issues and coercions.

Belongs here: typing one mapped column over all its rows.
Does not belong here: blanks (``blanks.py``), what one text means (``readings.py``), records and keys (``table.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from registry_pipeline.core.frames import with_schema
from registry_pipeline.intake.columns.blanks import clean, folded
from registry_pipeline.intake.columns.bulk_readings import identifier_readings, plain_date_format, read_dates
from registry_pipeline.intake.columns.readings import (
    PERSON_NUMBERS,
    SIZE_FIELDS,
    UNIT_MARK,
    ColumnReader,
    plain,
    read_identifier,
    read_text,
    reader_for,
)
from registry_pipeline.intake.mapping.column import ColumnMapping
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.parsing import Distinct, distinct_texts, parse_texts
from registry_pipeline.intake.parsing.identifiers import MACHINE_NULLS
from schemas.columns import DATE_PARTS

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
_BEHIND_CHANGE = {"text_before": "text", "value_after": "after"}
_NO_ISSUES, _NO_CHANGES = pl.DataFrame(schema=ISSUE_SCHEMA), pl.DataFrame(schema=CHANGE_SCHEMA)
_FOUND = {"rule_id": pl.String, "reason": pl.String, "after": pl.String, "parser": pl.String}


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


def type_column(
    rows: pl.DataFrame,
    mapping: ColumnMapping,
    source: Source,
    siblings: Mapping[str, object],
    *,
    is_part: bool = False,
) -> Typed:
    """Type one column that comes from source columns.

    Args:
        rows: cleaned source columns and ``_row_id``.
        siblings: columns of the table that a size may fill, by name.
        is_part: the texts are a part of an identifier, not the whole.
    """
    received, origin = _first_filled(rows, mapping)
    texts = received if mapping.part is None else _part_of(received, mapping.part)
    reader = reader_for(mapping, source)
    name = mapping.target.name
    if reader.read is read_text:
        typed = _typed_text(rows["_row_id"], texts, origin, name)
        return typed if mapping.part is None else _with_parts(typed, received, rows["_row_id"], name)
    readings, places = _readings(rows, texts, mapping, source, reader, is_part)
    parts = {"value": name}
    if mapping.target.kind == "date" and mapping.anchor is None:
        parts |= {part: f"{name}_{part}" for part in DATE_PARTS}
    if mapping.is_size:
        parts |= {field: column for column, field in SIZE_FIELDS.items() if column in siblings}
    values = pl.DataFrame([readings[part].alias(column) for part, column in parts.items()])[places]
    if mapping.is_size and "size_text" in siblings:
        values = values.with_columns(texts.alias("size_text"))
    issues, changes = _judged(
        readings, places, pl.DataFrame([rows["_row_id"], texts.alias("text"), origin]), name
    )
    typed = Typed(values, texts, origin, issues, changes)
    return typed if mapping.part is None else _with_parts(typed, received, rows["_row_id"], name)


def _part_of(texts: pl.Series, pattern: str) -> pl.Series:
    """The first group of a pattern, else all that it matches; null where it does not match."""
    has_group = re.compile(pattern).groups > 0
    return texts.str.extract(pattern, 1 if has_group else 0)


def _with_parts(typed: Typed, received: pl.Series, row_ids: pl.Series, name: str) -> Typed:
    """With issues where the part is missing, and coercions where it is not the whole text."""
    cells = pl.DataFrame(
        [row_ids, received.alias("text"), typed.texts.alias("part"), typed.source_column]
    ).with_columns(pl.lit(name).alias("column_name"))
    missing = cells.filter(pl.col("text").is_not_null() & pl.col("part").is_null())
    issues = missing.rename({"text": "value_text"}).with_columns(
        pl.lit("S14").alias("rule_id"), pl.lit("part_missing").alias("reason")
    )
    changes = cells.filter(pl.col("part") != pl.col("text")).rename(
        {"text": "text_before", "part": "value_after"}
    )
    return replace(
        typed,
        texts=received,
        issues=pl.concat([typed.issues, with_schema(issues, ISSUE_SCHEMA)]),
        changes=pl.concat(
            [typed.changes, with_schema(changes.with_columns(pl.lit("part").alias("parser")), CHANGE_SCHEMA)]
        ),
    )


def _typed_text(row_ids: pl.Series, texts: pl.Series, origin: pl.Series, name: str) -> Typed:
    """Free text as it is, but for the words that programs write where there is no value."""
    is_null = texts.to_frame("text").select(folded(pl.col("text")).is_in(list(MACHINE_NULLS)))["text"]
    is_null = is_null.fill_null(False)
    filled = texts.zip_with(~is_null, pl.Series([None], dtype=pl.String)) if is_null.any() else texts
    changes = pl.DataFrame([row_ids, texts.alias("text_before")]).filter(is_null)
    shaped = changes.with_columns(pl.lit(name).alias("column_name"), pl.lit("placeholder").alias("parser"))
    return Typed(
        filled.alias(name).to_frame(),
        filled,
        origin,
        _NO_ISSUES,
        with_schema(shaped, CHANGE_SCHEMA),
    )


def _judged(
    readings: pl.DataFrame, places: pl.Series, rows: pl.DataFrame, name: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Issues and changes of the rows whose reading has something to tell."""
    has_outcome = [readings[column].null_count() < readings.height for column in ("rule_id", "after")]
    if not any(has_outcome):
        return _NO_ISSUES, _NO_CHANGES
    tells = readings.select(pl.col("rule_id").is_not_null() | pl.col("after").is_not_null()).to_series()
    positions = tells[places].arg_true()
    judged = rows[positions].hstack(readings[list(_FOUND)][places[positions]])
    judged = judged.with_columns(pl.lit(name).alias("column_name"))
    issues, changes = pl.collect_all(
        [
            judged.lazy()
            .filter(pl.col("rule_id").is_not_null())
            .select(
                pl.col("text").alias(column) if column == "value_text" else column for column in ISSUE_SCHEMA
            ),
            judged.lazy()
            .filter(pl.col("after").is_not_null())
            .select(pl.col(_BEHIND_CHANGE.get(column, column)).alias(column) for column in CHANGE_SCHEMA),
        ]
    )
    return issues, changes


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


def _first_filled(rows: pl.DataFrame, mapping: ColumnMapping) -> tuple[pl.Series, pl.Series]:
    """The first text that is not blank, and the column it stands in (the first one where all are blank)."""
    names = mapping.sources
    if mapping.sentinels:
        rows = clean(rows.select(*dict.fromkeys(names)), names, mapping.sentinels)
    if len(names) == 1:
        origin = pl.Series("source_column", names, dtype=pl.String).new_from_index(0, rows.height)
        return rows[names[0]].alias("text"), origin
    filled = rows.select(
        pl.coalesce(pl.col(list(names))).alias("text"),
        pl.coalesce(
            *(pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in names), pl.lit(names[0])
        ).alias("source_column"),
    )
    return filled["text"], filled["source_column"]


def _readings(
    rows: pl.DataFrame,
    texts: pl.Series,
    mapping: ColumnMapping,
    source: Source,
    reader: ColumnReader,
    is_part: bool,
) -> tuple[pl.DataFrame, pl.Series]:
    """What each distinct text means, and for every row the place of its text among them."""
    fields = {**reader.types, **_FOUND}
    if mapping.unit_from is not None:
        units = rows[mapping.unit_from].fill_null("")
        texts = texts.to_frame("text").select(pl.col("text") + UNIT_MARK + units).to_series()
    if isinstance(reader.read, partial) and reader.read.func is read_identifier:
        is_person = mapping.target.name in PERSON_NUMBERS and not is_part
        return identifier_readings(texts, rows["_row_id"], is_person, fields)[1:]
    distinct = distinct_texts(texts)
    epoch = next(
        (EPOCH_PREFIX + source for source in mapping.sources if EPOCH_PREFIX + source in rows.columns), None
    )
    if epoch is not None and mapping.target.kind == "date" and mapping.anchor is None:
        return _read_day_numbers(distinct, rows[epoch], mapping, source, fields)
    if column_format := plain_date_format(mapping, source):
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
