"""Files that abort, exhaust or never end a reader: one sentence about the file, and everything else goes on."""

from __future__ import annotations

import io
import os
import re
import signal
import time
import zipfile
from pathlib import Path

import pytest

from registry_pipeline.core.helper_process import Bounds
from registry_pipeline.intake.profiling.files import read_profiled
from registry_pipeline.intake.readers import ReadError, ReadLimits, ReadOptions, isolated
from tests.fault.hostile import HOSTILE, far_corners, workbook, zipped
from tests.support.staging import Place, source, table
from tests.support.watched_reading import read_watched

BYTES, SECONDS = 2**30, 60
TOML = source(
    table("patient", 'patient_id = "no"', 'birth_date = "born"', 'sex = { value = "F" }'), files="*"
)
HARMLESS = {"long_name_of_an_attribute.xlsx", "endless_styles.xlsx", "styles_of_one_tag.xlsx", "wide.csv"}
"""These may be read, if it is done within the bounds."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_sentence_within_a_gigabyte_and_a_minute(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(HOSTILE[name]())
    reading = read_watched(path)
    assert reading.n_bytes < BYTES
    assert reading.seconds < SECONDS
    assert reading.outcome != "rows" or name in HARMLESS
    assert "\n" not in reading.message and len(reading.message) < 300
    assert reading.outcome != "reader_failed", reading.message


@pytest.mark.parametrize("name", ["far_corners.xlsx", "far_corners.ods", "long_shared_text.xlsx"])
def test_the_other_files_of_the_facility_are_read(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path, TOML)
    place.send("a.csv", "no,born\nA,1960-01-01\n")
    place.land()
    (place.inbox / name).write_bytes(HOSTILE[name]())
    staged = place.stage()
    assert staged.tables["patient"].height == 1
    (issue,) = staged.file_issues.to_dicts()
    assert (issue["rule_id"], issue["severity"], issue["source_file"]) == ("S01", "error", name)


def test_a_draft_of_a_mapping_refuses_it_too(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(far_corners())
    with pytest.raises(ReadError) as caught:
        read_profiled(path, ReadLimits())
    assert caught.value.code == "too_large"


def test_a_workbook_with_prefixed_names_is_measured_too(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(io.BytesIO(far_corners())) as archive:
        members: dict[str, bytes | str] = {name: archive.read(name) for name in archive.namelist()}
    sheet = members["xl/worksheets/sheet1.xml"]
    assert isinstance(sheet, bytes)
    named = re.sub(rb"<(/?)(\w)", rb"<\1x:\2", sheet).replace(b"xmlns=", b"xmlns:x=")
    path.write_bytes(zipped(members | {"xl/worksheets/sheet1.xml": named}))
    assert read_watched(path).outcome == "too_large"


def abort(_: Path) -> None:
    os.abort()


def allocate(_: Path) -> int:
    held = []
    while True:
        held.append(bytearray(32 * 2**20))
        for at in range(0, len(held[-1]), 4096):
            held[-1][at] = 1


def sleep(_: Path) -> None:
    time.sleep(600)


def process_id(_: Path) -> int:
    return os.getpid()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook('<row r="1"><c r="A1"><v>1</v></c></row>'))
    return path


@pytest.mark.parametrize(
    "function, code, words",
    [
        (abort, "reader_died", "gave up"),
        (allocate, "exhausted", "MB of memory"),
        (sleep, "exhausted", "1 seconds"),
    ],
)
def test_the_death_of_a_reader_is_told_and_another_takes_its_place(
    path: Path, function: object, code: str, words: str
) -> None:
    limits = ReadLimits(max_reader_seconds=1 if function is sleep else 60, max_reader_bytes=600 * 2**20)
    options = ReadOptions(limits=limits)
    before = isolated.read_isolated(path, ".xlsx", ReadOptions(), process_id, path)
    with pytest.raises(ReadError, match=words) as caught:
        isolated.read_isolated(path, ".xlsx", options, function, path)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert isolated.read_isolated(path, ".xlsx", ReadOptions(), process_id, path) != before


def test_a_reader_that_died_between_two_files_is_not_held_against_the_next(path: Path) -> None:
    before = isolated.read_isolated(path, ".xlsx", ReadOptions(), process_id, path)
    os.kill(before, signal.SIGKILL)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    assert isolated.read_isolated(path, ".xlsx", ReadOptions(), process_id, path) != before


def test_one_warm_process_serves_many_files_and_text_needs_none(path: Path) -> None:
    text = path.with_suffix(".csv")
    text.write_text("a,b\n1,2\n")
    options = ReadOptions()
    first = isolated.read_isolated(path, ".xlsx", options, process_id, path)
    assert isolated.read_isolated(path, ".xlsx", options, process_id, path) == first
    assert isolated.read_isolated(text, ".csv", options, process_id, text) == os.getpid() != first


def test_a_file_may_take_what_it_unpacks_to_and_no_more_than_the_limit() -> None:
    limits = ReadLimits(max_reader_bytes=10**9, max_reader_seconds=100)
    small = isolated.Source(b"$FL2" + bytes(1000), ".sav")
    large = isolated.Source(b"$FL2" + bytes(50 * 2**20), ".sav")
    assert Bounds(*isolated.allowance(small, "spss", limits)).n_bytes < 900 * 2**20
    assert isolated.allowance(large, "spss", limits) == (100, 10**9)
