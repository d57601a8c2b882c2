"""Corrections that a facility cannot make in its own system, applied at every refresh until the source agrees.

Belongs here: which corrections apply to what a screening found, the staged tables with the corrected values.
Does not belong here: the ledger (``validation/decisions/``), who may correct what (``stewardship/decide.py``).

A correction speaks of a finding with a value. It applies while the source sends that very value: a screening
that raises the finding with the value that was judged is done again with the corrected one. Where the source
sends a good value the finding is not raised and the correction rests; where it sends another bad one the finding
is open again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from registry_pipeline.core.frames import ChangedSlices
from registry_pipeline.intake.parsing.dates import parse_date
from registry_pipeline.intake.parsing.numbers import parse_number
from registry_pipeline.validation.decisions.ledger import Decision, value_digest
from registry_pipeline.validation.records import curated, date_stems
from registry_pipeline.validation.registry_wide.persons import StagedParts
from registry_pipeline.validation.screening.facilities import StagedFrames
from registry_pipeline.validation.screening.record_keys import RecordKeys
from schemas.columns import Column
from schemas.table import columns_of, key_of

APPLIED = {
    "finding_id": pl.String,
    "decision_no": pl.Int64,
    "_row_id": pl.Int64,
    "table_name": pl.String,
    "record_key": pl.String,
    "column_name": pl.String,
    "new_value": pl.String,
    "facility_id": pl.String,
    "source_file": pl.String,
    "sheet": pl.String,
    "source_row": pl.Int64,
    "source_column": pl.String,
    "patient_id": pl.String,
    "value_received": pl.String,
}
"""A correction that was applied: which value of which row, and what is used instead."""
_PLACE = ("facility_id", "source_file", "sheet", "source_row", "source_column", "patient_id", "value_text")


class UnusableValue(ValueError):
    """A corrected value that its column cannot take; the message says what to write, and no value."""


def applicable(corrections: Sequence[Decision], findings: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """The corrections whose finding was raised with the value that was judged: columns of ``APPLIED``.

    One whose value the column does not take any more, for code lists and ranges change, rests: its finding is open again.
    """
    by_finding = {decision.finding_id: decision for decision in corrections}
    raised = findings.filter(pl.col("finding_id").is_in(list(by_finding)) & pl.col("_row_id").is_not_null())
    rows = []
    for finding_id, row_id, *place in raised.select("finding_id", "_row_id", *_PLACE).iter_rows():
        decision = by_finding[finding_id]
        if decision.value_digest == value_digest(place[-1], key) and is_usable(decision):
            item = decision.items.split(",")[0]
            about = (decision.table_name, decision.record_key, item, decision.new_value)
            rows.append((finding_id, decision.decision_no, row_id, *about, *place))
    return pl.DataFrame(rows, schema=APPLIED, orient="row")


def is_usable(decision: Decision) -> bool:
    """Whether the column of a correction still takes its value."""
    table, item = decision.table_name, decision.items.split(",")[0]
    try:
        parse_value(table, column_of(table, item), decision.new_value or "")
    except UnusableValue:
        return False
    return True


def with_corrections(staged: StagedFrames, applied: pl.DataFrame, keys: RecordKeys) -> StagedParts:
    """The staged tables with corrected values, without what parsing had to say of the values before."""
    tables: dict[str, pl.DataFrame] = {}
    for row in applied.iter_rows(named=True):
        name = row["table_name"]
        frame = tables.get(name)
        tables[name] = _corrected(name, staged.tables[name] if frame is None else frame, row, keys)
    cells = applied.select("_row_id", "table_name", "column_name")
    place = ["_row_id", "table_name", "column_name"]
    issues = ChangedSlices(staged.issues, lambda part: part.join(cells, on=place, how="anti"))
    return StagedParts(
        _Overlay(staged.tables, tables),
        issues,
        staged.rows,
        staged.file_issues,
        staged.source_columns,
        staged.judged,
    )


class _Overlay(dict[str, pl.DataFrame]):
    """Staged tables, some of them replaced; the others are still read when they are asked for."""

    def __init__(self, tables: Mapping[str, pl.DataFrame], replaced: Mapping[str, pl.DataFrame]) -> None:
        super().__init__(replaced)
        self._tables = tables

    def get(self, name: str, default: pl.DataFrame | None = None) -> pl.DataFrame | None:  # type: ignore[override]
        return self[name] if name in self else self._tables.get(name, default)


def _corrected(table: str, frame: pl.DataFrame, row: Mapping[str, object], keys: RecordKeys) -> pl.DataFrame:
    column = column_of(table, str(row["column_name"]))
    values = parse_value(table, column, str(row["new_value"] or ""))
    of_row = frame.filter(pl.col("_row_id") == row["_row_id"])  # a wide row may have made several records
    is_named = (keys.record_keys(table, of_row) == str(row["record_key"])).fill_null(True)
    is_record = pl.Series(frame["_row_id"] == row["_row_id"])
    is_record = is_record.scatter(is_record.arg_true(), is_named)
    kinds = {declared.name: declared.polars_type for declared in columns_of(curated()[table])}
    missing = [pl.lit(None, dtype=kinds[name]).alias(name) for name in values if name not in frame.columns]
    return frame.with_columns(missing).with_columns(
        pl.when(is_record).then(pl.lit(value, dtype=kinds[name])).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def column_of(table: str, name: str) -> Column:
    """A column of a curated table that may be corrected.

    Raises:
        UnusableValue: there is no such column, or it is part of the key.
    """
    model = curated().get(table)
    columns = {} if model is None else {column.name: column for column in columns_of(model)}
    if model is None or name not in columns:
        raise UnusableValue(f"{table}.{name} is no column of a record; correct it at the source")
    if name in key_of(model):
        raise UnusableValue(f"{table}.{name} says which record it is; correct it at the source")
    return columns[name]


def parse_value(table: str, column: Column, text: str) -> dict[str, object]:
    """A corrected value as the columns of its item: a date also has its precision and bounds.

    Args:
        text: a date as 2017-05-31, 2017-05 or 2017, a number with a decimal point, a code of the column's list,
            yes or no; blank for no value.

    Raises:
        UnusableValue: the column cannot take it.
    """
    plain = text.strip()
    if column.name in date_stems(curated()[table]):
        return _date_values(column.name, plain)
    if not plain:
        if column.is_required:
            raise UnusableValue(f"{column.name} is required")
        return {column.name: None}
    if column.codes is not None and plain not in column.codes.codes:
        raise UnusableValue(f"{column.name}: write one of {', '.join(column.codes.codes)}")
    return {column.name: _typed(column, plain)}


def _typed(column: Column, text: str) -> object:
    try:
        if column.kind == "date":
            return date.fromisoformat(text)
        if column.kind == "boolean":
            return {"yes": True, "true": True, "no": False, "false": False}[text.lower()]
        if column.kind not in ("integer", "real"):
            return text
        number = _number(text, column.kind == "integer")
    except (ValueError, KeyError):
        raise UnusableValue(f"{column.name}: write {_FORMS.get(column.kind, 'a value')}") from None
    if (column.minimum is not None and number < column.minimum) or (
        column.maximum is not None and number > column.maximum
    ):
        raise UnusableValue(f"{column.name}: from {column.minimum} to {column.maximum}")
    return number


def _number(text: str, is_whole: bool) -> float:
    """A number as a source may write it; Python also takes NaN, which is no value, and 1_000."""
    parsed = parse_number(text)
    if parsed.value is None or parsed.qualifier != "=" or (is_whole and not parsed.value.is_integer()):
        raise ValueError
    return int(parsed.value) if is_whole else parsed.value


_ISO_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_FORMS = {
    "date": "2017-05-31",
    "boolean": "yes or no",
    "integer": "a whole number",
    "real": "a number such as 12.5",
}


def _date_values(name: str, text: str) -> dict[str, object]:
    """A date of day, month or year precision, in its four columns."""
    parsed = parse_date(text)
    if text and (parsed.status != "ok" or not _ISO_DATE.fullmatch(text)):
        raise UnusableValue(f"{name}: write 2017-05-31, 2017-05 or 2017")
    return {
        name: parsed.value,
        f"{name}_precision": parsed.precision,
        f"{name}_lower": parsed.lower,
        f"{name}_upper": parsed.upper,
    }
