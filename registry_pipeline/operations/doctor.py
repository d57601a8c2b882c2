"""Whether a home is well, and what to do where it is not.

Belongs here: one function per question. Does not belong here: mending (``pipeline/mend.py``), drawing the answer.
Looks at files only: it may be run by a monitor every minute, also while a refresh runs. Services of several machines are asked
by the command (``defs/cluster/services.py``).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

import duckdb

from registry_pipeline.core.files import LOCK, StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.core.locks import is_locked
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.core.units import noted_moment
from registry_pipeline.core.version import package_version
from registry_pipeline.intake.landing.integrity import check_landed
from registry_pipeline.intake.landing.ledger import LEDGER
from registry_pipeline.operations.access import modes
from registry_pipeline.operations.alerts.alerts_file import read_alert_settings
from registry_pipeline.operations.audit import DONE, AuditEntry, last_ended, read_audit_log, unfinished
from registry_pipeline.operations.diagnosis import ERROR, WARNING, WELL, Diagnosis, Question
from registry_pipeline.operations.silence import silences
from registry_pipeline.pipeline.decisions import read_decision_state
from registry_pipeline.pipeline.lost_ledgers import check_ledgers
from registry_pipeline.pipeline.watched import inbox_signature, is_served
from registry_pipeline.store.integrity import damaged_files
from registry_pipeline.store.releases import (
    CLOCK_TOLERANCE,
    DATABASE,
    clock_problem,
    created_at,
    current_release,
    open_release,
    release_facts,
    release_ids,
)

LEAST_FREE_SHARE = 0.05
STALE_AFTER = timedelta(days=8)
BACKUP_AFTER = timedelta(days=7)


def examine(home: Home, *further: Question) -> list[Diagnosis]:
    """Every question, and further ones, asked of a home."""
    return [diagnosis for question in (*QUESTIONS, *further) for diagnosis in _answers(question, home)]


def _answers(question: Question, home: Home) -> Iterator[Diagnosis]:
    try:
        yield from question(home)
    except (ConfigurationError, StoreError) as problem:
        yield Diagnosis(question.__name__.strip("_"), ERROR, str(problem), "see the message")
    except duckdb.Error:
        yield Diagnosis("release", ERROR, "its database cannot be asked", "registry status --verify")
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        message = f"{where}cannot be looked at ({problem.strerror})"
        yield Diagnosis(question.__name__.strip("_"), ERROR, message, "check owner and mode")


def _settings(home: Home) -> Iterator[Diagnosis]:
    home.settings()
    n = len(home.facility_ids())
    if n:
        yield Diagnosis("settings", WELL, f"registry.toml can be read; {n} facilities have a mapping")
    else:
        yield Diagnosis(
            "settings", WARNING, "no facility has a mapping", "registry facility new ID --from FILES"
        )


def _key(home: Home) -> Iterator[Diagnosis]:
    home.key()
    yield Diagnosis("key", WELL, "the key is the one that the pseudonyms were made with")


def _disk(home: Home) -> Iterator[Diagnosis]:
    usage = shutil.disk_usage(home.root)
    text = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB are free"
    is_well = usage.free / usage.total >= LEAST_FREE_SHARE
    yield Diagnosis(
        "disk", WELL if is_well else ERROR, text, "" if is_well else "make room: old releases, other data"
    )


def _versions(_: Home) -> Iterator[Diagnosis]:
    names = ("dagster", "dagster-webserver", "duckdb", "polars", "pandera", "lifelines")
    versions: dict[str, str | None] = {}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    missing = [name for name, number in versions.items() if number is None]
    text = f"registry-pipeline {package_version()}, " + ", ".join(
        f"{name} {number or 'missing'}" for name, number in versions.items()
    )
    yield Diagnosis(
        "versions", ERROR if missing else WELL, text, "install requirements.lock" if missing else ""
    )


def _daemon(home: Home) -> Iterator[Diagnosis]:
    if is_locked(home.root / "dagster" / LOCK):
        yield Diagnosis(
            "daemon", WELL, f"runs; refreshes start at '{home.settings().refresh.cron}' and by new files"
        )
    else:
        yield Diagnosis(
            "daemon",
            WARNING,
            "does not run: no refresh starts by itself",
            "registry dev, or the systemd unit of docs/operator.md",
        )


def _release(home: Home) -> Iterator[Diagnosis]:
    release_id = current_release(home)
    if release_id is None:
        yield Diagnosis("release", WARNING, "none is served", "registry refresh")
        return
    if damaged_files(home, release_id, only=DATABASE):
        yield Diagnosis("release", ERROR, f"{release_id} is damaged", "registry refresh")
        return
    age = datetime.now(UTC) - created_at(release_id)
    state = WARNING if age > STALE_AFTER else WELL
    remedy = "registry refresh" if state == WARNING else ""
    yield Diagnosis("release", state, f"{release_id}, {_in_days(age)}", remedy)


def _clock(home: Home) -> Iterator[Diagnosis]:
    if problem := clock_problem(home):
        yield Diagnosis("clock", WARNING, problem, "date; see refresh.extract_date in docs/settings.md")


def _comparison(home: Home) -> Iterator[Diagnosis]:
    """The release that the served one was compared with; what else is damaged says ``registry status --verify``."""
    facts = release_facts(home)
    note, compared = facts.get("comparison_note"), str(facts.get("compared_release_id") or "")
    remedy = "restore its folder from a backup; registry status --verify names every damaged file"
    if note:
        yield Diagnosis("comparison", WARNING, f"release {facts['release_id']}: {note}", remedy)
    elif compared in release_ids(home) and damaged_files(home, compared, only=DATABASE):
        yield Diagnosis(
            "comparison", WARNING, f"{compared}, which releases are compared with, is damaged", remedy
        )


def _last_refresh(home: Home) -> Iterator[Diagnosis]:
    entries = read_audit_log(home)
    last, running = last_ended(entries, "refresh"), unfinished(entries, "refresh")
    if running is not None and not is_locked(home.store / LOCK):
        yield Diagnosis("last refresh", ERROR, f"begun at {running.at} and killed", "registry refresh")
    elif last is None:
        yield Diagnosis("last refresh", WARNING, "none is in the audit log", "registry refresh")
    elif last.outcome == DONE:
        yield Diagnosis("last refresh", WELL, f"done at {last.at}")
    else:
        yield Diagnosis(
            "last refresh",
            ERROR,
            f"{last.outcome} at {last.at}: {last.details}",
            "correct what it names; registry refresh",
        )


def _inbox(home: Home) -> Iterator[Diagnosis]:
    if is_served(home, inbox_signature(home)):
        yield Diagnosis("inbox", WELL, "the release is made of what lies there")
    else:
        yield Diagnosis(
            "inbox", WARNING, "files, mappings or settings have changed since the release", "registry refresh"
        )


def _alerts(home: Home) -> Iterator[Diagnosis]:
    if read_alert_settings(home) is not None:
        yield Diagnosis("alerts", WELL, "alerts.toml can be read")


def _landing(home: Home) -> Iterator[Diagnosis]:
    check_landed(home)
    check_ledgers(home)
    yield Diagnosis("landing", WELL, "every landed file lies there; registry status --verify compares hashes")


def _facilities(home: Home) -> Iterator[Diagnosis]:
    for silence in silences(home):
        subject = f"facility {silence.facility_id}"
        if not silence.last_received:
            yield Diagnosis(subject, WARNING, "has never sent anything", "ask it")
        elif silence.is_too_long:
            yield Diagnosis(subject, WARNING, f"has sent nothing for {silence.days} days", "ask it")
    for ledger in sorted(home.landing.glob(f"*/{LEDGER}")):
        facility_id = ledger.parent.name
        if facility_id not in home.facility_ids():
            message = "has sent files and has no mapping: none of its records is in a new release"
            yield Diagnosis(f"facility {facility_id}", WARNING, message, f"put {facility_id}.toml back")


def _decisions(home: Home) -> Iterator[Diagnosis]:
    n = len(read_decision_state(home).decisions)
    yield Diagnosis("decisions", WELL, f"the ledger holds {n} entries, each as it was written")


def _findings(home: Home) -> Iterator[Diagnosis]:
    if current_release(home) is None:
        return
    with open_release(home) as connection:
        row = connection.execute("SELECT count(*) FROM open_findings WHERE severity = 'error'").fetchone()
    n = int(row[0]) if row else 0
    yield Diagnosis(
        "findings", WARNING if n else WELL, f"{n} errors are open", "registry findings" if n else ""
    )


def _history(home: Home) -> Iterator[Diagnosis]:
    folder = home.root / "dagster"
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    most = 10e6 * home.settings().refresh.history_runs
    is_well = n_bytes <= most
    yield Diagnosis("history", WELL if is_well else WARNING, f"Dagster's history takes {n_bytes / 1e6:.0f} MB",
                    "" if is_well else "lower refresh.history_runs")  # fmt: skip


def _backup(home: Home) -> Iterator[Diagnosis]:
    entries = read_audit_log(home)
    last, running = _last_backup(entries), unfinished(entries, "backup")
    if running is not None:
        yield Diagnosis(
            "backup",
            WARNING,
            f"one was begun at {running.at} and has not ended",
            "registry backup FOLDER if it was killed",
        )
    age = datetime.now(UTC) - noted_moment(last.at) if last else None
    if age is None or not -CLOCK_TOLERANCE <= age <= BACKUP_AFTER:
        text = _in_days(age) if age else "there is none"
        yield Diagnosis("backup", WARNING, text, "registry backup FOLDER; keep the key apart from it")
    else:
        yield Diagnosis("backup", WELL, _in_days(age))


def _last_backup(entries: Sequence[AuditEntry]) -> AuditEntry | None:
    """The last backup that ended well; the log of a restored home saw the one that it was made of only begin."""
    ended = {
        entry.details for entry in entries if entry.action in ("backup", "restore") and entry.outcome == DONE
    }
    return next(
        (entry for entry in reversed(entries) if entry.action == "backup" and entry.details in ended), None
    )


def _in_days(age: timedelta) -> str:
    """An age in words; a clock that was ahead, or is behind now, makes it negative."""
    return (
        f"{max(age.days, 0)} days old"
        if age >= -CLOCK_TOLERANCE
        else "of a time to come: look after the clock"
    )


QUESTIONS = (
    _settings, modes, _key, _disk, _versions, _daemon, _release, _clock, _comparison, _last_refresh, _inbox, _landing,
    _facilities, _decisions, _alerts, _findings, _history, _backup,
)  # fmt: skip
