"""What ``registry sql`` is asked by somebody who wants more than the release: refused, or it gives nothing and changes nothing.

All statements are asked in one process of one small release, so that one that had an effect would be seen by the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.store.query import QueryError, ask
from registry_pipeline.store.releases import DATABASE, open_release, release_folder, switch

RELEASE = "2026-01-01T000000Z-aaaaaa"
SECRET = "birth-date-of-somebody"
REFUSED = (
    # other files
    "FROM '{secret}.csv'",
    "FROM read_csv('{secret}.csv')",
    "FROM read_csv_auto(['{secret}.csv'])",
    "FROM sniff_csv('{secret}.csv')",
    "FROM read_text('{secret}.csv')",
    "FROM read_blob('{secret}.*')",
    "FROM read_json('{secret}.json')",
    "FROM read_ndjson_objects('{secret}.json')",
    "FROM read_parquet('{secret}.parquet')",
    "FROM '{secret}.parquet'",
    "FROM parquet_metadata('{secret}.parquet')",
    "FROM parquet_schema('{secret}.parquet')",
    "FROM glob('{folder}/*')",
    "FROM glob('/etc/*')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "WITH s AS (FROM read_text('{secret}.csv')) SELECT count(*) FROM s",
    "SELECT * FROM query('FROM read_text(''{secret}.csv'')')",
    "SELECT * FROM query_table('{secret}.csv')",
    "FROM sqlite_scan('{secret}.db', 't')",
    "FROM postgres_scan('host=127.0.0.1', 'public', 't')",
    "FROM read_csv('https://127.0.0.1:9/x.csv')",
    "FROM 's3://bucket/x.parquet'",
    "DESCRIBE FROM read_csv('{secret}.csv')",
    "SUMMARIZE FROM '{secret}.csv'",
    "EXPLAIN ANALYZE SELECT * FROM read_text('{secret}.csv')",
    # writing files
    "COPY (SELECT 1) TO '{folder}/x.csv'",
    "COPY curated.patient TO '{folder}/x.parquet' (FORMAT parquet)",
    "COPY curated.patient FROM '{secret}.csv'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/x.csv'",
    "EXPLAIN ANALYZE (COPY curated.patient TO '{folder}/x.csv')",
    "COPY FROM DATABASE memory TO registry",
    "EXPORT DATABASE '{folder}/export'",
    "IMPORT DATABASE '{folder}/export'",
    "CALL enable_logging('FileSystem', storage = 'file', storage_path = '{folder}/log')",
    "SELECT * FROM enable_logging(storage = 'file')",
    "PRAGMA enable_profiling = 'json'",
    "SET profiling_output = '{folder}/profile'",
    # other databases, libraries, network
    "ATTACH '{folder}/other.duckdb' AS other",
    "ATTACH ':memory:' AS m",
    "ATTACH IF NOT EXISTS '{folder}/other.duckdb' AS other (READ_ONLY)",
    "DETACH registry",
    "USE memory",
    "INSTALL httpfs",
    "FORCE INSTALL httpfs FROM 'http://127.0.0.1:9'",
    "LOAD httpfs",
    "LOAD '{folder}/x.duckdb_extension'",
    "UPDATE EXTENSIONS",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "CREATE PERSISTENT SECRET s (TYPE s3)",
    # settings
    "SET enable_external_access = true",
    "SET GLOBAL enable_external_access = true",
    "RESET enable_external_access",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET memory_limit = '900GB'",
    "SET temp_directory = '{folder}'",
    "SET allow_unsigned_extensions = true",
    "PRAGMA memory_limit = '900GB'",
    "PRAGMA disable_checkpoint_on_shutdown",
    "SET VARIABLE path = '{secret}.csv'",
    "SELECT set_config('enable_external_access', 'true')",
    # the release itself
    "DELETE FROM curated.patient",
    "UPDATE curated.patient SET sex = 'x'",
    "INSERT INTO curated.patient VALUES ('x')",
    "INSERT OR REPLACE INTO curated.patient VALUES ('x')",
    "MERGE INTO curated.patient USING (SELECT 'x' AS sex) s ON (true) WHEN MATCHED THEN DELETE",
    "TRUNCATE curated.patient",
    "DROP TABLE curated.patient",
    "DROP SCHEMA curated CASCADE",
    "ALTER TABLE curated.patient ADD COLUMN x INT",
    "COMMENT ON TABLE curated.patient IS 'x'",
    "CREATE TABLE curated.x AS SELECT 1",
    "CREATE OR REPLACE VIEW curated.patient AS SELECT 1",
    "CREATE TEMP TABLE patient AS SELECT 'x' AS sex",
    "CREATE TEMP VIEW v AS FROM read_text('{secret}.csv')",
    "CREATE TEMP MACRO count(x) AS 42",
    "CREATE MACRO leak() AS TABLE FROM read_text('{secret}.csv')",
    "CREATE SEQUENCE s",
    "CREATE TYPE t AS ENUM ('a')",
    "CREATE INDEX i ON curated.patient (sex)",
    "CHECKPOINT",
    "FORCE CHECKPOINT",
    "VACUUM ANALYZE",
    "BEGIN TRANSACTION",
    "PREPARE p AS DELETE FROM curated.patient",
    "EXECUTE p",
    "DEALLOCATE p",
    "EXPLAIN ANALYZE DELETE FROM curated.patient",
    "EXPLAIN ANALYZE INSERT INTO curated.patient SELECT * FROM curated.patient",
    "EXPLAIN (ANALYZE) DELETE FROM curated.patient",
    "EXPLAIN (FORMAT json, ANALYZE) CREATE TABLE curated.y AS SELECT 1",
    "WITH d AS (DELETE FROM curated.patient RETURNING *) SELECT * FROM d",
    # more than one, hidden ones, none
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE curated.patient",
    "SELECT 1;\n-- a remark\nDELETE FROM curated.patient",
    "/* SELECT */ DELETE FROM curated.patient",
    "-- SELECT\nDELETE FROM curated.patient",
    "\ufeffDELETE FROM curated.patient",
    "\u00a0DELETE\u00a0FROM curated.patient",
    "ＤＥＬＥＴＥ FROM curated.patient",
    "SELECT 1\u037e DELETE FROM curated.patient",
    "SELECT '\u202e'; DELETE FROM curated.patient",
    "SELECT 1 \x00; DELETE FROM curated.patient",
    "dElEtE fRoM curated.patient",
    "",
    ";;",
    "-- nothing",
    "SELECT",
    "\ud800",
    "(" * 5000,
    "SELECT " + "1+" * 20000 + "1",
    # what the process holds
    "FROM frame_of_this_process",
    "SELECT getenv('HOME')",
    "FROM duckdb_secrets()",
    "FROM duckdb_extensions()",
    "SELECT getvariable('path'), read_text('x')",
)
HARMLESS = {
    "SELECT getvariable('path')": [(None,)],
    "SELECT current_setting('enable_external_access')": [(False,)],
    "SELECT current_setting('lock_configuration')": [(True,)],
    "SELECT * FROM query('SELECT 1')": [(1,)],
    "SELECT 'DROP TABLE curated.patient; --'": [("DROP TABLE curated.patient; --",)],
    "SELECT sex FROM curated.patient -- ; DELETE FROM curated.patient": [("female",)],
    "FROM curated.patient": [("female",)],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("asked") / "home")
    folder = release_folder(home, RELEASE)
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute("CREATE SCHEMA curated; CREATE TABLE curated.patient AS SELECT 'female' AS sex")
    (folder / DATABASE).chmod(0o600)  # not 0444: nothing but the connection keeps it from being written
    switch(home, RELEASE)
    return home


@pytest.fixture(scope="module")
def secret(home: Home) -> Path:
    """Files beside the home, named without their ending."""
    path = home.root.parent / "outside" / "secret"
    path.parent.mkdir()
    path.with_suffix(".csv").write_text(f"a\n{SECRET}\n")
    path.with_suffix(".json").write_text(f'{{"a": "{SECRET}"}}\n')
    pl.DataFrame({"a": [SECRET]}).write_parquet(path.with_suffix(".parquet"))
    return path


@pytest.fixture
def connection(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_release(home) as connection:
        yield connection


def files(home: Home) -> dict[str, bytes]:
    paths = sorted(path for path in home.root.parent.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in paths}


def test_hostile_questions_are_refused_in_a_line_and_have_no_effect(
    home: Home,
    secret: Path,
    connection: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    frame_of_this_process = pl.DataFrame({"a": [SECRET]})
    before, answered = files(home), []
    for question in REFUSED:
        try:
            rows = list(
                ask(
                    connection,
                    question.format(secret=secret, folder=secret.parent) if "{" in question else question,
                ).rows()
            )
        except QueryError as problem:
            assert "\n" not in str(problem), question
            assert SECRET not in str(problem), question
            continue
        answered.append((question[:100], rows[:2]))
    assert answered == []
    assert files(home) == before
    assert not list(tmp_path.iterdir())
    assert frame_of_this_process.height


@pytest.mark.parametrize("question", HARMLESS)
def test_what_is_harmless_is_answered(connection: duckdb.DuckDBPyConnection, question: str) -> None:
    assert list(ask(connection, question).rows()) == HARMLESS[question]
