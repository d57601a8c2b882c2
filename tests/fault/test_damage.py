"""A home whose files were damaged, copied, opened to others: nothing damaged is served, nothing stops for good.

Each trial begins with one release and a second submission that waits in the inbox. Afterwards either the tables
equal those of an undisturbed refresh, or one line says what is wrong and the first release is served.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache, partial
from itertools import cycle
from pathlib import Path

import duckdb
import polars as pl
import pytest

from registry_pipeline.cli.query import _verify
from registry_pipeline.core.files import LOCK, StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.core.locks import locked
from registry_pipeline.core.row_id import row_id
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.core.working_files import STEP_NOTE, DamagedFile
from registry_pipeline.intake.landing.ledger import landed_path, read_ledger
from registry_pipeline.intake.raw.lookup import raw_row
from registry_pipeline.operations import doctor
from registry_pipeline.operations.audit import record
from registry_pipeline.operations.backup import back_up
from registry_pipeline.operations.doctor import examine
from registry_pipeline.pipeline import context as refresh_context
from registry_pipeline.pipeline import decisions
from registry_pipeline.pipeline import release as publication
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.findings import read_finding_sources
from registry_pipeline.pipeline.lineage import _column_map, _sheets, write_lineage
from registry_pipeline.pipeline.mend import mend_home
from registry_pipeline.pipeline.merges import _patients_of
from registry_pipeline.pipeline.persons import linkage_tables
from registry_pipeline.pipeline.refresh import has_nothing_to_do, refresh, take_in
from registry_pipeline.pipeline.registry import registry_findings
from registry_pipeline.pipeline.screening import screen
from registry_pipeline.pipeline.staged import stored_staging
from registry_pipeline.pipeline.staging import rows_read
from registry_pipeline.stewardship.patients import read_numbers
from registry_pipeline.stewardship.records import applied_corrections
from registry_pipeline.stewardship.timeline import timeline
from registry_pipeline.store import release, releases
from registry_pipeline.store.integrity import damaged_files, newest_whole_release
from registry_pipeline.store.releases import (
    CHECKSUMS,
    CONTENTS,
    DATABASE,
    current_release,
    release_facts,
    release_ids,
    reports_problem,
)
from registry_pipeline.study.compare.parameters import end_of_observation
from registry_pipeline.validation.decisions.ledger import Draft, Subject, append_decisions
from registry_pipeline.validation.registry_wide.persons import ITEM_SHARES
from tests.support.registry_home import (
    HOSPITAL,
    N_PATIENTS,
    ROOT,
    assert_same_tables,
    command,
    good_files,
    patient_row,
    patients_csv,
    registry,
    send,
    send_all,
    small_home,
    tables,
    without_reports,
)

PRODUCT = ROOT / "registry_pipeline"
LAYERS = ("curated", "mart", "result", "quality")
TIMES = ("first_seen_release", "last_seen_release")
KINDS = (
    "landing/north/[0-9a-f]*",
    "landing/north/submissions.json",
    "landing/north/seen.json",
    "store/raw/north/*.arrows",
    "store/raw/north/*.json",
    "store/staged/north/patient.rows",
    "store/staged/north/_rows.rows",
    "store/staged/north/_source_columns.json",
    "store/staged/north/_step.json",
    "store/screened/north/patient.accepted.parquet",
    "store/screened/north/_findings.parquet",
    "store/screened/north/_step.json",
    "store/curated/patient.parquet",
    "store/mart/survival_time.parquet",
    "store/quality/finding.parquet",
    "store/result/km_curve.parquet",
    "store/curated/_tables.json",
    "store/mart/_tables.json",
    "store/result/_tables.json",
    "releases/*/registry.duckdb",
    "releases/*/SHA256SUMS",
    "releases/*/contents.json",
    "releases/*/decisions.head",
    "store/inbox_served",
    "decisions.sqlite",
    "audit.jsonl",
    "secrets/audit.head",
    "secrets/decisions.head",
    "secrets/pseudonym.key",
    "secrets/pseudonym.check",
)


@pytest.fixture(scope="module", autouse=True)
def no_reports() -> Iterator[None]:
    with without_reports():
        yield


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One release, and a second submission in the inbox."""
    home = small_home(tmp_path_factory.mktemp("damage") / "home")
    send_all(home, good_files())
    about = Subject("F000000000000000", "V02", HOSPITAL, "patient", "k", "sex", "d")
    append_decisions(home.decisions, home.key(), [Draft(about, "remark", "seen", "A. Steward")])
    record(home, "backup")
    refresh(home)
    rows = [patient_row(number) for number in range(N_PATIENTS + 3)]
    send(home, "patients_2.csv", patients_csv([*rows, patient_row(90, sex="male")]))
    return home


@pytest.fixture(scope="module")
def undisturbed(waiting: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = copied(waiting, tmp_path_factory.mktemp("undisturbed"))
    refresh(home)
    return home


def copied(home: Home, folder: Path) -> Home:
    copy = Home(folder / "home")
    shutil.copytree(home.root, copy.root, symlinks=True)
    return copy


def flip(path: Path, place: float) -> None:
    """Turn one bit of a file over; ``place`` from 0 (first byte) to 1 (last)."""
    content = bytearray(path.read_bytes())
    content[min(int(place * len(content)), len(content) - 1)] ^= 1 << 4
    mode = path.stat().st_mode
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)


def assert_equal_or_told(home: Home, before: Home, after: Home, layers: tuple[str, ...] = LAYERS) -> None:
    try:
        refresh(home)
    except (StoreError, ConfigurationError) as problem:
        assert "\n" not in str(problem)
        assert current_release(home) == current_release(before)
        assert damaged_files(home, current_release(before) or "") == []
        return
    assert_same_tables(tables(home, layers, leave_out=TIMES), tables_after(after, layers))


@cache
def tables_after(home: Home, layers: tuple[str, ...]) -> dict[str, pl.DataFrame]:
    """Tables of the undisturbed home, which nothing changes."""
    return tables(home, layers, leave_out=TIMES)


def comparable(kind: str) -> tuple[str, ...]:
    """Without the only release nothing is compared with an earlier one, and findings begin anew."""
    return LAYERS[:-1] if kind.startswith("releases/") else LAYERS


@pytest.mark.parametrize(
    ("kind", "place"), list(zip(KINDS, cycle([0.6, 0.0, 0.9, 0.03, 1.0, 0.3]), strict=False))
)
def test_a_flipped_bit_is_mended_or_told(
    kind: str, place: float, waiting: Home, undisturbed: Home, tmp_path: Path
) -> None:
    """In one place of each kind of file; ``tests.fault.bit_sweep`` tries hundreds."""
    home = copied(waiting, tmp_path)
    flip(sorted(home.root.glob(kind))[0], place)
    assert_equal_or_told(home, waiting, undisturbed, comparable(kind))


@pytest.mark.parametrize(
    "kind", ["store/staged/north/_judged.json", "store/screened/north/_findings.parquet"]
)
def test_a_cut_working_file_is_made_again(
    kind: str, waiting: Home, undisturbed: Home, tmp_path: Path
) -> None:
    """Also where the refresh looks at another facility only, and where nothing of this one is new."""
    home = copied(undisturbed, tmp_path)
    path = next(home.root.glob(kind))
    path.write_bytes(path.read_bytes()[:-7])
    (home.facilities / "south.toml").write_text(
        (home.facilities / f"{HOSPITAL}.toml").read_text().replace('"north"', '"south"')
    )
    (home.inbox / "south").mkdir()
    (home.inbox / "south" / "patients_1.csv").write_bytes(
        (home.inbox / HOSPITAL / "patients_1.csv").read_bytes()
    )
    refresh(home, ["south"])
    expected = tables(undisturbed, ("curated",))["curated.patient"].filter(facility_id=HOSPITAL)
    assert tables(home, ("curated",))["curated.patient"].filter(facility_id=HOSPITAL).equals(expected)


def test_a_damaged_release_gives_way_to_the_one_before(undisturbed: Home, tmp_path: Path) -> None:
    home = copied(undisturbed, tmp_path)
    second = current_release(home)
    flip(home.current / DATABASE, 0.5)
    checked = registry(home, "status", "--verify")
    assert checked.returncode == 1, checked.stderr
    assert DATABASE in checked.stderr
    lines = mend_home(home)
    assert len(lines) == 1
    assert "damaged" in lines[0]
    first = current_release(home)
    assert first not in (None, second)
    report = refresh(home)
    assert report.is_new
    assert_same_tables(tables(home, LAYERS, leave_out=TIMES), tables(undisturbed, LAYERS, leave_out=TIMES))
    assert registry(home, "releases", "serve", second or "").returncode == 2
    assert registry(home, "releases", "serve", first or "").returncode == 0
    assert current_release(home) == first
    (home.releases / str(second) / CHECKSUMS).unlink()  # as much a damage as another byte
    checked = registry(home, "status", "--verify")
    assert checked.returncode == 1
    assert f"{second} ({CHECKSUMS})" in checked.stderr


def test_a_damaged_earlier_release_is_named_and_never_read(undisturbed: Home, tmp_path: Path) -> None:
    """The one that would be compared with; the newest of several that could be served instead."""
    home = copied(undisturbed, tmp_path)
    first, second = release_ids(home)
    flip(home.releases / first / DATABASE, 0.5)
    assert f"{first} ({DATABASE})" in command(home, "status", "--verify")[1]
    for question in (("--release", first), ("--attach", first)):
        code, output = command(home, "sql", "SELECT 1", *question)
        assert (code, f"{first}: the release is damaged" in output) == (1, True), output
    assert command(home, "releases", "diff")[0] == 1
    settings = home.settings_file.read_text()
    home.settings_file.write_text(settings.replace("settle_seconds = 0", "settle_seconds = 1"))
    code, output = command(home, "refresh", "--plain")
    assert code == 0, output
    note = f"compared with no release, for {first} is damaged"
    assert note in output
    assert note in command(home, "status")[1]
    assert [answer.state for answer in examine(home) if note in answer.message] == ["warning"]
    flip(home.current / DATABASE, 0.5)
    flip(home.releases / second / DATABASE, 0.5)
    [line] = mend_home(home)
    assert all(release_id in line for release_id in release_ids(home))
    assert "none is served" in line


def test_the_release_that_was_compared_with_is_looked_after(undisturbed: Home, tmp_path: Path) -> None:
    home = copied(undisturbed, tmp_path)
    facts = release_facts(home)
    first, _ = release_ids(home)
    assert (facts["compared_release_id"], facts["comparison_note"]) == (first, None)
    assert not [answer for answer in examine(home) if answer.subject == "comparison"]
    flip(home.releases / first / DATABASE, 0.5)
    assert [answer.state for answer in examine(home) if answer.subject == "comparison"] == ["warning"]
    assert newest_whole_release(home, before=str(current_release(home))) is None


def test_the_only_release_damaged_is_none(waiting: Home, tmp_path: Path) -> None:
    home = copied(waiting, tmp_path)
    flip(home.current / DATABASE, 0.1)
    assert "none is served" in mend_home(home)[0]
    assert current_release(home) is None
    assert refresh(home).is_new


@pytest.mark.parametrize("is_whole_folder", [False, True])
def test_a_served_release_that_is_gone_is_no_home_without_one(
    is_whole_folder: bool, undisturbed: Home, tmp_path: Path
) -> None:
    """It was "no release yet": the next one was compared with none, and the decisions of none were asked for."""
    home = copied(undisturbed, tmp_path)
    first, second = release_ids(home)
    shutil.rmtree(home.releases / second) if is_whole_folder else (home.current / DATABASE).unlink()
    for question in (("status",), ("findings",), ("sql", "SELECT 1"), ("status", "--verify")):
        code, output = command(home, *question)
        assert (code, second in output) == (1, True), output
    assert [answer.state for answer in examine(home) if answer.subject == "release"] == ["error"]
    [line] = mend_home(home)
    assert (second in line, current_release(home)) == (True, first)


def test_a_copy_that_followed_links_is_a_home_again(undisturbed: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(undisturbed.root, home.root, symlinks=False)
    assert not home.current.is_symlink()
    assert not refresh(home).is_new
    assert home.current.is_symlink()
    assert current_release(home) == current_release(undisturbed)


def test_a_copy_that_left_links_out_serves_its_newest_release(undisturbed: Home, tmp_path: Path) -> None:
    """It was "no release yet": the next one knew no earlier one, and every finding was new."""
    home = copied(undisturbed, tmp_path)
    first, second = release_ids(home)
    home.current.unlink()
    assert "No release is served" in command(home, "status")[1]
    [line] = mend_home(home)
    assert (second in line, current_release(home)) == (True, second)
    home.current.unlink()
    flip(home.releases / second / DATABASE, 0.5)
    mend_home(home)
    assert current_release(home) == first
    home.current.unlink()
    home.current.symlink_to("/etc")
    assert [answer.state for answer in examine(home) if answer.subject == "release"] == ["error"]
    mend_home(home)
    assert current_release(home) == first


def test_what_is_open_to_others_is_closed(waiting: Home, tmp_path: Path) -> None:
    home = copied(waiting, tmp_path)
    home.root.chmod(0o755)
    home.key_file.chmod(0o644)
    lines = mend_home(home)
    assert len(lines) == 2
    assert home.root.stat().st_mode & 0o777 == 0o710
    assert home.key_file.stat().st_mode & 0o777 == 0o600
    assert mend_home(home) == []


@pytest.mark.parametrize("forget", [False, True])
def test_another_valid_key_is_refused(forget: bool, waiting: Home, tmp_path: Path) -> None:
    """Every pseudonym would change and every waiver fall silently; the release knows the key too."""
    home = copied(waiting, tmp_path)
    home.key_file.write_text(secrets.token_hex(32) + "\n")
    if forget:
        home.key_check_file.unlink()
    with pytest.raises(ConfigurationError, match="key"):
        refresh(home)
    assert current_release(home) == current_release(waiting)


CHECK = """
import os, signal, sys
from pathlib import Path
from registry_pipeline.core.home import Home
import registry_pipeline.pipeline.facility_check as check
check.land_inbox = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
check.check_facility(Home(Path(sys.argv[1])), "north")
"""


def test_copies_of_a_killed_check_are_swept_by_the_next_command(waiting: Home, tmp_path: Path) -> None:
    home = copied(waiting, tmp_path)
    known = {path.name for path in home.root.iterdir()}
    done = subprocess.run([sys.executable, "-c", CHECK, str(home.root)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert {path.name for path in home.root.iterdir()} != known
    mend_home(home)
    assert {path.name for path in home.root.iterdir()} == known


def test_lost_reports_are_told_and_tried_again(
    waiting: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(waiting, tmp_path)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug in a page")

    def whole(_: Path, folder: Path, **__: object) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "study_report.html").write_text("pages")

    monkeypatch.setattr(publication, "write_reports", broken)
    report = refresh(home)
    assert "could not be written" in (reports_problem(home) or "")
    assert "reports" in registry(home, "status").stdout
    assert not has_nothing_to_do(read_context(home))
    monkeypatch.setattr(publication, "write_reports", whole)
    again = refresh(home)
    assert (again.release_id, again.is_new) == (report.release_id, False)
    assert reports_problem(home) is None
    assert (home.current / "reports" / "study_report.html").read_text() == "pages"
    assert damaged_files(home, report.release_id) == []


def test_a_disk_that_is_full_for_the_reports_refuses(
    waiting: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(waiting, tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(publication, "write_reports", full)
    with pytest.raises(StoreError, match="the disk is full"):
        refresh(home)
    assert current_release(home) == current_release(waiting)


def test_a_clock_that_went_ahead_moves_no_end_of_observation(waiting: Home, tmp_path: Path) -> None:
    home = copied(waiting, tmp_path)
    home.settings_file.write_text("")
    context = read_context(home)
    ahead = (datetime.now(UTC) + timedelta(days=3650)).isoformat()
    for facility_id, ledger in context.ledgers.items():
        context.ledgers[facility_id] = [replace(landed, received_at=ahead) for landed in ledger]
    assert context.extract_date() == context.extract_date(HOSPITAL) == datetime.now(UTC).date()


@pytest.mark.parametrize(
    "timezone, received, day",
    [
        ("UTC", "2023-05-30T23:30:00+00:00", 30),
        ("Asia/Shanghai", "2023-05-30T23:30:00+00:00", 31),
        ("America/Los_Angeles", "2023-05-31T02:30:00+00:00", 30),
    ],
)
def test_observation_ends_on_the_day_that_it_was_where_the_registry_is(
    waiting: Home, tmp_path: Path, timezone: str, received: str, day: int
) -> None:
    """What a hospital in the east sent in the morning about that day was of a time to come, until it sent the next file."""
    home = copied(waiting, tmp_path)
    home.settings_file.write_text(f'[refresh]\ntimezone = "{timezone}"\n')
    context = read_context(home)
    for facility_id, ledger in context.ledgers.items():
        context.ledgers[facility_id] = [replace(landed, received_at=received) for landed in ledger]
    assert context.extract_date() == context.extract_date(HOSPITAL) == date(2023, 5, day)
    with duckdb.connect() as release:  # of which a later one asks the same
        release.execute("CREATE SCHEMA meta")
        release.execute(
            "CREATE TABLE meta.parameter AS SELECT 'refresh.timezone' AS name, $1 AS value", [timezone]
        )
        release.execute(f"CREATE TABLE meta.submission AS SELECT TIMESTAMP '{received[:19]}' AS received_at")
        release.execute("CREATE TABLE meta.release AS SELECT TIMESTAMP '2023-06-01 12:00:00' AS created_at")
        assert end_of_observation(release, "memory") == date(2023, 5, day)


@pytest.mark.parametrize("years", [-10, 10])
def test_a_clock_that_is_years_wrong_is_told_and_loses_nothing(
    undisturbed: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    """A release by the wrong clock, and one by the right clock after it: both are the newest when they are made."""
    home = copied(undisturbed, tmp_path)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(days=365 * years)

    settings = home.settings_file.read_text()
    with monkeypatch.context() as patched:
        for module in (releases, release, decisions, refresh_context, doctor):
            patched.setattr(module, "datetime", Clock, raising=False)
        assert command(home, "refresh", "--plain")[0] == 0
        home.settings_file.write_text(settings.replace("settle_seconds = 0", "settle_seconds = 1"))
        code, output = command(home, "refresh", "--plain")
        assert (code, "the clock says" in output) == (0, years < 0), output
        assert ("clock" in {answer.subject for answer in examine(home)}) is (years < 0)
    home.settings_file.write_text(settings)
    code, output = command(home, "refresh", "--plain")
    assert (code, "the clock says" in output) == (0, years > 0), output
    assert ("clock" in {answer.subject for answer in examine(home)}) is (years > 0)
    assert current_release(home) == release_ids(home)[-1]
    assert len(release_ids(home)) == 4
    left_out = (*TIMES, "closed_release")
    assert_same_tables(*(tables(each, LAYERS[:3], leave_out=left_out) for each in (home, undisturbed)))


def test_a_refresh_with_nothing_new_takes_no_room(
    undisturbed: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(undisturbed, tmp_path)
    monkeypatch.setattr(publication, "write_reports", lambda *_, **__: None)
    command(home, "refresh", "--plain")  # writes the reports that are missing

    def sizes() -> dict[str, int]:
        return {str(path): path.stat().st_size for path in home.root.rglob("*") if path.is_file()}

    before = sizes()
    assert "Nothing has changed" in command(home, "refresh")[1]
    assert sizes() == before


READ_WORKING_FILES: tuple[tuple[str, Callable[[Home], object]], ...] = (
    ("store/screened/north/_corrections.parquet", lambda home: applied_corrections(home, [HOSPITAL])),
    ("store/screened/north/_step.json", lambda home: applied_corrections(home, [HOSPITAL])),
    ("store/screened/north/patient_xref.accepted.parquet", lambda home: read_numbers(home, [HOSPITAL])),
    ("store/screened/north/death.accepted.parquet", lambda home: timeline(home, "P", [HOSPITAL])),
    ("store/screened/north/patient.accepted.parquet", lambda home: timeline(home, "P", [])),
    ("store/screened/north/_findings.parquet", lambda home: read_finding_sources(read_context(home))),
    ("store/quality/finding.parquet", lambda home: read_finding_sources(read_context(home))),
    ("store/quality/_tables.json", lambda home: read_finding_sources(read_context(home))),
    ("store/screened/north/_unlisted.parquet", lambda home: read_context(home).screened_files("unlisted")),
    ("store/staged/north/_files.rows", lambda home: read_context(home).staged_files("files")),
    ("store/staged/north/patient_xref.rows", lambda home: _patients_of(read_context(home), HOSPITAL)),
    ("store/staged/north/_person_keys.rows", lambda home: linkage_tables(read_context(home), force=True)),
    (
        "store/screened/north/primary_tumour.accepted.parquet",
        lambda home: linkage_tables(read_context(home), force=True),
    ),
    (
        "store/screened/north/followup.accepted.parquet",
        lambda home: write_lineage(read_context(home), pl.DataFrame(schema=ITEM_SHARES), force=True),
    ),
    ("store/staged/north/_rows.rows", lambda home: _sheets(read_context(home), HOSPITAL)),
    ("store/staged/north/_column_map.rows", lambda home: _column_map(read_context(home), HOSPITAL)),
    ("store/staged/north/_sheets.rows", lambda home: rows_read(read_context(home), HOSPITAL)),
    ("store/staged/north/_judged.json", lambda home: stored_staging(read_context(home), HOSPITAL)),
    (
        "store/staged/north/death.rows",
        lambda home: stored_staging(read_context(home), HOSPITAL).tables["death"],
    ),
    ("store/quality/rule_result.parquet", lambda home: registry_findings(read_context(home))),
    ("store/raw/north/1.1.arrows", lambda home: raw_row(home, HOSPITAL, row_id(1, 1, 2))),
    ("store/raw/north/1.json", lambda home: raw_row(home, HOSPITAL, row_id(1, 1, 2))),
)


def test_no_working_file_is_read_without_a_look_at_its_hash() -> None:
    """By whoever reads from where the layout says a working file lies."""
    opened = re.compile(
        r"(?:read|scan)_(?:parquet|rows)\(\s*(?:context\.)?(?:self\.)?(?:layout|folder|StoreLayout)\b"
    )
    modules = [
        path
        for room in ("pipeline", "stewardship", "web", "cli", "defs")
        for path in PRODUCT.glob(f"{room}/**/*.py")
    ]
    assert len(modules) > 80
    places = {
        path.name: found for path in modules if (found := opened.findall(path.read_text(encoding="utf-8")))
    }
    assert places == {"suggestions.py": ["read_parquet(folder"]}, "of a folder that was just seen whole"


def test_a_flipped_bit_of_a_working_file_is_told_to_whoever_reads_it(
    undisturbed: Home, tmp_path: Path
) -> None:
    home = copied(undisturbed, tmp_path)
    for name, read in READ_WORKING_FILES:
        path = home.root / name
        content = path.read_bytes()
        read(home)
        for place in (0.0, 0.4, 1.0):
            flip(path, place)
            with pytest.raises(
                StoreError, match="the working file is damaged; run: registry refresh --force"
            ):
                read(home)
            path.unlink()
            with pytest.raises(StoreError, match="the working file is damaged"):
                read(home)
            path.write_bytes(content)
        read(home)


REPLACEMENTS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "link to the same bytes": lambda path: path.symlink_to(path.with_name("copy")),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
    "shorter file": lambda path: path.write_bytes(path.with_name("copy").read_bytes()[:-1]),
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("harm", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_landed_bytes_that_are_no_plain_file_are_our_loss_and_told_by_everybody(
    harm: Callable[[Path], object], undisturbed: Home, tmp_path: Path
) -> None:
    """Also where nothing of them is to be read again; the same file in the inbox puts it right."""
    home, served = copied(undisturbed, tmp_path), current_release(undisturbed)
    landed = read_ledger(home, HOSPITAL)[0]
    path, sent = landed_path(home, landed), home.inbox / HOSPITAL / landed.source_file
    path.rename(path.with_name("copy"))
    sent.rename(tmp_path / "sent.csv")
    harm(path)
    for act in (refresh, partial(refresh, force=True), lambda home: back_up(home, tmp_path / "backups")):
        with pytest.raises(StoreError, match=r"the landed bytes .*restore") as told:
            act(home)
        assert "\n" not in str(told.value)
    assert current_release(home) == served
    assert [item.state for item in examine(home) if item.subject == "landing"] == [doctor.ERROR]
    with pytest.raises(Refused, match="not what was received"):
        _verify(home)
    if harm is not Path.mkdir:  # which nothing but a person removes
        (tmp_path / "sent.csv").rename(sent)
        take_in(home)
        _verify(home)


@pytest.mark.parametrize("harm", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_release_in_which_a_pipe_or_device_lies_is_damaged_and_nobody_waits_for_it(
    harm: Callable[[Path], object], undisturbed: Home, tmp_path: Path
) -> None:
    home = copied(undisturbed, tmp_path)
    path = home.releases / (current_release(home) or "") / CONTENTS
    path.unlink()
    harm(path)
    with pytest.raises(Refused, match=f"damaged: {CONTENTS}"):
        _verify(home)


def test_nobody_else_tells_of_files_that_a_refresh_is_writing(undisturbed: Home, tmp_path: Path) -> None:
    home = copied(undisturbed, tmp_path)
    (home.store / "screened" / HOSPITAL / STEP_NOTE).unlink()
    with locked(home.store / LOCK):
        assert read_numbers(home, [HOSPITAL]).height
    with pytest.raises(StoreError, match="the working file is damaged"):
        read_numbers(home, [HOSPITAL])


def test_screening_reads_rows_again_whose_kept_copy_is_damaged(undisturbed: Home, tmp_path: Path) -> None:
    """What was staged is whole, and findings quote cells of the rows as read."""
    home = copied(undisturbed, tmp_path)
    whole = {path: path.read_bytes() for path in (home.store / "raw" / HOSPITAL).glob("*.arrows")}
    for path in whole:
        flip(path, 0.4)
    with pytest.raises(DamagedFile):
        raw_row(home, HOSPITAL, row_id(1, 1, 2))
    screen(read_context(home), HOSPITAL, force=True)
    assert {path: path.read_bytes() for path in whole} == whole
