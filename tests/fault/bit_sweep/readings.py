"""What the registry's own readers say of a file: flips of which they say the same have the same consequences.

A refresh is a function of what its readers give it. So a flip is first read by the functions that a refresh reads the file
by, which takes a millisecond, and one flip of each reading is tried with the commands themselves (``trial.py``).
Belongs here: one function per way in which files are read; each gives something whose ``repr`` tells readings apart.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from dagster._core.instance.config import dagster_instance_config

from registry_pipeline.core.chain_head import read_heads
from registry_pipeline.core.files import read_hashed_json, sha256_of
from registry_pipeline.core.home import Home
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.toml_source import read_toml
from registry_pipeline.core.working_files import STEP_NOTE
from registry_pipeline.intake.landing.ledger import read_ledger
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.operations.audit import audit_log, read_audit_log
from registry_pipeline.pipeline.decisions import read_decision_state
from registry_pipeline.store.integrity import damaged_files
from registry_pipeline.store.refill import contents_of
from registry_pipeline.store.releases import DATABASE

Reading = Callable[[Home, Path], object]


def reading_of(reading: Reading, home: Home, path: Path) -> str:
    """What a reader says, or the kind and the text of its refusal, as a text without the name of the home."""
    try:
        with panics_as_exceptions():
            said = repr(reading(home, path))
    except Exception as problem:
        said = f"{type(problem).__name__}: {problem}"
    return said.replace(str(home.root), "")


def hashed(_: Home, path: Path) -> object:
    """A file whose bytes are compared with a hash before anything is read of them: every flip is the same damage."""
    return path.name


def release_file(home: Home, path: Path) -> object:
    """A file of a release, by the release's hashes."""
    release_id = path.relative_to(home.releases).parts[0]
    return bool(damaged_files(home, release_id)), damaged_files(home, release_id, only=DATABASE)


def contents(home: Home, path: Path) -> object:
    """What a release says that it holds: a digest is another one or not, whichever."""
    said = contents_of(home, path.parent.name)
    # a flipped bit makes no digest of another table: what differs is filled, or judged, again
    return said and replace(said, tables={name: len(digest) for name, digest in said.tables.items()})


def working_json(home: Home, path: Path) -> object:
    """A file of a step, by the hash in the note of the step, or that note."""
    return hashed_json(home, path) if path.name == STEP_NOTE else hashed(home, path)


def hashed_json(_: Home, path: Path) -> object:
    """A note that carries a hash of itself."""
    try:
        return read_hashed_json(path)
    except (OSError, ValueError):
        return "damaged"


def landing_ledger(home: Home, path: Path) -> object:
    """The ledger of a facility."""
    return read_ledger(home, path.parent.name)


def decision_ledger(home: Home, _: Path) -> object:
    """The decisions."""
    return read_decision_state(home)


def audit(home: Home, _: Path) -> object:
    """The audit log."""
    return read_audit_log(home)


def heads(home: Home, _: Path) -> object:
    """The ends of both ledgers."""
    return [reading_of(_heads_of, home, ledger) for ledger in (home.decisions, audit_log(home))]


def _heads_of(home: Home, ledger: Path) -> object:
    return read_heads(ledger, home.key())


def key(home: Home, path: Path) -> object:
    """The key, and whether the bytes of its file are others: the hash of these is in fingerprints."""
    return home.key(), path.read_bytes().isupper()


def check_value(home: Home, _: Path) -> object:
    """The check value of the key."""
    return home.key_check()


def text(_: Home, path: Path) -> object:
    """A small file that is compared as a text."""
    return path.read_bytes()


def mapping(_: Home, path: Path) -> object:
    """A facility's mapping; another text of the same meaning has another hash, which makes a release."""
    return _refused_or(lambda: read_facility(path) and read_toml(path).data)


def settings(home: Home, path: Path) -> object:
    """registry.toml."""
    return _refused_or(lambda: home.settings() and read_toml(path).data)


def dagster_settings(_: Home, path: Path) -> object:
    """dagster.yaml, by Dagster."""
    return _refused_or(lambda: dagster_instance_config(str(path.parent))[0])


def history(_: Home, path: Path) -> object:
    """A database of Dagster: whether SQLite sees the damage; else every flip is read for itself."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA quick_check(1)").fetchall(), sha256_of(path)


def _refused_or(read: Callable[[], Any]) -> object:
    """What is read; all refusals are the same: none comes further than the reading."""
    try:
        with panics_as_exceptions():
            return read()
    except Exception as problem:
        return type(problem).__name__
