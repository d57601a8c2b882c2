"""REDCap's data dictionary: which fields a project has, in which form, with which choices and bounds.

Belongs here: reading the 18 columns under either of their two sets of names, choices, how a field's columns are
called in an export, what changed between two dictionaries.
Does not belong here: an export's rows (``redcap_export.py``), judging values (``redcap_rules.py``).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from registry_pipeline.intake.parsing.text import comparison_key

RECORD_PARTS = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
"""Columns that say which part of a record a row is; each may be absent from an export."""
COMPLETE: Mapping[str, str] = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
_FIXED: dict[str, dict[str, str]] = {
    "yesno": {"1": "Yes", "0": "No"},
    "truefalse": {"1": "True", "0": "False"},
}
_NAMES = (
    ("field_name", "variable___field_name", "variable_field_name"),
    ("form_name",),
    ("section_header",),
    ("field_type",),
    ("field_label",),
    ("select_choices_or_calculations", "choices_calculations_or_slider_labels"),
    ("field_note",),
    ("text_validation_type_or_show_slider_number",),
    ("text_validation_min",),
    ("text_validation_max",),
    ("identifier",),
    ("branching_logic", "branching_logic_show_field_only_if"),
    ("required_field",),
    ("custom_alignment",),
    ("question_number", "question_number_surveys_only"),
    ("matrix_group_name",),
    ("matrix_ranking",),
    ("field_annotation",),
)
"""The columns in REDCap's order: the API's name first, then the display name folded (source: S41, S42)."""
_NEEDED = ("field_name", "form_name", "field_type")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True)
class Field:
    """One field of the project.

    Attributes:
        kind: REDCap's field type (text, notes, radio, dropdown, checkbox, yesno, truefalse, calc, slider, ...).
        choices: code -> label of the choices, in order; empty for fields without.
        formula: of a calculated field.
        validation: REDCap's text validation type, such as ``integer`` or ``date_ymd``.
        source_row: physical row in the dictionary's file.
    """

    name: str
    form: str
    kind: str
    label: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    formula: str = ""
    validation: str = ""
    minimum: str = ""
    maximum: str = ""
    is_identifier: bool = False
    branching: str = ""
    is_required: bool = False
    source_row: int = 0

    @property
    def is_checkbox(self) -> bool:
        """Whether it stands in several columns, one per choice."""
        return self.kind == "checkbox"

    @property
    def has_value(self) -> bool:
        """Whether an export holds a value of it at all."""
        return self.kind != "descriptive"

    def column_of(self, code: str) -> str:
        """The export's column for one choice of a checkbox."""
        return f"{self.name}___{re.sub(r'[^a-z0-9_]', '_', code.lower())}"


@dataclass(frozen=True)
class Dictionary:
    """A project's fields by name, in order."""

    fields: Mapping[str, Field]

    @property
    def record_field(self) -> str:
        """The first field, which names the record."""
        return next(iter(self.fields))

    @cached_property
    def forms(self) -> dict[str, list[Field]]:
        """Form -> its fields."""
        result: dict[str, list[Field]] = {}
        for form_field in self.fields.values():
            result.setdefault(form_field.form, []).append(form_field)
        return result

    def checkbox_columns(self, checkbox: Field, missing: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Column of an export -> code and label of the choice; missing-data codes have columns too."""
        choices = {
            **{code: label for code, label in missing.items() if code not in checkbox.choices},
            **checkbox.choices,
        }
        return {checkbox.column_of(code): (code, label) for code, label in choices.items()}

    def columns(self, missing: Mapping[str, str]) -> dict[str, str]:
        """Every column that an export of the project can hold -> the field it belongs to."""
        result: dict[str, str] = {}
        for column_field in self.fields.values():
            if column_field.is_checkbox:
                result |= dict.fromkeys(self.checkbox_columns(column_field, missing), column_field.name)
            elif column_field.has_value:
                result[column_field.name] = column_field.name
        return result


class NoDictionary(ValueError):
    """A file that is no data dictionary; the message says why."""


def read_dictionary(rows: pl.DataFrame) -> Dictionary:
    """The dictionary in the rows of its file.

    Args:
        rows: columns as text, and ``source_row``.

    Raises:
        NoDictionary: a column is missing, or there is no field.
    """
    named = _by_name(rows.columns)
    lacking = [name for name in _NEEDED if name not in named]
    if lacking:
        raise NoDictionary(f"it has no column for {', '.join(lacking)}; export the data dictionary again")
    fields: dict[str, Field] = {}
    for row in rows.iter_rows(named=True):
        cells = {name: (row[column] or "").strip() for name, column in named.items()}
        if cells["field_name"]:
            result = _field(cells, int(row["source_row"]))
            fields.setdefault(result.name, result)
    if not fields:
        raise NoDictionary("it names no field; export the data dictionary again")
    return Dictionary(fields)


def _by_name(headers: list[str]) -> dict[str, str]:
    """Name of a column as the API calls it -> its header here."""
    folded = {_folded(header): header for header in reversed(headers)}
    return {
        names[0]: folded[_folded(name)]
        for names in _NAMES
        for name in reversed(names)
        if _folded(name) in folded
    }


def _folded(name: str) -> str:
    return _NOT_WORD.sub("_", name.lower()).strip("_")


def _field(cells: Mapping[str, str], source_row: int) -> Field:
    kind = cells["field_type"].lower()
    text = cells.get("select_choices_or_calculations", "")
    bounds = (cells.get("text_validation_min", ""), cells.get("text_validation_max", ""))
    return Field(
        name=cells["field_name"].lower(),
        form=_folded(cells["form_name"]),
        kind=kind,
        label=plain_label(cells.get("field_label", "")),
        choices=_FIXED.get(kind) or (read_choices(text) if kind in ("radio", "dropdown", "checkbox") else {}),
        formula=text if kind == "calc" else "",
        validation=cells.get("text_validation_type_or_show_slider_number", "").lower()
        if kind != "slider"
        else "",
        minimum=bounds[0] or ("0" if kind == "slider" else ""),
        maximum=bounds[1] or ("100" if kind == "slider" else ""),
        is_identifier=cells.get("identifier", "").lower() == "y",
        branching=cells.get("branching_logic", ""),
        is_required=cells.get("required_field", "").lower() == "y",
        source_row=source_row,
    )


def read_choices(text: str) -> dict[str, str]:
    """``1, Yes | 2, No`` as code -> label; a label may hold commas, and line breaks may stand for bars."""
    result: dict[str, str] = {}
    for part in re.split(r"\||\r?\n", text):
        code, comma, label = part.partition(",")
        if code.strip():
            result.setdefault(code.strip(), plain_label(label if comma else code))
    return result


def plain_label(text: str) -> str:
    """A label as an export of labels writes it: without tags, runs of blanks collapsed."""
    return " ".join(html.unescape(_TAG.sub("", text)).split())


def label_key(text: str) -> str:
    """The form in which two spellings of one label are the same."""
    return comparison_key(plain_label(text))


def changes(old: Dictionary, new: Dictionary) -> Iterator[tuple[str, int, str]]:
    """What a newer dictionary does to fields of an older one: field, its row, a sentence.

    New fields and new choices take nothing away and are not told.
    """
    for name, before in old.fields.items():
        after = new.fields.get(name)
        if after is None:
            yield name, 0, "the field is no longer in the dictionary"
            continue
        for change in _field_changes(before, after):
            yield name, after.source_row, change


def _field_changes(before: Field, after: Field) -> Iterator[str]:
    if before.kind != after.kind:
        yield f"its type was {before.kind} and is {after.kind}"
    if before.form != after.form:
        yield f"it stood in form {before.form} and stands in {after.form}"
    gone = [code for code in before.choices if code not in after.choices]
    if gone and after.choices:
        yield f"choice {', '.join(gone)} is no longer offered"
    renamed = [
        f"{code} was '{label}' and is '{after.choices[code]}'"
        for code, label in before.choices.items()
        if code in after.choices and label_key(label) != label_key(after.choices[code])
    ]
    if renamed:
        yield f"choice {'; '.join(renamed)}"
