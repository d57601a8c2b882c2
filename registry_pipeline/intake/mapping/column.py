"""Where one curated column comes from and how its text becomes a value.

Belongs here: the value object. Does not belong here: reading it from TOML (``table.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from schemas.columns import Column

Aggregate = Literal["count", "sum", "min", "max", "first", "last"]
Rounding = Literal["floor", "nearest"]
ROW_NUMBER = "_row"
"""In place of a source column: the number of the row in its sheet."""
AGGREGATES: tuple[str, ...] = ("count", "sum", "min", "max", "first", "last")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Placeholder:
    """``{name}`` in a template; ``{name?}`` may be blank without making the whole value blank."""

    name: str
    may_be_blank: bool


@dataclass(frozen=True)
class ColumnMapping:
    """Where one curated column comes from and how its text becomes a value.

    Exactly one of ``sources``, ``template`` and ``value`` is given, except that ``aggregate = "count"``
    needs none of them.

    Attributes:
        target: the curated column.
        sources: source columns, the first that is not blank counts.
        template: text with placeholders, or None.
        value: a constant, or None.
        default: what stands where the source is blank, or None; each use is recorded as a coercion.
        codes: the facility's words -> value of the column's type, or None for the column's own code list.
        formats: declared date formats; empty means those of the source.
        unit: unit of the source values, or None for the column's own unit.
        unit_from: source column that holds the unit of each row.
        units: unit text -> factor to the column's unit, for ``unit_from``.
        is_size: the text is a size statement that fills the other size columns too.
        anchor: name of the anchor that a number of days is counted from, or None.
        aggregate: how rows of one group become one value.
        sentinels: texts that mean blank in this column, beside those of the source.
        part: regular expression of the part of the text that is read: its first group, else all that it matches.
        rounding: how a decimal becomes a whole number: down, or to the nearest; a query without it.
        years_before: source column with the date that the text is an age at; it makes a date of birth.
    """

    target: Column
    sources: tuple[str, ...] = ()
    template: str | None = None
    value: Any = None
    default: Any = None
    codes: Mapping[str, Any] | None = None
    formats: tuple[str, ...] = ()
    unit: str | None = None
    unit_from: str | None = None
    units: Mapping[str, float] = field(default_factory=dict)
    is_size: bool = False
    anchor: str | None = None
    aggregate: Aggregate | None = None
    sentinels: tuple[str, ...] = ()
    part: str | None = None
    rounding: Rounding | None = None
    years_before: str | None = None

    @property
    def is_composed(self) -> bool:
        """Whether the template makes a text that is typed: a date, a number, a code."""
        is_text = self.target.kind == "text" and self.target.codes is None
        return self.template is not None and not is_text

    @cached_property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """The placeholders of the template in order."""
        return tuple(
            Placeholder(name.removesuffix("?").strip(), name.endswith("?"))
            for name in _PLACEHOLDER.findall(self.template or "")
        )

    @property
    def template_pieces(self) -> list[str | Placeholder]:
        """The template as literal texts and placeholders, in order."""
        parts = _PLACEHOLDER.split(self.template or "")
        placeholders = iter(self.placeholders)
        return [next(placeholders) if position % 2 else part for position, part in enumerate(parts)]
