"""Marts of which one facility sent something else: its rows are made anew, and the table is as if all had been."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import schemas
from registry_pipeline.core.settings import Study
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.registry import end_of_observation
from registry_pipeline.store.facility_rows import OF_ALL
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.layers import build_mart
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.store.sql import study_parameters
from tests.sql.test_mart_nulls import DRAWN
from tests.support.ascii_table import frame_of
from tests.support.registry_home import small_home

FACILITIES = ("east", "south", "west")
BY_PATIENT = [name for name, model in schemas.tables_of("mart").items() if "patient_id" in model.columns]
Records = dict[str, pl.DataFrame]


def _drawn(facility: str) -> Records:
    """The drawn patients as those of a facility, with identifiers of its own."""
    records = {}
    for name in schemas.tables_of("curated"):
        frame = frame_of(name, DRAWN.get(name.partition(".")[2], "patient_id"))
        own = [column for column in frame.columns if column.endswith("_id") and column != "facility_id"]
        records[name] = frame.with_columns(
            *(pl.concat_str(pl.lit(f"{facility}-"), column).alias(column) for column in own),
            pl.lit(facility).alias("facility_id"),
        )
    return records


class Marts:
    """A folder of marts, made of what three facilities sent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(
        self,
        sent: Mapping[str, Records],
        digests: Mapping[str, str],
        held: pl.DataFrame,
        of_all: str = "",
        end: date = date.max,
    ) -> dict[str, bytes]:
        """The tables as bytes, by the notes of the last time."""
        for name in schemas.tables_of("curated"):
            rows = pl.concat(records[name] for records in sent.values())
            write_parquet(rows, self.folder / "curated" / f"{name.partition('.')[2]}.parquet")
        keyed = KeyedTables(self.folder / "mart")
        inputs = {name.partition(".")[2]: {OF_ALL: of_all, **digests} for name in BY_PATIENT}
        key = str([of_all, sorted(digests.items())])
        parameters = study_parameters(Study(), end)
        build_mart(
            self.folder / "curated",
            held,
            keyed.folder,
            parameters,
            keyed=keyed,
            key_of=lambda _: key,
            inputs=inputs,
        )
        keyed.save()
        return {path.name: path.read_bytes() for path in keyed.folder.glob("*.parquet")}


NOBODY = pl.DataFrame(schema={"facility_id": pl.String, "table_name": pl.String, "patient_id": pl.String})


@pytest.mark.parametrize("seed", range(2))
def test_rows_of_one_facility_are_replaced_as_if_all_were_made(tmp_path: Path, seed: int) -> None:
    sent = {facility: _drawn(facility) for facility in FACILITIES}
    marts, digests = Marts(tmp_path / "kept"), dict.fromkeys(FACILITIES, "first")
    held = (
        NOBODY
        if seed % 2
        else pl.DataFrame({"facility_id": "west", "table_name": "patient", "patient_id": "west-P9"})
    )
    first = marts.make(sent, digests, held)
    fewer = {name: frame.sample(fraction=0.7, seed=seed) for name, frame in sent["west"].items()}
    patients = fewer["curated.patient"]["patient_id"].implode()
    fewer = {name: frame.filter(pl.col("patient_id").is_in(patients)) for name, frame in fewer.items()}
    changed, noted = sent | {"west": fewer}, digests | {"west": "second"}
    now = (
        pl.DataFrame({"facility_id": "west", "table_name": "death", "patient_id": "west-P1"})
        if seed % 2
        else NOBODY
    )
    kept = marts.make(changed, noted, now)
    assert kept != first
    assert kept == Marts(tmp_path / "anew").make(changed, noted, now)


def test_a_mart_whose_rows_would_be_the_same_is_not_written(tmp_path: Path) -> None:
    """Most of what a facility sends anew moves few of its rows in few marts."""
    sent = {facility: _drawn(facility) for facility in FACILITIES}
    marts = Marts(tmp_path)
    first = marts.make(sent, dict.fromkeys(FACILITIES, "first"), NOBODY)
    files = {path.name: path.stat().st_ino for path in (tmp_path / "mart").glob("*.parquet")}
    visits = sent["west"]["curated.followup"]
    sent["west"] = sent["west"] | {"curated.followup": visits.reverse()}
    assert marts.make(sent, dict.fromkeys(FACILITIES, "first") | {"west": "second"}, NOBODY) == first
    by_patient = {f"{name.partition('.')[2]}.parquet" for name in BY_PATIENT}
    assert {
        path.name for path in (tmp_path / "mart").glob("*.parquet") if files[path.name] == path.stat().st_ino
    } >= by_patient
    noted = KeyedTables(tmp_path / "mart").inputs("vital_status")
    assert noted == {OF_ALL: "", **dict.fromkeys(FACILITIES, "first"), "west": "second"}


def test_rows_of_the_others_are_made_where_code_settings_or_facilities_are_others(tmp_path: Path) -> None:
    sent = {facility: _drawn(facility) for facility in FACILITIES}
    marts, digests = Marts(tmp_path), dict.fromkeys(FACILITIES, "first")
    marts.make(sent, digests, NOBODY)
    later = sent["east"]["curated.followup"].with_columns(pl.col("contact_date").dt.offset_by("1mo"))
    sent["east"]["curated.followup"] = later  # what nobody notes shows whose rows are made

    def days() -> dict[str, date]:
        rows = read_parquet(tmp_path / "mart" / "vital_status.parquet").filter(
            pl.col("last_alive_source") == "followup"
        )
        return dict(
            rows.select("facility_id", "last_alive_date").unique("facility_id", keep="any").iter_rows()
        )

    before = days()
    marts.make(sent, digests | {"west": "second"}, NOBODY)
    assert days() == before
    marts.make(sent, digests | {"west": "second"}, NOBODY, of_all="other code")
    assert days() != before


def test_the_end_of_observation_is_told_to_marts_where_it_cuts_something_off(tmp_path: Path) -> None:
    context = read_context(small_home(tmp_path / "home"))  # it ends on 2023-06-30
    sent = _drawn("west")
    keyed = KeyedTables(context.layout.layer("curated"))

    def put(name: str, rows: pl.DataFrame) -> None:
        write_parquet(rows, context.layout.table(name))
        keyed.remember(name.partition(".")[2], "", rows.height)
        keyed.save()

    for name, rows in sent.items():
        put(name, rows)
    assert end_of_observation(context) == date.max
    told, untold = (
        Marts(tmp_path / end.isoformat()).make({"west": sent}, {"west": ""}, NOBODY, end=end)
        for end in (date(2023, 6, 30), date.max)
    )
    assert told == untold
    later = sent["curated.death"].with_columns(pl.lit(date(2023, 7, 1)).alias("death_date"))
    put("curated.death", later)
    assert end_of_observation(context) == date(2023, 6, 30)
