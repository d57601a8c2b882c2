"""A mapping before it is written: what each line says and why.

Belongs here: the dataclasses between guessing (``draft.py``) and writing (``write.py``).
Does not belong here: any decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ColumnDraft:
    """One line under ``[source.table.columns]``.

    Attributes:
        item: the curated column.
        keys: what stands right of it, as in the TOML (``from``, ``template``, ``value``, ``codes``, …).
        evidence: why, as a comment. questions: what a person has to decide.
    """

    item: str
    keys: Mapping[str, Any]
    evidence: str = ""
    questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableDraft:
    """One ``[[source.table]]``.

    Attributes:
        sheets: empty where every sheet feeds it.
        questions: items that its records need and that no column gives.
        is_commented: it is written as comments, for it rests on a guess that a person has to confirm.
    """

    title: str
    table: str
    sheets: tuple[str, ...]
    where: tuple[Mapping[str, Any], ...]
    group_by: tuple[str, ...]
    columns: tuple[ColumnDraft, ...]
    questions: tuple[str, ...] = ()
    is_commented: bool = False


@dataclass(frozen=True)
class SourceDraft:
    """One ``[[source]]``.

    Attributes:
        facts: what was found in its files, as comments.
        options: keys of the source in the order in which they are written, each with its evidence.
        questions: what is asked of it, columns that nothing is known of among them.
    """

    name: str
    facts: tuple[str, ...]
    options: tuple[tuple[str, Any, str], ...]
    tables: tuple[TableDraft, ...]
    questions: tuple[str, ...] = ()

    @property
    def tables_in_force(self) -> tuple[TableDraft, ...]:
        """Those that are no comments."""
        return tuple(table for table in self.tables if not table.is_commented)


@dataclass(frozen=True)
class FacilityDraft:
    """A whole mapping.

    Attributes:
        calendar: ``relative`` where dates are counted in days from a day of which the year is known.
        anchor: name of the anchor that days are counted from, or None.
        questions: those that concern the facility as a whole.
    """

    facility_id: str
    calendar: str
    anchor: str | None
    sources: tuple[SourceDraft, ...]
    questions: tuple[str, ...] = field(default=())
