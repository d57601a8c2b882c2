"""The records between two releases: those of the earlier one with some of the causes of change already at work.

Belongs here: to which cause each differing record belongs, and the marts of every mixture.
Does not belong here: estimates (``study/bounds.py``), shares of causes (``headlines.py``).

A record belongs to a decision where one that came or ended between the releases speaks of it or of a record that it
hangs on; else to new patients where only one release knows the patient; else to corrected values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import schemas
from registry_pipeline.core.settings import Study
from registry_pipeline.store.sql import private_database, study_parameters
from registry_pipeline.study.compare.parameters import end_of_observation, parameters_of, study_of
from registry_pipeline.study.marts import Marts
from registry_pipeline.study.scenarios import marts_of
from schemas.constraints import literal, quote
from schemas.table import columns_of, key_of

if TYPE_CHECKING:
    import duckdb

PATIENTS, VALUES, DECISIONS = "patients", "values", "decisions"
PARAMETERS, OBSERVATION, CODE = "parameters", "end of observation", "code"
OF_RECORDS = (PATIENTS, VALUES, DECISIONS)
CAUSES = (*OF_RECORDS, PARAMETERS, OBSERVATION, CODE)
"""Patients that came or went, values that the sources changed, decisions, parameters, a later end, the code."""
_QUARANTINE = "quality.quarantine"


@dataclass
class Mixture:
    """Both releases in a private database."""

    connection: duckdb.DuckDBPyConnection
    _changed: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection.execute("CREATE TABLE decided_patient AS " + _DECIDED_PATIENTS)
        self.connection.execute("CREATE TABLE decided AS " + _DECIDED)
        self.connection.execute("CREATE TABLE patient_in_both AS " + _PATIENTS_IN_BOTH)
        for table in self.tables:
            self._changed[table] = self._classify(table)

    @cached_property
    def tables(self) -> list[str]:
        """What the marts rest on."""
        return [*schemas.tables_of("curated"), _QUARANTINE]

    @cached_property
    def active(self) -> list[str]:
        """The causes that are at work between the releases, but for the code."""
        records = set().union(*self._changed.values())
        others = {PARAMETERS: self._study("before") != self._study("after")}
        others[OBSERVATION] = self._end("before") != self._end("after")
        return [cause for cause in CAUSES if cause in records or others.get(cause)]

    def marts(self, causes: Collection[str]) -> tuple[Marts, Study]:
        """The marts and parameters of the earlier release with these causes at work."""
        for table in self.tables:
            at_work = self._changed[table] & set(causes)
            self.connection.execute(
                f"CREATE OR REPLACE VIEW {table} AS {_mixed(table, self._columns, at_work)}"
            )
        study = self._study("after" if PARAMETERS in causes else "before")
        end = self._end("after" if OBSERVATION in causes else "before")
        return marts_of(self.connection, study_parameters(study, end)), study

    def _study(self, database: str) -> Study:
        return study_of(parameters_of(self.connection, database))

    def _end(self, database: str) -> date:
        return end_of_observation(self.connection, database)

    @cached_property
    def _columns(self) -> dict[tuple[str, str], set[str]]:
        rows = self.connection.execute(
            "SELECT database_name, schema_name || '.' || table_name, column_name FROM duckdb_columns() "
            "WHERE database_name IN ('before', 'after')"
        )
        columns: dict[tuple[str, str], set[str]] = {}
        for database, table, column in rows.fetchall():
            columns.setdefault((database, table), set()).add(column)
        return columns

    def _classify(self, table: str) -> set[str]:
        """Note the cause of every differing record of a table; gives the causes that there are."""
        before, after = (_selected(database, table, self._columns) for database in ("before", "after"))
        name = literal("" if table == _QUARANTINE else table.partition(".")[2])
        self.connection.execute(f"""
            CREATE TABLE {_classes(table)} AS
            WITH differing AS (
                SELECT _key, patient_id FROM (({before}) EXCEPT ALL ({after}))
                UNION SELECT _key, patient_id FROM (({after}) EXCEPT ALL ({before})))
            SELECT d._key, CASE
                WHEN bool_or(d._key IN (SELECT {"table_name || chr(31) ||" if table == _QUARANTINE else ""} record_key
                    FROM decided {"" if table == _QUARANTINE else f"WHERE table_name = {name}"})) THEN '{DECISIONS}'
                WHEN bool_or(d.patient_id IN (FROM decided_patient)) THEN '{DECISIONS}'
                WHEN bool_and(d.patient_id NOT IN (FROM patient_in_both)) THEN '{PATIENTS}'
                ELSE '{VALUES}' END AS cause
            FROM differing d GROUP BY d._key""")
        return {
            row[0]
            for row in self.connection.execute(f"SELECT DISTINCT cause FROM {_classes(table)}").fetchall()
        }


def _classes(table: str) -> str:
    return f"class_{table.replace('.', '_')}"


def _selected(database: str, table: str, columns: dict[tuple[str, str], set[str]]) -> str:
    """Rows of a table with the declared columns and ``_key``."""
    model = schemas.tables()[table]
    has = columns.get((database, table), set())
    casts = ", ".join(
        f"CAST({quote(column.name) if column.name in has else 'NULL'} AS {column.duckdb_type}) AS {quote(column.name)}"
        for column in columns_of(model)
    )
    key = ["table_name", "record_key"] if table == _QUARANTINE else list(key_of(model))
    separator = "chr(31)" if table == _QUARANTINE else "'|'"
    parts = f" || {separator} || ".join(f"coalesce(CAST({quote(column)} AS VARCHAR), '')" for column in key)
    return f"SELECT {casts}, {parts} AS _key FROM {database}.{table}"


def _mixed(table: str, columns: dict[tuple[str, str], set[str]], causes: Collection[str]) -> str:
    """The earlier rows, those of some causes in the state of the later release."""
    before, after = (_selected(database, table, columns) for database in ("before", "after"))
    if not causes:
        return f"SELECT * EXCLUDE (_key) FROM ({before})"
    listed = ", ".join(map(literal, sorted(causes)))
    keys = f"(SELECT _key FROM {_classes(table)} WHERE cause IN ({listed}))"
    return (
        f"SELECT * EXCLUDE (_key) FROM (({before}) UNION ALL BY NAME (SELECT * FROM ({after}) LIMIT 0)) "
        f"WHERE _key NOT IN {keys} "
        f"UNION ALL BY NAME SELECT * EXCLUDE (_key) FROM ({after}) WHERE _key IN {keys}"
    )


_NEW_DECISIONS = """
SELECT d.* FROM after.quality.decision d LEFT JOIN before.quality.decision b USING (decision_no)
WHERE b.decision_no IS NULL OR b.is_in_force IS DISTINCT FROM d.is_in_force"""
_DECIDED_PATIENTS = f"""
SELECT DISTINCT unnest(string_split(record_key, '|')) AS patient_id FROM ({_NEW_DECISIONS})
WHERE state IN ('same_person', 'different_persons')"""
_DECIDED = f"""
WITH RECURSIVE held AS (
    SELECT table_name, record_key, string_split(cause, ' ')[1] AS parent_table,
        substr(cause, strpos(cause, ' ') + 1) AS parent_key
    FROM (FROM before.quality.quarantine UNION ALL BY NAME FROM after.quality.quarantine) WHERE reason = 'parent'
), decided AS (
    SELECT table_name, record_key FROM ({_NEW_DECISIONS})
    UNION
    SELECT h.table_name, h.record_key FROM held h
    JOIN decided d ON d.table_name = h.parent_table AND d.record_key = h.parent_key
)
SELECT DISTINCT table_name, record_key FROM decided WHERE record_key IS NOT NULL"""
_PATIENTS_IN_BOTH = " INTERSECT ".join(
    f"(SELECT patient_id FROM {database}.curated.patient UNION "
    f"SELECT patient_id FROM {database}.quality.quarantine WHERE patient_id IS NOT NULL)"
    for database in ("before", "after")
)


@contextmanager
def mixture(before: Path, after: Path, memory_limit: str, spill_folder: Path) -> Iterator[Mixture]:
    """Two releases, to be mixed.

    Args:
        before, after: their database files.
    """
    with private_database(memory_limit, spill_folder=spill_folder) as connection:
        for name, path in (("before", before), ("after", after)):
            connection.execute(f"ATTACH {literal(str(path))} AS {name} (READ_ONLY)")
        yield Mixture(connection)
