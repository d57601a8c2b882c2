"""The numbers that a release is compared with the releases before by."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

from registry_pipeline.analysis import follow_up
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.pipeline.quality import release_metrics
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.parquet import write_parquet

COHORT = [("P1", "x", "scf"), ("P2", "x", "lung"), ("P3", "y", "lung"), ("P4", "y", "other")]
TIMES = [("P1", 365.25, 1), ("P2", 730.5, 0), ("P3", 365.25, 0), ("P4", 365.25, 1)]


@pytest.fixture
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA mart")
        connection.execute(
            "CREATE TABLE mart.cohort (patient_id TEXT, facility_id TEXT, lesion_site_group TEXT)"
        )
        connection.execute(
            "CREATE TABLE mart.survival_time"
            " (patient_id TEXT, duration_days DOUBLE, event INT, endpoint TEXT DEFAULT 'os', origin TEXT DEFAULT 'lrt_start')"
        )
        connection.executemany("INSERT INTO mart.cohort VALUES (?, ?, ?)", COHORT)
        connection.executemany(
            "INSERT INTO mart.survival_time (patient_id, duration_days, event) VALUES (?, ?, ?)", TIMES
        )
        connection.execute("INSERT INTO mart.survival_time VALUES ('P1', 9999, 1, 'pfs', 'lrt_start')")
        yield connection


def test_metrics_of_facilities_and_of_the_registry(marts: duckdb.DuckDBPyConnection) -> None:
    made = sql_files("quality")["release_metric"]
    rows = marts.execute(made.query, made.parameters(vars(Settings().study))).fetchall()
    assert {row[0] for row in rows} == {None}, "the release gets its name when it is published"
    found = {(facility, metric): (value, n) for _, facility, metric, value, n in rows}
    assert found["registry", "share_lung"] == (0.5, 4)
    assert found["x", "share_scf"] == (0.5, 2) and found["y", "share_scf"] == (0.0, 2)
    assert found["registry", "deaths_per_person_year"] == (pytest.approx(2 / 5), 4)
    assert found["x", "median_observed_follow_up_months"] == (pytest.approx(547.875 / 30.4375), 2)
    times = pd.DataFrame({"days": [days for _, days, _ in TIMES], "is_dead": [event for *_, event in TIMES]})
    observed = follow_up(times, "days", "is_dead", "observed")["median_months"].iloc[0]
    assert found["registry", "median_observed_follow_up_months"] == (pytest.approx(observed), 4), (
        "one definition"
    )


def test_metrics_follow_the_content_of_the_marts(marts: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """They are counted anew where a mart is another one, and taken as they are where none is."""

    def share(n_others: int, force: bool = False) -> float:
        for name in ("cohort", "survival_time"):
            write_parquet(pl.DataFrame({"n": [n_others]}), of_marts.path(name))
            of_marts.remember(name, "", 1)
        kept = KeyedTables(tmp_path / "kept", force)
        rows = release_metrics(marts, Settings(), kept, of_marts)
        kept.save()
        return float(rows.filter(facility_id="registry", metric="share_other").get_column("value").item())

    of_marts = KeyedTables(tmp_path / "mart")
    assert share(1) == 0.25
    marts.execute("UPDATE mart.cohort SET lesion_site_group = 'other'")
    assert share(1) == 0.25, "nothing says that a mart has changed"
    assert share(4) == 1.0
    marts.execute("UPDATE mart.cohort SET lesion_site_group = 'lung'")
    assert share(4, force=True) == 0.0
