"""What every step shares: the lock, what its result depends on, whether it has anything to do.

Belongs here: digests of code, settings, mappings and bytes; marks of freshness; one refresh at a time.
Does not belong here: the steps themselves. Imports nothing heavy, so that a refresh with nothing new costs
next to nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from registry_pipeline import __version__
from registry_pipeline.core.files import exclusive, write_text
from registry_pipeline.core.home import Home
from registry_pipeline.core.sql_files import SQL_FOLDER
from registry_pipeline.core.toml_source import read_toml
from registry_pipeline.intake.landing.ledger import ledger_path
from registry_pipeline.pipeline.decisions import decided
from registry_pipeline.store.releases import current_release, open_release

_HELD: set[str] = set()
NOT_READ_BY_STAGING = ("rules", "tolerance", "language")
"""Sections of a facility's TOML."""


@cache
def code_version() -> str:
    """Version of the package with a hash of every line of code and SQL that can change a result."""
    root = SQL_FOLDER.parent
    digest = hashlib.sha256()
    for folder, pattern in (
        ("registry_pipeline", "*.py"),
        ("schemas", "*.py"),
        ("schemas", "*.toml"),
        ("sql", "*.sql"),
    ):
        for path in sorted((root / folder).rglob(pattern)):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def digest_of(*parts: Any) -> str:
    """A short hash of anything that JSON can write."""
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """SHA-256 of a small file; empty for one that is not there."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def facility_input_digest(home: Home, facility_id: str) -> str:
    """Hash of all that a facility gives a release: landed bytes, mapping, key."""
    ledger = ledger_path(home, facility_id)
    mapping = home.facilities / f"{facility_id}.toml"
    return digest_of(facility_id, file_digest(ledger), file_digest(mapping), file_digest(home.key_file))


def staging_digest(home: Home, facility_id: str) -> str:
    """Hash of what a facility's staged tables depend on: as above, without what only the screening reads.

    A rule's severity, a tolerance or the language of messages judges anew and reads nothing anew.
    """
    ledger = ledger_path(home, facility_id)
    mapping = _mapping(home, facility_id)
    read = {name: value for name, value in mapping.items() if name not in NOT_READ_BY_STAGING}
    text = json.dumps(read, default=str)
    return digest_of(facility_id, file_digest(ledger), text, file_digest(home.key_file))


def screening_digest(home: Home, facility_id: str) -> str:
    """Hash of what a facility's mapping tells the screening beside the staged tables."""
    mapping = _mapping(home, facility_id)
    return digest_of({name: mapping.get(name) for name in ("rules", "tolerance", "precedence")})


def _mapping(home: Home, facility_id: str) -> Mapping[str, Any]:
    return read_toml(home.facilities / f"{facility_id}.toml").data


def input_hash(home: Home, facility_ids: Iterable[str]) -> str:
    """Hash of all landed bytes, mappings and decisions of the registry.

    Raises:
        StoreError: the ledger of decisions is damaged.
    """
    return digest_of(
        [facility_input_digest(home, one) for one in facility_ids], *decided(home).digest_parts()
    )


def is_fresh(folder: Path, fingerprint: str) -> bool:
    """Whether ``folder`` was last written for ``fingerprint``."""
    mark = folder / "_fingerprint"
    return mark.is_file() and mark.read_text() == fingerprint


def mark_stale(folder: Path) -> None:
    """Forget what ``folder`` was written for; the first thing a step does.

    A step that is killed half-way must not look finished when its old input comes back.
    """
    (folder / "_fingerprint").unlink(missing_ok=True)


def mark_fresh(folder: Path, fingerprint: str) -> None:
    """Remember what ``folder`` was written for; the last thing a step does."""
    write_text(fingerprint, folder / "_fingerprint")


@contextmanager
def refresh_lock(home: Home) -> Iterator[None]:
    """Hold the lock of the store; inside a block that holds it already, do nothing.

    Raises:
        StoreError: another process holds it.
    """
    name = str(home.store)
    if name in _HELD:
        yield
        return
    with exclusive(home.store):
        _HELD.add(name)
        try:
            yield
        finally:
            _HELD.discard(name)


def is_up_to_date(home: Home) -> bool:
    """Whether the served release was made from just this input, these settings and this code."""
    if current_release(home) is None:
        return False
    with open_release(home) as connection:
        row = connection.execute(
            "SELECT code_version, parameter_hash, input_hash FROM meta.release"
        ).fetchone()
    return row == (code_version(), home.settings().digest(), input_hash(home, home.facility_ids()))
