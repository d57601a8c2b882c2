"""Counts of people as cells, and the sums between them.

Belongs here: what a cell and a sum are. Does not belong here: which tables hold which (``relations.py``).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from registry_pipeline.reporting.document.wording import is_given
from registry_pipeline.reporting.release.disclosure.suppression import Line
from schemas.study import OVERALL

Record = Mapping[str, Any]
EVERYBODY = (OVERALL.name, "all")


@dataclass
class Counts:
    """The counts of a release as cells, and the sums between them.

    Attributes:
        values: the cells.
        lines: sums that the reader knows.
        totals: the cells of all patients of ``mart.cohort`` and ``mart.registry_patient``.
        first: sums that are given up before their parts.
        places: table -> column -> the cell of each row, None where the row has no count.
    """

    values: list[int] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    first: list[int] = field(default_factory=list)
    places: dict[str, dict[str, list[int | None]]] = field(default_factory=dict)
    _cells: dict[Hashable, int] = field(default_factory=dict)

    def cell(self, key: Hashable, value: int) -> int:
        """The cell of a count; the same key and value is the same cell."""
        place = self._cells.setdefault((key, value), len(self.values))
        if place == len(self.values):
            self.values.append(value)
        return place

    def add_sum(self, parts: Sequence[int], whole: int) -> None:
        """A line; what the parts leave of the whole is a cell of its own. Parts that overlap give no line."""
        rest = self.values[whole] - sum(self.values[part] for part in parts)
        if rest > 0:
            parts = (*parts, self.cell(("rest", tuple(sorted(parts)), whole), rest))
        if rest >= 0 and tuple(parts) != (whole,):
            self.lines.append(Line(tuple(parts), whole))

    def add_chain(self, cells: Iterable[int]) -> None:
        """Counts of people each of whom is among those of the next larger count."""
        ranked = sorted(set(cells), key=lambda cell: self.values[cell])
        for smaller, larger in pairwise(ranked):
            self.add_sum((smaller,), larger)


def scope_of(record: Record) -> tuple[object, ...]:
    """Endpoint, origin, grouping and group of a row."""
    has_group = is_given(record.get("stratum_variable")) and is_given(record.get("stratum"))
    group = (str(record["stratum_variable"]), str(record["stratum"])) if has_group else EVERYBODY
    return (record.get("endpoint"), record.get("origin"), *group)
