"""The page of every release that says what has changed since the one before.

Belongs here: a difference that costs little: rows of records and marts, headline numbers before and after.
Does not belong here: what moved each number (``headlines.py``), the page itself (``releases.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

import schemas
from registry_pipeline.core.files import write_text
from registry_pipeline.core.home import Home
from registry_pipeline.reporting.report import CHANGES
from registry_pipeline.store.refill import contents_in
from registry_pipeline.store.releases import DATABASE, REPORTS, release_folder
from registry_pipeline.store.row_changes import RowChange
from registry_pipeline.study.compare.headlines import HeadlineChange
from registry_pipeline.study.compare.releases import ReleaseDifference, difference_page, differing_origins
from registry_pipeline.study.compare.tables import table_changes
from schemas.constraints import literal

LAYERS = ("curated", "mart")
_IDS = "SELECT release_id, previous_release_id FROM meta.release"
_HEADLINES = """
    SELECT headline, coalesce(a.description, b.description), coalesce(a.unit, b.unit, ''),
        coalesce(b.computed_value, 'nan'), coalesce(a.computed_value, 'nan')
    FROM result.bounds a FULL JOIN attached.result.bounds b USING (headline) WHERE headline IS NOT NULL ORDER BY ALL"""


def write_changes_page(home: Home, folder: Path, row_changes: Mapping[str, RowChange] | None = None) -> None:
    """Write it into the reports of a release that is being made; there is none where no release went before.

    Args:
        folder: of the release, with its sealed database.
        row_changes: tables of which the rows that differ from the release before are known.
    """
    with duckdb.connect(str(folder / DATABASE), read_only=True, config={"threads": 1}) as connection:
        release_id, before_id = connection.execute(_IDS).fetchall()[0]
        before = release_folder(home, before_id or "") / DATABASE
        if before_id is None or not before.is_file():
            return
        connection.execute(f"ATTACH {literal(str(before))} AS attached (READ_ONLY)")
        difference = ReleaseDifference(
            before_id,
            release_id,
            *differing_origins(connection),
            table_changes(connection, _unlike(before.parent, folder), row_changes or {}),
            list(_headlines(connection)),
        )
    write_text(difference_page(home, difference, folder / DATABASE), folder / REPORTS / CHANGES)


def _unlike(before: Path, after: Path) -> set[str]:
    """Tables of records and marts that do not hold the same rows, by what the releases' folders say of them."""
    names = {name for layer in LAYERS for name in schemas.tables_of(layer)}
    earlier, later = contents_in(before), contents_in(after)
    if earlier is None or later is None:
        return names
    return {name for name in names if earlier.tables.get(name) != later.tables.get(name)}


def _headlines(connection: duckdb.DuckDBPyConnection) -> Iterator[HeadlineChange]:
    for headline, description, unit, before, after in connection.execute(_HEADLINES).fetchall():
        yield HeadlineChange(headline, description, unit, before, after)
