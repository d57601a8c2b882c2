"""A facility's page is made anew when something of it changed, and only then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from registry_pipeline.reporting.figures.base import FigureFolder
from registry_pipeline.reporting.figures.drawing_cache import cached_drawings
from registry_pipeline.reporting.quality import SECTIONS, facility_pages
from registry_pipeline.reporting.quality.details import details_section
from registry_pipeline.reporting.quality.scope import FACILITY_READS, Scope
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.sections.context import Context
from tests.unit.reporting.toy_release import make_release

HEAD = {
    "release_id": "R-1", "created_at": "", "input_hash": "", "parameter_hash": "", "code_version": "",
    "extract_date": "", "statement": "", "is_synthetic": False, "registry_table": "", "is_suppressed": 0,
    "changes_page": "",
}  # fmt: skip
AT_NORTH = {
    "a finding is open": "INSERT INTO quality.finding BY NAME SELECT * REPLACE ('F9' AS finding_id) FROM quality.finding "
    "WHERE facility_id = 'north' LIMIT 1",
    "its row is another": "UPDATE quality.finding SET source_row = 99 WHERE facility_id = 'north'",
    "a finding is waived": "UPDATE quality.finding SET status = 'waived', closed_release = 'R-1' WHERE finding_id = 'F9'",
    "a row was read": "UPDATE quality.row_account SET n_read = n_read + 1 WHERE facility_id = 'north'",
    "a value is missing": "UPDATE curated.patient SET birth_date = NULL WHERE facility_id = 'north'",
    "a rule was judged": "UPDATE quality.rule_result SET n_denominator = n_denominator + 1 WHERE facility_id = 'north'",
    "a value is corrected": "UPDATE quality.correction SET source_row = 41 WHERE facility_id = 'north'",
    "a record is in quarantine": "INSERT INTO quality.quarantine BY NAME SELECT * REPLACE ('P9' AS patient_id) FROM "
    "quality.quarantine WHERE facility_id = 'north' LIMIT 1",
}  # fmt: skip
FILLED = ("quality.finding", "quality.row_account", "quality.rule_result", "quality.correction",
          "quality.quarantine", "curated.patient")  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of two facilities, which have a row each in every table that pages read."""
    path = make_release(tmp_path_factory.mktemp("pages") / "registry.duckdb", n=1)
    with duckdb.connect(str(path)) as connection:
        for name in FILLED:
            if not connection.table(name).limit(1).fetchall():
                connection.execute(f"INSERT INTO {name} (facility_id) VALUES ('north')")
            connection.execute(f"CREATE TEMP TABLE rows AS FROM {name} LIMIT 1; DELETE FROM {name}")
            for facility in ("north", "south"):
                connection.execute(
                    f"INSERT INTO {name} SELECT * REPLACE ('{facility}' AS facility_id) FROM rows"
                )
            connection.execute("DROP TABLE rows")
        connection.execute("UPDATE curated.patient SET birth_date = '1970-01-01', patient_id = facility_id")
        connection.execute(
            "UPDATE quality.finding SET status = 'open', finding_id = facility_id, systemic_finding_id = NULL"
        )
    return path


def pages_of(database: Path, folder: Path) -> dict[str, bytes]:
    """Every page and figure, by its path within the folder."""
    with DisclosedTables(database) as tables:
        registry = Scope(Context(tables, FigureFolder(folder / "figures")))
        pages = facility_pages.facility_pages(registry, folder, "page.html", HEAD)
        texts = {str(path.relative_to(folder)): text.encode() for path, text in pages.items()}
        files = registry.context.figures.written
        return texts | {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_page_is_made_again_when_something_of_its_facility_changed(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facilities: list[str] = []

    def section(_: Scope, facility: str, *__: object) -> str:
        if facility not in facilities:
            facilities.append(facility)
        return json.dumps({"section": {"anchor": "a", "title": "A", "html": ""}, "files": {}})

    monkeypatch.setattr(facility_pages, "_section", section)
    copy = Path(shutil.copy(database, tmp_path))
    with duckdb.connect(str(copy)) as connection:  # a first release, which has shown every finding first
        connection.execute(
            "UPDATE quality.finding SET first_seen_release = 'R-1'; UPDATE meta.release SET compared_release_id = NULL"
        )
    with cached_drawings(tmp_path / "kept"):
        pages_of(copy, tmp_path / "pages")
        assert facilities == ["north", "south"]
        for number, (what, change) in enumerate(AT_NORTH.items(), start=2):
            facilities.clear()
            with duckdb.connect(str(copy)) as connection:
                connection.execute(change)
                connection.execute(
                    "UPDATE meta.release SET release_id = ?, compared_release_id = 'R-1'", [f"R-{number}"]
                )
            pages_of(copy, tmp_path / "pages")
            assert facilities == ["north"], what
        facilities.clear()
        pages_of(copy, tmp_path / "pages")
        assert not facilities


def test_a_kept_page_is_the_page_and_rests_on_what_its_digest_does(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section: Callable[..., str] = facility_pages._section

    def without_queries(registry: Scope, *arguments: object) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(DisclosedTables, "_once", _refuse)
            return section(registry, *arguments)

    monkeypatch.setattr(facility_pages, "_section", without_queries)
    with cached_drawings(tmp_path / "kept"):
        first = pages_of(database, tmp_path / "first")
        monkeypatch.setattr(facility_pages, "_section", _refuse)
        assert pages_of(database, tmp_path / "second") == first
    monkeypatch.setattr(facility_pages, "_section", section)
    assert pages_of(database, tmp_path / "anew") == first
    assert {name.split("/")[0] for name in first} == {"north", "south"}
    assert any(name.endswith(".svg") for name in first)


def test_an_outcome_makes_only_the_section_anew_that_tells_it(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules that compare with an earlier release have an outcome everywhere in the second release, and none in the first."""
    section: Callable[..., str] = facility_pages._section
    numbers: list[int] = []

    def noted(registry: Scope, facility: str, own: Path, number: int) -> str:
        numbers.append(number)
        return section(registry, facility, own, number)

    monkeypatch.setattr(facility_pages, "_section", noted)
    copy = Path(shutil.copy(database, tmp_path))
    with cached_drawings(tmp_path / "kept"):
        pages_of(copy, tmp_path / "pages")
        numbers.clear()
        with duckdb.connect(str(copy)) as connection:
            connection.execute(
                "INSERT INTO quality.rule_result BY NAME SELECT * REPLACE ('G99' AS rule_id) FROM quality.rule_result"
                " WHERE facility_id IN ('north', 'south') QUALIFY row_number() OVER (PARTITION BY facility_id) = 1"
            )
        pages = pages_of(copy, tmp_path / "pages")
    assert numbers == [list(SECTIONS).index(details_section)] * 2
    assert pages == pages_of(copy, tmp_path / "anew")


def _refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError(f"a page reads {FACILITY_READS} alone")
