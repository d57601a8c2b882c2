"""Counts and estimates of the analysts' database are taken from the one before where they were made of the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import schemas
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.core.settings import Settings
from registry_pipeline.pipeline.analyst import write
from registry_pipeline.pipeline.analyst.aggregates import aggregate_inputs, published_aggregates
from registry_pipeline.pipeline.analyst.write import database_with_equal_aggregates, write_analyst_database
from registry_pipeline.reporting.release.tables import ReleaseTables
from registry_pipeline.store.integrity import write_checksums
from registry_pipeline.store.refill import contents_in
from registry_pipeline.store.release import build_release
from registry_pipeline.store.releases import ANALYST_DATABASE, CONTENTS, DATABASE, release_folder
from tests.support.ascii_table import frame_of
from tests.support.small_release import VERSIONS, small_tables
from tests.unit.analyst.test_analyst_database import PROFILE, SUBMISSIONS, drawings, with_precision

Served = tuple[Home, Path]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A home and the folder of its served release, which has a database for analysts."""
    root = tmp_path_factory.mktemp("aggregates")
    home = make_home(root / "home")
    tables: dict[str, Any] = dict(small_tables(root / "work", **drawings()))
    tables |= {name: with_precision(tables[name]) for name in schemas.tables_of("curated")}
    tables["meta.submission"] = frame_of("meta.submission", SUBMISSIONS)
    folder = release_folder(home, build_release(home, tables, VERSIONS, memory_limit="500MB"))
    write_analyst_database(folder, Settings(), PROFILE)
    write_checksums(folder)
    return home, folder


@pytest.fixture
def building(served: Served, tmp_path: Path) -> Path:
    """A release of the same rows that is being built."""
    for name in (DATABASE, CONTENTS):
        shutil.copy(served[1] / name, tmp_path)
    return tmp_path


def content(database: Path) -> dict[str, pl.DataFrame]:
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY 1")
        return {name: connection.execute(f"FROM {name}").pl() for (name,) in names.fetchall()}


def test_a_database_with_copied_aggregates_is_the_one_made_anew(
    served: Served, building: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = database_with_equal_aggregates(served[0], building)
    assert earlier == served[1] / ANALYST_DATABASE
    monkeypatch.setattr(write, "published_aggregates", None)
    write_analyst_database(building, Settings(), PROFILE, earlier)
    copied, anew = content(building / ANALYST_DATABASE), content(earlier)
    assert copied.keys() == anew.keys()
    assert sum(frame.height for name, frame in copied.items() if name in aggregate_inputs()) > 0
    assert [name for name, frame in anew.items() if not frame.equals(copied[name])] == []


def _another_code(folder: Path) -> None:
    contents = contents_in(folder)
    assert contents is not None
    replace(contents, code_version="0+another").write(folder)


def _another_table(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        contents = contents_in(folder)
        assert contents is not None
        replace(contents, tables=contents.tables | {name: "another"}).write(folder)

    return change


@pytest.mark.parametrize(
    "change",
    [
        _another_code,
        *map(_another_table, ("mart.cohort", "result.km_curve", "meta.parameter")),
        lambda folder: (folder / CONTENTS).unlink(),
    ],
)
def test_aggregates_of_other_inputs_are_made_anew(
    served: Served, building: Path, change: Callable[[Path], None]
) -> None:
    change(building)
    assert database_with_equal_aggregates(served[0], building) is None


def test_records_that_no_mart_holds_leave_the_aggregates(served: Served, building: Path) -> None:
    _another_table("curated.toxicity")(building)
    assert database_with_equal_aggregates(served[0], building) is not None


def test_a_database_that_is_not_what_was_sealed_is_no_source(
    served: Served, building: Path, tmp_path: Path
) -> None:
    sealed = served[1] / ANALYST_DATABASE
    content = sealed.read_bytes()
    sealed.chmod(0o600)
    try:
        sealed.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert database_with_equal_aggregates(served[0], building) is None
        sealed.unlink()
        assert database_with_equal_aggregates(served[0], building) is None
    finally:
        sealed.write_bytes(content)


def test_aggregates_read_nothing_else(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    once, count_rows = ReleaseTables._once, ReleaseTables.count_rows

    def noted(self: ReleaseTables, statement: str, values: Any) -> Any:
        asked.update(word.replace('"', "").strip("(),") for word in statement.split() if "." in word)
        return once(self, statement, values)

    def counted(self: ReleaseTables, name: str) -> int:
        asked.add(name)
        return count_rows(self, name)

    monkeypatch.setattr(ReleaseTables, "_once", noted)
    monkeypatch.setattr(ReleaseTables, "count_rows", counted)
    published_aggregates(served[1] / DATABASE, Settings().analyst)
    assert {"mart.cohort", "result.km_curve"} <= asked <= set(aggregate_inputs())
