"""Sums between the counts of different tables.

Belongs here: what a reader knows of one table from another. Does not belong here: sums within a table (``relations.py``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence

import pandas as pd

from registry_pipeline.reporting.release.disclosure.cells import Counts, Record, scope_of
from registry_pipeline.reporting.release.disclosure.suppression import Line
from schemas.study import ENDPOINTS

_JOINED = ("km_summary", "gray_test", "cox_fit", "cox_term")


def add_sums_across(counts: Counts, results: Mapping[str, pd.DataFrame]) -> None:
    """Add the sums between endpoints, causes and factors to the counts of result tables."""
    records = {name: rows.to_dict("records") for name, rows in results.items() if name in _JOINED}
    _add_endpoints(counts, records.get("km_summary", []))
    _add_causes(counts, records.get("gray_test", []))
    _add_factors(counts, records.get("cox_fit", []), records.get("cox_term", []))


def _add_endpoints(counts: Counts, summary: Sequence[Record]) -> None:
    """Of a group: who had the event of a narrower endpoint is among who had that of a wider one."""
    events: dict[Hashable, dict[str, int]] = defaultdict(dict)
    for record, cell in _with_cells(counts, "km_summary", "n_event", summary):
        events[scope_of(record)[1:]][str(record["endpoint"])] = cell
    for by_endpoint in events.values():
        for wide in ENDPOINTS.values():
            for narrow in wide.includes:
                if {narrow.name, wide.name} <= set(by_endpoint):
                    counts.add_sum((by_endpoint[narrow.name],), by_endpoint[wide.name])


def _add_causes(counts: Counts, tests: Sequence[Record]) -> None:
    """An event and what competes with it are together an endpoint whose events stand elsewhere."""
    sums: dict[Hashable, set[int]] = defaultdict(set)
    for record, cell in _with_cells(counts, "gray_test", "n_event", tests):
        sums[record["endpoint"], record["origin"], record["stratum_variable"]].add(cell)
    counts.lines += [Line(tuple(sorted(cells))) for cells in sums.values() if len(cells) > 1]


def _add_factors(counts: Counts, fits: Sequence[Record], terms: Sequence[Record]) -> None:
    """Levels of a factor, with the one that they are compared with, are the patients of the fit."""
    for own, of_fit in (("n_level", "n"), ("n_event_level", "n_event")):
        wholes = {_fit(record): cell for record, cell in _with_cells(counts, "cox_fit", of_fit, fits)}
        sums: dict[tuple[Hashable, str], list[int]] = defaultdict(list)
        for record, cell in _with_cells(counts, "cox_term", own, terms):
            sums[_fit(record), str(record["term"]).partition("[")[0]].append(cell)
        for (fit, _), cells in sums.items():
            if fit in wholes:
                counts.add_sum(cells, wholes[fit])


def _fit(record: Record) -> Hashable:
    return tuple(record[name] for name in ("endpoint", "origin", "model", "method"))


def _with_cells(
    counts: Counts, name: str, column: str, records: Sequence[Record]
) -> Iterator[tuple[Record, int]]:
    """Rows of a table that have a count, with its cell."""
    cells = counts.places.get(name, {}).get(column, [None] * len(records))
    return ((record, cell) for record, cell in zip(records, cells, strict=True) if cell is not None)
