"""Writing ``analyst.duckdb`` beside a sealed ``registry.duckdb``.

Belongs here: which tables it has and what is said of them. Does not belong here: what becomes of a column
(``treatment.py``) or a count (``aggregates.py``).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

import schemas
from registry_pipeline.core.files import BUILDING, StoreError, disk_errors_as_store_error, write_text
from registry_pipeline.core.home import Home
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.settings import Settings
from registry_pipeline.pipeline.analyst.aggregates import (
    aggregate_inputs,
    aggregate_tables,
    declared_select,
    published_aggregates,
)
from registry_pipeline.pipeline.analyst.patients import patients_query
from registry_pipeline.pipeline.analyst.profile import Profile, profile_of
from registry_pipeline.pipeline.analyst.treatment import PATIENT, tables_of_people, treatments
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.errors import record_private_details
from registry_pipeline.store.integrity import unlike_checksums
from registry_pipeline.store.refill import contents_in, contents_of
from registry_pipeline.store.release import STORAGE_FORMAT, seal
from registry_pipeline.store.releases import (
    ANALYST_DATABASE,
    ANALYST_FAILED,
    DATABASE,
    current_release,
    release_folder,
)
from registry_pipeline.store.views import create_views
from schemas.constraints import literal, quote
from schemas.derive import column_comment, dictionary_rows
from schemas.table import columns_of, key_of

COPIED = ("meta.release", "meta.parameter", "meta.code")
DICTIONARY = "meta.dictionary"
STEWARD, EARLIER = "steward", "earlier"
"""Names under which the stewards' database and an earlier analysts' one are attached."""


def add_analyst_database(context: RefreshContext, folder: Path, anew: bool = False) -> None:
    """Write it beside the sealed database of a release.

    A bug in it must not keep the data from stewards: it is written down, and the release has nothing to be approved.

    Args:
        anew: round and hide every count, also where the served release has been through that alike.

    Raises:
        StoreError: the disk is full.
    """
    database = folder / ANALYST_DATABASE
    try:
        with panics_as_exceptions(), disk_errors_as_store_error(database):
            earlier = None if anew else database_with_equal_aggregates(context.home, folder)
            write_analyst_database(folder, context.settings, profile_of(context), earlier)
    except StoreError:
        raise
    except Exception as problem:
        database.unlink(missing_ok=True)
        details = record_private_details(context.home, problem)
        message = f"{ANALYST_DATABASE} could not be written; details, which may quote records: {details}\n"
        write_text(message, folder / ANALYST_FAILED)


def database_with_equal_aggregates(home: Home, folder: Path) -> Path | None:
    """The analysts' database of the served release, where its counts and estimates are made of just what these are.

    None where marts, results, parameters (the profile's among them) or code differ, or its file is not what was sealed.

    Args:
        folder: of the release that is being built; its database is sealed.
    """
    served, now = current_release(home), contents_in(folder)
    before = None if served is None else contents_of(home, served)
    if served is None or before is None or now is None or before.code_version != now.code_version:
        return None
    if any(before.tables.get(name) != now.tables.get(name) for name in aggregate_inputs()):
        return None
    place = release_folder(home, served)
    damaged = unlike_checksums(place, must_hold=ANALYST_DATABASE, only=ANALYST_DATABASE)
    return None if damaged else place / ANALYST_DATABASE


def write_analyst_database(
    folder: Path, settings: Settings, profile: Profile, earlier: Path | None = None
) -> None:
    """Write and seal it in the folder of a release whose ``registry.duckdb`` is sealed.

    Args:
        earlier: an analysts' database of the same profile whose counts and estimates are these; they are copied, table
            by table, into the new file, which so holds no remains of other rows.

    Raises:
        duckdb.Error: the release cannot be read, or the disk is full.
    """
    aggregates = None if earlier else published_aggregates(folder / DATABASE, settings.analyst)
    spill = folder / f"analyst.spill{BUILDING}"
    config: dict[str, Any] = {
        "memory_limit": settings.refresh.duckdb_memory,
        "temp_directory": str(spill),
        "threads": 1,
        "storage_compatibility_version": STORAGE_FORMAT,
        "default_block_size": _block_size(folder / DATABASE),
    }
    connection = duckdb.connect(str(folder / ANALYST_DATABASE), config=config)
    try:
        connection.execute(f"ATTACH {literal(str(folder / DATABASE))} AS {STEWARD} (READ_ONLY)")
        if earlier is not None:
            connection.execute(f"ATTACH {literal(str(earlier))} AS {EARLIER} (READ_ONLY)")
        profile.apply_key(connection)
        connection.execute("BEGIN")  # a thousand statements, one write
        _fill(connection, profile, aggregates)
        connection.execute("COMMIT")
        connection.execute(f"DETACH {STEWARD}")
        if earlier is not None:
            connection.execute(f"DETACH {EARLIER}")
        connection.execute("CHECKPOINT")
    finally:
        connection.close()
    shutil.rmtree(spill, ignore_errors=True)
    seal(folder / ANALYST_DATABASE)


def _block_size(database: Path) -> int:
    """Bytes of a block of a database file: those of the stewards' fit the analysts' too."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return int(connection.execute("SELECT block_size FROM pragma_database_size()").fetchall()[0][0])


def _fill(
    connection: duckdb.DuckDBPyConnection, profile: Profile, aggregates: Mapping[str, pd.DataFrame] | None
) -> None:
    connection.execute(f"CREATE TEMP TABLE patient_map AS {patients_query(profile, STEWARD)}")
    for layer in (layer for layer in schemas.LAYERS if layer != "quality"):
        connection.execute(f"CREATE SCHEMA {layer}")
    remarks: dict[str, dict[str, str]] = {name: {} for name in COPIED}
    for name in COPIED:
        connection.execute(f"CREATE TABLE {name} AS FROM {STEWARD}.{name}")
    for name in tables_of_people():
        if (columns := treatments(name, profile)) is not None:
            chosen = ", ".join(
                f"{treatment.expression} AS {quote(column)}" for column, treatment in columns.items()
            )
            connection.execute(
                f"CREATE TABLE {name} AS SELECT {chosen} FROM {STEWARD}.{name} AS t "
                f"LEFT JOIN patient_map AS p USING ({PATIENT}) ORDER BY {', '.join(key_of(schemas.tables()[name]))}"
            )
            remarks[name] = {column: treatment.remark for column, treatment in columns.items()}
    names = _copy_aggregates(connection) if aggregates is None else list(aggregates)
    for name, rows in (aggregates or {}).items():
        connection.register("rows", rows)
        connection.execute(f"CREATE TABLE {name} AS {declared_select(name, rows, profile.facility)}")
        connection.unregister("rows")
    remarks |= {name: {} for name in names}
    connection.execute("DROP TABLE patient_map")
    _describe(connection, remarks)
    create_views(connection, tables=[*remarks, DICTIONARY])


def _copy_aggregates(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Counts and estimates of the earlier database, row by row as they are; gives the names of their tables."""
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = ?", [EARLIER]
    ).fetchall()
    present = {str(name) for (name,) in rows}
    names = [name for name in aggregate_tables() if name in present]
    for name in names:
        connection.execute(f"CREATE TABLE {name} AS FROM {EARLIER}.{name}")
    return names


def _describe(connection: duckdb.DuckDBPyConnection, remarks: Mapping[str, Mapping[str, str]]) -> None:
    """The dictionary of what is there, and the same as comments."""
    columns = {
        (name, column.name): column for name in remarks for column in columns_of(schemas.tables()[name])
    }
    present = connection.execute(
        "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns "
        "WHERE table_catalog = current_database()"
    ).fetchall()
    comments = [
        f"COMMENT ON TABLE {name} IS {literal(schemas.tables()[name].description or '')}" for name in remarks
    ]
    for name, column in present:
        if (name, column) in columns:
            comment = f"{column_comment(columns[name, column])} {remarks[name].get(column, '')}".strip()
            comments.append(f"COMMENT ON COLUMN {name}.{quote(column)} IS {literal(comment)}")
    connection.execute(";\n".join(comments))
    _write_dictionary(connection, set(present), remarks)


def _write_dictionary(
    connection: duckdb.DuckDBPyConnection, present: set[Any], remarks: Mapping[str, Mapping[str, str]]
) -> None:
    rows = []
    for row in dictionary_rows():
        name, column = f"{row['schema_name']}.{row['table_name']}", row["column_name"]
        if (name, column) in present:
            remark = remarks[name].get(str(column), "")
            rows.append(
                {**row, "is_identifying": False, "description": f"{row['description']}. {remark}".strip(". ")}
            )
    frame = pd.DataFrame(rows)
    connection.register("rows", frame)
    connection.execute(f"CREATE TABLE {DICTIONARY} AS {declared_select(DICTIONARY, frame, str)}")
    connection.unregister("rows")
