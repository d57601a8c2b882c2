"""How the counts of people in the result tables of a release hang together.

Belongs here: which columns count people, and the sums between counts that a reader can do.
Does not belong here: which counts are hidden (``suppression.py``), frames as pages get them (``gate.py``).

A count is one cell however many tables hold it: the same column of the same endpoint, origin and group with the same
value. So it is hidden everywhere or nowhere. A new result table takes part without being named here: its columns
``n`` and ``n_...`` count people unless ``NOT_PEOPLE`` says otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pandas as pd

from registry_pipeline.reporting.document.wording import is_given
from registry_pipeline.reporting.release.disclosure.suppression import Line
from schemas.study import LOCAL_CONTROL, LRFS, LRT_START, NEW_OLIGOMET, ORIGINS, OS, PFS

Record = Mapping[str, Any]
NOT_PEOPLE = frozenset(
    (
        *("n_agreeing", "n_bootstrap", "n_bootstrap_failed", "n_candidates", "n_exploratory", "n_facilities"),
        *("n_imputations", "n_measurements", "n_missing_variables", "n_not_certified", "n_not_estimable"),
        *("n_permutations", "n_plausible", "n_readings", "n_scenarios", "n_selected", "n_used", "n_without"),
    )
)  # fmt: skip
"""Columns that count samples, choices or tests."""
WHOLES = ("n_level", "n_lesions", "n_patients", "n")
"""Columns of which the others of a row are parts; the first that the table has."""
OUTSIDE = (
    "n_cluster",
    "n_left_out",
    "n_open",
    "n_censored",
    "n_before",
    "n_left_with_event",
    "n_left_censored",
)
"""Counts that are no part of the row's whole."""
SPLITS = {
    "recurrence_pattern": "pattern", "recurrence_by_group": "pattern", "recurrence_course": "course",
    "missing_pattern": "pattern", "state_occupation": "state", "facility_funnel": "facility",
    "prediction_calibration": "risk_group", "facility_left_out": "left_out",
}  # fmt: skip
"""Tables whose rows divide people, by the column that names the part; a part "any" is all of them."""
_IDENTITY = (
    "endpoint", "origin", "model", "method", "cause", "pattern", "counting", "estimator", "landmark_months", "reading",
    "state", "tau_months", "adjustment", "risk_group", "kind",
)  # fmt: skip
_NESTED = (OS.name, LRFS.name, PFS.name)
"""Whoever has the event of one of these has that of the next."""
OVERLAPPING = ("growth_share", "cutpoint_search", "growth_sensitivity")
"""Tables each row of which counts some of the people of another row."""
_JOINED = ("km_summary", "gray_test", "cox_fit", "cox_term")
ENDPOINT_OF = {"local_recurrence": LOCAL_CONTROL.name, "new_oligomet": NEW_OLIGOMET.name}
"""First recurrences that are the event of an endpoint too."""
EVERYBODY = ("overall", "all")
COHORT, REGISTRY = "mart.cohort", "mart.registry_patient"


def people_columns(columns: Iterable[object]) -> list[str]:
    """The columns that count people."""
    return [
        name
        for name in map(str, columns)
        if (name == "n" or name.startswith("n_")) and name not in NOT_PEOPLE
    ]


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


def counts_of(results: Mapping[str, pd.DataFrame], totals: Mapping[str, int]) -> Counts:
    """The cells and lines of the result tables.

    Args:
        results: result tables, without layer.
        totals: patients of ``mart.cohort`` and ``mart.registry_patient``.
    """
    counts = Counts()
    counts.totals = {name: counts.cell(name, n) for name, n in totals.items() if n}
    if {COHORT, REGISTRY} <= set(counts.totals):
        counts.add_sum((counts.totals[COHORT],), counts.totals[REGISTRY])
    for name, rows in results.items():
        _add_table(counts, name, rows)
    records = {name: rows.to_dict("records") for name, rows in results.items() if name in _JOINED}
    _add_endpoints(counts, records.get("km_summary", []))
    _add_causes(counts, records.get("gray_test", []))
    _add_factors(counts, records.get("cox_fit", []), records.get("cox_term", []))
    return counts


def _add_table(counts: Counts, name: str, rows: pd.DataFrame) -> None:
    columns = people_columns(rows.columns)
    records = rows.to_dict("records")
    places = counts.places[name] = {
        column: [_place(counts, name, column, record) for record in records] for column in columns
    }
    whole = next((column for column in WHOLES if column in columns), None)
    for column in columns:
        if whole is not None and _is_part(name, column, whole):
            places[f"not {column}"] = _complements(counts, places[whole], places[column])  # type: ignore[index]
    for column, own in places.items():
        _add_groups(counts, records, own)
        if column != "n_patients":
            _add_levels(counts, name, records, own)
        _add_chains(counts, name, records, own)
    if "n" in columns and "n_cluster" not in columns and (name not in SPLITS or "n_left_out" in columns):
        _add_totals(counts, records, places["n"], places.get("n_left_out", [None] * len(records)))


def _is_part(name: str, column: str, whole: str) -> bool:
    """Whether a count is of some of a row's people: patients are no part of lesions, and who was left out of nobody."""
    if column == "n_missing":
        return name in ("missing_data", "imputed_cox")
    return column != whole and column not in OUTSIDE and (column, whole) != ("n_patients", "n_lesions")


def _complements(counts: Counts, wholes: list[int | None], parts: list[int | None]) -> list[int | None]:
    """What is left of a whole beside a part, for each row; the line between the three."""
    result: list[int | None] = []
    for whole, part in zip(wholes, parts, strict=True):
        rest = None if whole is None or part is None else counts.values[whole] - counts.values[part]
        result.append(None if not rest or rest < 0 else counts.cell(("without", whole, part), rest))
        if result[-1] is not None:
            counts.lines.append(Line((part, result[-1]), whole))  # type: ignore[arg-type]
    return result


def _place(counts: Counts, name: str, column: str, record: Record) -> int | None:
    """The cell of a count; all patients of the study or the registry are one cell in every table."""
    value = record[column]
    if not is_given(value):
        return None
    scope = _scope(record)
    if column == "n_patients" and "n_lesions" not in record:
        column = "n"
    elif column == "n_event" and record.get("pattern") in ENDPOINT_OF:
        scope = (ENDPOINT_OF[record["pattern"]], LRT_START.name, *scope[2:])
    total = counts.totals.get(_population(record))
    if scope[2:] == EVERYBODY and total is not None and counts.values[total] == int(value) and column == "n":
        return total
    part = record.get("cause") if column == "n_event" and record.get("cause") != 1 else None
    level = (record.get("model"), record.get("term")) if column in ("n_level", "n_event_level") else ()
    own = () if column in ("n", "n_event") else name
    split = None if column == "n_event" and scope[0] is not None else record.get(SPLITS.get(name, ""))
    return counts.cell((column, part, level, own, split, scope), int(value))


def _scope(record: Record) -> tuple[object, ...]:
    has_group = is_given(record.get("stratum_variable")) and is_given(record.get("stratum"))
    group = (str(record["stratum_variable"]), str(record["stratum"])) if has_group else EVERYBODY
    return (record.get("endpoint"), record.get("origin"), *group)


def _population(record: Record) -> str:
    origin = ORIGINS.get(str(record.get("origin")))
    return REGISTRY if origin is not None and origin.is_registry else COHORT


def _gathered(
    records: Sequence[Record], cells: Sequence[int | None], names: Iterable[str]
) -> list[list[tuple[Record, int]]]:
    """Rows with a count, together where they are alike in these columns."""
    names = tuple(names)
    result: dict[Hashable, list[tuple[Record, int]]] = defaultdict(list)
    for record, cell in zip(records, cells, strict=True):
        if cell is not None:
            result[tuple(str(record.get(name)) for name in names)].append((record, cell))
    return list(result.values())


def _add_groups(counts: Counts, records: Sequence[Record], cells: Sequence[int | None]) -> None:
    """The groups of a variable are parts of all patients; of a total that stands nowhere the sum is known."""
    if not records or "stratum" not in records[0]:
        return
    for members in _gathered(records, cells, _IDENTITY):
        by_variable: dict[str, list[int]] = defaultdict(list)
        for record, cell in members:
            by_variable[str(record["stratum_variable"])].append(cell)
        overall = by_variable.pop(EVERYBODY[0], None)
        for parts in by_variable.values():
            if overall is None:
                counts.lines.append(Line(tuple(parts)))
            else:
                counts.add_sum(parts, overall[0])


def _add_levels(counts: Counts, name: str, records: Sequence[Record], cells: Sequence[int | None]) -> None:
    """Rows that divide people between them: their sum is known."""
    column = SPLITS.get(name, "")
    names = [other for other in (*_IDENTITY, "stratum_variable", "stratum") if other != column]
    for members in _gathered(records, cells, names) if column else ():
        whole = next((cell for record, cell in members if record[column] == "any"), None)
        parts = tuple(cell for record, cell in members if record[column] != "any")
        if whole is not None:
            counts.add_sum(parts, whole)
            counts.first.append(whole)
        elif len(set(parts)) > 1:
            counts.lines.append(Line(parts))
        if name == "recurrence_course":
            _add_courses(counts, members)


def _add_courses(counts: Counts, members: Sequence[tuple[Record, int]]) -> None:
    """Who died, and who had which first recurrence, stands in other tables: courses add up to them too."""
    for end in (0, -1):
        sums: dict[str, list[int]] = defaultdict(list)
        for record, cell in members:
            if is_given(record["course"]):
                sums[str(record["course"]).split(" > ")[end]].append(cell)
        counts.lines += [Line(tuple(parts)) for parts in sums.values() if len(parts) > 1]


def _add_chains(counts: Counts, name: str, records: Sequence[Record], cells: Sequence[int | None]) -> None:
    """Rows that overlap: fewer people are among more people, and who lies between two rows follows from them."""
    if name not in OVERLAPPING:
        return
    chains: dict[Hashable, list[int]] = defaultdict(list)
    for record, cell in zip(records, cells, strict=True):
        if cell is not None:
            kind = (record.get("estimator"), record.get("cause"), record.get("term"), record.get("reading"))
            variant = record.get("variable"), record.get("definition"), record.get("adjustment")
            chains[(kind, variant, _scope(record))].append(cell)
    for chain in chains.values():
        counts.add_chain(chain)


def _add_totals(
    counts: Counts, records: Sequence[Record], cells: Sequence[int | None], others: Sequence[int | None]
) -> None:
    """Whoever is not among all patients of an estimate was left out of it."""
    for record, cell, other in zip(records, cells, others, strict=True):
        total = counts.totals.get(_population(record))
        if cell is not None and total is not None and cell != total and _scope(record)[2:] == EVERYBODY:
            counts.add_sum((cell,) if other is None else (cell, other), total)


def _add_endpoints(counts: Counts, summary: Sequence[Record]) -> None:
    """Of a group: who had the event of a narrower endpoint is among who had that of a wider one."""
    events: dict[Hashable, dict[str, int]] = defaultdict(dict)
    for record, cell in _with_cells(counts, "km_summary", "n_event", summary):
        events[_scope(record)[1:]][str(record["endpoint"])] = cell
    for by_endpoint in events.values():
        for narrow, wide in pairwise(by_endpoint[name] for name in _NESTED if name in by_endpoint):
            counts.add_sum((narrow,), wide)


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
