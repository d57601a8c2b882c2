"""One text to what a column stores, with the issue or the coercion that comes of it.

Belongs here: choosing the parser for a column, the rule that an unreadable text breaks, and what counts as
a change. Does not belong here: the parsers (``parsing/``), frames (``intake/columns/values.py``).

What counts as a change: the stored value, written plainly, is not the text that was received. Width, case
and blanks that had to be folded, units, decimal marks, forms of dates and day counts all count. Words that
the mapping itself maps to a code, in the spelling declared there, do not: the mapping says them once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from registry_pipeline.intake.mapping.codes import UNIT_FACTORS
from registry_pipeline.intake.mapping.column import ColumnMapping
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.parsing import (
    BOOLEAN_CODES,
    make_code_parser,
    parse_date,
    parse_number,
    parse_size,
)
from registry_pipeline.intake.parsing.identifiers import NumberedColumn, parse_identifier
from registry_pipeline.intake.parsing.instants import as_local
from registry_pipeline.intake.parsing.result import Status

UNIT_MARK = "\x1f"
"""Stands between a text and the unit of its row where the unit has a column of its own."""

_RULE_OF_REASON = {
    "looks_like_excel_serial": "S11",
    "ambiguous_day_month": "S12",
    "unit_missing": "S13",
    "unknown_unit": "S13",
    "not_in_code_list": "S05",
    "ambiguous_code": "S05",
}
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_EXACT_WHOLE = 2**53
"""From here on not every whole number is a float of its own."""
PERSON_NUMBERS = ("patient_id", "source_patient_id")
SIZE_FIELDS: dict[str, str] = {
    "short_axis_mm": "short_axis_mm",
    "third_axis_mm": "third_mm",
    "size_lower_mm": "lower_mm",
    "size_upper_mm": "upper_mm",
    "size_qualifier": "qualifier",
    "axis_reported": "axis_reported",
    "suvmax": "suvmax",
}
"""Curated column that a size statement fills besides its own -> field of the parsed size."""


@dataclass(frozen=True)
class Reading:
    """What one text gave. ``parts`` are the column's own value and those that come with it."""

    parts: Mapping[str, Any]
    rule_id: str | None = None
    reason: str | None = None
    after: str | None = None
    parser: str | None = None
    status: Status = "ok"

    def __getattr__(self, name: str) -> Any:
        """Parts as attributes, which is how ``parse_texts`` takes results apart."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self.parts.get(name)


@dataclass(frozen=True)
class ColumnReader:
    """How the texts of one mapped column are read.

    Attributes:
        read: one text -> reading; None gives a reading without a value.
        types: name of each part that a reading has -> its type.
    """

    read: Callable[[str | None], Reading]
    types: Mapping[str, Any]


def reader_for(mapping: ColumnMapping, source: Source) -> ColumnReader:
    """The reader of a mapped column; ``value`` is the part that the column itself stores."""
    column = mapping.target
    own = {"value": column.polars_type}
    if mapping.anchor is not None:
        return ColumnReader(partial(_read_days, decimal=source.decimal), {"value": pl.Float64})
    if mapping.is_size:
        types = {"value": pl.Float64, **{field: _size_type(field) for field in SIZE_FIELDS.values()}}
        return ColumnReader(partial(_read_size, unit=mapping.unit, decimal=source.decimal), types)
    if column.kind == "date":
        formats = mapping.formats or source.date_formats
        options = {
            "formats": formats,
            "day_first": source.day_first,
            "excel_serial": source.excel_serial,
            "year_cutoff": source.year_cutoff,
        }
        types = {**own, "precision": pl.String, "lower": pl.Date, "upper": pl.Date}
        zone = ZoneInfo(source.timezone) if source.timezone else None
        read = partial(_read_date, options=options, zone=zone, times_are_utc=source.times_are_utc)
        return ColumnReader(read, types)
    if column.kind in ("integer", "real"):
        return ColumnReader(_number_reader(mapping, source), own)
    words = words_of_column(mapping)
    if words is not None:
        return ColumnReader(_word_reader(words, mapping.codes is None), own)
    if not column.name.endswith("_id"):
        return ColumnReader(read_text, own)
    return ColumnReader(partial(read_identifier, column=NumberedColumn(column.name in PERSON_NUMBERS)), own)


def _size_type(field: str) -> Any:
    return pl.String if field in ("qualifier", "axis_reported") else pl.Float64


def words_of_column(mapping: ColumnMapping) -> Mapping[str, Any] | None:
    """The words that a column accepts: the facility's, else its own codes; None for free text."""
    if mapping.codes is not None:
        return mapping.codes
    if mapping.target.kind == "boolean":
        return BOOLEAN_CODES
    codes = mapping.target.codes
    return None if codes is None else {code: code for code in codes.codes}


def _issue(reason: str | None, rule_id: str) -> Reading:
    return Reading({}, _RULE_OF_REASON.get(reason or "", rule_id), reason or "not_read", status="query")


_BLANK = Reading({}, status="blank")


def read_text(text: str | None) -> Reading:
    """Free text, as it is; the words that programs write for nothing are taken out of whole columns at once."""
    return Reading({"value": text}) if text else _BLANK


def read_identifier(text: str | None, column: NumberedColumn) -> Reading:
    """An identifier; one that a spreadsheet has rounded, or that names nobody, is an issue."""
    parsed = parse_identifier(text, column)
    if parsed.status != "ok":
        return _BLANK if parsed.status == "blank" else _issue(parsed.reason, "S14")
    return Reading(
        {"value": parsed.value}, after=parsed.value if parsed.value != text else None, parser="identifier"
    )


def _word_reader(words: Mapping[str, Any], is_own_list: bool) -> Callable[[str | None], Reading]:
    look_up = make_code_parser({word: repr(value) for word, value in words.items()})
    values = {repr(value): value for value in words.values()}

    def read(text: str | None) -> Reading:
        word = look_up(text)
        if word.status != "ok" or word.value is None:
            return _BLANK if word.status == "blank" else _issue(word.reason, "S05")
        value = values[word.value]
        is_declared = text in words or (is_own_list and isinstance(value, bool))
        return Reading({"value": value}, after=None if is_declared else plain(value), parser="code")

    return read


def _read_date(
    text: str | None, options: dict[str, Any], zone: tzinfo | None = None, times_are_utc: bool = False
) -> Reading:
    parsed = parse_date(as_local(text, zone, times_are_utc), **options)
    if parsed.status != "ok" or parsed.value is None:
        return _BLANK if parsed.status == "blank" else _issue(parsed.reason, "S09")
    parts = {
        "value": parsed.value,
        "precision": parsed.precision,
        "lower": parsed.lower,
        "upper": parsed.upper,
    }
    after = parsed.value.isoformat()
    return Reading(parts, after=after if after != text else None, parser="date")


def _number_reader(mapping: ColumnMapping, source: Source) -> Callable[[str | None], Reading]:
    words = None if mapping.codes is None else _word_reader(mapping.codes, is_own_list=False)
    number = partial(_read_number, mapping=mapping, decimal=source.decimal)
    if words is None:
        return number

    def read(text: str | None) -> Reading:
        reading = words(text)
        if reading.status != "query":
            return reading
        other = number(text)
        return reading if other.status == "query" else other

    return read


def _read_number(text: str | None, mapping: ColumnMapping, decimal: Any) -> Reading:
    column = mapping.target
    units: Mapping[str, float] | None = mapping.units or UNIT_FACTORS.get(column.unit or "")
    default = mapping.unit or column.unit
    if mapping.unit_from is not None:
        text, _, default = (text or "").partition(UNIT_MARK)
    parsed = parse_number(text, decimal=decimal, units=units, default_unit=default or None)
    if parsed.status != "ok" or parsed.value is None:
        return _BLANK if parsed.status == "blank" else _issue(parsed.reason, "S14")
    if parsed.qualifier != "=":
        return _issue("qualified", "S14")
    if column.kind != "integer":
        return Reading({"value": parsed.value}, after=_changed(text, parsed.value), parser="number")
    if abs(parsed.value) >= _EXACT_WHOLE:
        return _issue("out_of_range", "S14")
    if not parsed.value.is_integer() and mapping.rounding is None:
        return _issue("not_an_integer", "S14")
    value = math.floor(parsed.value + (0.5 if mapping.rounding == "nearest" else 0.0))
    return Reading({"value": value}, after=_changed(text, value), parser="number")


def _read_size(text: str | None, unit: Any, decimal: Any) -> Reading:
    parsed = parse_size(text, unit=unit, decimal=decimal)
    if parsed.status != "ok":
        return _BLANK if parsed.status == "blank" else _issue(parsed.reason, "M03")
    parts = {field: getattr(parsed, field) for field in SIZE_FIELDS.values()}
    parts["value"] = parsed.long_axis_mm
    axes = [parsed.long_axis_mm, parsed.short_axis_mm, parsed.third_mm]
    measured = " x ".join(f"{axis:g}" for axis in axes if axis is not None)
    bounds = f"{_bound(parsed.lower_mm)}..{_bound(parsed.upper_mm)}"
    after = f"{measured or bounds} mm"
    is_plain = (
        parsed.long_axis_mm is not None
        and _changed(text, parsed.long_axis_mm) is None
        and measured.find("x") < 0
    )
    return Reading(parts, after=None if is_plain else after, parser="size")


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _read_days(text: str | None, decimal: Any) -> Reading:
    """A number of days from an anchor; fractions are rounded to the nearest day when the date is made."""
    parsed = parse_number(text, decimal=decimal)
    if parsed.status != "ok" or parsed.value is None:
        return _BLANK if parsed.status == "blank" else _issue(parsed.reason, "S09")
    return Reading({"value": parsed.value}) if parsed.qualifier == "=" else _issue("qualified", "S09")


def _changed(text: str | None, value: float) -> str | None:
    """The value written plainly when the text was not that number already; ``1.50`` for 1.5 is no change."""
    if text is not None and text.isascii() and _NUMBER.fullmatch(text) and float(text) == value:
        return None
    return plain(value)


def plain(value: Any) -> str:
    """A stored value written plainly."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)
