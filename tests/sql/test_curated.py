"""The curated layer: every accepted record arrives, with the model's columns."""

from datetime import date
from pathlib import Path

import schemas
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.store.layers import curate
from registry_pipeline.store.parquet import read_parquet, write_parquet
from schemas.table import columns_of
from tests.support.ascii_table import frame_of

PATIENTS_WEST = """
patient_id | sex | birth_date
P2         | F   | 1960-05-01
P1         | F   |
"""
PATIENTS_EAST = """
patient_id | facility_id | sex | birth_date
P3         | east        | U   | 1971-01-31
"""


def test_facilities_are_put_together_and_sorted_by_key(tmp_path: Path) -> None:
    west = write_parquet(frame_of("curated.patient", PATIENTS_WEST), tmp_path / "w.parquet")
    east = write_parquet(
        frame_of("curated.patient", PATIENTS_EAST).drop("residence_region"), tmp_path / "e.parquet"
    )
    counts = curate({"patient": [west, east]}, tmp_path / "out")
    made = read_parquet(tmp_path / "out" / "patient.parquet")
    assert counts["patient"] == 3
    assert made.select("patient_id", "facility_id", "birth_date").rows() == [
        ("P1", "west", None),
        ("P2", "west", date(1960, 5, 1)),
        ("P3", "east", date(1971, 1, 31)),
    ]


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    frame = frame_of("curated.patient", PATIENTS_WEST)
    for name in ("a", "b"):
        curate({"patient": frame}, tmp_path / name)
    assert (tmp_path / "a/patient.parquet").read_bytes() == (tmp_path / "b/patient.parquet").read_bytes()


def test_every_table_is_made_even_of_nothing(tmp_path: Path) -> None:
    counts = curate({}, tmp_path)
    assert counts == {name.partition(".")[2]: 0 for name in schemas.tables_of("curated")}
    for name, model in schemas.tables_of("curated").items():
        made = read_parquet(tmp_path / f"{name.partition('.')[2]}.parquet")
        assert made.schema == {one.name: one.polars_type for one in columns_of(model)}


def test_tables_and_sql_files_are_the_same_list() -> None:
    declared = {name.partition(".")[2] for name in schemas.tables_of("mart")}
    assert declared == set(sql_files("mart"))


def test_headers_name_what_the_files_read_and_take() -> None:
    for file in sql_files("mart").values():
        assert set(file.header) == {"grain", "inputs", "parameters"}, file.name
        for name in file.header["inputs"]:
            assert name in file.query, f"mart.{file.name} does not read {name}"
        named = dict.fromkeys(file.header["parameters"])
        assert set(file.parameters({**named})) == set(named), file.name
