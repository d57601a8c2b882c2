"""A REDCap export, of raw values or of labels, as rows of raw names and codes.

Belongs here: which header is which field, labels back to codes.
Does not belong here: which form a row feeds (``records.py``), files and submissions, judging values (``rules.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from registry_pipeline.intake.mapping.model import Redcap
from registry_pipeline.intake.redcap.dictionary import (
    COMPLETE,
    RECORD_PARTS,
    Dictionary,
    label_key,
)

LABEL = ":label"
"""Behind the name of a field: the label of its choice, or of all ticked ones."""
EVENT, INSTRUMENT, INSTANCE = RECORD_PARTS
_LABELS = {
    "event name": EVENT,
    "repeat instrument": INSTRUMENT,
    "repeat instance": INSTANCE,
    "data access group": "redcap_data_access_group",
    "survey identifier": "redcap_survey_identifier",
}
_AUTOMATIC = re.compile(r"redcap_[a-z_]+|[a-z0-9_]+_(complete|timestamp|return_code)")
_REPEATED = re.compile(r"__[0-9]+\Z")


@dataclass(frozen=True)
class Export:
    """One sheet of an export under a dictionary.

    Attributes:
        headers: columns of the sheet, as read.
        redcap: what the facility's TOML says of the project.
    """

    headers: tuple[str, ...]
    dictionary: Dictionary
    redcap: Redcap

    @cached_property
    def is_labelled(self) -> bool:
        """Whether it holds labels: as declared, else as most of its headers say."""
        if self.redcap.export != "auto":
            return self.redcap.export == "labels"
        columns = {*self.dictionary.columns(self.redcap.missing_codes), *RECORD_PARTS}
        is_raw = sum(header in columns or bool(_AUTOMATIC.fullmatch(header)) for header in self.headers)
        return 2 * is_raw < len(self.headers)

    @cached_property
    def columns(self) -> dict[str, str]:
        """Raw name -> header of the sheet. Headers that are no field keep their own name."""
        if not self.is_labelled:
            return {
                header.lower() if header.lower() in self.field_of else header: header
                for header in self.headers
            }
        expected, result = self._labelled, {}
        for header in self.headers:
            name = _next_name(header, expected)
            result[name or header] = header
            if name:
                expected = [column for column in expected if column[0] != name]
        return result

    @cached_property
    def field_of(self) -> dict[str, str]:
        """Every column that an export of the project can hold -> its field."""
        return self.dictionary.columns(self.redcap.missing_codes)

    @cached_property
    def _labelled(self) -> list[tuple[str, str]]:
        """Raw names and folded labels in the order in which REDCap writes them."""
        result = [(name, label) for label, name in _LABELS.items()]
        for form, fields in self.dictionary.forms.items():
            for field in fields:
                if field.is_checkbox:
                    choices = self.dictionary.checkbox_columns(field, self.redcap.missing_codes)
                    result += [
                        (name, label_key(f"{field.label} (choice={label})"))
                        for name, (_, label) in choices.items()
                    ]
                elif field.has_value:
                    result.append((field.name, label_key(field.label)))
            result.append((f"{form}_complete", "complete?"))
        return result

    @cached_property
    def unknown(self) -> list[str]:
        """Headers that are no field of the dictionary and none of REDCap's own."""
        own = {
            header
            for name, header in self.columns.items()
            if name in self.field_of or _AUTOMATIC.fullmatch(name)
        }
        return [header for header in self.headers if header not in own]

    @cached_property
    def absent(self) -> dict[str, list[str]]:
        """Form -> fields of the dictionary without any column here."""
        present = {self.field_of[name] for name in self.columns if name in self.field_of}
        result: dict[str, list[str]] = {}
        for field in self.dictionary.fields.values():
            if field.has_value and field.name not in present:
                result.setdefault(field.form, []).append(field.name)
        return result

    def available(self, names: Sequence[str]) -> list[str]:
        """The columns that a mapping sees: what it asks for and can have, and what else may hold data."""
        derived = [
            column_name
            for column_name in names
            if column_name not in self.columns and self.behind(column_name)
        ]
        behind = {name for column_name in derived for name in self.behind(column_name)}
        hidden = behind | set(withheld(self)) | self._for_missing
        shown = [
            name
            for name in self.columns
            if name in names or (name in self.field_of and name not in hidden)
        ]  # fmt: skip
        return [
            *dict.fromkeys(
                [*shown, *derived, *(record_part for record_part in RECORD_PARTS if record_part in names)]
            )
        ]

    @cached_property
    def _for_missing(self) -> set[str]:
        """Columns that REDCap adds to every checkbox for the project's missing-data codes: nobody asks for them."""
        boxes = [field for field in self.dictionary.fields.values() if field.is_checkbox]
        members = {
            name for box in boxes for name in self.dictionary.checkbox_columns(box, self.redcap.missing_codes)
        }
        return members - {name for box in boxes for name in self.dictionary.checkbox_columns(box, {})}

    def behind(self, name: str) -> list[str]:
        """Columns that a derived column is made from; none where it cannot be made."""
        field = self.dictionary.fields.get(name.removesuffix(LABEL))
        if field is None or not (field.is_checkbox or (name.endswith(LABEL) and field.choices)):
            return []
        names = self.dictionary.checkbox_columns(field, {}) if field.is_checkbox else [field.name]
        return [name for name in names if name in self.columns]

    def rows(self, read: pl.LazyFrame) -> pl.LazyFrame:
        """Every column under its raw name with raw values, blanks null, REDCap's three where they are absent,
        ``_row_id``."""
        plain = [pl.col(header).str.strip_chars().alias(name) for name, header in self.columns.items()]
        lacking = [
            pl.lit(None, dtype=pl.String).alias(record_part)
            for record_part in RECORD_PARTS
            if record_part not in self.columns
        ]
        rows = read.select(*plain, *lacking, "_row_id")
        texts = [*self.columns, *RECORD_PARTS]
        rows = rows.with_columns(pl.col(name).replace("", None) for name in dict.fromkeys(texts))
        if not self.is_labelled:
            return rows
        return rows.with_columns(
            _coded(name, words) for name in dict.fromkeys(texts) if (words := self._words(name))
        )

    def _words(self, name: str) -> dict[str, str]:
        """Folded label -> raw value of a column; a label that means two codes is left as it is."""
        if name == EVENT:
            return {label_key(label): event for label, event in self.redcap.events.items()}
        if name == INSTRUMENT:
            declared = {label_key(label): form for label, form in self.redcap.instruments.items()}
            return {label_key(form.replace("_", " ")): form for form in self.dictionary.forms} | declared
        if name.endswith("_complete") and name.removesuffix("_complete") in self.dictionary.forms:
            return {label_key(label): code for code, label in COMPLETE.items()}
        field = self.dictionary.fields.get(self.field_of.get(name, ""))
        if field is None:
            return {}
        if field.is_checkbox:
            return {"checked": "1", "unchecked": "0"}
        return _unique(
            {
                **field.choices,
                **{c: m for c, m in self.redcap.missing_codes.items() if c not in field.choices},
            }
        )


def _unique(choices: Mapping[str, str]) -> dict[str, str]:
    keys = [label_key(label) for label in choices.values()]
    return {key: code for key, code in zip(keys, choices, strict=True) if keys.count(key) == 1}


def _coded(name: str, words: Mapping[str, str]) -> pl.Expr:
    def code(texts: pl.Series) -> pl.Series:
        distinct = texts.unique().drop_nulls().to_list()
        result = {text: words[label_key(text)] for text in distinct if label_key(text) in words}
        return texts.replace(result) if result else texts

    return pl.col(name).map_batches(code, return_dtype=pl.String)


def _next_name(header: str, expected: Sequence[tuple[str, str]]) -> str | None:
    """The first field not yet taken whose label is this header (readers suffix a repeated one)."""
    keys = {label_key(header), label_key(_REPEATED.sub("", header))}
    return next((name for name, label in expected if label in keys), None)


def withheld(export: Export) -> list[str]:
    """Columns of fields that identify, in an export that is declared de-identified; they are read no further."""
    fields, field_of = export.dictionary.fields, export.field_of
    if not export.redcap.is_deidentified:
        return []
    first = export.dictionary.record_field
    named = [(name, field_of[name]) for name in export.columns if name in field_of]
    return [name for name, field in named if fields[field].is_identifier and field != first]
