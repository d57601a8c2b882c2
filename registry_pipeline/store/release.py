"""A release: built beside the served one, proved, sealed, then switched to at once.

Belongs here: making the new DuckDB file, sealing it, switching ``current``, and sweeping what a crash left.
Does not belong here: declaring and filling its tables (``filling.py``), what is proved (``proofs.py``),
opening a release (``serve.py``), whether a new release is needed at all (``steps/``).
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

import schemas
from registry_pipeline.core.files import BUILDING, StoreError, disk_errors_as_store_error, sweep, sync
from registry_pipeline.core.home import Home
from registry_pipeline.store.fill import fill, insert
from registry_pipeline.store.integrity import write_checksums
from registry_pipeline.store.parquet import count_rows
from registry_pipeline.store.proofs import known_proofs, prove
from registry_pipeline.store.refill import (
    Contents,
    RowInputs,
    built_by,
    changed_by_facility,
    changed_facilities,
    changed_parts,
    changed_tables,
    copy_database,
    files_of,
    part_digests,
    refillable,
    source_digest,
)
from registry_pipeline.store.releases import (
    DATABASE,
    UNSERVED,
    created_at,
    current_release,
    release_folder,
    release_ids,
    switch,
    unserved_mark,
)
from registry_pipeline.store.row_changes import rows_of_facilities
from registry_pipeline.store.views import create_views
from schemas.derive import code_rows, dictionary_rows, schema_version

if TYPE_CHECKING:
    from registry_pipeline.store.row_changes import RowChange
    from registry_pipeline.store.sql import Source

Finish = Callable[[Path, "Mapping[str, RowChange]"], None]
# Declared keys draw the diagram in analysts' tools; the others are proved by query only. In a release of 100,000
# patients keys up to here cost next to nothing, and those up to 150,000 rows 37 % of the writing and 75 % of the file.
# Findings, of which that release has 36,000, are filled anew in every release: their keys took as long as their rows.
MOST_ROWS_WITH_KEYS = 20_000
# A thousand short columns take 30 MB in blocks of the default size and 5 MB in small ones; a release of
# millions of rows is written twice as slowly in small ones.
MOST_ROWS_OF_A_SMALL_RELEASE = 500_000
SMALL_BLOCK, LARGE_BLOCK = 16_384, 262_144
# The oldest format with one dictionary for coded and for free text: a fifth less work and 5 % smaller files than
# in the oldest of all, which tries three ways on every column. Read by DuckDB 1.3 (May 2025) and later.
STORAGE_FORMAT = "v1.3.0"


@dataclass(frozen=True)
class Versions:
    """What a release was made from; equal versions make equal releases.

    Attributes:
        code_version: of the code.
        rule_set_version: hash of the rule catalogue.
        parameter_hash: hash of the settings.
        input_hash: hash of all landed bytes and mappings.
        key_check: check value of the key of the pseudonyms.
        data_statement: what the data are, printed wherever the release is shown.
        compared_release_id: the earlier release that its numbers were compared with, if there is one.
        comparison_note: why it is not the release that it would be, where that is damaged.
    """

    code_version: str
    rule_set_version: str
    parameter_hash: str
    input_hash: str
    key_check: str
    data_statement: str
    compared_release_id: str | None = None
    comparison_note: str | None = None


def build_release(
    home: Home,
    tables: Mapping[str, Source],
    versions: Versions,
    finish: Finish | None = None,
    memory_limit: str = "1500MB",
    release_id: str | None = None,
    anew: bool = False,
    inputs: RowInputs | None = None,
) -> str:
    """Build, prove, seal and serve a new release. To be called by the one who holds the store's lock.

    Args:
        tables: ``layer.table`` -> Parquet file(s) or polars frame; a table that is not given is empty,
            except ``meta.release``, ``meta.dictionary``, ``meta.code`` and ``meta.parameter``, which
            follow from the versions, the models and registry.toml.
        finish: called with the folder of the sealed database before it is served, and with what is known of rows
            that differ from the release before; writes what else belongs to the release (reports). Reports open ``folder / DATABASE`` themselves.
        anew: fill every table, also those that the served release holds alike.
        release_id: of :func:`new_release_id`, where the tables name it already; a new one otherwise.
        inputs: what rows are made of: of facilities whose records did not change none is looked at.

    Returns:
        The id of the new release.

    Raises:
        ReleaseRefused: a constraint or a check is violated; the old release is still served.
        StoreError: the disk is full or the store cannot be read.
    """
    release_id = release_id or new_release_id(home)
    building = release_folder(home, release_id + BUILDING)
    home.releases.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with disk_errors_as_store_error(building / DATABASE):
            building.mkdir(mode=0o700)
            row_changes = _write_database(
                home, building, release_id, tables, versions, memory_limit, anew, inputs or RowInputs()
            )
            seal(building / DATABASE)
            if finish is not None:
                finish(building, row_changes)
            write_checksums(building)
            publish(home, building, release_id)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return release_id


def new_release_id(home: Home) -> str:
    """``2026-11-23T152233Z-ab12cd``: unique, and sorts after every earlier one even if the clock went back."""
    now = datetime.now(UTC)
    if earlier := release_ids(home):
        now = max(now, created_at(earlier[-1]) + timedelta(seconds=1))
    return f"{now:%Y-%m-%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _write_database(
    home: Home,
    building: Path,
    release_id: str,
    tables: Mapping[str, Source],
    versions: Versions,
    memory_limit: str,
    anew: bool,
    inputs: RowInputs,
) -> dict[str, RowChange]:
    """The database of a release; gives the tables of which only some rows differ from the release before."""
    if unknown := sorted(set(tables) - set(schemas.tables())):
        raise StoreError(f"tables that are not declared in schemas/: {', '.join(unknown)}")
    all_tables = {**_own_tables(home, release_id, versions), **tables}
    contents = _contents(all_tables, inputs)
    earlier = None if anew else refillable(home, contents)
    if earlier is not None:
        copy_database(home, building)
        contents = replace(contents, n_refills=earlier.n_refills + 1)
    spill = str(building / f"spill{BUILDING}")
    config: dict[str, Any] = {"memory_limit": memory_limit, "temp_directory": spill}
    config |= {"threads": 1, "storage_compatibility_version": STORAGE_FORMAT}
    config["default_block_size"] = contents.block_size
    connection = duckdb.connect(str(building / DATABASE), config=config)
    row_changes: dict[str, RowChange] = {}
    try:
        if earlier is None:
            fill(connection, all_tables, contents.keyed)
            proofs = prove(connection)
        else:
            changed = changed_tables(earlier.tables, contents.tables, contents.keyed)
            proofs_before = known_proofs(connection)
            parts = changed_parts(earlier, contents, changed)
            can_differ = _rows_that_can_differ(connection, all_tables, earlier, contents, changed)
            row_changes = fill(
                connection, all_tables, contents.keyed, only=changed, parts=parts, can_differ=can_differ
            )
            proofs = prove(connection, proofs_before, changed, row_changes)
        insert(connection, "quality.reconciliation", pl.DataFrame([asdict(proof) for proof in proofs]))
        if earlier is None:
            create_views(connection)
        connection.execute("CHECKPOINT")
    finally:
        connection.close()
    shutil.rmtree(spill, ignore_errors=True)
    contents.write(building)
    return row_changes


def _rows_that_can_differ(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Source],
    earlier: Contents,
    contents: Contents,
    changed: Collection[str],
) -> dict[str, str]:
    """Changed tables of which only rows of a few facilities can be others, with SQL of these rows."""
    facilities = changed_facilities(earlier, contents)
    names = [name for name in changed_by_facility(earlier, contents) if facilities and name in changed]
    return rows_of_facilities(connection, tables, names, facilities)


def _contents(tables: Mapping[str, Source], inputs: RowInputs) -> Contents:
    """What the database is to hold, and how it is to be built."""
    counts = {name: _row_count(source) for name, source in tables.items()}
    is_small = sum(counts.values()) <= MOST_ROWS_OF_A_SMALL_RELEASE
    return Contents(
        built_by=built_by(),
        block_size=SMALL_BLOCK if is_small else LARGE_BLOCK,
        keyed=[name for name in schemas.tables() if counts.get(name, 0) <= MOST_ROWS_WITH_KEYS],
        n_refills=0,
        tables={name: source_digest(source) for name, source in tables.items()},
        parts={name: part_digests(source) for name, source in tables.items() if isinstance(source, Mapping)},
        facilities=inputs.facilities,
        of_all=inputs.of_all,
    )


def _own_tables(home: Home, release_id: str, versions: Versions) -> dict[str, pl.DataFrame]:
    """The tables that the release knows of itself."""
    release = {
        "release_id": release_id,
        "created_at": datetime.now(UTC).replace(tzinfo=None, microsecond=0),
        "previous_release_id": current_release(home),
        "schema_version": schema_version(),
        **asdict(versions),
    }
    return {
        "meta.release": pl.DataFrame([release]),
        "meta.dictionary": pl.DataFrame(dictionary_rows(), infer_schema_length=None),
        "meta.code": pl.DataFrame(code_rows(), infer_schema_length=None),
        "meta.parameter": pl.DataFrame(home.settings().parameter_rows(), infer_schema_length=None),
    }


def _row_count(source: Source) -> int:
    """Rows of a source, from the footers of its files."""
    if isinstance(source, pl.DataFrame):
        return source.height
    return sum(count_rows(path) for path in files_of(source) if path.is_file())


def seal(database: Path) -> None:
    """Assert that nothing waits in a write-ahead log, put the file on the disk, forbid writing.

    Raises:
        StoreError: a ``.wal`` lies beside the file; renaming would lose its rows.
    """
    if database.with_name(database.name + ".wal").exists():
        raise StoreError(f"{database}: the write-ahead log was not emptied; nothing was published")
    sync(database)
    database.chmod(0o444)
    sync(database.parent)


def publish(home: Home, building: Path, release_id: str) -> None:
    """Give a sealed folder its name and serve it.

    Until ``current`` points to it a mark stands beside the release, so that a crash between the two
    renames leaves nothing that looks served.
    """
    mark = unserved_mark(home, release_id)
    mark.touch(mode=0o600)
    building.rename(release_folder(home, release_id))
    sync(home.releases)
    switch(home, release_id)
    mark.unlink(missing_ok=True)


def sweep_releases(home: Home) -> list[Path]:
    """Remove what a crash left of a release; gives what was removed. The served release stays.

    To be called by the one who holds the store's lock.
    """
    current, removed = current_release(home), []
    for mark in sorted(home.releases.glob(f"*{UNSERVED}")):
        release_id = mark.name.removesuffix(UNSERVED)
        if release_id != current and release_folder(home, release_id).is_dir():
            shutil.rmtree(release_folder(home, release_id), ignore_errors=True)
            removed.append(release_folder(home, release_id))
    removed += sweep(home.releases)
    return removed + sweep(home.root, is_deep=False)
