"""Of a layer that is made patient by patient the rows of some facilities only: those of the others stay as they are.

Belongs here: which facilities have changed, showing SQL their patients only, joining what it makes to the other rows.
Does not belong here: digests of what facilities sent (``pipeline/keys.py``), running SQL (``sql.py``), whole layers.

This holds where a row follows from the records of its patient, and where one facility only knows her: who merges
patients of several has the tables made whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

import schemas
from registry_pipeline.core.sql_files import SqlFile
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.sql import model_of, run_to_table, typed_select
from schemas.constraints import literal, quote
from schemas.table import columns_of

if TYPE_CHECKING:
    from registry_pipeline.store.sql import Sources

OF_ALL = ""
"""Among digests by facility that of what holds for all of them: code, declarations, settings."""
Inputs = Mapping[str, Mapping[str, str]]
"""Table -> facility -> digest of what it is made from; nothing for a table that is made as a whole."""
_PATIENT = "patient_id"
_MADE = "made_anew"
ALL, CHANGED = "memory", "changed"
"""The catalogues of a private database: DuckDB's own, and that of some facilities."""


def changed_facilities(keyed: KeyedTables, inputs: Inputs) -> list[str]:
    """Facilities that sent something else since a table was made; none where it is not a few of them."""
    tables = [table for table in inputs if is_comparable(keyed, inputs, table)]
    changed = {
        facility
        for table in tables
        for facility, digest in inputs[table].items()
        if digest != keyed.inputs(table)[facility]
    }
    n_facilities = max((len(inputs[table]) - 1 for table in tables), default=0)
    return sorted(changed) if 2 * len(changed) <= n_facilities else []


def is_comparable(keyed: KeyedTables, inputs: Inputs, table: str) -> bool:
    """Whether a table that is there was made by the same code, of the same facilities."""
    noted, now = keyed.inputs(table), inputs.get(table, {})
    return bool(now) and set(noted) == set(now) and noted[OF_ALL] == now[OF_ALL]


def is_of(facilities: Iterable[str]) -> str:
    """SQL: whether a row is of one of some facilities."""
    return f"(facility_id IN ({', '.join(map(literal, facilities))}))"


class FacilityRows:
    """A catalogue ``changed`` beside that of a private database, which shows the patients of some facilities only."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, facilities: Iterable[str], sources: Sources
    ) -> None:
        """Of a database that shows the sources.

        Args:
            sources: ``curated.*`` and ``quality.quarantine``.
        """
        own = is_of(facilities)
        connection.execute(f"ATTACH ':memory:' AS {CHANGED}")
        for layer in schemas.LAYERS:
            connection.execute(f"CREATE SCHEMA {CHANGED}.{layer}")
        for name, source in sources.items():
            kind = "VIEW" if isinstance(source, Path) else "TABLE"  # a frame is known to one connection only
            connection.execute(f"CREATE {kind} {CHANGED}.{name} AS FROM {ALL}.{name} WHERE {own}")
        patients = "SELECT patient_id FROM {0}curated.patient WHERE {1} UNION SELECT patient_id FROM {0}quality.quarantine WHERE {1}"
        these, others = patients.format(f"{CHANGED}.", "true"), patients.format("", f"{own} IS NOT TRUE")
        connection.execute(f"CREATE TABLE {CHANGED}.main.changed_patients AS {these}")
        connection.execute(
            f"CREATE TABLE {CHANGED}.main.other_patients AS {others} EXCEPT FROM {CHANGED}.main.changed_patients"
        )

    def show(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """A table that was made and is shown, with the rows of these patients."""
        whose = (
            f" WHERE {_PATIENT} IN (FROM {CHANGED}.main.changed_patients)"
            if _PATIENT in model_of(name).columns
            else ""
        )
        connection.execute(f"CREATE OR REPLACE VIEW {CHANGED}.{name} AS FROM {ALL}.{name}{whose}")

    def replacing(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        file: SqlFile,
        path: Path,
        parameters: Mapping[str, Any],
    ) -> SqlFile | None:
        """What gives a table whose rows of these patients are made anew, with ``changed`` in use.

        None where its file holds just these rows of them.
        """
        model = model_of(name)
        run_to_table(connection, file, model, _MADE, parameters)
        columns = ", ".join(quote(column.name) for column in columns_of(model))
        is_of_others = f"({_PATIENT} IN (FROM {CHANGED}.main.other_patients))"
        held = f"SELECT {columns} FROM ({typed_select(connection, name, path)})"
        theirs = f"{held} WHERE {is_of_others} IS NOT TRUE"
        differing = f"(FROM {_MADE} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL FROM {_MADE})"
        if connection.execute(f"SELECT count(*) FROM ({differing})").fetchall() == [(0,)]:
            return None
        query = f"SELECT {columns} FROM {_MADE} UNION ALL {held} WHERE {is_of_others}"
        return SqlFile(file.name, {}, query)
