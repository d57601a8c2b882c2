"""Writing the tables of the model, what has no concept, and what was left out.

Belongs here: the order of the tables, files. Does not belong here: concepts (``concepts.py``), what a table holds
(``sql/exports/omop/``).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

import schemas
from registry_pipeline.core.files import whole_file, write_csv, write_text
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.operations.exports.omop.concepts import (
    MAP,
    SOURCE_VOCABULARY,
    labels,
    prepare_concepts,
)
from registry_pipeline.operations.exports.tables import about_release, held_columns
from schemas.constraints import literal, quote
from schemas.table import columns_of, key_of

_SQL = "exports/omop"
UNMAPPED_FILE, ACCOUNT_FILE = "unmapped.csv", "account.csv"
TABLES = (
    "location",
    "care_site",
    "person",
    "observation_period",
    "death",
    "visit_occurrence",
    "condition_occurrence",
    "procedure_occurrence",
    "drug_exposure",
    "measurement",
    "episode",
    "episode_event",
    "cdm_source",
)
"""Such that each stands after those that it takes rows from."""
_OWN = ("registry_table", "registry_id")
_README = """\
Release {release} as tables of the OMOP Common Data Model 5.4
=============================================================

{statement}

load.sql     fills the tables that OHDSI's DDL makes (DuckDB; for PostgreSQL write \\copy for COPY)
unmapped.csv codes that have no concept (0): fill in target_concept_id, save it as
             {map} in a folder, and export again with --vocabularies FOLDER
account.csv  what became of each row of the release; a patient without a year of birth, or
             who refused consent, and a row without a date are left out

Source values are the registry's columns and codes (lesion_site:lung). The registry does not
record race and ethnicity: their concepts are 0.
"""


def write_omop(
    release: duckdb.DuckDBPyConnection, folder: Path, vocabularies: Path | None = None
) -> list[Path]:
    """Write a release as CSV files for the official tables of CDM 5.4.

    Args:
        release: a release, open for reading.
        folder: an empty or new folder.
        vocabularies: as of :func:`prepare_concepts`.

    Returns:
        The files, in the order in which they were written.

    Raises:
        ConfigurationError: the vocabularies cannot be used.
    """
    about = about_release(release)
    with duckdb.connect(config={"threads": 1}) as database:
        about["vocabulary"] = prepare_concepts(database, vocabularies)
        _copy_inputs(release, database)
        database.execute("CREATE SCHEMA omop")
        for name in TABLES:
            query = sql_files(_SQL)[name]
            database.execute(f"CREATE TABLE omop.{name} AS {query.query}", query.parameters(about))
        files = [_write_table(database, name, folder) for name in TABLES]
        files.append(write_csv([_UNMAPPED, *unmapped(database)], folder / UNMAPPED_FILE))
        files.append(write_csv([_ACCOUNT, *account(database)], folder / ACCOUNT_FILE))
    load = "".join(
        f"COPY {path.stem} ({_header(path)}) FROM '{path.name}' (FORMAT csv, HEADER);\n"
        for path in files[: len(TABLES)]
    )
    write_text(load, folder / "load.sql")
    write_text(_README.format(**about, map=MAP), folder / "README.txt")
    return [*files, folder / "load.sql", folder / "README.txt"]


def summary(folder: Path) -> str:
    """What an export says of itself in a line: patients that became persons, codes without a concept."""
    accounts = {row["table"]: row for row in _read(folder / ACCOUNT_FILE)}
    n_patients, n_persons = (int(accounts["patient"][name]) for name in ("n_rows", "n_written"))
    n_codes = len({row["source_code"] for row in _read(folder / UNMAPPED_FILE)})
    return (
        f"{n_persons} of {n_patients} patients are persons ({ACCOUNT_FILE} says what was left out); "
        f"{n_codes} codes have no concept ({UNMAPPED_FILE})"
    )


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _copy_inputs(release: duckdb.DuckDBPyConnection, database: duckdb.DuckDBPyConnection) -> None:
    """The curated and mart tables that the queries name; a column that this database withholds is NULL."""
    database.execute("CREATE SCHEMA curated; CREATE SCHEMA mart")
    named = {name for table in TABLES for name in sql_files(_SQL)[table].header["inputs"]}
    for name in [*_held_tables(release), *(n for n in sorted(named) if n.startswith("mart."))]:
        held = release.execute(f"FROM {name}").to_arrow_table()
        chosen = ", ".join(
            f"CAST({quote(column.name) if column.name in held.column_names else 'NULL'} AS {column.duckdb_type}) "
            f"AS {quote(column.name)}"
            for column in columns_of(schemas.tables()[name])
        )
        database.register("held", held)
        database.execute(f"CREATE TABLE {name} AS SELECT {chosen} FROM held")
        database.unregister("held")


def _held_tables(database: duckdb.DuckDBPyConnection) -> list[str]:
    """The curated tables that a database holds: that of analysts lacks some."""
    rows = database.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'curated'").fetchall()
    return [name for name in schemas.tables_of("curated") if (name.partition(".")[2],) in rows]


def _columns(database: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    return [column for column in held_columns(database, f"omop.{name}") if column not in _OWN]


def _write_table(database: duckdb.DuckDBPyConnection, name: str, folder: Path) -> Path:
    path = folder / f"{name}.csv"
    columns = ", ".join(map(quote, _columns(database, name)))
    with whole_file(path) as temporary:
        database.execute(
            f"COPY (SELECT {columns} FROM omop.{name} ORDER BY ALL) TO {literal(str(temporary))} (FORMAT csv, HEADER)"
        )
    return path


def _header(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return ", ".join(file.readline().strip().split(","))


_UNMAPPED = (
    "source_code", "source_concept_id", "source_vocabulary_id", "source_code_description", "target_concept_id",
    "target_vocabulary_id", "valid_start_date", "valid_end_date", "invalid_reason", "table", "column", "n_rows",
)  # fmt: skip


def unmapped(database: duckdb.DuckDBPyConnection) -> Iterator[Sequence[object]]:
    """Codes that no concept stands for, in the columns of ``source_to_concept_map``, with where and how often."""
    meanings = labels()
    for table in TABLES:
        held = _columns(database, table)
        for source in (column for column in held if column.endswith("_source_value")):
            stem = source.removesuffix("_source_value")
            concept = "value_as_concept_id" if stem == "value" else f"{stem}_concept_id"
            if concept not in held:
                continue
            query = f"""
                SELECT {source}, count(*) FROM omop.{table}
                WHERE {concept} = 0 AND {source} IS NOT NULL GROUP BY ALL ORDER BY ALL
            """
            for code, n_rows in database.execute(query).fetchall():
                meaning = meanings.get(code, "")
                yield (
                    code,
                    0,
                    SOURCE_VOCABULARY,
                    meaning,
                    0,
                    "None",
                    "1970-01-01",
                    "2099-12-31",
                    "",
                    table,
                    concept,
                    n_rows,
                )


_ACCOUNT = (
    "table",
    "n_rows",
    "n_written",
    "n_of_patients_left_out",
    "n_left_out_otherwise",
    "tables_of_the_model",
)


def account(database: duckdb.DuckDBPyConnection) -> Iterator[Sequence[object]]:
    """Of each curated table how many rows stand in the tables of the model, and how many do not."""
    written = " UNION ALL ".join(
        f"SELECT registry_table, registry_id, '{name}' AS name FROM omop.{name}"
        for name in TABLES
        if set(_OWN) <= set(held_columns(database, f"omop.{name}"))
    )
    for table in _held_tables(database):
        name = table.partition(".")[2]
        key = f"CAST(t.{quote(key_of(schemas.tables()[table])[0])} AS VARCHAR)"
        query = f"""
            WITH written AS ({written}),
            fate AS (
                SELECT
                    {key} IN (SELECT registry_id FROM written WHERE registry_table = '{name}') AS is_written,
                    t.patient_id IN (SELECT registry_id FROM omop.person) AS has_person
                FROM {table} AS t
            )
            SELECT
                count(*), count(*) FILTER (is_written), count(*) FILTER (NOT has_person),
                count(*) FILTER (has_person AND NOT is_written),
                (SELECT string_agg(DISTINCT name, ' ' ORDER BY name) FROM written WHERE registry_table = '{name}')
            FROM fate
        """
        yield (name, *database.execute(query).fetchall()[0])
