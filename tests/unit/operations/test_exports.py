"""Releases in the form of standards: what the files say, and the verdict of the standards' own validators."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest

import schemas
from registry_pipeline.core.home import Home
from registry_pipeline.operations.exports.cbioportal import write_cbioportal
from registry_pipeline.operations.exports.datapackage import write_datapackage
from registry_pipeline.store.releases import open_release
from schemas.table import columns_of

DATE = re.compile(r"\b(?:19|20)\d\d-\d\d-\d\d\b")
HEADS = 4


@pytest.fixture(scope="module")
def study(full_release: tuple[Home, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = tmp_path_factory.mktemp("cbioportal")
    with open_release(*full_release) as release:
        write_cbioportal(release, study, "small_study")
    return study


@pytest.fixture(scope="module")
def package(full_release: tuple[Home, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("datapackage")
    with open_release(*full_release) as release:
        write_datapackage(release, folder / "package", licence="CC-BY-NC-4.0")
    return folder / "package"


def _rows(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def test_patients_and_lesions_are_those_of_the_cohort(study: Path) -> None:
    patients, samples = (_rows(study / f"data_clinical_{name}.txt") for name in ("patient", "sample"))
    assert patients and {row["PATIENT_ID"] for row in samples} == {row["PATIENT_ID"] for row in patients}
    assert len({row["SAMPLE_ID"] for row in samples}) == len(samples)
    assert {row["OS_STATUS"] for row in patients} <= {"0:LIVING", "1:DECEASED"}
    assert all(float(row["OS_MONTHS"]) >= 0 for row in patients)


def test_every_attribute_has_its_four_heads_and_stands_in_one_file(study: Path) -> None:
    names: list[str] = []
    for file in ("patient", "sample"):
        lines = (study / f"data_clinical_{file}.txt").read_text(encoding="utf-8").splitlines()
        assert [line[0] for line in lines[:HEADS]] == ["#"] * HEADS
        widths = {len(line.split("\t")) for line in lines}
        assert len(widths) == 1, widths
        names += lines[HEADS].split("\t")
    assert sorted(name for name in set(names) if names.count(name) > 1) == ["PATIENT_ID"]


def test_time_lines_count_days_and_no_date_is_written(study: Path) -> None:
    lines = list(study.glob("data_timeline_*.txt"))
    assert lines
    for path in lines:
        for row in _rows(path):
            assert re.fullmatch(r"-?\d+", row["START_DATE"]) and re.fullmatch(r"(-?\d+)?", row["STOP_DATE"])
    told = "\n".join(path.read_text(encoding="utf-8") for path in study.glob("data_*.txt"))
    assert not DATE.search(told)


def test_no_identifier_and_no_free_text_is_written(study: Path) -> None:
    headers = {name for path in study.glob("data_*.txt") for name in next(iter(_rows(path)), {})} - {
        "PATIENT_ID",
        "SAMPLE_ID",
    }
    hidden = {
        column.name.upper()
        for model in schemas.tables().values()
        for column in columns_of(model)
        if column.is_identifying or column.is_free_text
    }
    assert not headers & hidden


def test_cbioportal_accepts_the_study(study: Path) -> None:
    """CBIOPORTAL_VALIDATOR is the command of cBioPortal's validateData.py, such as ``python /…/validateData.py``."""
    command = os.environ.get("CBIOPORTAL_VALIDATOR")
    if not command:
        pytest.skip(
            "cBioPortal's validateData.py is not installed: CBIOPORTAL_VALIDATOR names no command of it"
        )
    verdict = subprocess.run(
        [*shlex.split(command), "-s", study, "-n"], capture_output=True, text=True, check=False
    )
    assert "Validation of data succeeded" in verdict.stderr + verdict.stdout, verdict.stderr + verdict.stdout


def test_the_package_describes_every_file_and_proves_it(package: Path) -> None:
    described = json.loads((package / "datapackage.json").read_text(encoding="utf-8"))
    files = {f"data/{path.name}" for path in (package / "data").iterdir()}
    assert {resource["path"] for resource in described["resources"]} == files and len(files) > 50
    for resource in described["resources"]:
        columns = pl.read_parquet_schema(package / resource["path"])
        assert [field["name"] for field in resource["schema"]["fields"]] == list(columns)
    verdict = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=package, check=False)
    assert verdict.returncode == 0
    summed = {line.split("  ")[1] for line in (package / "SHA256SUMS").read_text().splitlines()}
    every = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert summed == every - {"SHA256SUMS"}


def test_the_dictionary_says_what_the_parquet_files_hold(package: Path) -> None:
    with (package / "dictionary.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    held = {
        (path.name.removesuffix(".parquet"), column)
        for path in (package / "data").iterdir()
        for column in pl.read_parquet_schema(path)
    }
    assert {(row["table"], row["column"]) for row in rows} == held
    assert all(row["description"] for row in rows)


def test_a_package_without_a_licence_says_so(full_release: tuple[Home, str], tmp_path: Path) -> None:
    with open_release(*full_release) as release:
        write_datapackage(release, tmp_path / "package")
    assert "licenses" not in json.loads((tmp_path / "package/datapackage.json").read_text(encoding="utf-8"))
    assert "Licence: not stated" in (tmp_path / "package/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("program", "arguments", "accepts"),
    [
        ("frictionless", ("validate", "datapackage.json", "--json"), '"valid": true'),
        ("mlcroissant", ("validate", "--jsonld", "croissant.json"), "Done"),
    ],
)
def test_its_own_validator_accepts_the_package(
    package: Path, program: str, arguments: tuple[str, ...], accepts: str
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: python -m pip install 'frictionless[parquet]' mlcroissant")
    verdict = subprocess.run([program, *arguments], cwd=package, capture_output=True, text=True, check=False)
    assert verdict.returncode == 0 and accepts in verdict.stdout + verdict.stderr, verdict.stdout[-3000:]
    assert "WARNING" not in verdict.stderr, verdict.stderr[-3000:]
