"""REDCap's own rules, judged on an export with its dictionary.

Belongs here: S04, S05, S08, S20, S22 and S23 for the cells of one export, and the order in which all are judged.
Does not belong here: expressions (``intake/redcap/expressions.py``), headers and dictionaries as files (``redcap_files.py``),
which record of ours a cell feeds (``intake/submissions/redcap_rows.py``), what the rules are called (``schemas/rules/redcap_rules.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from registry_pipeline.intake.redcap.breaches import Judged, breach, with_texts
from registry_pipeline.intake.redcap.dictionary import COMPLETE, Field
from registry_pipeline.intake.redcap.evaluate import Value, date_of, number_of
from registry_pipeline.intake.redcap.export import EVENT, INSTANCE, INSTRUMENT, Export, withheld
from registry_pipeline.intake.redcap.expressions import judge_calculated, judge_shown
from registry_pipeline.intake.redcap.records import with_forms
from registry_pipeline.intake.redcap.values import Rows

Read = Callable[[Value | None], Any]
_SHOWN_CHOICES = 8
_BOX = {"0": "not ticked", "1": "ticked"}
_NUMBERS: tuple[str, Read, str] = ("S22", number_of, "a number")
_DATES: tuple[str, Read, str] = ("S23", date_of, "a date written YYYY-MM-DD")


def judge_export(read: pl.DataFrame, export: Export, decimal: str) -> Judged:
    """Judge the rows of one export.

    Args:
        read: of :meth:`Export.rows`.
        decimal: decimal mark of its numbers.
    """
    result, completed = Judged(), with_forms(read.lazy(), export).collect()
    rows = Rows(_with_points(completed, export) if decimal == "," else completed, export)
    _keys(completed, export, result)
    _identifiers(completed, export, result)
    _choices(completed, export, result)
    _bounds(rows.frame, export, result)
    judge_shown(rows, result)
    for field in export.dictionary.fields.values():
        if field.kind == "calc":
            judge_calculated(rows, field, result)
    result.breaches = [
        with_texts(frame, completed, _identifies(export, frame["column"][0])) for frame in result.breaches
    ]
    return result


def _identifies(export: Export, column: str) -> bool:
    """Whether a column is of a field that is tagged as an identifier, or names the record."""
    field = export.dictionary.fields.get(export.field_of.get(column, ""))
    return field is not None and (field.is_identifier or field.name == export.dictionary.record_field)


def _with_points(rows: pl.DataFrame, export: Export) -> pl.DataFrame:
    numeric = [
        field.name
        for field in export.dictionary.fields.values()
        if field.name in export.columns and (_is_number(field) or field.kind in ("calc", "slider"))
    ]
    return rows.with_columns(pl.col(name).str.replace(",", ".", literal=True) for name in numeric)


def _keys(rows: pl.DataFrame, export: Export, result: Judged) -> None:
    """S04: one row per part of a record, instances counted from 1. S20: instruments of the dictionary."""
    parts = [export.dictionary.record_field, EVENT, INSTRUMENT, INSTANCE]
    if parts[0] not in rows.columns:
        return
    rows = rows.select("_row_id", *parts)
    number = pl.col("_row_id")
    neighbour = pl.coalesce(number.shift(1).over(parts), number.shift(-1).over(parts)).alias("_other")
    twice = rows.filter(pl.struct(parts).is_duplicated() & pl.col(parts[0]).is_not_null())
    twice = twice.with_columns(neighbour)
    whole = pl.col(INSTANCE).str.contains(r"\A0*[1-9][0-9]{0,8}\z")
    lacking = pl.col(INSTRUMENT).is_not_null() & pl.col(INSTANCE).is_null()
    wrong = rows.filter(lacking | ~whole.fill_null(True))
    place = INSTANCE if INSTANCE in export.columns else parts[0]
    result.judge(
        "S04",
        rows.height,
        breach(twice, place, "S04", "another row has the same record, event, instrument and instance"),
        breach(wrong, INSTANCE, "S04", "the instance is no whole number from 1 on"),
    )
    forms = list(export.dictionary.forms)
    strange = rows.filter(~pl.col(INSTRUMENT).str.to_lowercase().is_in(forms))
    named = rows[INSTRUMENT].count()
    result.judge("S20", named, breach(strange, INSTRUMENT, "S20", "no form of the dictionary is called so"))


def _identifiers(rows: pl.DataFrame, export: Export, result: Judged) -> None:
    """S08: what identifies is in an export that is declared de-identified."""
    if not export.redcap.is_deidentified:
        return
    result.judge("S08", len(export.columns))
    for name in withheld(export):
        if filled := rows[name].count():
            reason = f"{filled} rows hold a value; the column is read no further than the file as received"
            result.notes.append(("S08", export.columns[name], reason))


def _choices(rows: pl.DataFrame, export: Export, result: Judged) -> None:
    """S05: values outside the dictionary's choices; missing-data codes stand anywhere."""
    lists = {name: choices for name, choices in _lists(export).items() if name in export.columns}
    if not lists:
        return
    missing = list(export.redcap.missing_codes)
    outside = {name: ~pl.col(name).is_in([*choices, *missing]) for name, choices in lists.items()}
    # All columns at once: most of them hold nothing that is worth a second look.
    n_filled = rows.select(pl.col(name).count() for name in lists).row(0)
    has_outside = rows.select(is_so.any().alias(name) for name, is_so in outside.items()).row(0, named=True)
    result.judge("S05", sum(n_filled))
    for name in (list_name for list_name in lists if has_outside[list_name]):
        codes = list(lists[name])
        shown = ", ".join(codes[:_SHOWN_CHOICES]) + (", ..." if len(codes) > _SHOWN_CHOICES else "")
        wrong = rows.select("_row_id", name).filter(outside[name])
        result.judge("S05", 0, breach(wrong, name, "S05", f"the dictionary's choices are {shown}"))


def _lists(export: Export) -> dict[str, Mapping[str, str]]:
    """Column -> code and label of what may stand in it."""
    lists: dict[str, Mapping[str, str]] = {f"{form}_complete": COMPLETE for form in export.dictionary.forms}
    for field in export.dictionary.fields.values():
        if field.is_checkbox:
            names = export.dictionary.checkbox_columns(field, export.redcap.missing_codes)
            lists |= dict.fromkeys(names, _BOX)
        elif field.choices:
            lists[field.name] = field.choices
    return lists


def _is_number(field: Field) -> bool:
    return field.validation == "integer" or field.validation.startswith("number") or field.kind == "slider"


def _bounds(rows: pl.DataFrame, export: Export, result: Judged) -> None:
    """S22 and S23: numbers and dates within the bounds of the dictionary."""
    fields = [field for field in export.dictionary.fields.values() if field.name in export.columns]
    kinds = {field.name: _NUMBERS for field in fields if _is_number(field)}
    kinds |= {field.name: _DATES for field in fields if field.validation.startswith("date")}
    if not kinds:
        return
    missing = list(export.redcap.missing_codes)
    values = {name: pl.col(name).filter(~pl.col(name).is_in(missing)) for name in kinds}
    n_values = rows.select(value.count() for value in values.values()).row(0, named=True)
    distinct = rows.select(value.unique().implode() for value in values.values()).row(0, named=True)
    for field in (field for field in fields if field.name in kinds):
        rule_id, read, expected = kinds[field.name]
        outside = _outside(field, distinct[field.name], read, expected, result)
        result.judge(rule_id, n_values[field.name])
        for reason in dict.fromkeys(outside.values()):
            texts = [text for text in outside if outside[text] == reason]
            wrong = rows.select("_row_id", field.name).filter(pl.col(field.name).is_in(texts))
            result.judge(rule_id, 0, breach(wrong, field.name, rule_id, reason))


def _outside(field: Field, texts: list[str], read: Read, expected: str, result: Judged) -> dict[str, str]:
    """Text -> why it is not what the field expects."""
    bounds = [_bound(field, text, read, result) for text in (field.minimum, field.maximum)]
    outside = {}
    for text in texts:
        value = read(text)
        if value is None:
            outside[text] = f"it is not {expected}"
        elif any(
            bound is not None and (value < bound if at == 0 else value > bound)
            for at, bound in enumerate(bounds)
        ):
            outside[text] = f"the dictionary expects {_span(field)}"
    return outside


def _bound(field: Field, text: str, read: Read, result: Judged) -> Any:
    """A bound, or None where there is none; one that another field or the day of entry sets is not judged."""
    if not text or text.lower() in ("today", "now"):
        return None
    bound = read(text)
    if bound is None:
        result.notes.append(
            ("S25", field.name, "a bound of the dictionary cannot be read; it is not checked")
        )
    return bound


def _span(field: Field) -> str:
    if field.minimum and field.maximum:
        return f"{field.minimum} to {field.maximum}"
    return f"{field.minimum} or more" if field.minimum else f"{field.maximum} or less"
