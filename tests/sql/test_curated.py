"""The curated layer: every accepted record arrives, with the model's columns."""

from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

import schemas
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.pipeline.registry import HELD
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.layers import curate
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.store.sql import study_parameters
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
    counts = curate({"patient": {"west": west, "east": east}}, tmp_path / "out")
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


NUMBERS = """
facility_id | source_name | own_patient_id | patient_id | match_method
west        | visits      | P1             | P1         | declared
west        | visits      | P2             | P2         | declared
"""


def test_a_table_by_facility_is_kept_where_only_places_of_its_rows_are_others(tmp_path: Path) -> None:
    """Every file of a facility names its patients: one row less in one of them moves the places of their numbers."""
    west = frame_of("curated.patient_xref", NUMBERS).with_row_index("_row_ids")
    others = {
        "east": west.with_columns(facility_id=pl.lit("east")),
        "south": west.with_columns(facility_id=pl.lit("south")),
    }
    tables = schemas.tables_of("curated")

    def made(rows: pl.DataFrame, code: str = "") -> tuple[int, pl.DataFrame]:
        files = {
            facility: write_parquet(frame, tmp_path / f"{facility}.parquet")
            for facility, frame in {"west": rows, **others}.items()
        }
        parts = {facility: str(path.stat().st_mtime_ns) for facility, path in files.items()} | {"": code}
        parts |= dict.fromkeys(others, "same")
        keyed = KeyedTables(tmp_path / "out")
        inputs = {name.partition(".")[2]: parts for name in tables}
        curate({"patient_xref": files}, tmp_path / "out", keyed=keyed, inputs=inputs)
        keyed.save()
        path = keyed.path("patient_xref")
        return path.stat().st_ino, read_parquet(path)

    first, rows = made(west)
    moved = west.with_columns(pl.col("_row_ids") + 7).reverse()
    assert (made(moved)[0], rows.height) == (first, 6)
    assert made(moved, "other")[0] != first
    less, fewer = made(west.head(1))
    assert less != first and fewer.height == 5
    assert made(west)[1].equals(rows)


@pytest.mark.parametrize("changed", ["P5 | 1961-02-03", "", "P1 | 1950-01-01\nP4 | 1960-01-01"])
def test_rows_of_a_facility_that_sent_others_are_replaced_as_if_all_were_read(
    tmp_path: Path, changed: str
) -> None:
    def rows(facility: str, lines: str) -> pl.DataFrame:
        frame = frame_of("curated.death", f"patient_id | death_date\n{lines}")
        return frame.with_columns(pl.lit(facility).alias("facility_id"))

    sent = {"west": "P1 | 1950-01-01\nP4 |", "east": "P3 | 1940-01-01\nP0 |", "south": "P2 | 1930-01-01"}
    tables, kept, anew = schemas.tables_of("curated"), KeyedTables(tmp_path / "kept"), tmp_path / "anew"
    for lines in (sent["west"], changed):
        now = {name: rows(name, own) for name, own in (sent | {"west": lines}).items()}
        files = {name: write_parquet(frame, tmp_path / f"{name}.parquet") for name, frame in now.items()}
        parts = {"": "", **{name: str(frame.hash_rows().to_list()) for name, frame in now.items()}}
        if lines == changed:  # what the other facilities sent is not read again
            east = files["east"].read_bytes()
            files["east"].write_bytes(b"")
        curate({"death": files}, kept.folder, keyed=kept, inputs={n.partition(".")[2]: parts for n in tables})
    files["east"].write_bytes(east)
    curate({"death": files}, anew)
    assert (kept.folder / "death.parquet").read_bytes() == (anew / "death.parquet").read_bytes()


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


def test_marts_read_of_quarantine_only_what_they_are_shown(empty_releases: duckdb.DuckDBPyConnection) -> None:
    """They are kept by those columns: another one would read as NULL, and a change of it would change no mart."""
    with empty_releases.cursor() as own:
        own.execute("BEGIN")
        own.execute(f"CREATE TABLE held AS SELECT {', '.join(HELD)} FROM quality.quarantine")
        for file in sql_files("mart").values():
            query = file.query.replace("quality.quarantine", "held")
            values = study_parameters(Settings().study, date(2023, 6, 30))
            own.execute(f"DESCRIBE {query}", file.parameters(values))
        own.execute("ROLLBACK")
