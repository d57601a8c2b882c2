"""The same refresh through Dagster: the same tables, a private and silent event log, blocking rules that block."""

from __future__ import annotations

import re
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.simulate import write_demo
from registry_pipeline.simulate.demo.demo import FACILITY_ID, demo_cases
from registry_pipeline.store.releases import ANALYST_DATABASE, DATABASE, current_release, open_release
from tests.e2e.conftest import Demo
from tests.support.registry_home import (
    ask,
    assert_one_line,
    assert_same_tables,
    quick_demo_settings,
    registry,
    tables,
)

pytestmark = pytest.mark.slow

LAYERS = ("curated", "mart", "result", "quality")


@dataclass(frozen=True)
class Refreshed:
    """A home after ``registry refresh`` through Dagster.

    Attributes:
        earlier: what was there before.
        told: what the command wrote.
    """

    home: Home
    earlier: set[Path]
    told: str


@pytest.fixture(scope="module")
def through_dagster(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Refreshed:
    home = Home(tmp_path_factory.mktemp("dagster") / "home")
    shutil.copytree(demo.before.root, home.root, symlinks=True)
    write_demo(home.inbox, "corrected")
    earlier = set(home.root.rglob("*"))
    done = registry(home, "refresh")
    assert done.returncode == 0, done.stderr
    return Refreshed(home, earlier, done.stdout + done.stderr)


def test_the_tables_are_those_of_the_plain_refresh(demo: Demo, through_dagster: Refreshed) -> None:
    releases = ("first_seen_release", "last_seen_release", "closed_release", "release_id")
    found = tables(through_dagster.home, LAYERS, leave_out=releases)
    assert_same_tables(found, tables(demo.home, LAYERS, demo.corrected, leave_out=releases))
    assert found["mart.cohort"].height == 56


def test_the_terminal_shows_steps_and_no_traceback(through_dagster: Refreshed) -> None:
    assert "Traceback" not in through_dagster.told
    assert f"Release {current_release(through_dagster.home)} is served" in through_dagster.told
    assert "judging every record" in through_dagster.told
    assert len(through_dagster.told.splitlines()) < 20


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Everything that lies under a folder as text, and every cell of its databases, unpacked."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path.relative_to(folder)), content.decode("utf-8", "replace")
        if content.startswith(b"SQLite format 3"):
            yield from _cells(path, str(path.relative_to(folder)))


def _cells(path: Path, name: str) -> Iterator[tuple[str, str]]:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    listed = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in listed:
        for row in database.execute(f'SELECT * FROM "{table}"'):
            for cell in row:
                if isinstance(cell, bytes):
                    yield f"{name}: {table}", _unpacked(cell).decode("utf-8", "replace")
                elif isinstance(cell, str):
                    yield f"{name}: {table}", cell
    database.close()


def _unpacked(cell: bytes) -> bytes:
    try:
        return zlib.decompress(cell)
    except zlib.error:
        return cell


def _values(demo: Demo) -> set[str]:
    """Values of records that nothing but a record holds: numbers, pseudonyms, dates of birth, free text."""
    found = ask(
        demo.home,
        """
        SELECT source_patient_id FROM curated.patient_xref
        UNION SELECT patient_id FROM curated.patient_xref
        UNION SELECT size_text FROM curated.measurement
        UNION SELECT plan_name FROM curated.lrt_course
        UNION SELECT value_text FROM quality.finding WHERE length(value_text) >= 6
        UNION SELECT text_before FROM quality.coercion WHERE length(text_before) >= 8
        UNION SELECT birth_date::TEXT FROM curated.patient
        UNION SELECT death_date::TEXT FROM curated.death
        """,
        demo.corrected,
    )
    return {value for (value,) in found.iter_rows() if value is not None and len(value) >= 6}


def test_the_event_log_holds_no_value_of_a_record(demo: Demo, through_dagster: Refreshed) -> None:
    wanted = _values(demo)
    assert {one.local_id for one in demo_cases()} <= wanted
    assert len(wanted) > 1000
    texts = dict.fromkeys(text for _, text in _texts(through_dagster.home.root / "dagster"))
    assert len(texts) > 500, "the event log was looked into"
    everything = "\n".join(texts)
    # Bounds keep a hospital number from being seen in the digits of a time.
    seen = [
        one
        for one in sorted(wanted)
        if one in everything and re.search(rf"(?<![\w.]){re.escape(one)}(?!\w)", everything)
    ]
    assert not seen, seen[:20]


def test_the_search_for_values_would_find_one(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "log.db")
    database.execute("CREATE TABLE event (body BLOB)")
    database.execute("INSERT INTO event VALUES (?)", [zlib.compress(b"patient 00410233")])
    database.commit()
    database.close()
    assert any("00410233" in text for _, text in _texts(tmp_path))


def test_what_a_refresh_makes_is_private(through_dagster: Refreshed) -> None:
    """Nobody else may read; the command sets the mask itself, whatever the shell's is."""
    open_to_others = [
        str(path.relative_to(through_dagster.home.root))
        for folder in ("dagster", "store", "landing", "releases")
        for path in (through_dagster.home.root / folder).rglob("*")
        if path not in through_dagster.earlier
        and not path.is_symlink()
        and path.lstat().st_mode & 0o077
        and path.name not in (DATABASE, ANALYST_DATABASE)
    ]
    assert not open_to_others
    assert (through_dagster.home.root / "dagster" / "history") not in through_dagster.earlier
    released = through_dagster.home.current.resolve()
    assert released.stat().st_mode & 0o077 == 0
    assert (released / "registry.duckdb").stat().st_mode & 0o222 == 0


def test_a_second_refresh_makes_no_release(through_dagster: Refreshed) -> None:
    served = current_release(through_dagster.home)
    done = registry(through_dagster.home, "refresh")
    assert done.returncode == 0, done.stderr
    assert f"Nothing has changed since release {served}" in done.stdout
    assert current_release(through_dagster.home) == served


@pytest.mark.parametrize("is_plain", [False, True], ids=["Dagster", "plain"])
def test_a_blocking_rule_keeps_the_old_release_served(
    is_plain: bool, through_dagster: Refreshed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(through_dagster.home.root, home.root, symlinks=True)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    served = current_release(home)
    (export,) = (home.inbox / FACILITY_ID).glob("his_2023-07-14.csv")
    text = export.read_bytes().decode("gb18030")
    assert text.count(",女,") > 0
    changed = home.inbox / FACILITY_ID / "his_2023-07-21.csv"
    changed.write_bytes(text.replace(",女,", ",男,", 1).encode("gb18030"))
    home.settings_file.write_text(quick_demo_settings(blocking_rules='["V02"]'), encoding="utf-8")
    if is_plain:
        with pytest.raises(Refused) as refusal:
            refresh(home)
        assert "V02" in str(refusal.value)
    else:
        done = registry(home, "refresh")
        assert done.returncode == 1, done.stdout + done.stderr
        assert_one_line(done.stderr)
        assert "V02" in done.stderr
    assert current_release(home) == served
    with open_release(home) as connection:
        assert connection.execute("SELECT count(*) FROM mart.cohort").fetchall() == [(56,)]
