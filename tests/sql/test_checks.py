"""sql/checks: every sentence holds of a sound release, and each can be broken."""

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import schemas
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.store.proofs import PARAMETERS
from registry_pipeline.store.sql import add_view, private_database
from schemas.study import ENDPOINTS, OS
from tests.support.small_release import changed, small_tables

FIRST = pl.int_range(pl.len()) == 0


def first(column: str, value: Any) -> pl.Expr:
    """The value in the first row, the column's own in the others."""
    return pl.when(FIRST).then(pl.lit(value)).otherwise(pl.col(column))


KM = pl.DataFrame({"endpoint": ["os"], "survival": [1.2]})
# check -> the table that is spoilt, and how
SPOILT: dict[str, tuple[str, Any]] = {
    "every_row_is_accounted_for": ("quality.row_account", {"n_blank": pl.lit(0)}),
    "attrition_adds_up": ("mart.attrition", {"n_after": first("n_after", 1)}),
    "every_patient_is_analysed_or_excluded_once": ("mart.cohort", pl.DataFrame.clear),
    "exclusions_are_the_ones_of_the_flow": ("mart.attrition", {"n_excluded": first("n_excluded", 1)}),
    "survival_time_is_not_negative": ("mart.survival_time", {"duration_days": first("duration_days", -1)}),
    "no_endpoint_is_longer_than_os": ("mart.survival_time", "pfs"),
    "event_and_censoring_exclude_each_other": ("mart.survival_time", {"event": pl.lit(1)}),
    "only_dated_deaths_end_overall_survival": ("mart.vital_status", {"is_dead": pl.lit(True)}),
    "every_analysed_patient_has_every_time": ("mart.survival_time", lambda one: one.slice(1)),
    "every_unanalysed_survival_has_its_reason": (
        "mart.registry_patient",
        {"exclusion_reason": pl.lit("The death has no date")},
    ),
    "lesions_of_the_cohort_add_up": ("mart.lesion_growth", lambda one: one.slice(1)),
    "every_unused_lesion_has_its_reason": ("mart.lesion_growth", {"is_included": pl.lit(True)}),
    "every_lesion_has_its_episode": ("curated.lesion", {"patient_id": pl.lit("P2")}),
    "every_course_has_its_episode": ("curated.lrt_course", {"patient_id": pl.lit("P2")}),
    "every_measurement_is_of_its_patient": ("curated.measurement", {"patient_id": pl.lit("P2")}),
    "probabilities_lie_between_zero_and_one": ("result.km_curve", lambda _: KM),
    "every_facility_has_sent_something": ("meta.submission", pl.DataFrame.clear),
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return small_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture
def database(tables: dict[str, Any]) -> Any:
    with private_database("300MB") as connection:
        for name in schemas.tables():
            add_view(connection, name, tables.get(name))
        yield connection


def judged(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[int, int]:
    check = sql_files("checks")[name]
    return connection.execute(check.query, check.parameters(PARAMETERS) or None).fetchall()[0]


def spoil(frame: pl.DataFrame, how: Any) -> pl.DataFrame:
    if isinstance(how, str):
        longer = pl.when(pl.col("endpoint") == how).then(99_999).otherwise(pl.col("duration_days"))
        return frame.with_columns(duration_days=longer)
    return changed(frame, **how) if isinstance(how, dict) else how(frame)


@pytest.mark.parametrize("name", sorted(sql_files("checks")))
def test_a_sound_release_passes_and_a_spoilt_one_does_not(
    name: str, database: duckdb.DuckDBPyConnection, tables: dict[str, Any]
) -> None:
    assert judged(database, name)[0] == 0
    table, how = SPOILT[name]
    source = tables.get(table, pl.DataFrame())
    frame = pl.read_parquet(source) if isinstance(source, Path) else source
    add_view(database, table, spoil(frame, how))
    n_violated, n_denominator = judged(database, name)
    assert 0 < n_violated <= n_denominator


@pytest.mark.parametrize("endpoint", [name for name in ENDPOINTS if name != OS.name])
def test_no_endpoint_at_all_may_be_longer_than_overall_survival(
    endpoint: str, database: duckdb.DuckDBPyConnection, tables: dict[str, Any]
) -> None:
    add_view(database, "mart.survival_time", spoil(pl.read_parquet(tables["mart.survival_time"]), endpoint))
    assert judged(database, "no_endpoint_is_longer_than_os")[0] > 0


def test_checks_and_their_spoilers_are_the_same_list() -> None:
    assert set(SPOILT) == set(sql_files("checks"))


def test_headers_name_what_is_read() -> None:
    for name, made in sql_files("checks").items():
        assert made.header["sentence"], name
        for table in made.header["inputs"]:
            assert table in schemas.tables(), name
            assert table in made.query, name
