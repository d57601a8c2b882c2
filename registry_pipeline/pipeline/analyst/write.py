"""Writing ``analyst.duckdb`` beside a sealed ``registry.duckdb``.

Belongs here: which tables it has and what is said of them. Does not belong here: what becomes of a column
(``treatment.py``) or a count (``aggregates.py``).
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
    aggregate_tables,
    declared_select,
    published_aggregates,
)
from registry_pipeline.pipeline.analyst.patients import lay_out
from registry_pipeline.pipeline.analyst.profile import Profile, profile_of
from registry_pipeline.pipeline.analyst.table_keys import served_tables, table_keys
from registry_pipeline.pipeline.analyst.treatment import (
    PATIENT,
    Treatment,
    record_keys,
    tables_of_people,
    treatments,
)
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.errors import record_private_details
from registry_pipeline.store.release import STORAGE_FORMAT, seal
from registry_pipeline.store.releases import (
    ANALYST_DATABASE,
    ANALYST_FAILED,
    ANALYST_TABLES,
    DATABASE,
)
from registry_pipeline.store.views import create_views
from schemas.constraints import literal, quote
from schemas.derive import column_comment, dictionary_rows
from schemas.table import columns_of, key_of

COPIED = ("meta.release", "meta.parameter", "meta.code")
DICTIONARY = "meta.dictionary"
STEWARD, EARLIER = "steward", "earlier"
"""Names under which the stewards' database and an earlier analysts' one are attached."""


def add_analyst_database(
    context: RefreshContext, folder: Path, patients: pl.DataFrame, anew: bool = False
) -> None:
    """Write it beside the sealed database of a release.

    A bug in it must not keep the data from stewards: it is written down, and the release has nothing to be approved.

    Args:
        patients: what is derived of each patient (``patients.py``).
        anew: make every table, also those that the served release has alike.

    Raises:
        StoreError: the disk is full.
    """
    database = folder / ANALYST_DATABASE
    try:
        with panics_as_exceptions(), disk_errors_as_store_error(database):
            earlier = None if anew else served_tables(context.home)
            write_analyst_database(folder, context.settings, profile_of(context), patients, earlier)
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
    earlier: tuple[Path, Mapping[str, str]] | None = None,
) -> None:
    """Write and seal it in the folder of a release whose ``registry.duckdb`` is sealed.

    Args:
        patients: what is derived of each patient (``patients.py``).
        earlier: an analysts' database and the keys of its tables; those made of the same are copied, table by table,
            into the new file, which so holds no remains of other rows.

    Raises:
        duckdb.Error: the release cannot be read, or the disk is full.
    """
    spill = folder / f"analyst.spill{BUILDING}"
    config: dict[str, Any] = {
        "memory_limit": settings.refresh.lesser_duckdb_memory,
        "temp_directory": str(spill),
        "threads": 1,
        "storage_compatibility_version": STORAGE_FORMAT,
        "default_block_size": _block_size(folder / DATABASE),
    }
    connection = duckdb.connect(str(folder / ANALYST_DATABASE), config=config)
    try:
        connection.execute(f"ATTACH {literal(str(folder / DATABASE))} AS {STEWARD} (READ_ONLY)")
        if earlier is not None:
            connection.execute(f"ATTACH {literal(str(earlier[0]))} AS {EARLIER} (READ_ONLY)")
        profile.apply_key(connection)
        connection.execute("BEGIN")  # a thousand statements, one write
        lay_out(connection, patients)
        keys = table_keys(connection, folder, profile, patients, STEWARD)
        kept = {name for name, key in keys.items() if earlier is not None and earlier[1].get(name) == key}
        _fill(connection, profile, kept, published_aggregates(folder / DATABASE, settings.analyst, kept))
        connection.execute("COMMIT")
        connection.execute(f"DETACH {STEWARD}")
        if earlier is not None:
            connection.execute(f"DETACH {EARLIER}")
        connection.execute("CHECKPOINT")
    finally:
        connection.close()
    shutil.rmtree(spill, ignore_errors=True)
    seal(folder / ANALYST_DATABASE)
    write_hashed_json(keys, folder / ANALYST_TABLES)


def _block_size(database: Path) -> int:
    """Bytes of a block of a database file: those of the stewards' fit the analysts' too."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return int(connection.execute("SELECT block_size FROM pragma_database_size()").fetchall()[0][0])


def _fill(
    connection: duckdb.DuckDBPyConnection,
    profile: Profile,
    kept: Collection[str],
    aggregates: Mapping[str, pd.DataFrame],
) -> None:
    for layer in (layer for layer in schemas.LAYERS if layer != "quality"):
        connection.execute(f"CREATE SCHEMA {layer}")
    remarks: dict[str, dict[str, str]] = {name: {} for name in COPIED}
    for name in COPIED:
        connection.execute(f"CREATE TABLE {name} AS FROM {STEWARD}.{name}")
    leaving = {
        name: columns for name in tables_of_people() if (columns := treatments(name, profile)) is not None
    }
    mapped = _map_records(connection, profile, leaving.keys() - set(kept))
    for name, columns in leaving.items():
        rows = f"FROM {EARLIER}.{name}" if name in kept else _treated(name, columns, mapped)
        connection.execute(f"CREATE TABLE {name} AS {rows}")
        remarks[name] = {column: treatment.remark for column, treatment in columns.items()}
    for name in aggregate_tables():
        if name in kept:
            connection.execute(f"CREATE TABLE {name} AS FROM {EARLIER}.{name}")
        elif name in aggregates:
            connection.register("rows", aggregates[name])
            connection.execute(
                f"CREATE TABLE {name} AS {declared_select(name, aggregates[name], profile.facility)}"
            )
            connection.unregister("rows")
        remarks |= {name: {}} if name in kept or name in aggregates else {}
    connection.execute("DROP TABLE patient_map")
    _describe(connection, remarks)
    create_views(connection, tables=[*remarks, DICTIONARY])


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


def _treated(name: str, columns: Mapping[str, Treatment], mapped: Collection[str]) -> str:
    """SELECT of a table of single people as it leaves."""
    expressions = {column: treatment.expression for column, treatment in columns.items()}
    keys = [key for key in mapped if key in columns]
    for key in keys:  # a record that is in quarantine is not in the map
        expressions[key] = f"coalesce({key}_map.pseudonym, {expressions[key]})"
    chosen = ", ".join(f"{expression} AS {quote(column)}" for column, expression in expressions.items())
    joins = " ".join(f"LEFT JOIN {key}_map ON {key}_map.{key} = t.{key}" for key in keys)
    return (
        f"SELECT {chosen} FROM {STEWARD}.{name} AS t LEFT JOIN patient_map AS p USING ({PATIENT}) {joins} "
        f"ORDER BY {', '.join(key_of(schemas.tables()[name]))}"
    )


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
