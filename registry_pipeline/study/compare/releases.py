"""Everything that differs between two releases, and the page that says it.

Belongs here: the comparison as one value, its page. Does not belong here: counting rows (``tables.py``), shares
(``headlines.py``).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry_pipeline.core.home import Home
from registry_pipeline.reporting.document.blocks import Column, Row, Section, Table, Text
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import NOT_GIVEN
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.report import page_of_release
from registry_pipeline.store.integrity import open_whole_release
from registry_pipeline.store.releases import DATABASE, release_folder
from registry_pipeline.study.compare.headlines import HeadlineChange, headline_changes
from registry_pipeline.study.compare.states import CAUSES
from registry_pipeline.study.compare.tables import TableChange, table_changes

if TYPE_CHECKING:
    import duckdb

_MADE_OF = ("code_version", "schema_version", "rule_set_version", "parameter_hash", "input_hash", "key_check")
_METHOD = (
    "Each share is what a cause adds to the number, estimated anew with and without it, on average over every order "
    "in which the causes can come (Shapley value): the shares of a row add up to its change. A record is counted "
    "under decisions where a decision that came or ended between the releases speaks of it or of a record that it "
    "hangs on, under patients where only one release knows the patient, else under values."
)


@dataclass(frozen=True)
class ReleaseDifference:
    """What differs between two releases.

    Attributes:
        made_of: what both were made of: name -> (before, after), of what differs.
        parameters: name -> (before, after), of those that differ.
        n_decisions: decisions that only the later release holds.
        tables: every table that differs.
        headlines: every headline number.
    """

    before_id: str
    after_id: str
    made_of: Mapping[str, tuple[str, str]]
    parameters: Mapping[str, tuple[str, str]]
    n_decisions: int
    tables: Sequence[TableChange]
    headlines: Sequence[HeadlineChange]

    @property
    def causes(self) -> list[str]:
        """The causes that moved any number."""
        moved = {cause for headline in self.headlines for cause, share in headline.shares.items() if share}
        return [cause for cause in CAUSES if cause in moved]


def compare_releases(home: Home, before_id: str, after_id: str) -> ReleaseDifference:
    """Compare two releases.

    Raises:
        NoRelease: there is no such release.
        StoreError: a release is damaged or cannot be read.
    """
    limit = home.settings().refresh.duckdb_memory
    with open_whole_release(home, after_id, memory_limit=limit, attached_id=before_id) as connection:
        origins = differing_origins(connection)
        tables = table_changes(connection)
    headlines = headline_changes(home, before_id, after_id)
    return ReleaseDifference(before_id, after_id, *origins, tables, headlines)


def differing_origins(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]], int]:
    """What differs of what two releases were made of, their parameters, and how many decisions came in between.

    Args:
        connection: the later release, with the earlier one as ``attached``.
    """
    made_of = _differing(connection, f"UNPIVOT (SELECT {', '.join(_MADE_OF)} FROM {{}}meta.release) ON *")
    parameters = _differing(connection, "SELECT name, coalesce(value, '') FROM {}meta.parameter")
    decided = "(SELECT count(*) FROM quality.decision) - (SELECT count(*) FROM attached.quality.decision)"
    return made_of, parameters, int(connection.execute(f"SELECT {decided}").fetchall()[0][0])


def _differing(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, tuple[str, str]]:
    """Names whose texts differ, of a query of names and texts with a place for the database."""
    before, after = (
        {str(name): str(value) for name, value in connection.execute(query.format(database)).fetchall()}
        for database in ("attached.", "")
    )
    names = dict.fromkeys((*before, *after))
    pairs = {name: (before.get(name, ""), after.get(name, "")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def difference_page(home: Home, difference: ReleaseDifference, database: Path | None = None) -> str:
    """The page "What changed since the last release", without a value of any record.

    Where small counts are hidden, no count of rows and no headline number that either release hides is shown.

    Args:
        database: of the later release; where it lies served if not given.
    """
    before, after = (
        release_folder(home, release_id) / DATABASE
        for release_id in (difference.before_id, difference.after_id)
    )
    with DisclosedTables(before) as earlier, DisclosedTables(database or after) as later:
        hidden = [_hidden_headlines(tables) for tables in (earlier, later)]
        hides = any(each is not None for each in hidden)
        sections = [
            _headline_section(difference, set().union(*(each or () for each in hidden))),
            _record_section(difference, hides),
            _origin_section(difference),
        ]
        return page_of_release(later, "release_difference.html", sections, before_id=difference.before_id)


def _hidden_headlines(tables: DisclosedTables) -> set[str] | None:
    """Headline numbers that a release's pages hide; None where it hides no small counts."""
    if not tables.hides:
        return None
    rows = tables.table("result.bounds")
    values = zip(rows["headline"], rows["computed_value"], strict=True)
    return {str(headline) for headline, value in values if isinstance(value, Hidden)}


def _headline_section(difference: ReleaseDifference, hidden: Collection[str]) -> Section:
    section = Section("headlines", "Headline numbers")
    moved = [
        headline
        for headline in difference.headlines
        if headline.is_changed and headline.headline not in hidden
    ]
    if not moved:
        return section.add(Text("No headline number has changed.", "result.bounds"))
    causes = difference.causes
    columns = tuple(map(Column, ("before", "after", "change")))
    columns += tuple(Column(cause, group="moved by") for cause in causes)
    rows = tuple(Row(_label(headline), tuple(_cells(headline, causes))) for headline in moved)
    notes = (
        _METHOD,
        *dict.fromkeys(f"Without shares: {headline.note}." for headline in moved if headline.note),
    )
    if not causes:
        notes = (f"How much each cause moved them: registry releases diff {difference.before_id}.",)
    return section.add(
        Table("Headline numbers that changed", "Number", columns, rows, "result.bounds", notes, is_wide=True)
    )


def _label(headline: HeadlineChange) -> str:
    return f"{headline.description} ({headline.unit})" if headline.unit else headline.description


def _cells(headline: HeadlineChange, causes: Sequence[str]) -> Iterator[str]:
    numbers = (headline.before, headline.after, headline.change)
    yield from (NOT_GIVEN if math.isnan(value) else f"{value:.4g}" for value in numbers)
    yield from (f"{headline.shares[cause]:+.3g}" if headline.shares.get(cause) else "" for cause in causes)


def _record_section(difference: ReleaseDifference, hides: bool) -> Section:
    section = Section("rows", "Rows that came, went and changed")
    if hides and difference.tables:
        names = ", ".join(change.table_name for change in difference.tables)
        return section.add(Text(f"Small counts are hidden. Tables that differ: {names}.", "both releases"))
    columns = (
        *tuple(map(Column, ("before", "after", "in", "out", "changed"))),
        Column("columns", is_number=False),
    )
    rows = tuple(
        Row(
            change.table_name,
            (
                *(str(n) for n in (change.n_before, change.n_after, change.n_in, change.n_out)),
                "" if change.n_changed is None else str(change.n_changed),
                ", ".join(f"{name} {n}" for name, n in change.columns.items()),
            ),
        )
        for change in difference.tables
    )
    table = Table("Tables that differ, by rows", "Table", columns, rows, "both releases", is_wide=True)
    return section.add(table if rows else Text("No table differs."))


def _origin_section(difference: ReleaseDifference) -> Section:
    rows = {**difference.made_of, **difference.parameters}
    table = Table(
        "What differs of what both were made of",
        "",
        (Column("before", is_number=False), Column("after", is_number=False)),
        tuple(Row(name, pair) for name, pair in rows.items()),
        "meta.release, meta.parameter",
    )
    in_between = Text(f"{difference.n_decisions} decisions were taken in between.", "quality.decision")
    return Section("origins", "What they were made of").add(table if rows else None, in_between)


def difference_rows(difference: ReleaseDifference) -> tuple[list[str], list[list[Any]]]:
    """The headline numbers for the terminal."""
    causes = difference.causes
    columns = ["number", "unit", "before", "after", "change", *causes, "note"]
    rows = [
        [
            headline.description,
            headline.unit,
            headline.before,
            headline.after,
            headline.change,
            *(headline.shares.get(cause) for cause in causes),
            headline.note,
        ]
        for headline in difference.headlines
        if headline.is_changed
    ]
    return columns, rows
