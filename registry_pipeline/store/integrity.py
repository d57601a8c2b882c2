"""Whether a sealed release is, byte by byte, what was sealed.

Belongs here: the hashes that lie in a release's folder, comparing them, serving another release instead.
Does not belong here: working files (``pipeline/step.py``), landed bytes (``intake/landing``).
"""

from __future__ import annotations

from pathlib import Path

from registry_pipeline.core.files import sha256_of, write_text
from registry_pipeline.core.home import Home
from registry_pipeline.store.releases import (
    CHECKSUMS,
    DATABASE,
    NoRelease,
    choose_release,
    current_release,
    release_folder,
    release_ids,
    switch,
)


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file of a release, as ``sha256sum -c SHA256SUMS`` reads it."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / CHECKSUMS]
    lines = [f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    write_text("".join(lines), folder / CHECKSUMS)


def damaged_files(home: Home, release_id: str, only: str | None = None) -> list[str]:
    """Files of a release that are gone or are not what was written; names within its folder.

    A release that was sealed before hashes were kept has none to be compared with and counts as whole.

    Args:
        only: look at this file alone (``registry.duckdb``).
    """
    folder = release_folder(home, release_id)
    if not (folder / CHECKSUMS).exists():
        return []
    return unlike_checksums(folder, must_hold=DATABASE, only=only)


def unlike_checksums(folder: Path, must_hold: str | None = None, only: str | None = None) -> list[str]:
    """Files of a folder that are gone or are not what :func:`write_checksums` saw; names within it.

    Args:
        must_hold: a file that the checksums have to name; without it they are damaged themselves.
        only: look at this file alone.
    """
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
        expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    except (OSError, UnicodeDecodeError):
        return [CHECKSUMS]
    if must_hold is not None and must_hold not in expected:
        return [CHECKSUMS]
    checked = {name: digest for name, digest in expected.items() if only is None or name == only}
    return sorted(name for name, digest in checked.items() if _digest(folder / name) != digest)


def _digest(path: Path) -> str | None:
    try:
        return sha256_of(path)
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
    others = [release_id for release_id in reversed(release_ids(home)) if release_id < current]
    for release_id in others:
        if not damaged_files(home, release_id, only=DATABASE):
            switch(home, release_id)
            return f"{release_folder(home, current)}: the release is damaged; {release_id} is served until a new one is made"
    home.current.unlink()
    return (
        f"{release_folder(home, current)}: the release is damaged and no earlier one is whole; none is served"
    )
