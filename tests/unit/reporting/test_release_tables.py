"""Reading the release for the reports: chosen columns, order, what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
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
