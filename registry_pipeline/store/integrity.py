"""Whether a sealed release is, byte by byte, what was sealed.

Belongs here: the hashes that lie in a release's folder, comparing them, serving another release instead.
Does not belong here: working files (``pipeline/step.py``), landed bytes (``intake/landing``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from registry_pipeline.core.files import StoreError, withheld_as_store_error, write_text
from registry_pipeline.core.home import Home
from registry_pipeline.core.working_files import digest_of_file, seen_digest
from registry_pipeline.store.releases import (
    CHECKSUMS,
    CONTENTS,
    DATABASE,
    NoRelease,
    choose_release,
    current_release,
    open_release,
    release_folder,
    release_ids,
    switch,
)

if TYPE_CHECKING:
    import duckdb


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file of a release, as ``sha256sum -c SHA256SUMS`` reads it."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / CHECKSUMS]
    lines = [f"{digest_of_file(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    write_text("".join(lines), folder / CHECKSUMS)


def damaged_files(
    home: Home,
    release_id: str,
    only: str | None = None,
    digest_of: Callable[[Path], str] = digest_of_file,
) -> list[str]:
    """Files of a release that are gone or are not what was written; names within its folder.

    A release that was sealed before hashes were kept has none to be compared with and counts as whole.

    Args:
        only: look at this file alone (``registry.duckdb``).
        digest_of: SHA-256 of a file; of the whole file by default.

    Raises:
        StoreError: as of :func:`unlike_checksums`.
    """
    folder = release_folder(home, release_id)
    with withheld_as_store_error(folder):
        if not (folder / DATABASE).is_file():
            return [DATABASE]
        if not (folder / CHECKSUMS).exists():
            return [CHECKSUMS] if (folder / CONTENTS).exists() else []
    return unlike_checksums(folder, must_hold=DATABASE, only=only, digest_of=digest_of)


def unlike_checksums(
    folder: Path,
    must_hold: str | None = None,
    only: str | None = None,
    digest_of: Callable[[Path], str] = digest_of_file,
) -> list[str]:
    """Files of a folder that are gone or are not what :func:`write_checksums` saw; names within it.

    Args:
        must_hold: a file that the checksums have to name; without it they are damaged themselves.
        only: look at this file alone.
        digest_of: as of :func:`damaged_files`.

    Raises:
        StoreError: the system withholds a file, which may be whole; nothing can be said of it.
    """
    expected = read_checksums(folder)
    if "" in expected or (must_hold is not None and must_hold not in expected):
        return [CHECKSUMS]
    checked = {name: digest for name, digest in expected.items() if only is None or name == only}
    return sorted(name for name, digest in checked.items() if _digest(folder / name, digest_of) != digest)


def read_checksums(folder: Path) -> dict[str, str]:
    """File within a folder -> its SHA-256, as :func:`write_checksums` saw it; a name that is empty tells a damaged list.

    Raises:
        StoreError: the system withholds the list.
    """
    try:
        with withheld_as_store_error(folder / CHECKSUMS):
            lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {"": ""}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def newest_whole_release(home: Home, before: str) -> str | None:
    """The newest release before another one whose database is what was sealed; None where there is none."""
    earlier = (release_id for release_id in reversed(release_ids(home)) if release_id < before)
    return next((id_ for id_ in earlier if not damaged_files(home, id_, only=DATABASE)), None)


def open_whole_release(
    home: Home,
    release_id: str,
    memory_limit: str = "1500MB",
    attached_id: str | None = None,
    database: str = DATABASE,
) -> duckdb.DuckDBPyConnection:
    """:func:`open_release` for a release that is not the served one: refreshes look after that one only.

    What this process has hashed already, and nothing has written to since, is not hashed again.

    Raises:
        NoRelease: there is no such release.
        StoreError: it is damaged, or the one to compare it with.
    """
    for needed, file in ((release_id, database), (attached_id, DATABASE)):
        if needed is not None and damaged_files(home, choose_release(home, needed), file, seen_digest):
            raise StoreError(
                f"{release_folder(home, needed)}: the release is damaged; take it from a backup, or remove it"
            )
    return open_release(
        home, release_id, memory_limit=memory_limit, attached_id=attached_id, database=database
    )


def _digest(path: Path, digest_of: Callable[[Path], str]) -> str | None:
    try:
        with withheld_as_store_error(path):
            return digest_of(path)
    except OSError:
        return None


def serve(home: Home, release_id: str) -> None:
    """Serve an earlier release again. To be called by the one who holds the store's lock.

    Raises:
        NoRelease: there is no such release, or its database is damaged.
    """
    chosen = choose_release(home, release_id)
    if damaged_files(home, chosen, only=DATABASE):
        raise NoRelease(
            f"{release_folder(home, chosen)}: the release is damaged; choose another: registry releases"
        )
    switch(home, chosen)


def leave_damaged_release(home: Home) -> str | None:
    """Serve the newest release that is whole, where the served one is damaged; says so in a line.

    To be called by the one who holds the store's lock. Without a whole release none is served.
    """
    current = current_release(home)
    if current is None or not damaged_files(home, current, only=DATABASE):
        return None
    damaged = [current]
    for release_id in reversed([earlier for earlier in release_ids(home) if earlier < current]):
        if not damaged_files(home, release_id, only=DATABASE):
            switch(home, release_id)
            return f"{_are_damaged(home, damaged)}; {release_id} is served until a new one is made"
        damaged.append(release_id)
    home.current.unlink()
    return f"{_are_damaged(home, damaged)} and no earlier one is whole; none is served"


def _are_damaged(home: Home, release_ids_: list[str]) -> str:
    if len(release_ids_) == 1:
        return f"{release_folder(home, release_ids_[0])}: the release is damaged"
    return f"{home.releases}: the releases {', '.join(release_ids_)} are damaged"
