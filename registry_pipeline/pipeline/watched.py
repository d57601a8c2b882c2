"""Whether the files that a refresh starts from are those of the last release.

Belongs here: the signature of the inbox, mappings and settings; what was landed, and what became a release.
Does not belong here: what starts a refresh (``defs/automation.py``), whether a release would differ (``step.py``).
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from registry_pipeline.core.files import holds_text, write_text
from registry_pipeline.core.home import Home


def inbox_signature(home: Home) -> str:
    """Names, sizes and times of what a refresh would read; no content, so that looking costs next to nothing."""
    watched = sorted([*home.inbox.glob("*/*"), *home.facilities.glob("*.toml"), home.settings_file], key=str)
    return hashlib.sha256("|".join(map(_file_signature, watched)).encode()).hexdigest()[:16]


def _file_signature(path: Path) -> str:
    """Folder, name, size and time of a file; of a link its own, and of what has just gone the name alone."""
    name = f"{path.parent.name}/{path.name}"
    try:
        status = path.lstat()
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
