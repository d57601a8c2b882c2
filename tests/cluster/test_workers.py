"""What a worker may do for a refresh that another process leads, and when it refuses. No service is needed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from celery.exceptions import TaskRevokedError
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.retries import RetryMode

from registry_pipeline.core.execution import Execution
from registry_pipeline.core.files import StoreError, write_hashed_json
from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.defs.cluster import engine
from registry_pipeline.defs.cluster.engine import _WatchedResult
from registry_pipeline.pipeline import screening, staging
from registry_pipeline.pipeline.cluster import lease, manifest
from registry_pipeline.pipeline.cluster.lease import Watch, at_work, end_earlier_work, leading
from registry_pipeline.pipeline.cluster.work import SCREEN, STAGE, work_on
from registry_pipeline.pipeline.context import RefreshContext, read_context
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.mend import mend_home
from registry_pipeline.pipeline.refresh import take_in
from registry_pipeline.pipeline.step import read_note
from registry_pipeline.pipeline.step_keys import outdated_facilities
from tests.support.registry_home import HOSPITAL, good_files, send_all, small_home

REFRESH = "refresh-1"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The tiny hospital, landed."""
    home = small_home(tmp_path / "home")
    send_all(home, good_files(4))
    take_in(home)
    return home


@contextmanager
def asked(home: Home) -> Iterator[RefreshContext]:
    """A refresh that waits for its workers."""
    context = read_context(home)
    with leading(context, REFRESH):
        yield context


def changed_manifest(home: Home, **changed: object) -> None:
    current = manifest.read_manifest(home, REFRESH)
    write_hashed_json(asdict(replace(current, **changed)), manifest.manifest_path(home))  # type: ignore[arg-type]


def test_a_worker_does_what_the_coordinator_would_have_done(home: Home) -> None:
    with asked(home) as context:
        counts = work_on(home, REFRESH, [HOSPITAL], [STAGE, SCREEN])
        assert counts[HOSPITAL] > 0
        assert outdated_facilities(context) == {}
        by_worker = read_note(context.layout.screened(HOSPITAL))
        screening.screen(context, HOSPITAL, force=True)
        assert read_note(context.layout.screened(HOSPITAL)) == by_worker


def test_a_worker_never_opens_the_ledger_of_decisions(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with asked(home):
        home.decisions.write_bytes(b"whoever opens this fails")

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a worker opened a database of SQLite")

        monkeypatch.setattr(sqlite3, "connect", refuse)
        assert work_on(home, REFRESH, [HOSPITAL], [STAGE, SCREEN])[HOSPITAL] > 0


def _other_settings(home: Home) -> None:
    text = home.settings_file.read_text("utf-8").replace("[study]", "[study]\ncutpoint_mm = 12.5")
    home.settings_file.write_text(text, encoding="utf-8")


def _other_mapping(home: Home) -> None:
    path = home.facilities / f"{HOSPITAL}.toml"
    path.write_text(path.read_text("utf-8") + "\n# a word\n", encoding="utf-8")


def _other_ledger(home: Home) -> None:
    path = home.landing / HOSPITAL / "submissions.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(content), encoding="utf-8")


def _no_lease(home: Home) -> None:
    path = home.store / "cluster" / "lease"
    os.utime(path, (path.stat().st_mtime - 3600,) * 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda home: changed_manifest(home, code_version="0.0.1+other"), "runs version"),
        (_other_settings, "registry.toml: is not what the refresh began with"),
        (_other_mapping, "its mapping or what has landed of it"),
        (_other_ledger, "its mapping or what has landed of it"),
        (lambda home: changed_manifest(home, refresh_id="another"), "has ended"),
        (lambda home: manifest.manifest_path(home).unlink(), "has ended"),
        (lambda home: manifest.manifest_path(home).write_text("{}"), "has ended"),
        (_no_lease, "was not heard of"),
        (lambda home: changed_manifest(home, key_check="0" * 16), "pseudonym.key: is another key than"),
        (lambda home: home.key_file.unlink(), "pseudonym.key: the pseudonym key is missing"),
    ],
    ids=[
        "code",
        "settings",
        "mapping",
        "ledger",
        "another refresh",
        "ended",
        "damaged",
        "no lease",
        "key",
        "no key",
    ],
)
def test_a_worker_refuses_what_is_not_the_refresh_it_was_asked_for(
    home: Home, change: object, message: str
) -> None:
    with asked(home) as context:
        change(home)  # type: ignore[operator]
        with pytest.raises((Refused, ConfigurationError), match=message) as told:
            work_on(home, REFRESH, [HOSPITAL], [STAGE, SCREEN])
        assert str(told.value).endswith(f"so said the worker on {socket.gethostname()}")
        assert read_note(context.layout.staged(HOSPITAL)) is None


def test_what_the_system_refuses_a_worker_is_told_with_its_file_and_machine(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(home.store / "x.parquet"))

    monkeypatch.setattr(staging, "stage", refuse)
    with (
        asked(home),
        pytest.raises(StoreError, match=r"x\.parquet: Read-only file system; so said the worker on"),
    ):
        work_on(home, REFRESH, [HOSPITAL], [STAGE])


def test_a_worker_whose_code_was_replaced_while_it_ran_refuses(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "STARTED_WITH", ["0.0.1+before"])
    with asked(home), pytest.raises(Refused, match=r"0\.0\.1\+before"):
        work_on(home, REFRESH, [HOSPITAL], [STAGE])


def test_a_facility_over_which_workers_die_is_given_up(home: Home) -> None:
    with asked(home):
        for _ in range(lease.MOST_ATTEMPTS):
            turn = at_work(home, REFRESH, HOSPITAL, 60)
            turn.__enter__()
            # as a kill does: no exit, the locks are gone
            turn.gen.close()  # type: ignore[attr-defined]
        with pytest.raises(Refused, match="workers died over it"), at_work(home, REFRESH, HOSPITAL, 60):
            pass
    with leading(read_context(home), "refresh-2"), at_work(home, "refresh-2", HOSPITAL, 60):
        pass  # another refresh tries it again


def test_a_file_that_work_misses_is_no_missing_home(home: Home) -> None:
    with asked(home), pytest.raises(FileNotFoundError), at_work(home, REFRESH, HOSPITAL, 60):
        (home.root / "nothing").read_bytes()


def test_work_that_ends_well_counts_no_attempt(home: Home) -> None:
    with asked(home):
        for _ in range(lease.MOST_ATTEMPTS + 1):
            with at_work(home, REFRESH, HOSPITAL, 60):
                pass


def test_the_next_refresh_waits_for_who_is_still_at_work_before_it_sweeps(home: Home) -> None:
    half = home.store / "staged" / "half.parquet.building"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.touch()
    with asked(home):
        pass
    with (home.store / "cluster" / "at_work.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        with pytest.raises(StoreError, match="still busy"):
            end_earlier_work(home, seconds=0.3)
        assert half.exists()
    mend_home(home)
    assert not half.exists()


def test_a_coordinator_waits_no_longer_than_its_patience_once_nobody_works(home: Home) -> None:
    with asked(home):
        now = [0.0]
        watch = Watch(home, Execution(patience_seconds=300, lease_seconds=60), lambda: now[0])
        with at_work(home, REFRESH, HOSPITAL, 60):
            now[0] = 10_000.0
            assert watch.look() is False
        now[0] += 299
        assert watch.look() is False
        assert watch.look(has_result=True) is False
        now[0] += 299
        assert watch.look() is False
        now[0] += 2
        assert watch.look() is True


def test_a_coordinator_that_is_told_to_end_waits_for_no_result(home: Home) -> None:
    with asked(home):
        watch = Watch(home, Execution())
        result = _WatchedResult(SimpleNamespace(ready=lambda: False), watch)
        assert not result.ready()
        result.revoke()
        assert result.ready()
        with pytest.raises(TaskRevokedError):
            result.get()


def test_a_run_clears_old_results_away_and_notes_that_it_was_interrupted(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared: list[bool] = []
    backend = SimpleNamespace(cleanup=lambda: cleared.append(True))
    monkeypatch.setattr(engine, "make_app", lambda _: SimpleNamespace(backend=backend))
    monkeypatch.setattr(
        engine, "core_celery_execution_loop", Mock(side_effect=DagsterExecutionInterruptedError)
    )
    executor = engine.WatchedCeleryExecutor(retries=RetryMode.DISABLED)  # type: ignore[no-untyped-call]
    with asked(home):
        watch = Watch(home, Execution())
        with engine.watched_by(watch), pytest.raises(DagsterExecutionInterruptedError):
            list(executor.execute(None, None))  # type: ignore[arg-type]
    assert (cleared, watch.is_interrupted) == ([True], True)


def test_a_worker_of_another_home_says_where_it_looked(home: Home) -> None:
    with asked(home):
        pass
    with pytest.raises(Refused, match=f"another home than this worker.*{home.store}"):
        work_on(home, REFRESH, [HOSPITAL], [STAGE])
