"""The words that headers and cells are recognised by, read from ``schemas/disease/lexicon.toml``.

Belongs here: the typed form of the data file. Does not belong here: any word (they stand in the data file),
comparing (``words.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import tomli

from registry_pipeline.intake.mapping.table import curated_tables
from schemas.columns import Column


@dataclass(frozen=True)
class IdRule:
    """How the key of a kind of record is made.

    Attributes:
        names: headers of its number.
        prefix: stands before a number that is unique within its patient only.
        fixed: the number where a file has none, or None when there is no such fallback.
        distinguished_by: item whose column tells the records of a patient apart where there is no number.
        also: a further item in that case.
        join: identifiers that the key is put together from where it has no number of its own.
    """

    names: tuple[str, ...]
    prefix: str
    fixed: str | None = None
    distinguished_by: str | None = None
    also: str | None = None
    join: tuple[str, ...] = ()


@dataclass(frozen=True)
class Derived:
    """An item that follows from another one of its record, by code or as the same text."""

    table: str
    item: str
    origin: str
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """A kind of thing that a row may be about; one ``[[source.table]]`` when a file has it.

    Attributes:
        items: curated column -> names of headers.
        needs: of each group one item has to be found; ``@file`` is a word in the name of file or sheet,
            ``@lesion`` and the like a record that the source has: where only that is found, it rests on a guess.
        rivals: names of records that take its place in the same file.
        where: item without which a row is of another kind; ``where_id``: look at the key's number instead.
        id: prefix of its key where that differs from the table's.
        same: item -> item whose column it shares; ``same_from``: item -> (table, item) of another record.
        is_grouped: several rows may make one record; ``is_by_patient``: all rows of a patient make one.
        goes_with: item -> the item that no record may have without it.
    """

    name: str
    table: str
    items: Mapping[str, tuple[str, ...]]
    needs: tuple[tuple[str, ...], ...]
    words: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    where: str | None = None
    where_id: bool = False
    generic_date: str | None = None
    id: str | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    same: Mapping[str, str] = field(default_factory=dict)
    same_from: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    aggregate: Mapping[str, str] = field(default_factory=dict)
    is_grouped: bool = False
    is_by_patient: bool = False
    goes_with: Mapping[str, str] = field(default_factory=dict)

    def column(self, item: str) -> Column:
        """The curated column of an item."""
        return _curated()[self.table][item]


@cache
def _curated() -> dict[str, dict[str, Column]]:
    return curated_tables()


@dataclass(frozen=True)
class Lexicon:
    """Everything in ``schemas/disease/lexicon.toml``; the attributes are its tables."""

    header: Mapping[str, tuple[str, ...]]
    units: Mapping[str, tuple[str, ...]]
    values: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, Mapping[str, tuple[str, ...]]]
    flags: Mapping[str, Mapping[str, tuple[str, ...]]]
    derived: tuple[Derived, ...]
    patterns: Mapping[str, str]
    by_unit: Mapping[str, str]
    by_content: Mapping[str, float]
    ids: Mapping[str, IdRule]
    records: tuple[Record, ...]


@cache
def lexicon() -> Lexicon:
    """The data file, read once."""
    text = files("schemas.disease").joinpath("lexicon.toml").read_text(encoding="utf-8")
    data = tomli.loads(text)
    return Lexicon(
        header=_tuples(data["header"]),
        units=_tuples(data["units"]),
        values=_tuples(data["values"]),
        codes={name: _tuples(words) for name, words in data["codes"].items()},
        flags={name: _tuples(words) for name, words in data["flags"].items()},
        derived=tuple(_derived(entry) for entry in data["derived"]),
        patterns=data["patterns"],
        by_unit=data["by_unit"],
        by_content=data["by_content"],
        ids={
            name: IdRule(**{key: _tuple(value) for key, value in entry.items()})
            for name, entry in data["ids"].items()
        },
        records=tuple(_record(entry, data["names"]) for entry in data["record"]),
    )


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _tuples(words: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(value) for key, value in words.items()}


def _derived(entry: Mapping[str, Any]) -> Derived:
    return Derived(
        entry["table"],
        entry["item"],
        entry["from"],
        tuple(entry.get("true", ())),
        tuple(entry.get("false", ())),
    )


def _record(entry: dict[str, Any], names: Mapping[str, Mapping[str, list[str]]]) -> Record:
    of_table = names[entry["table"]]
    own = {item: tuple(words) for item, words in entry.get("items", {}).items()}
    allowed = entry.get("only", list(of_table))
    items = {item: tuple(of_table[item]) for item in allowed if item not in own} | own
    return Record(
        name=entry["name"],
        table=entry["table"],
        items={item: words for item, words in items.items() if item not in entry.get("constants", {})},
        needs=tuple(map(tuple, entry["needs"])),
        words=tuple(entry.get("words", ())),
        rivals=tuple(entry.get("rivals", ())),
        where=entry.get("where"),
        where_id=entry.get("where_id", False),
        generic_date=entry.get("generic_date"),
        id=entry.get("id"),
        constants=entry.get("constants", {}),
        same=entry.get("same", {}),
        same_from={item: (table, other) for item, (table, other) in entry.get("same_from", {}).items()},
        aggregate=entry.get("aggregate", {}),
        is_grouped=entry.get("group") is True,
        is_by_patient=entry.get("group") == "patient",
        goes_with=entry.get("goes_with", {}),
    )
