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
from registry_pipeline.store.facility_files import write_by_facility
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


def test_facilities_are_put_together_each_sorted_by_key(tmp_path: Path) -> None:
    """Records of one stand together, so that others are not read where hers are asked for."""
    west = write_parquet(frame_of("curated.patient", PATIENTS_WEST), tmp_path / "w.parquet")
    east = write_parquet(
        frame_of("curated.patient", PATIENTS_EAST).drop("residence_region"), tmp_path / "e.parquet"
    )
    counts = curate({"patient": {"west": west, "east": east}}, tmp_path / "out")
    made = read_parquet(tmp_path / "out" / "patient.parquet")
    assert counts["patient"] == 3
    assert made.select("patient_id", "facility_id", "birth_date").rows() == [
        ("P3", "east", date(1971, 1, 31)),
        ("P1", "west", None),
        ("P2", "west", date(1960, 5, 1)),
    ]


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    frame = frame_of("curated.patient", PATIENTS_WEST)
    for name in ("a", "b"):
        curate({"patient": frame}, tmp_path / name)
    assert (tmp_path / "a/patient.parquet").read_bytes() == (tmp_path / "b/patient.parquet").read_bytes()


XREF = "curated.patient_xref"
NUMBERS = """
facility_id | source_name | own_patient_id | patient_id | match_method
west        | visits      | P1             | P1         | declared
west        | visits      | P2             | P2         | declared
"""


def test_a_table_by_facility_is_a_file_each_of_which_one_is_written(tmp_path: Path) -> None:
    """Every file of a facility names its patients: one row less in one of them moves the places of their numbers."""
    west = frame_of("curated.patient_xref", NUMBERS).with_row_index("_row_ids")
    sent = {name: west.with_columns(facility_id=pl.lit(name)) for name in ("east", "south", "west")}
    folder = tmp_path / "out"

    def made(**others: pl.DataFrame) -> dict[str, tuple[int, str]]:
        now = sent | others
        files = {name: write_parquet(rows, tmp_path / f"{name}.parquet") for name, rows in now.items()}
        keys = {name: str(rows.hash_rows().to_list()) for name, rows in now.items()}
        keyed = KeyedTables(folder)
        n_rows = write_by_facility("patient_xref", files, keys, keyed)
        assert n_rows == sum(rows.height for rows in now.values())
        return {name: (keyed.path(name).stat().st_ino, keyed.content(name)) for name in now}

    first = made()
    written = read_parquet(folder / "west.parquet")
    assert written.equals(frame_of("curated.patient_xref", NUMBERS))
    moved = made(west=west.with_columns(pl.col("_row_ids") + 7).reverse())
    assert moved["west"][1] == first["west"][1], "its rows stand elsewhere, which is not in the file"
    fewer = made(west=west.head(1))
    assert {name for name in first if fewer[name] != first[name]} == {"west"}
    del sent["south"]
    assert list(made()) == ["east", "west"] and not (folder / "south.parquet").exists()


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
    models = {name: model for name, model in schemas.tables_of("curated").items() if name != XREF}
    assert counts == {name.partition(".")[2]: 0 for name in models}
    for name, model in models.items():
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
