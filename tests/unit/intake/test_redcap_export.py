"""Exports of labels are exports of raw values in other words; every row of an export feeds what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.intake.mapping.model import Redcap
from registry_pipeline.intake.redcap.breaches import all_breaches
from registry_pipeline.intake.redcap.dictionary import Dictionary, read_dictionary
from registry_pipeline.intake.redcap.export import Export
from registry_pipeline.intake.redcap.records import FORM, with_forms
from registry_pipeline.intake.redcap.rules import judge_export
from tests.support.redcap_project import API, BASE, COLUMNS, FIELDS

REDCAP = Redcap(("*",), {"UNK": "Not known"}, events={"Baseline (Arm 1: all)": BASE})
STATUS = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
EVENTS, INSTRUMENTS = {BASE: "Baseline (Arm 1: all)"}, {"lesion": "Lesion", "visit": "Visit"}
Row = dict[str, str | None]


def _dictionary() -> Dictionary:
    lines = {name: [one.get(name) for one in FIELDS] for name in API}
    return read_dictionary(pl.DataFrame(lines).with_columns(source_row=pl.int_range(2, len(FIELDS) + 2)))


DICTIONARY = _dictionary()


def _words(column: str) -> Mapping[str, str]:
    """Raw value -> label of a column; empty where both are the same."""
    if column == "redcap_event_name":
        return EVENTS
    if column == "redcap_repeat_instrument":
        return INSTRUMENTS
    if column.endswith("_complete"):
        return STATUS
    field = DICTIONARY.fields.get(column.partition("___")[0])
    if field is not None and field.is_checkbox:
        return {"1": "Checked", "0": "Unchecked"}
    return {**field.choices, "UNK": "Not known"} if field is not None and field.choices else {}


def _header(column: str) -> str:
    own = {"redcap_event_name": "Event Name", "redcap_repeat_instrument": "Repeat Instrument",
           "redcap_repeat_instance": "Repeat Instance"}  # fmt: skip
    if column in own or column.endswith("_complete"):
        return own.get(column, "Complete?")
    name, _, code = column.partition("___")
    field = DICTIONARY.fields[name]
    return f"{field.label} (choice={field.choices[code]})" if code else field.label


def _cell(column: str) -> st.SearchStrategy[str | None]:
    words = _words(column)
    if words:
        return st.one_of(st.none(), st.sampled_from(list(words)))
    return st.one_of(st.none(), st.text(alphabet="ab 1.-,", min_size=1, max_size=6))


ROWS = st.lists(st.fixed_dictionaries({name: _cell(name) for name in COLUMNS}), min_size=1, max_size=6)


def _frame(rows: list[Row], columns: list[str]) -> pl.DataFrame:
    texts = {
        name: pl.Series([row[key] for row in rows], dtype=pl.String)
        for name, key in zip(columns, COLUMNS, strict=True)
    }
    return pl.DataFrame({**texts, "_row_id": range(len(rows))})


@given(ROWS)
@settings(max_examples=25, deadline=None)
def test_labels_are_raw_values_in_other_words(rows: list[Row]) -> None:
    raw = Export(COLUMNS, DICTIONARY, REDCAP)
    names, headers = [_header(name) for name in COLUMNS], []
    for at, name in enumerate(names):  # readers suffix a header that stands there already
        headers.append(f"{name}__{names[: at + 1].count(name)}" if name in names[:at] else name)
    labels = Export(tuple(headers), DICTIONARY, REDCAP)
    assert not raw.is_labelled and labels.is_labelled and labels.unknown == raw.unknown == []
    labelled = [{key: _words(key).get(text or "", text) for key, text in row.items()} for row in rows]
    given_raw = raw.rows(_frame(rows, list(COLUMNS)).lazy()).collect()
    given_labels = labels.rows(_frame(labelled, headers).lazy()).collect()
    assert given_labels.select(given_raw.columns).equals(given_raw)


@given(ROWS)
@settings(max_examples=25, deadline=None)
def test_a_row_feeds_the_forms_that_it_fills_and_no_other(rows: list[Row]) -> None:
    export = Export(COLUMNS, DICTIONARY, REDCAP)
    found = with_forms(export.rows(_frame(rows, list(COLUMNS)).lazy()), export).collect()
    for row, flags in zip(rows, found.to_dicts(), strict=True):
        for form, fields in DICTIONARY.forms.items():
            assert flags[FORM + form] is _fills(row, form, fields), (form, row)


def _fills(row: Row, form: str, fields: Any) -> bool:
    if row["redcap_repeat_instrument"] not in (None, form):
        return False
    for one in fields:
        if one.name == "record_id" or one.kind == "calc":
            continue
        if one.is_checkbox and any(row[f"{one.name}___{code}"] == "1" for code in one.choices):
            return True
        if not one.is_checkbox and (row[one.name] or "").strip():
            return True
    return False


@given(ROWS)
@settings(max_examples=15, deadline=None)
def test_any_export_is_judged_without_an_exception_and_within_its_cells(rows: list[Row]) -> None:
    export = Export(COLUMNS, DICTIONARY, REDCAP)
    made = judge_export(export.rows(_frame(rows, list(COLUMNS)).lazy()).collect(), export, ".")
    found = all_breaches(made.breaches)
    assert set(found["_row_id"]) <= set(range(len(rows))) and set(found["column"]) <= set(COLUMNS)
    for rule_id, n_violated in found.group_by("rule_id").len().iter_rows():
        assert rule_id == "S04" or n_violated <= made.counts[rule_id]
