"""The release that is served: which it is, opening it so that nothing can be changed or read beside it.

Belongs here: finding, listing and opening sealed releases.
Does not belong here: building them (``release.py``), queries of users (``query.py``). Imports neither
polars nor the schemas: the command line starts with it.
"""

from __future__ import annotations

import os
import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry_pipeline.core.files import BUILDING, StoreError, entries, sync
from registry_pipeline.core.home import Home

if TYPE_CHECKING:
    import duckdb

DATABASE = "registry.duckdb"
ANALYST_DATABASE = "analyst.duckdb"
ANALYST_FAILED = "analyst.FAILED.txt"
ANALYST_TABLES = "analyst_tables.json"
"""What each table of the analysts' database was made from, as keys; for stewards only."""
CHECKSUMS = "SHA256SUMS"
CONTENTS = "contents.json"
REPORTS = "reports"
FAILED = "FAILED.txt"
UNSERVED = f".unserved{BUILDING}"
CLOCK_TOLERANCE = timedelta(days=1)


class NoRelease(StoreError):
    """There is no such release."""


def release_folder(home: Home, release_id: str) -> Path:
    """Where a release lies, or would."""
    return home.releases / release_id


def offered_file(home: Home, release_id: str) -> Path:
    """Where analysts find what was approved for them of a release."""
    return home.analysts / f"{release_id}.duckdb"


def unserved_mark(home: Home, release_id: str) -> Path:
    """A file that stands beside a release until ``current`` points to it."""
    return home.releases / f"{release_id}{UNSERVED}"


def current_release(home: Home) -> str | None:
    """The id of the release that is served, or None; its file may be damaged or gone."""
    return home.current.readlink().name if home.current.is_symlink() else None


def reports_problem(home: Home) -> str | None:
    """In a line, why the served release has no reports; None where it has."""
    release_id = current_release(home)
    if release_id is None:
        return None
    try:
        path = release_folder(home, release_id) / REPORTS / FAILED
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None


def release_ids(home: Home) -> list[str]:
    """The sealed releases, oldest first; one that a crash kept from being served does not count.

    One that the system withholds may be whole and counts: whoever reads it says so.

    Raises:
        OSError: the folder of releases may not be listed.
    """
    current = current_release(home)
    names = [entry.name for entry in entries(home.releases)] if home.releases.is_dir() else []
    return [
        name
        for name in names
        if not name.endswith(BUILDING)
        and _has_database(release_folder(home, name))
        and (name == current or f"{name}{UNSERVED}" not in names)
    ]


def _has_database(folder: Path) -> bool:
    try:
        return (folder / DATABASE).exists()
    except PermissionError:
        return True


def why_none_is_served(home: Home) -> str:
    """What is the case with a home without a served release, and what to do."""
    if release_ids(home):
        return f"no release is served, for the link {home.current.name} is gone or none is whole; run: registry refresh"
    return f"there is no release yet; put files into {home.inbox}/<facility>/ and run: registry refresh"


def choose_release(home: Home, release_id: str | None = None) -> str:
    """The given release, or the current one.

    Raises:
        NoRelease: it does not exist; says what to do.
    """
    if release_id is None:
        if (current := current_release(home)) is None:
            raise NoRelease(f"{home.root}: {why_none_is_served(home)}")
        return current
    if release_id not in release_ids(home):
        raise NoRelease(f"{home.root}: there is no release '{release_id}'; list them with: registry releases")
    return release_id


def open_release(
    home: Home,
    release_id: str | None = None,
    memory_limit: str = "1500MB",
    attached_id: str | None = None,
    database: str = DATABASE,
) -> duckdb.DuckDBPyConnection:
    """A connection that can read one release, and one to compare it with as ``attached``, and nothing else.

    Read-only, no files, no network, no ATTACH, no settings. The link ``current`` is followed once, so
    the connection stays on its release when a newer one is switched to.

    Raises:
        NoRelease: there is no such release.
        StoreError: the file is damaged.
    """
    import duckdb  # here, not above: `registry --help` does without

    path = release_folder(home, choose_release(home, release_id)) / database
    # The limits come before the lock: a locked configuration takes no further setting.
    config: dict[str, str | bool | int | float | list[str]] = {"memory_limit": memory_limit}
    config |= {
        "temp_directory": _spill_folder(home, f"{path.parent.name}.{database}"),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    other = (
        None if attached_id is None else release_folder(home, choose_release(home, attached_id)) / DATABASE
    )
    try:
        connection = duckdb.connect(str(path), read_only=True, config=config)
        if other is not None:
            from schemas.constraints import literal  # here: pandera takes a second to import

            # ATTACH takes no parameter
            connection.execute(f"ATTACH {literal(str(other))} AS attached (READ_ONLY)")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection
    except duckdb.Error as problem:
        raise StoreError(f"{path}: {_why_not_opened(path, problem)}") from None


def release_facts(home: Home) -> dict[str, Any]:
    """What the served release says of itself in ``meta.release``; nothing where none is served.

    A release of older code lacks the columns that came later.

    Raises:
        StoreError: the file is damaged.
    """
    if current_release(home) is None:
        return {}
    with open_release(home) as connection:
        rows = connection.execute("FROM meta.release").fetchall()
        names = [column[0] for column in connection.description or []]
    return dict(zip(names, rows[0], strict=True)) if rows else {}


def keep_release_open(home: Home, release_id: str) -> duckdb.DuckDBPyConnection:
    """A connection that can read one release as ``released``, and nothing else, for a long time.

    The release is attached to a database of its own: one that is open itself cannot be opened a second time in the same
    process, as :func:`open_release` does.

    Raises:
        StoreError: the file is damaged.
    """
    import duckdb

    path = release_folder(home, release_id) / DATABASE
    config = {
        "temp_directory": _spill_folder(home, f"{release_id}.kept.{secrets.token_hex(4)}"),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    try:
        connection = duckdb.connect(config={**config})
        escaped = str(path).replace("'", "''")  # ATTACH takes no parameter
        connection.execute(f"ATTACH '{escaped}' AS released (READ_ONLY)")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection
    except duckdb.Error as problem:
        raise StoreError(f"{path}: {_why_not_opened(path, problem)}") from None


def _spill_folder(home: Home, name: str) -> str:
    """Where DuckDB may put what does not fit into memory, and removes it; the next refresh does where it was killed.

    By itself it takes the folder of the release, which nothing is added to and nobody sweeps, or the current folder.
    The same name for the same file: a process opens it only once at a time with other settings.
    """
    return str(home.root / f"{name}.{os.getpid()}{BUILDING}")


def _why_not_opened(path: Path, problem: duckdb.Error) -> str:
    """What is the case with a release that DuckDB does not open, by DuckDB's words and the file itself."""
    import duckdb

    message = str(problem)
    if not path.exists():
        return "the file of the release is gone; registry refresh serves the one before"
    if "set lock" in message.lower():  # a checksum that differs is of a "block"
        holder = re.search(r"held in (\S+).*?\(PID (\d+)", message)
        program = f"{Path(holder[1]).name}, process {holder[2]}," if holder else "another program"
        return f"{program} holds the release open for writing; close it there, or open it read-only"
    if not os.access(path, os.R_OK):
        return "the release may not be read; check its owner and mode"
    if "too many open files" in message.lower():
        return "the release cannot be opened: too many files are open"
    if isinstance(
        problem, duckdb.ConnectionException | duckdb.BinderException
    ):  # another configuration, a second ATTACH
        return "this process has the release open in another way; close it there first"
    if isinstance(problem, duckdb.OutOfMemoryException):
        return "the release cannot be opened within refresh.memory_limit"
    return "the release is damaged; see: registry status --verify"


def is_damage(problem: BaseException) -> bool:
    """Whether DuckDB met a block whose checksum is another while it read."""
    return type(problem).__name__ == "IOException" and "corrupt" in str(problem).lower()


def created_at(release_id: str) -> datetime:
    """When a release was made, as its id says (UTC)."""
    return datetime.strptime(release_id[:18], "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC)


def clock_problem(home: Home) -> str | None:
    """In a line, that the served release was made later than now; None where the clock may be right.

    Which clock is wrong, that of now or that of then, cannot be known; the end of observation rests on it.
    """
    release_id, now = current_release(home), datetime.now(UTC)
    try:
        if release_id is None or created_at(release_id) <= now + CLOCK_TOLERANCE:
            return None
    except ValueError:  # the link points to something that is no release, which others say
        return None
    return (
        f"the clock says {now:%Y-%m-%d}, and release {release_id} was made later: look after the clock, or set "
        "refresh.extract_date, for no record after the day of today counts"
    )


def switch(home: Home, release_id: str) -> None:
    """Point ``current`` to a release, in one rename."""
    link = home.current.with_name(f"current.{secrets.token_hex(4)}{BUILDING}")
    link.symlink_to(Path(home.releases.name) / release_id)
    link.replace(home.current)
    sync(home.root)
