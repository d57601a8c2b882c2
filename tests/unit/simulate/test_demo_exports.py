"""The demo's exports: equal bytes at every call, mistakes where the manifest says, a mapping that fits."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import fastexcel
import pytest

from registry_pipeline.core.settings_file import read_settings
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.simulate import (
    Manifest,
    demo_mapping,
    demo_settings,
    read_manifest,
    write_demo_exports,
)
from registry_pipeline.simulate.demo.demo import ENCODINGS, demo_cases, demo_pages
from registry_pipeline.simulate.demo.error_injection import Exports, plant_errors
from registry_pipeline.simulate.demo.errors import HOSPITAL_PLANTERS
from registry_pipeline.validation.rules.catalogue import catalogue


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write_demo_exports(tmp_path_factory.mktemp("first"), "first")


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write_demo_exports(tmp_path_factory.mktemp("corrected"), "corrected")


def _bytes(manifest: Manifest) -> dict[str, bytes]:
    return {name: (manifest.folder / name).read_bytes() for name in manifest.files}


def test_equal_calls_write_equal_bytes(first: Manifest, tmp_path: Path) -> None:
    again = write_demo_exports(tmp_path, "first")
    assert _bytes(again) == _bytes(first)
    assert again.planted == first.planted


def test_both_stages_send_the_same_systems(first: Manifest, corrected: Manifest) -> None:
    stems = [[name.rsplit("_", 1)[0] for name in one.files] for one in (first, corrected)]
    assert stems[0] == stems[1] and not set(first.files) & set(corrected.files)
    assert {path.name for path in first.folder.iterdir()} == set(first.files)


def test_many_mistakes_of_many_kinds(first: Manifest, corrected: Manifest) -> None:
    assert len(first.planted) >= 40
    assert len({one.rule_id for one in first.planted}) >= 25
    assert {one.rule_id[0] for one in first.planted} >= set("VELMTUHSYX")
    assert corrected.planted == []
    assert len({one.planted_id for one in first.planted}) == len(first.planted)


def test_every_planted_rule_is_in_the_catalogue(first: Manifest) -> None:
    assert {one.rule_id for one in first.planted} <= set(catalogue().entries)


def _cells(manifest: Manifest, file: str, sheet: str) -> list[list[object]]:
    path = manifest.folder / file
    if path.suffix == ".csv":
        text = path.read_bytes().decode(ENCODINGS[file.rsplit("_", 1)[0]])
        return [list(row) for row in csv.reader(io.StringIO(text))]
    frame = fastexcel.read_excel(path).load_sheet(sheet, header_row=None, skip_rows=0).to_polars()
    return [list(row) for row in frame.rows()]


def test_every_mistake_stands_in_an_existing_row_and_column(first: Manifest) -> None:
    """A mistake inside a row, too: the row differs from every row of the corrected file or is new."""
    for one in first.planted:
        rows = _cells(first, one.file, one.sheet)
        headers = {str(cell) for row in rows[:3] for cell in row}
        assert not one.item or one.item.removeprefix("病灶 ").removeprefix("各部位结论 ") in headers
        assert 0 <= one.source_row <= len(rows)
        assert one.source_row == 0 or any(cell not in (None, "") for cell in rows[one.source_row - 1])


def test_first_exports_differ_from_the_corrected_ones_in_every_planted_file(
    first: Manifest, corrected: Manifest
) -> None:
    before, after = _bytes(first), _bytes(corrected)
    for file in {one.file for one in first.planted}:
        stem = file.rsplit("_", 1)[0]
        assert before[file] != next(data for name, data in after.items() if name.startswith(stem))


def test_each_planter_changes_the_pages_and_notes_it() -> None:
    cases = demo_cases()
    clean = demo_pages(cases)
    before = [one.grid() for one in clean]
    for plant in HOSPITAL_PLANTERS:
        exports = Exports(
            [replace(one, rows=[dict(row) for row in one.rows], ragged=[]) for one in clean], cases
        )
        plant(exports)
        assert exports.planted
        assert [one.grid() for one in exports.pages] != before


def test_no_patient_carries_two_mistakes() -> None:
    cases = demo_cases()
    planted = plant_errors(HOSPITAL_PLANTERS, demo_pages(cases), cases)
    rows = [id(one.row) for one in planted if one.row is not None]
    assert len(rows) == len(set(rows))


def test_manifest_survives_its_file(first: Manifest, tmp_path: Path) -> None:
    first.write(tmp_path / "manifest.csv")
    assert read_manifest(tmp_path / "manifest.csv") == first.planted


def test_mapping_and_settings_are_valid(tmp_path: Path) -> None:
    (tmp_path / "demo_hospital.toml").write_text(demo_mapping(), encoding="utf-8")
    (tmp_path / "registry.toml").write_text(demo_settings(), encoding="utf-8")
    facility = read_facility(tmp_path / "demo_hospital.toml")
    assert facility.sources[0].name == "his"
    assert "SYNTHETIC" in read_settings(tmp_path / "registry.toml").privacy.data_statement


def test_exports_look_like_a_hospital(first: Manifest) -> None:
    his = (first.folder / first.files[0]).read_bytes()
    with pytest.raises(UnicodeDecodeError):
        his.decode("utf-8")
    lines = list(csv.reader(io.StringIO(his.decode("gb18030"))))
    numbers = [line[0] for line in lines[1:]]
    assert len(numbers) > len(set(numbers)) > 100
    imaging = fastexcel.read_excel(first.folder / first.files[1])
    assert len(imaging.sheet_names) == 3
