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
_CHOICE = re.compile(r"(.*)\(choice=(.*)\)\Z", re.DOTALL)


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
        known = {*self.dictionary.columns(self.redcap.missing_codes), *RECORD_PARTS}
        is_raw = sum(header in known or bool(_AUTOMATIC.fullmatch(header)) for header in self.headers)
        return 2 * is_raw < len(self.headers)

    @cached_property
    def columns(self) -> dict[str, str]:
        """Raw name -> header of the sheet. Headers that are no field keep their own name."""
        if not self.is_labelled:
            return {
                header.lower() if header.lower() in self.known else header: header for header in self.headers
            }
        expected, result = self._labelled, {}
        for header in self.headers:
            name = _next_name(header, expected)
            result[name or header] = header
            if name:
                expected = [one for one in expected if one[0] != name]
        return result

    @cached_property
    def known(self) -> dict[str, str]:
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
            if name in self.known or _AUTOMATIC.fullmatch(name)
        }
        return [header for header in self.headers if header not in own]

    @cached_property
    def absent(self) -> dict[str, list[str]]:
        """Form -> fields of the dictionary without any column here."""
        present = {self.known[name] for name in self.columns if name in self.known}
        result: dict[str, list[str]] = {}
        for field in self.dictionary.fields.values():
            if field.has_value and field.name not in present:
                result.setdefault(field.form, []).append(field.name)
        return result

    def available(self, wanted: Sequence[str]) -> list[str]:
        """The columns that a mapping sees: what it asks for and can have, and what else may hold data."""
        derived = [one for one in wanted if one not in self.columns and self.behind(one)]
        behind = {name for one in derived for name in self.behind(one)}
        hidden = behind | set(withheld(self)) | self._for_missing
        shown = [
            name
            for name in self.columns
            if name in wanted or (name in self.known and name not in hidden)
        ]  # fmt: skip
        return [
            *dict.fromkeys(
                [*shown, *derived, *(record_part for record_part in RECORD_PARTS if record_part in wanted)]
            )
        ]

    @cached_property
    def _for_missing(self) -> set[str]:
        """Columns that REDCap adds to every checkbox for the project's missing-data codes: nobody asks for them."""
        boxes = [field for field in self.dictionary.fields.values() if field.is_checkbox]
        every = {
            name for box in boxes for name in self.dictionary.checkbox_columns(box, self.redcap.missing_codes)
        }
        return every - {name for box in boxes for name in self.dictionary.checkbox_columns(box, {})}

    def behind(self, name: str) -> list[str]:
        """Columns that a derived column is made from; none where it cannot be made."""
        one = self.dictionary.fields.get(name.removesuffix(LABEL))
        if one is None or not (one.is_checkbox or (name.endswith(LABEL) and one.choices)):
            return []
        names = self.dictionary.checkbox_columns(one, {}) if one.is_checkbox else [one.name]
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
            given = {label_key(label): form for label, form in self.redcap.instruments.items()}
            return {label_key(form.replace("_", " ")): form for form in self.dictionary.forms} | given
        if name.endswith("_complete") and name.removesuffix("_complete") in self.dictionary.forms:
            return {label_key(label): code for code, label in COMPLETE.items()}
        one = self.dictionary.fields.get(self.known.get(name, ""))
        if one is None:
            return {}
        if one.is_checkbox:
            return {"checked": "1", "unchecked": "0"}
        return _unique(
            {**one.choices, **{c: m for c, m in self.redcap.missing_codes.items() if c not in one.choices}}
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
    fields, known = export.dictionary.fields, export.known
    if not export.redcap.is_deidentified:
        return []
    first = export.dictionary.record_field
    named = [(name, known[name]) for name in export.columns if name in known]
    return [name for name, field in named if fields[field].is_identifier and field != first]
