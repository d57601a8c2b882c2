"""Running SQL files: exact columns, order by inputs, messages without values."""

from pathlib import Path

import polars as pl
import pytest

import schemas
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.sql_files import SqlFile, in_order
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.store.sql import add_view, private_database, run_to_parquet
from tests.support.ascii_table import frame_of

STEP = schemas.tables()["mart.eligibility_step"]


def sql_file(query: str, *inputs: str) -> SqlFile:
    return SqlFile("eligibility_step", {"grain": "", "inputs": list(inputs)}, query)


def made(query: str, tmp_path: Path, **parameters: object) -> pl.DataFrame:
    path = tmp_path / "out.parquet"
    with private_database("200MB") as connection:
        run_to_parquet(connection, sql_file(query), STEP, path, parameters)
    return read_parquet(path)


def test_columns_come_in_the_models_order_and_types_sorted_by_key(tmp_path: Path) -> None:
    frame = made(
        "SELECT 'b' AS reason, CAST(n AS DOUBLE) AS step, NULL AS rule_id FROM range(3, 0, -1) AS t (n)",
        tmp_path,
    )
    assert frame.schema == {"step": pl.Int64, "rule_id": pl.String, "reason": pl.String}
    assert frame["step"].to_list() == [1, 2, 3]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT 1 AS step, 'x' AS reason", "gives no column rule_id"),
        ("SELECT 1 AS step, 'x' AS reason, '' AS rule_id, 2 AS more, 3 AS extra", "lacks: extra, more"),
        ("SELECT nothing AS step", "Referenced column \"nothing\" was not found"),
        ("SELECT 'Doe' AS step, 'x' AS reason, '' AS rule_id", "the query failed: ConversionException"),
    ],
)  # fmt: skip
def test_mistakes_are_named_and_values_are_not(query: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as problem:
        made(query, tmp_path)
    assert told in str(problem.value)
    assert "Doe" not in str(problem.value)
    assert not list(tmp_path.iterdir())


def test_only_named_parameters_are_passed(tmp_path: Path) -> None:
    query = "SELECT $first AS step, '' AS rule_id, 'x' AS reason -- $comment"
    assert made(query, tmp_path, first=7, second=8)["step"].to_list() == [7]
    with pytest.raises(KeyError):
        made(query, tmp_path, second=8)


def test_files_run_after_what_they_read() -> None:
    files = {
        "a": sql_file("", "mart.b", "curated.c"),
        "b": sql_file("", "mart.c"),
        "c": sql_file(""),
    }
    files = {name: SqlFile(name, made.header, "") for name, made in files.items()}
    assert [one.name for one in in_order(files, "mart")] == ["c", "b", "a"]
    circle = {"a": SqlFile("a", {"inputs": ["mart.b"]}, ""), "b": SqlFile("b", {"inputs": ["mart.a"]}, "")}
    with pytest.raises(ValueError, match="circle"):
        in_order(circle, "mart")


def test_views_take_missing_files_columns_and_not_a_number(tmp_path: Path) -> None:
    frame = frame_of("curated.lrt_target", "lrt_id | lesion_id | patient_id | dose_gy\nR | L | P | nan")
    assert frame["dose_gy"].is_nan().all()
    with private_database("200MB") as connection:
        add_view(connection, "curated.lrt_target", frame.drop("facility_id"))
        add_view(connection, "curated.death", [tmp_path / "absent.parquet"])
        add_view(connection, "curated.lesion", None)
        rows = connection.execute("SELECT lrt_id, facility_id, dose_gy FROM curated.lrt_target").fetchall()
        assert rows == [("R", None, None)]
        for table in ("death", "lesion"):
            assert connection.execute(f"SELECT count(*) FROM curated.{table}").fetchall() == [(0,)]
        with pytest.raises(StoreError, match="no such table"):
            add_view(connection, "curated.nothing", None)


def test_file_names_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "it's.parquet"
    frame_of("curated.death", "patient_id\nP1").write_parquet(path)
    with private_database("200MB") as connection:
        add_view(connection, "curated.death", [path])
        assert connection.execute("SELECT patient_id FROM curated.death").fetchall() == [("P1",)]
