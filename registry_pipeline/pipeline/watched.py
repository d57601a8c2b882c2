"""Whether the files that a refresh starts from are those of the last release.

Belongs here: the signature of the inbox, mappings and settings; what was landed, and what became a release.
Does not belong here: what starts a refresh (``defs/automation.py``), whether a release would differ (``step.py``).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from registry_pipeline.core.files import entries, holds_text, write_text
from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.inbox import InboxFolder, look_into_inbox


def inbox_signature(home: Home, inbox: Sequence[InboxFolder] | None = None) -> str:
    """Names, sizes and times of what a refresh would read; no content, so that looking costs next to nothing.

    Args:
        inbox: what lies in the inbox, where it was just looked at.
    """
    with suppress(OSError):
        inbox = look_into_inbox(home) if inbox is None else inbox
    received = (file for folder in inbox or () for file in folder.files)
    watched = [_file_signature(home.root, str(home.settings_file), home.settings_file.lstat)]
    watched += [
        _file_signature(home.root, entry.path, partial(entry.stat, follow_symlinks=False))
        for entry in (*_mappings(home), *received)
    ]
    return hashlib.sha256("|".join(watched).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _mappings(home: Home) -> Iterator[os.DirEntry[str]]:
    try:
        return (entry for entry in entries(home.facilities) if entry.name.endswith(".toml"))
    except OSError:
        return iter(())


def _file_signature(root: Path, path: str, look: Callable[[], os.stat_result]) -> str:
    """Folder, name, size and time of a file; of a link its own, and of what has just gone the name alone."""
    name = path.removeprefix(str(root))
    try:
        status = look()
    except OSError:
        return name
    return f"{name}:{status.st_size}:{status.st_mtime_ns}"


def note_landed(home: Home, signature: str | None) -> None:
    """Remember what was landed as a whole; None when a part was left for later, nothing when it is served already."""
    if signature is None or is_served(home, signature):
        _landed(home).unlink(missing_ok=True)
    else:
        write_text(signature, _landed(home))


def note_served(home: Home) -> None:
    """What was landed last has become the release that is served."""
    with suppress(FileNotFoundError):
        _landed(home).replace(_served(home))


def is_served(home: Home, signature: str) -> bool:
    """Whether a release was made of just these files."""
    return holds_text(_served(home), signature)


def is_landed(home: Home, signature: str) -> bool:
    """Whether just these files have been taken in, whether or not a release was made of them."""
    return is_served(home, signature) or holds_text(_landed(home), signature)


def _landed(home: Home) -> Path:
    return home.store / "inbox_landed"


def _served(home: Home) -> Path:
    return home.store / "inbox_served"
