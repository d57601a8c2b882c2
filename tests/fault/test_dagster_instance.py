"""Dagster's history: what is damaged is set aside with a line, and what is old is removed."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import dagster as dg
import pytest
from dagster._core.telemetry_upload import is_running_in_test

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.defs.history import EventHistory, RunHistory, ScheduleHistory
from registry_pipeline.defs.instance import TEMPLATE, open_instance, prune_history


@dg.op
def _nothing() -> None:
    """No work."""


@dg.job(executor_def=dg.in_process_executor)
def _idle() -> None:
    _nothing()


def ran(home: Home, n_runs: int = 1) -> list[str]:
    """What was said while runs were added to the history of a home."""
    lines: list[str] = []
    with open_instance(home, lines.append) as instance:
        for _ in range(n_runs):
            assert _idle.execute_in_process(instance=instance).success
    return lines


def n_runs(home: Home) -> int:
    with open_instance(home) as instance:
        return instance.get_runs_count()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "home")
    assert ran(made) == []
    return made


def test_the_history_is_kept_with_one_engine_a_file_and_survives_a_power_cut(home: Home) -> None:
    with open_instance(home) as instance:
        storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
        assert [type(storage) for storage in storages] == [RunHistory, EventHistory, ScheduleHistory]
        with storages[1].index_connection() as first:  # type: ignore[attr-defined]
            assert first.exec_driver_sql("PRAGMA synchronous").scalar() == 1
            assert first.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            engine = first.engine
        with storages[1].index_connection() as second:  # type: ignore[attr-defined]
            assert second.engine is engine


@pytest.mark.parametrize("database", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
@pytest.mark.parametrize("damage", [b"", b"no database at all " * 500, None], ids=["empty", "text", "cut"])
def test_a_damaged_database_is_set_aside_with_a_line(home: Home, database: str, damage: bytes | None) -> None:
    path = home.root / "dagster" / database
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage is None else damage)
    lines = ran(home)
    if damage == b"":  # SQLite takes an empty file for a new database
        assert lines == []
    else:
        assert len(lines) == 1
        assert "was set aside" in lines[0]
        aside = list((home.root / "dagster").glob("damaged-*"))
        assert [folder.stat().st_mode & 0o777 for folder in aside] == [0o700]
    assert ran(home) == []


@pytest.mark.parametrize(
    "text",
    [b"", b"telemetry: [", b"\xff\xfe\x00", b"storage:\n  nonsense: 1\n", b"telemetry: 3\n", b"[1, 2]", b"- " * 3000, b"telemetry: !!timestamp xx",
     TEMPLATE.read_bytes().replace(b"RegistryHistory", b"RegistryHistorx"),
     TEMPLATE.read_bytes().replace(b"env: DAGSTER_HOME", b"env8 DAGSTER_HOME")],
)  # fmt: skip
def test_a_damaged_dagster_yaml_is_set_aside_and_written_anew(
    home: Home, text: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = home.root / "dagster" / "dagster.yaml"
    settings.write_bytes(text)
    lines = ran(home)
    if text:
        assert len(lines) == 1
        assert "dagster.yaml is damaged; it was set aside" in lines[0]
        assert settings.read_bytes() == TEMPLATE.read_bytes()
    assert ran(home) == []
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_storage_whose_library_is_missing_is_said_and_not_set_aside(home: Home) -> None:
    """Its file is no damage: going on with another history would leave the runs in a place that nobody looks at."""
    settings = home.root / "dagster" / "dagster.yaml"
    settings.parent.mkdir(exist_ok=True)
    text = (
        "storage:\n  custom:\n    module: a_library_that_is_not_there\n    class: Storage\n    config: {}\n"
    )
    settings.write_text(text)
    with pytest.raises(StoreError, match="a_library_that_is_not_there is not installed"):
        open_instance(home)
    assert settings.read_text() == text


@pytest.mark.parametrize(
    ("password", "message"),
    [
        (None, "names the variable REGISTRY_PG_PASSWORD, which is not set"),
        ("s3cret", r"reached \(.*refused\)"),
    ],
    ids=["not set", "no server"],
)
def test_a_database_that_cannot_be_reached_is_said_in_a_line_and_nothing_is_set_aside(
    home: Home,
    password: str | None,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Going on in SQLite would leave the runs in a place that nobody looks at."""
    settings = home.root / "dagster" / "dagster.yaml"
    with socket.socket() as taken:  # nobody listens
        taken.bind(("127.0.0.1", 0))
        text = (
            "storage:\n  postgres:\n    postgres_db:\n      username: registry\n      password: {env: REGISTRY_PG_PASSWORD}\n"
            f"      hostname: 127.0.0.1\n      port: {taken.getsockname()[1]}\n      db_name: dagster\n"
        )
        settings.write_text(text)
        monkeypatch.delenv("REGISTRY_PG_PASSWORD", raising=False)
        if password:
            monkeypatch.setenv("REGISTRY_PG_PASSWORD", password)
        monkeypatch.setattr("dagster_postgres.utils.calculate_delay", lambda **_: 0)
        with pytest.raises(StoreError, match=message) as failure:
            open_instance(home)
    assert settings.read_text() == text and not list(settings.parent.glob("damaged-*"))
    assert "s3cret" not in str(failure.value) and not caplog.records


def test_what_is_no_damage_sets_nothing_aside(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read, a full disk, a bug: the operator's settings stay where they are."""
    settings = home.root / "dagster" / "dagster.yaml"
    own = TEMPLATE.read_text().replace("max_retries: 1", "max_retries: 0")
    failures = ((OSError(28, "No space left on device"), "the disk is full"), (KeyError("a bug"), "a bug"))
    settings.write_text(own)
    for failure, message in failures:
        with monkeypatch.context() as patched:
            patched.setattr(dg.DagsterInstance, "from_config", Mock(side_effect=failure))
            with pytest.raises((StoreError, KeyError), match=message):
                open_instance(home)
        assert settings.read_text() == own
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", Mock(side_effect=PermissionError(13, "Permission denied")))
        with pytest.raises(StoreError, match=r"cannot be read \(Permission denied\)"):
            open_instance(home)
    settings.unlink()
    settings.mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        open_instance(home)
    assert not list(settings.parent.glob("damaged-*"))


def test_settings_of_the_operators_own_are_kept(home: Home) -> None:
    settings = home.root / "dagster" / "dagster.yaml"
    own = TEMPLATE.read_text().replace("max_retries: 1", "max_retries: 0")
    settings.write_text(own)
    assert ran(home) == []
    assert settings.read_text() == own


@dg.asset
def _thing() -> None:
    """No work."""


@dg.asset_check(asset=_thing, description="A sentence that fills pages. " * 200)  # type: ignore[arg-type]
def _is_well() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, description="A sentence that fills pages. " * 500)


def test_what_is_pruned_leaves_nothing_and_gives_its_room_back(home: Home) -> None:
    """Executions of checks go with their run, and a history that keeps its length keeps its size."""
    index = home.root / "dagster" / "history" / "runs" / "index.db"
    with open_instance(home) as instance:

        def pages() -> int:
            with closing(sqlite3.connect(index)) as connection:
                return int(connection.execute("PRAGMA page_count").fetchone()[0])

        def n_executions() -> int:
            with closing(sqlite3.connect(index)) as connection:
                return int(connection.execute("SELECT count(*) FROM asset_check_executions").fetchone()[0])

        def run(n: int) -> None:
            for _ in range(n):
                assert dg.materialize([_thing, _is_well], instance=instance).success

        run(2)
        n_empty = pages()
        run(6)
        assert (n_executions(), pages() > 2 * n_empty) == (8, True)
        assert prune_history(instance, 2) == 7  # with the run of no work
        assert n_executions() == 2
        assert pages() <= 1.3 * n_empty
        instance.delete_run(instance.get_runs(limit=1)[0].run_id)  # as Dagster's page does
        run(2)
        assert prune_history(instance, 2) == 1
        assert n_executions() == 2
        sizes = []
        for _ in range(2):
            run(2)
            assert prune_history(instance, 2) == 2
            sizes.append(pages())
        assert sizes[1] <= 1.1 * sizes[0]
        assert instance.get_latest_materialization_event(_thing.key) is not None


def test_the_history_is_pruned_to_its_setting(home: Home) -> None:
    ran(home, 7)
    with open_instance(home) as instance:
        newest = [run.run_id for run in instance.get_runs(limit=3)]
        assert prune_history(instance, 3) == 5
        assert prune_history(instance, 3) == 0
        assert [run.run_id for run in instance.get_runs()] == newest
    files = {path.stem for path in (home.root / "dagster" / "history" / "runs").glob("*.db")}
    assert files == {*newest, "index"}


def test_an_instance_talks_to_nobody_whatever_its_file_leaves_out(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_DISABLE_TELEMETRY", raising=False)
    settings = home.root / "dagster" / TEMPLATE.name
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(TEMPLATE.read_text().partition("# No telemetry")[0])  # the storage alone
    with open_instance(home) as instance:
        assert instance.telemetry_enabled
        assert is_running_in_test()  # the one switch of Dagster's upload
