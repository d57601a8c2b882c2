"""Reading the release for the reports: chosen columns, order, what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from registry_pipeline.reporting.release.tables import ReleaseTables


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[ReleaseTables]:
    database = tmp_path / "registry.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "CREATE SCHEMA mart; CREATE TABLE mart.cohort (patient_id VARCHAR, n_lesions BIGINT)"
        )
        connection.execute("INSERT INTO mart.cohort VALUES ('P1', 2), ('P2', 1), ('P3', 2)")
    with ReleaseTables(database) as opened:
        yield opened


def test_chosen_columns_come_alone_and_in_the_order_of_the_release(tables: ReleaseTables) -> None:
    found = tables.table("mart.cohort", columns=["n_lesions"])
    assert list(found.columns) == ["n_lesions"]
    assert found["n_lesions"].tolist() == [2, 1, 2]


def test_a_chosen_column_that_the_release_lacks_reads_as_missing(tables: ReleaseTables) -> None:
    found = tables.table("mart.cohort", {"n_lesions": 2}, columns=["patient_id", "age_years"])
    assert found["patient_id"].tolist() == ["P1", "P3"]
    assert found["age_years"].isna().all()


def test_chosen_columns_of_a_table_that_the_release_lacks_are_empty(tables: ReleaseTables) -> None:
    found = tables.table("mart.lesion_growth", columns=["lesion_site"])
    assert list(found.columns) == ["lesion_site"]
    assert found.empty


def test_a_table_in_order_reads_as_duckdb_gives_it(tmp_path: Path) -> None:
    rows = "SELECT 1 AS n, 0.5 AS x, 'a' AS stratum UNION ALL SELECT NULL, NULL, NULL UNION ALL SELECT 3, 1e300, 'é'"
    with duckdb.connect(str(tmp_path / "one.duckdb")) as connection:
        connection.execute("CREATE SCHEMA result")
        typed = "CAST(n AS BIGINT) AS n, CAST(x AS DOUBLE) AS x, stratum"
        connection.execute(f"CREATE TABLE result.km_curve AS SELECT {typed} FROM ({rows})")
        connection.execute(
            f"CREATE TABLE result.km_summary AS SELECT {typed}, DATE '2020-01-01' AS day FROM ({rows})"
        )
    with ReleaseTables(tmp_path / "one.duckdb") as tables:
        for name in ("result.km_curve", "result.km_summary"):
            expected = tables._connection.execute(f"FROM {name}").df()
            read = tables.in_order(name)
            pd.testing.assert_frame_equal(read, expected, check_exact=True)
            assert [type(value) for value in read["stratum"]] == [
                type(value) for value in expected["stratum"]
            ]
