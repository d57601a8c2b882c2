"""The curated and mart layers: every table of a layer, of which those that are still current are kept.

Belongs here: in which order tables are made, which are made anew.
Does not belong here: running one statement (``sql.py``), what a table's key is made of (``pipeline/keys.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import schemas
from registry_pipeline.core.files import json_digest
from registry_pipeline.core.sql_files import SqlFile, needed_within, sql_files
from registry_pipeline.store.facility_files import curated_by_facility
from registry_pipeline.store.facility_rows import (
    ALL,
    CHANGED,
    FacilityRows,
    Inputs,
    changed_facilities,
    is_comparable,
    is_of,
)
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.parallel import side_by_side
from registry_pipeline.store.sql import (
    add_view,
    model_of,
    private_database,
    registered,
    run_to_parquet,
    typed_select,
)
from schemas.derive import create_table_sql

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from registry_pipeline.store.sql import Source

Keys = Callable[[str], str]
"""Table -> digest of all that it is made from."""


def declaration_digest(name: str) -> str:
    """Hash of what a table is declared to be: its columns, types, keys and demands."""
    return hashlib.sha256(create_table_sql(model_of(name)).encode()).hexdigest()[:16]


def build_mart(
    curated: Path,
    quarantine: Sequence[Path] | pl.DataFrame,
    target: Path,
    parameters: Mapping[str, Any],
    memory_limit: str = "1500MB",
    spill_folder: Path | None = None,
    keyed: KeyedTables | None = None,
    key_of: Keys = lambda _: "",
    inputs: Inputs | None = None,
) -> dict[str, int]:
    """The mart tables.

    Args:
        curated: folder of the curated Parquet files.
        quarantine: rows of ``quality.quarantine`` of all facilities, or the columns of it that marts may read.
        target: folder for ``<table>.parquet``, ``store/mart``.
        parameters: :func:`study_parameters`.
        keyed: the tables that are there: one that is still current is not made again.
        key_of: asked for a table's key when the tables that it rests on are made.
        inputs: of tables that are made patient by patient; where few facilities sent something else since a table was
            made, only their rows are.

    Returns:
        table -> number of rows.
    """
    keyed = keyed or KeyedTables(target)
    inputs = inputs or {}
    sources: dict[str, Source] = {
        name: curated / f"{name.partition('.')[2]}.parquet" for name in schemas.tables_of("curated")
    }
    sources["quality.quarantine"] = quarantine
    files = sql_files("mart")
    if missing := {name for name in schemas.tables_of("mart") if name.partition(".")[2] not in files}:
        raise ValueError(f"tables without a file under sql/mart: {sorted(missing)}")
    counts: dict[str, int] = {}
    with private_database(memory_limit, spill_folder=spill_folder) as connection:
        for name in sources:
            add_view(connection, name, sources.get(name))
        frames = {
            registered(name): source.to_arrow()
            for name, source in sources.items()
            if source is not None and not isinstance(source, Path | Sequence | Mapping)
        }
        changed = changed_facilities(keyed, inputs)
        rows = FacilityRows(connection, changed, sources) if changed else None

        def make(table: str) -> None:
            name, path = f"mart.{table}", target / f"{table}.parquet"
            with connection.cursor() as own:
                for view, frame in frames.items():
                    own.register(view, frame)  # it is known to the connection that it was given to only
                key = key_of(table)
                if key and keyed.is_current(table, key):
                    keyed.renew(table, key, inputs.get(table))
                elif rows is not None and is_comparable(keyed, inputs, table) and keyed.is_whole(table):
                    own.execute(f"USE {CHANGED}")
                    replacing = rows.replacing(own, name, files[table], path, parameters)
                    own.execute(f"USE {ALL}")
                    if replacing is None:
                        keyed.renew(table, key, inputs[table])
                    else:
                        n_rows = run_to_parquet(own, replacing, model_of(name), path, {})
                        keyed.remember(table, key, n_rows, inputs=inputs[table])
                else:
                    n_rows = run_to_parquet(own, files[table], model_of(name), path, parameters)
                    keyed.remember(table, key, n_rows, inputs=inputs.get(table))
                counts[table] = keyed.n_rows(table)
                add_view(own, name, path)
                if rows is not None:
                    rows.show(own, name)

        side_by_side(needed_within(files, "mart"), make)
    return counts


def curate(
    accepted: Mapping[str, Source],
    target: Path,
    memory_limit: str = "1500MB",
    spill_folder: Path | None = None,
    keyed: KeyedTables | None = None,
    inputs: Inputs | None = None,
) -> dict[str, int]:
    """The curated tables of all facilities together, those that are one file: the declared columns of what was accepted.

    Args:
        accepted: table (``lesion``) -> the ``<table>.accepted.parquet`` file of each facility, or rows.
        target: folder for ``<table>.parquet``, ``store/curated``.
        keyed: the tables that are there: one that is still current is not made again.
        inputs: what each table is made from.

    Returns:
        table -> number of rows.
    """
    keyed, inputs = keyed or KeyedTables(target), inputs or {}
    tables = [name.removeprefix("curated.") for name in schemas.tables_of("curated")]
    tables = [table for table in tables if table not in curated_by_facility()]
    with private_database(memory_limit, spill_folder=spill_folder) as connection:

        def make(table: str) -> None:
            name, source, path = f"curated.{table}", accepted.get(table), target / f"{table}.parquet"
            with connection.cursor() as own:
                changed = _changed(keyed, inputs, table, source)
                rows = typed_select(own, name, source) if not changed else _replaced(own, name, changed, path)
                n_rows = run_to_parquet(own, SqlFile(table, {}, rows), model_of(name), path, {})
            keyed.remember(table, keys[table], n_rows, inputs=inputs.get(table))

        keys = {table: key_of_inputs(inputs[table]) if inputs else "" for table in tables}
        stale = [table for table in tables if not keys[table] or not keyed.is_current(table, keys[table])]
        side_by_side(dict.fromkeys(stale, ()), make)
    return {table: keyed.n_rows(table) for table in tables}


def key_of_inputs(inputs: Mapping[str, str]) -> str:
    """The key of a table that is made from this."""
    return json_digest(inputs)[:16]


def _changed(keyed: KeyedTables, inputs: Inputs, table: str, source: Source) -> dict[str, Path]:
    """The files of facilities that are others than when a table was made; none where it is made as a whole."""
    if (
        not isinstance(source, Mapping)
        or not is_comparable(keyed, inputs, table)
        or not keyed.is_whole(table)
    ):
        return {}
    changed = changed_facilities(keyed, {table: inputs[table]})
    return {facility: source[facility] for facility in changed} if set(changed) <= set(source) else {}


def _replaced(
    connection: duckdb.DuckDBPyConnection, name: str, changed: Mapping[str, Path], table: Path
) -> str:
    """A SELECT of the rows of a table, of some facilities those of other files."""
    others = f"{typed_select(connection, name, table)} WHERE {is_of(changed)} IS NOT TRUE"
    return f"{others} UNION ALL {typed_select(connection, name, changed)}"
