"""The demonstration's REDCap facility: an export that fits its dictionary, mistakes where the manifest says."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.simulate import Manifest, demo_mapping, write_demo
from registry_pipeline.simulate.demo.demo import (
    FACILITY_ID,
    FACILITY_IDS,
    IN_REDCAP,
    REDCAP_ID,
    demo_cases,
    is_in_redcap,
    write_redcap_exports,
)
from registry_pipeline.simulate.demo.error_injection import Exports, plant_errors
from registry_pipeline.simulate.demo.errors.redcap import PLANTERS
from registry_pipeline.simulate.demo.redcap_export import redcap_page
from registry_pipeline.simulate.demo.redcap_form import LINES, dictionary_page, export_columns
from registry_pipeline.validation.rules.catalogue import catalogue

CASES = [one for one in demo_cases() if is_in_redcap(one)]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write_redcap_exports(tmp_path_factory.mktemp("first"), "first")


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / name).read_text(encoding="utf-8"))))


def test_every_patient_is_sent_by_one_facility(tmp_path: Path) -> None:
    made = write_demo(tmp_path, "corrected")
    assert made.planted == [] and {path.name for path in tmp_path.iterdir()} == set(FACILITY_IDS)
    numbers = {row["record_id"] for row in _rows(tmp_path / REDCAP_ID, "OligoRegistry_DATA_2023-07-14.csv")}
    assert numbers == {one.local_id for one in CASES} and len(numbers) == len(IN_REDCAP) == 12
    folder = tmp_path / FACILITY_ID
    hospital = b"".join(path.read_bytes() for path in folder.glob("*.csv"))
    assert not [one for one in numbers if one.encode() in hospital]


def test_equal_calls_write_equal_bytes(first: Manifest, tmp_path: Path) -> None:
    again = write_redcap_exports(tmp_path, "first")
    assert again.planted == first.planted
    for name in first.files:
        assert (tmp_path / name).read_bytes() == (first.folder / name).read_bytes()


def test_the_dictionary_is_that_of_redcap(first: Manifest) -> None:
    rows = _rows(first.folder, first.files[1])
    assert len(rows[0]) == 18 and len(rows) == len(LINES) == len(
        {row["Variable / Field Name"] for row in rows}
    )
    assert rows[0]["Variable / Field Name"] == "record_id"
    assert {row["Field Type"] for row in rows} >= {"text", "radio", "dropdown", "checkbox", "yesno", "calc"}


def test_the_export_repeats_instruments_and_an_event() -> None:
    rows = redcap_page(CASES).rows
    instruments = {str(row["redcap_repeat_instrument"]) for row in rows}
    assert instruments >= {"", "lesion", "imaging", "measurement", "local_therapy"}
    events = {
        row["redcap_event_name"]
        for row in rows
        if row["redcap_repeat_instance"] and not row["redcap_repeat_instrument"]
    }
    assert events == {"visit_arm_1"}
    assert {name for row in rows for name in row} <= set(export_columns())


def test_mistakes_stand_in_existing_rows_and_columns(first: Manifest) -> None:
    rows = _rows(first.folder, first.files[0])
    assert {one.rule_id for one in first.planted} == {
        "S04",
        "S05",
        "S06",
        "S07",
        "S08",
        "S21",
        "S22",
        "S23",
        "S24",
    }
    assert {one.rule_id for one in first.planted} <= set(catalogue().entries)
    for one in first.planted:
        assert one.facility == REDCAP_ID and one.item in rows[0]
        assert one.source_row == 0 or 2 <= one.source_row <= len(rows) + 1
    assert len({one.planted_id for one in first.planted}) == len(first.planted)


def test_each_planter_changes_the_page_and_notes_it() -> None:
    clean = redcap_page(CASES)
    for plant in PLANTERS:
        exports = Exports([replace(clean, rows=[dict(row) for row in clean.rows])], CASES)
        plant(exports)
        assert len(exports.planted) == 1
        assert exports.pages[0].grid() != clean.grid()


def test_no_patient_carries_two_mistakes() -> None:
    planted = plant_errors(PLANTERS, [redcap_page(CASES)], CASES)
    numbers = [one.row["record_id"] for one in planted if one.row is not None]
    assert len(numbers) == len(set(numbers)) == len(planted) - 1


def test_the_mapping_is_valid_and_names_fields_of_the_dictionary(tmp_path: Path) -> None:
    path = tmp_path / f"{REDCAP_ID}.toml"
    path.write_text(demo_mapping(REDCAP_ID), encoding="utf-8")
    source = read_facility(path).sources[-1]
    known = set(export_columns()) | {line[0] for line in LINES}
    assert {name.removesuffix(":label") for name in source.source_columns()} <= known
    assert {one.instrument for one in source.tables} == {line[1] for line in LINES}
    assert len(dictionary_page().grid()) == len(LINES) + 1
