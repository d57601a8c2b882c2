"""What each table of ``analyst.duckdb`` is made from, as a key: one of an equal key stays in a copy of the file before.

Belongs here: the parts of a key, which tables of an earlier release stay. Does not belong here: writing tables (``write.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

import schemas
from registry_pipeline.core.files import read_hashed_json
from registry_pipeline.core.home import Home
from registry_pipeline.core.source_code import code_digest
from registry_pipeline.pipeline.analyst.aggregates import aggregate_tables, curves_rest_on, mask_inputs
from registry_pipeline.pipeline.analyst.profile import Profile
from registry_pipeline.pipeline.analyst.treatment import PATIENT, tables_of_people, treatments
from registry_pipeline.pipeline.step import digest_of
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.release.tables import CURVES
from registry_pipeline.store.integrity import unlike_checksums
from registry_pipeline.store.layers import declaration_digest
from registry_pipeline.store.parquet import rows_digest
from registry_pipeline.store.refill import contents_in
from registry_pipeline.store.releases import ANALYST_DATABASE, ANALYST_TABLES, current_release, release_folder
from schemas.constraints import literal, quote
from schemas.table import columns_of

if TYPE_CHECKING:
    import duckdb

    from registry_pipeline.store.row_changes import RowChange

_CODE = "registry_pipeline.pipeline.analyst.write"
Earlier = tuple[Path, Mapping[str, str]]
"""An analysts' database and the keys of its tables."""


def served_tables(home: Home) -> Earlier | None:
    """The analysts' database of the served release, and the keys of its tables; None where it is not what was sealed."""
    served = current_release(home)
    if served is None:
        return None
    folder = release_folder(home, served)
    if unlike_checksums(folder, must_hold=ANALYST_DATABASE, only=ANALYST_DATABASE):
        return None
    try:
        keys = read_hashed_json(folder / ANALYST_TABLES)
    except (OSError, ValueError):
        return None
    return folder / ANALYST_DATABASE, {str(name): str(key) for name, key in keys.items()}


def table_keys(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    profile: Profile,
    patients: pl.DataFrame,
    steward: str,
    counted: DisclosedTables,
) -> dict[str, str]:
    """Table -> key, of the release in a folder; empty where it does not say what it holds.

    Args:
        connection: has the release attached under the name ``steward``.
        patients: what is derived of each patient (``patients.py``).
        counted: the release as analysts may see its counts.
    """
    contents = contents_in(folder)
    if contents is None:
        return {}
    code = code_digest(_CODE)
    settings = digest_of(code, contents.block_size, asdict(profile.settings), profile.key_digest())
    derived = rows_digest(patients)
    masks = [contents.tables.get(name) for name in mask_inputs()]
    keys = {}
    for name in (*tables_of_people(), *aggregate_tables()):
        made_by = (settings, declaration_digest(name))
        if name in CURVES:
            made = digest_of(*made_by, curves_rest_on(counted))
        elif name not in tables_of_people():
            made = digest_of(*made_by, masks)
        elif (columns := treatments(name, profile)) is not None:
            is_reached = _reaches(
                connection, f"{steward}.{name}", _dates(name, columns), profile.extract_date
            )
            end = profile.extract_date if is_reached else date.max
            made = digest_of(*made_by, derived, _expressions(name, replace(profile, extract_date=end)))
        else:
            continue
        keys[name] = f"{made} {contents.tables.get(name)}"
    return keys


def changed_rows_of(
    keys: Mapping[str, str], earlier: Earlier | None, row_changes: Mapping[str, RowChange]
) -> dict[str, RowChange]:
    """Changes of tables that differ from those of an earlier database in nothing but the rows that they are made of.

    Args:
        row_changes: of the stewards' tables, since the release of the earlier database.
    """

    def made_by(keys_: Mapping[str, str], name: str) -> str:
        return keys_.get(name, "").partition(" ")[0]

    before = earlier[1] if earlier else {}
    return {
        name: change
        for name, change in row_changes.items()
        if name in keys and made_by(keys, name) == made_by(before, name)
    }


def kept_tables(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    profile: Profile,
    keys: Mapping[str, str],
    earlier: Earlier,
    steward: str,
    changes: Mapping[str, RowChange],
) -> set[str]:
    """Tables that stay in a copy of an earlier database; none where it has to be made from nothing.

    It is made from nothing whenever the stewards' is, and where somebody of the earlier one is not in this one.

    Args:
        connection: has the release attached under the name ``steward``, and the table ``patient_map``.
        keys: of the tables of the release in the folder.
        changes: of :func:`changed_rows_of`.
    """
    contents = contents_in(folder)
    if contents is None or contents.n_refills == 0 or keys.keys() != earlier[1].keys():
        return set()
    kept = {name for name, key in keys.items() if earlier[1][name] == key}
    connection.execute(f"ATTACH {literal(str(earlier[0]))} AS earlier (READ_ONLY)")
    remade = [name for name in tables_of_people() if name in keys.keys() - kept]
    is_whole = not any(
        _lacks_somebody(connection, name, profile, steward, changes.get(name)) for name in remade
    )
    connection.execute("DETACH earlier")
    return kept if is_whole else set()


def _lacks_somebody(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    profile: Profile,
    steward: str,
    change: RowChange | None,
) -> bool:
    """Whether a patient of an earlier table is neither in the release's nor among its patients."""
    earlier = f"earlier.{name}"
    if change is not None:  # the patients of all its other rows are in the release's
        connection.register("rows_before", change.before.select(PATIENT).to_arrow())
        earlier = f"(SELECT {profile.study_id(PATIENT)} AS {PATIENT} FROM rows_before)"
    missing = (
        f"SELECT DISTINCT {PATIENT} FROM {earlier} WHERE {PATIENT} NOT IN (SELECT study_id FROM patient_map)"
    )
    if not connection.execute(f"{missing} LIMIT 1").fetchall():
        return False
    unmapped = f"SELECT {PATIENT} FROM {steward}.{name} ANTI JOIN patient_map USING ({PATIENT})"
    query = f"""
        SELECT count(*) FROM ({missing})
        WHERE {PATIENT} NOT IN (SELECT {profile.study_id(PATIENT)} FROM ({unmapped}) WHERE {PATIENT} IS NOT NULL)"""
    return bool(connection.execute(query).fetchall()[0][0])


def _expressions(name: str, profile: Profile) -> dict[str, str]:
    """How the columns of a table leave."""
    return {column: treatment.expression for column, treatment in (treatments(name, profile) or {}).items()}


def _dates(name: str, columns: Collection[str]) -> Iterator[str]:
    """Dates of a table that leave."""
    return (
        column.name
        for column in columns_of(schemas.tables()[name])
        if column.kind == "date" and column.name in columns
    )


def _reaches(connection: duckdb.DuckDBPyConnection, table: str, dates: Iterator[str], end: date) -> bool:
    """Whether a date stands on the end of observation or after it, which leaves as NULL: other ends give the same of the rest."""
    latest = [f"max({quote(column)}) >= ?" for column in dates]
    if not latest:
        return False
    rows = connection.execute(f"SELECT {' OR '.join(latest)} FROM {table}", [end] * len(latest)).fetchall()
    return bool(rows[0][0])
