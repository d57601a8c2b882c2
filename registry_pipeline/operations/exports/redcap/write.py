"""The files of a REDCap project and the mapping that reads them again.

Belongs here: dictionary, import file, mapping, README. Does not belong here: what they agree on (``forms.py``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from registry_pipeline.core.files import write_csv, write_text
from registry_pipeline.core.redcap_format import DICTIONARY_HEADERS
from registry_pipeline.operations.exports.redcap.forms import (
    NOT_MAPPED,
    PATIENT,
    Form,
    choice_numbers,
    form_of,
    is_month,
    is_year,
)
from registry_pipeline.operations.exports.tables import about_release, table_names
from schemas.columns import Column
from schemas.constraints import quote

FACILITY = "redcap_export"
RECORD, INSTRUMENT, INSTANCE = "record_id", "redcap_repeat_instrument", "redcap_repeat_instance"
DICTIONARY, DATA = "registry_DataDictionary.csv", "registry_DATA.csv"
_LEFT_OUT = ("curated.patient_xref",)
_README = """\
Release {release} as a REDCap project
{line}

{statement}

{dictionary}  Project Setup > Data Dictionary > Upload
repeating_instruments.csv    enable these forms as repeating (Project Setup, or by REDCap's API)
{data}             Data Import Tool; import it as it is: a spreadsheet would change it
{facility}.toml           this registry reads both files again by it: a facility called {facility}

The record is the registry's pseudonym of the patient. A home that reads the files again gives her a pseudonym of its
own and keeps this one as the number in the source; numbers of records get {facility}- in front.
In the project, but filled by the registry itself when it reads: {not_mapped}.
{inexact}Of a date that this database withholds nothing is written, nor how exactly it is known.
Not in the project: patient_xref (which numbers of a patient were linked), marts, results, findings.
"""


def write_redcap(release: duckdb.DuckDBPyConnection, folder: Path) -> list[Path]:
    """Write a release as a REDCap project with repeating instruments.

    Args:
        release: a release, open for reading.
        folder: an empty or new folder.

    Returns:
        The files, in the order in which they were written.
    """
    forms = [form_of(release, name) for name in table_names(release) if name.startswith("curated.")]
    forms = [form for form in forms if f"curated.{form.name}" not in _LEFT_OUT]
    paths = [
        write_csv(
            [DICTIONARY_HEADERS, _field(RECORD, forms[0].name, "text", "Patient"), *_fields(forms)],
            folder / DICTIONARY,
        ),
        write_csv(
            [("form_name", "custom_form_label"), *((form.name, "") for form in forms if form.repeats)],
            folder / "repeating_instruments.csv",
        ),
        write_csv(_data(release, forms), folder / DATA),
    ]
    mapping, readme = folder / f"{FACILITY}.toml", folder / "README.txt"
    write_text(_mapping(forms), mapping)
    about = about_release(release)
    line = "=" * len(f"Release {about['release']} as a REDCap project")
    names = {
        "dictionary": DICTIONARY,
        "data": DATA,
        "facility": FACILITY,
        "not_mapped": ", ".join(NOT_MAPPED),
    }
    dates = ", ".join(f"{form.name}_{date}" for form in forms for date in sorted(form.inexact))
    inexact = f"Dates with bounds of their own, which come back as days: {dates}.\n" if dates else ""
    write_text(_README.format(**about, **names, line=line, inexact=inexact), readme)
    return [*paths, mapping, readme]


def _fields(forms: Sequence[Form]) -> Iterator[Sequence[str]]:
    for form in forms:
        for column in form.columns:
            label = f"{column.description} ({column.unit})" if column.unit else column.description
            kind, choices, validation = _kind(column, column.name in form.partial)
            is_number = validation in ("integer", "number")
            minimum, maximum = (
                _bound(value) if is_number else "" for value in (column.minimum, column.maximum)
            )
            identifier = "y" if column.is_identifying else ""
            yield _field(
                form.field(column), form.name, kind, label, choices, validation, minimum, maximum, identifier
            )


def _field(
    name: str,
    form: str,
    kind: str,
    label: str,
    choices: str = "",
    validation: str = "",
    minimum: str = "",
    maximum: str = "",
    identifier: str = "",
) -> Sequence[str]:
    """A line of the dictionary, in the order of its 18 columns."""
    return (name, form, "", kind, label, choices, "", validation, minimum, maximum, identifier, *[""] * 7)


def _kind(column: Column, is_partial: bool) -> tuple[str, str, str]:
    """Field type, choices and validation."""
    if column.codes is not None:
        labels = column.codes.labels
        choices = " | ".join(f"{number}, {labels[code]}" for code, number in choice_numbers(column).items())
        return "dropdown", choices, ""
    if column.kind == "boolean":
        return "yesno", "", ""
    if column.is_free_text:
        return "notes", "", ""
    validations = {"integer": "integer", "real": "number", "date": "" if is_partial else "date_ymd"}
    return "text", "", validations.get(column.kind, "")


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:.15g}"


def _data(release: duckdb.DuckDBPyConnection, forms: Sequence[Form]) -> Iterator[Sequence[str]]:
    """The rows of the import file: one per record, then one per row of a form that repeats."""
    offsets: dict[str, int] = {}
    names = [RECORD, INSTRUMENT, INSTANCE]
    for form in forms:
        offsets[form.name] = len(names)
        names += [*map(form.field, form.columns), f"{form.name}_complete"]
    yield names
    single: dict[str, dict[int, str]] = {}
    for form in (form for form in forms if not form.repeats):
        for patient_id, cells in _cells(release, form):
            single.setdefault(patient_id, {}).update(enumerate(cells, offsets[form.name]))
    for patient_id, placed in single.items():
        yield _row(len(names), {0: patient_id, **placed})
    for form in (form for form in forms if form.repeats):
        instances: dict[str, int] = {}
        for patient_id, cells in _cells(release, form):
            instances[patient_id] = instances.get(patient_id, 0) + 1
            parts = {0: patient_id, 1: form.name, 2: str(instances[patient_id])}
            yield _row(len(names), parts | dict(enumerate(cells, offsets[form.name])))


def _row(width: int, placed: Mapping[int, str]) -> Sequence[str]:
    return [placed.get(place, "") for place in range(width)]


def _cells(release: duckdb.DuckDBPyConnection, form: Form) -> Iterator[tuple[str, list[str]]]:
    """Each row of a form: its patient, its cells and the code that says that it is complete."""
    chosen = [_expression(form, column) for column in form.columns]
    order = ", ".join(map(quote, form.key))
    rows = release.cursor().execute(
        f"SELECT {PATIENT}, {', '.join(chosen)} FROM curated.{form.name} ORDER BY {order}"
    )
    numbers = [choice_numbers(column) if column.codes else {} for column in form.columns]
    while batch := rows.fetchmany(10_000):
        for patient_id, *values in batch:
            yield patient_id, [*map(_text, values, numbers), "2"]


def _expression(form: Form, column: Column) -> str:
    """SQL of a column; of a date its text, as exactly as it is known."""
    own = quote(column.name)
    if column.name not in form.partial:
        return own
    return (
        f"CASE WHEN {is_month(column.name)} THEN strftime({own}, '%Y-%m') "
        f"WHEN {is_year(column.name)} THEN strftime({own}, '%Y') ELSE CAST({own} AS VARCHAR) END"
    )


def _text(value: Any, numbers: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if numbers:
        return numbers[value]
    if isinstance(value, bool):
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)


def _mapping(forms: Sequence[Form]) -> str:
    """A facility's TOML that reads the project again."""
    ignored = [form.field(column) for form in forms for column in form.columns if not form.is_mapped(column)]
    lines = [
        f'id = "{FACILITY}"',
        "",
        "[[source]]",
        'name = "redcap"',
        f'files = ["{DATA}"]',
        'mode = "full"',
        f"ignore = {json.dumps(ignored)}",
        "",
        "  [source.redcap]",
        f'  dictionary = ["{DICTIONARY}"]',
        '  export = "raw"',
    ]
    for form in forms:
        lines += ["", "  [[source.table]]", f'  table = "{form.name}"', f'  instrument = "{form.name}"']
        lines += ["    [source.table.columns]", f'    patient_id = "{RECORD}"']
        lines += [
            f"    {column.name} = {_origin(form, column)}"
            for column in form.columns
            if form.is_mapped(column)
        ]
    return "\n".join(lines) + "\n"


def _origin(form: Form, column: Column) -> str:
    field = json.dumps(form.field(column))
    if column.codes is None:
        return field
    codes = ", ".join(
        f"{json.dumps(number)} = {json.dumps(code)}" for code, number in choice_numbers(column).items()
    )
    return f"{{ from = {field}, codes = {{ {codes} }} }}"
