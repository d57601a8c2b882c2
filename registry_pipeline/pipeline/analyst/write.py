"""Writing ``analyst.duckdb`` beside a sealed ``registry.duckdb``.

Belongs here: which tables it has. Does not belong here: what becomes of a column (``treatment.py``) or a count
(``aggregates.py``), what is said of tables (``descriptions.py``).
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl

import schemas
from registry_pipeline.core.files import (
    BUILDING,
    StoreError,
    disk_errors_as_store_error,
    write_hashed_json,
    write_text,
)
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.settings import Settings
from registry_pipeline.pipeline.analyst.aggregates import (
    changed_groups,
    declared_select,
    for_analysts,
    published_aggregates,
)
from registry_pipeline.pipeline.analyst.changed_rows import replace_row_groups
from registry_pipeline.pipeline.analyst.descriptions import describe, dictionary
from registry_pipeline.pipeline.analyst.patients import lay_out
from registry_pipeline.pipeline.analyst.profile import Profile, profile_of
from registry_pipeline.pipeline.analyst.table_keys import (
    Earlier,
    changed_rows_of,
    kept_tables,
    served_tables,
    table_keys,
)
from registry_pipeline.pipeline.analyst.treatment import (
    PATIENT,
    Treatment,
    record_keys,
    tables_of_people,
    treatments,
)
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.errors import record_private_details
from registry_pipeline.reporting.release.disclosure.curves import GROUP
from registry_pipeline.reporting.release.tables import CURVES
from registry_pipeline.store.release import STORAGE_FORMAT, seal
from registry_pipeline.store.releases import (
    ANALYST_DATABASE,
    ANALYST_FAILED,
    ANALYST_TABLES,
    DATABASE,
)
from registry_pipeline.store.row_changes import RowChange
from registry_pipeline.store.unused_blocks import FILLED_BY, UnknownLayout, erase_unused
from registry_pipeline.store.views import create_views
from schemas.constraints import literal, quote
from schemas.table import key_of

COPIED = ("meta.release", "meta.parameter", "meta.code")
DICTIONARY = "meta.dictionary"
STEWARD, ANALYST = "steward", "analyst"
"""Names under which the stewards' database and the analysts' one are attached."""


def add_analyst_database(
    context: RefreshContext,
    folder: Path,
    patients: pl.DataFrame,
    anew: bool = False,
    row_changes: Mapping[str, RowChange] | None = None,
) -> None:
    """Write it beside the sealed database of a release.

    A bug in it must not keep the data from stewards: it is written down, and the release has nothing to be approved.

    Args:
        patients: what is derived of each patient (``patients.py``).
        anew: make every table, also those that the served release has alike.
        row_changes: of the stewards' tables, since the served release.

    Raises:
        StoreError: the disk is full.
    """
    database = folder / ANALYST_DATABASE
    try:
        with panics_as_exceptions(), disk_errors_as_store_error(database):
            earlier = None if anew else served_tables(context.home)
            profile = profile_of(context)
            write_analyst_database(folder, context.settings, profile, patients, earlier, row_changes or {})
    except StoreError:
        raise
    except Exception as problem:
        database.unlink(missing_ok=True)
        details = record_private_details(context.home, problem)
        message = f"{ANALYST_DATABASE} could not be written; details, which may quote records: {details}\n"
        write_text(message, folder / ANALYST_FAILED)


def write_analyst_database(
    folder: Path,
    settings: Settings,
    profile: Profile,
    patients: pl.DataFrame,
    earlier: Earlier | None = None,
    row_changes: Mapping[str, RowChange] | None = None,
) -> None:
    """Write and seal it in the folder of a release whose ``registry.duckdb`` is sealed.

    Args:
        patients: what is derived of each patient (``patients.py``).
        earlier: an analysts' database and the keys of its tables; those made of the same stay in a copy of it, and what
            was of the others is overwritten.
        row_changes: of the stewards' tables, since the release of that database.

    Raises:
        duckdb.Error: the release cannot be read, or the disk is full.
    """
    database, spill = folder / ANALYST_DATABASE, folder / f"analyst.spill{BUILDING}"
    config: dict[str, Any] = {
        "memory_limit": settings.refresh.lesser_duckdb_memory,
        "temp_directory": str(spill),
        "threads": 1,
        **FILLED_BY,
    }
    with (
        duckdb.connect(config=config) as connection,
        for_analysts(folder / DATABASE, settings.analyst) as counted,
    ):
        connection.execute(f"ATTACH {literal(str(folder / DATABASE))} AS {STEWARD} (READ_ONLY)")
        profile.apply_key(connection)
        lay_out(connection, patients)
        keys = table_keys(connection, folder, profile, patients, STEWARD, counted)
        changes = changed_rows_of(keys, earlier, row_changes or {})
        kept = kept_tables(connection, folder, profile, keys, earlier, STEWARD, changes) if earlier else set()
        if kept and earlier:
            shutil.copyfile(earlier[0], database)
            database.chmod(0o600)
        size = f"SELECT block_size FROM pragma_database_size() WHERE database_name = {literal(STEWARD)}"
        (block_size,) = connection.execute(size).fetchall()[0]
        layout = f"STORAGE_VERSION {literal(STORAGE_FORMAT)}, BLOCK_SIZE {block_size}"
        connection.execute(f"ATTACH {literal(str(database))} AS {ANALYST} ({layout})")
        connection.execute(f"USE {ANALYST}")
        connection.execute("BEGIN")  # a thousand statements, one write
        changes = changes if kept else {}
        groups = {name: changed_groups(change) for name, change in changes.items() if name in CURVES}
        aggregates = published_aggregates(counted, settings.analyst, kept, groups)
        _fill(connection, profile, kept, aggregates, changes, groups)
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
    shutil.rmtree(spill, ignore_errors=True)
    try:
        if kept:
            erase_unused(database)
    except UnknownLayout:
        database.unlink()
        write_analyst_database(folder, settings, profile, patients)
        return
    seal(database)
    write_hashed_json(keys, folder / ANALYST_TABLES)


def _fill(
    connection: duckdb.DuckDBPyConnection,
    profile: Profile,
    kept: Collection[str],
    aggregates: Mapping[str, pd.DataFrame],
    changes: Mapping[str, RowChange],
    groups: Mapping[str, pl.DataFrame],
) -> None:
    """Every table that is not kept; where none is, also what is said of all of them.

    Args:
        changes: tables that are there and made alike, of other rows.
        groups: tables of curves of which ``aggregates`` has those of some groups.
    """
    if not kept:
        for layer in (layer for layer in schemas.LAYERS if layer != "quality"):
            connection.execute(f"CREATE SCHEMA {layer}")
    for name in COPIED:
        _create(connection, name, f"FROM {STEWARD}.{name}")
    leaving = {
        name: columns for name in tables_of_people() if (columns := treatments(name, profile)) is not None
    }
    remade = leaving.keys() - set(kept)
    remade -= {
        name
        for name, change in changes.items()
        if name in remade and _replace(connection, name, leaving[name], change)
    }
    mapped = _map_records(connection, profile, remade)
    for name in sorted(remade):
        _create(connection, name, _treated(name, leaving[name], mapped))
    for name, rows in aggregates.items():
        others = ""
        if name in groups:
            others = _without_groups(connection, name, groups[name], profile)
        connection.register("rows", rows)
        select = declared_select(name, rows, profile.facility)
        _create(connection, name, f"FROM ({others} UNION ALL {select}) ORDER BY ALL" if others else select)
        connection.unregister("rows")
    remarks = {
        name: {column: treatment.remark for column, treatment in leaving.get(name, {}).items()}
        for name in [*COPIED, *remade, *aggregates]
    }
    describe(connection, remarks)
    if not kept:
        rows = dictionary(connection, remarks)
        connection.register("rows", rows)
        _create(connection, DICTIONARY, declared_select(DICTIONARY, rows, str))
        connection.unregister("rows")
        create_views(connection, tables=[*remarks, DICTIONARY])


def _replace(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, Treatment], change: RowChange
) -> bool:
    """Replace rows of a table that is there; gives whether it could be done."""
    selects = []
    for rows, source in ((change.before, "rows_before"), (change.after, "rows_after")):
        connection.register(source, rows.to_arrow())
        selects.append(_treated(name, columns, (), source))
    return replace_row_groups(connection, name, *selects)


def _without_groups(
    connection: duckdb.DuckDBPyConnection, name: str, groups: pl.DataFrame, profile: Profile
) -> str:
    """SELECT of the rows of a table of curves that is there, but for those of some groups."""
    frame = groups.to_pandas()
    connection.register("rows", frame)
    columns = ", ".join(GROUP)
    select = declared_select(name, frame, profile.facility)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE gone_groups AS SELECT {columns} FROM ({select})")
    connection.unregister("rows")
    return f"SELECT * FROM {name} ANTI JOIN gone_groups USING ({columns})"


def _create(connection: duckdb.DuckDBPyConnection, name: str, rows: str) -> None:
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS {rows}")


def _map_records(
    connection: duckdb.DuckDBPyConnection, profile: Profile, tables: Collection[str]
) -> list[str]:
    """Keys of records that stand in several tables, each with a table ``<key>_map``: a hash costs six times as much as a join."""
    counts = Counter(key for name in tables for key in record_keys() & set(schemas.tables()[name].columns))
    keys = sorted(key for key, n in counts.items() if n > 1)
    owners = {key_of(model): name for name, model in schemas.tables_of("curated").items()}
    for key in keys:
        pseudonym = profile.record(key, quote(key))
        connection.execute(
            f"CREATE TEMP TABLE {key}_map AS SELECT {key}, {pseudonym} AS pseudonym FROM {STEWARD}.{owners[(key,)]}"
        )
    return keys


def _treated(
    name: str, columns: Mapping[str, Treatment], mapped: Collection[str], source: str | None = None
) -> str:
    """SELECT of a table of single people, or of some of its rows, as it leaves."""
    expressions = {column: treatment.expression for column, treatment in columns.items()}
    keys = [key for key in mapped if key in columns]
    for key in keys:  # a record that is in quarantine is not in the map
        expressions[key] = f"coalesce({key}_map.pseudonym, {expressions[key]})"
    chosen = ", ".join(f"{expression} AS {quote(column)}" for column, expression in expressions.items())
    joins = " ".join(f"LEFT JOIN {key}_map ON {key}_map.{key} = t.{key}" for key in keys)
    return (
        f"SELECT {chosen} FROM {source or f'{STEWARD}.{name}'} AS t LEFT JOIN patient_map AS p USING ({PATIENT}) {joins} "
        f"ORDER BY {', '.join(key_of(schemas.tables()[name]))}"
    )
