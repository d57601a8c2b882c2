"""A release as a REDCap project: what comes back when the registry reads its own export again."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Collection
from pathlib import Path

import duckdb
import polars as pl
import pytest

import schemas
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.core.settings import Refresh, Settings
from registry_pipeline.intake.landing.land import land_inbox
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.stage import Staged, stage_facility
from registry_pipeline.operations.exports.redcap.forms import NOT_MAPPED
from registry_pipeline.operations.exports.redcap.write import (
    DATA,
    DICTIONARY,
    FACILITY,
    write_redcap,
)
from registry_pipeline.store.releases import open_release
from schemas.columns import Column
from schemas.table import columns_of
from tests.support.staging import NOW

SETTINGS = Settings(refresh=Refresh(settle_seconds=0.0))


@pytest.fixture(scope="module")
def project(full_release: tuple[Home, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("redcap")
    with open_release(*full_release) as release:
        write_redcap(release, folder)
    return folder


@pytest.fixture(scope="module")
def staged(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Staged:
    home = make_home(tmp_path_factory.mktemp("again") / "home")
    shutil.copy(project / f"{FACILITY}.toml", home.facilities)
    inbox = home.inbox / FACILITY
    inbox.mkdir()
    for name in (DATA, DICTIONARY):
        shutil.copy(project / name, inbox)
    assert len(land_inbox(home, SETTINGS, NOW).landed) == 2
    return stage_facility(home, read_facility(home.facilities / f"{FACILITY}.toml"), SETTINGS)


def _compared(columns: list[Column]) -> list[str]:
    return [column.name for column in columns if column.name not in ("patient_id", *NOT_MAPPED)]


def _plain(name: str) -> pl.Expr:
    if name.endswith("_id"):
        return pl.col(name).str.strip_prefix(f"{FACILITY}-")
    if name.endswith("_date_precision"):  # of a day that is not known, or that is drawn without it
        return pl.when(pl.col(name.removesuffix("_precision")).is_not_null()).then(
            pl.col(name).fill_null("day")
        )
    return pl.col(name)


def _rows(frame: pl.DataFrame, names: list[str]) -> list[list[object]]:
    """Rows to compare; numbers of records without what a facility puts in front of them."""
    plain = [_plain(name) for name in names]
    return sorted((list(row) for row in frame.select(plain).iter_rows()), key=repr)


def assert_equal(release: duckdb.DuckDBPyConnection, staged: Staged, inexact: Collection[str] = ()) -> int:
    """Compare every cell of every table that a mapping can fill; how many there were.

    Args:
        inexact: dates with bounds of their own, which no mapping can fill.
    """
    n_cells = 0
    for name, model in schemas.tables_of("curated").items():
        if name == "curated.patient_xref":
            continue
        sent = release.sql(f"FROM {name}").pl()
        received = staged.tables[name.partition(".")[2]]
        names = [column for column in _compared(columns_of(model)) if column in sent.columns]
        names = [column for column in names if column.removesuffix("_precision") in sent.columns]
        names = [column for column in names if not column.startswith(tuple(f"{date}_" for date in inexact))]
        assert set(names) <= set(received.columns), (name, set(names) - set(received.columns))
        assert _rows(received, names) == _rows(sent, names), name
        n_cells += sent.height * len(names)
    return n_cells


def test_every_cell_comes_back(full_release: tuple[Home, str], staged: Staged) -> None:
    with open_release(*full_release) as release:
        assert assert_equal(release, staged, {"event_date"}) > 200
    assert staged.issues.is_empty() and staged.file_issues.is_empty(), (staged.issues, staged.file_issues)


def test_the_dictionary_is_what_redcap_takes(project: Path) -> None:
    with (project / DICTIONARY).open(encoding="utf-8") as file:
        fields = list(csv.DictReader(file))
    names = [field["Variable / Field Name"] for field in fields]
    assert names[0] == "record_id" and len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name) for name in names)
    forms = [field["Form Name"] for field in fields]
    assert [form for at, form in enumerate(forms) if form != forms[at - 1]] == list(dict.fromkeys(forms))
    for field in fields:
        choices = field["Choices, Calculations, OR Slider Labels"]
        assert bool(choices) == (field["Field Type"] == "dropdown")
        assert all(re.match(r"[0-9]+, \S", choice) for choice in choices.split(" | ") if choice)
    kinds = {
        field["Variable / Field Name"]: field["Text Validation Type OR Show Slider Number"]
        for field in fields
    }
    assert kinds["lesion_detection_date"] == "date_ymd"
    assert {"event_event_date_lower", "event_event_date_precision"} <= set(names)
    assert "lesion_detection_date_lower" not in names
    assert "come back as days: event_event_date." in (project / "README.txt").read_text(encoding="utf-8")
    with (project / DATA).open(encoding="utf-8") as file:
        data = csv.reader(file)
        header, *rows = list(data)
    forms_complete = {f"{form}_complete" for form in forms}
    assert set(header) == {*names, *forms_complete, "redcap_repeat_instrument", "redcap_repeat_instance"}
    keys = [tuple(row[:3]) for row in rows]
    assert len(set(keys)) == len(keys) and all(row[1] == "" or row[2].isdecimal() for row in rows)
    with (project / "repeating_instruments.csv").open(encoding="utf-8") as file:
        repeating = {row["form_name"] for row in csv.DictReader(file)}
    assert {row[1] for row in rows} <= {*repeating, ""} and not repeating & {"patient", "death"}
