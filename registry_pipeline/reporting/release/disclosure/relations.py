"""How the counts of people in the result tables of a release hang together.

Belongs here: which columns count people, and the sums between counts that a reader can do.
Does not belong here: sums between tables (``across_tables.py``), which counts are hidden (``suppression.py``).

A count is one cell however many tables hold it: the same column of the same endpoint, origin and group with the same
value. So it is hidden everywhere or nowhere. A new result table takes part without being named here: its columns
``n`` and ``n_...`` count people unless ``NOT_PEOPLE`` says otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence

import pandas as pd

from registry_pipeline.reporting.document.wording import is_given
from registry_pipeline.reporting.release.disclosure.across_tables import add_sums_across
from registry_pipeline.reporting.release.disclosure.cells import EVERYBODY, Counts, Record, scope_of
from registry_pipeline.reporting.release.disclosure.suppression import Line
from schemas.study import ENDPOINTS, LRT_START, ORIGINS

NOT_PEOPLE = frozenset(
    (
        *("n_agreeing", "n_bootstrap", "n_bootstrap_failed", "n_candidates", "n_classes", "n_exploratory", "n_facilities"),
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
OVERLAPPING = ("growth_share", "cutpoint_search", "growth_sensitivity")
"""Tables each row of which counts some of the people of another row."""
ENDPOINT_OF = {endpoint.pattern: name for name, endpoint in ENDPOINTS.items() if endpoint.pattern}
"""First recurrences that are the event of an endpoint too."""
COHORT, REGISTRY = "mart.cohort", "mart.registry_patient"


def people_columns(columns: Iterable[object]) -> list[str]:
    """The columns that count people."""
    return [
        name
        for name in map(str, columns)
        if (name == "n" or name.startswith("n_")) and name not in NOT_PEOPLE
    ]


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
    add_sums_across(counts, results)
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
            places[f"not {column}"] = _complements(counts, places[whole], places[column])
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
    scope = scope_of(record)
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
            chains[(kind, variant, scope_of(record))].append(cell)
    for chain in chains.values():
        counts.add_chain(chain)


def _add_totals(
    counts: Counts, records: Sequence[Record], cells: Sequence[int | None], others: Sequence[int | None]
) -> None:
    """Whoever is not among all patients of an estimate was left out of it."""
    for record, cell, other in zip(records, cells, others, strict=True):
        total = counts.totals.get(_population(record))
        if cell is not None and total is not None and cell != total and scope_of(record)[2:] == EVERYBODY:
            counts.add_sum((cell,) if other is None else (cell, other), total)
