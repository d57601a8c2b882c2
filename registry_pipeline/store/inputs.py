"""What a release was made of, kept in its folder: settings, mappings, ledgers of received files.

Belongs here: copying these few files beside the database, finding them again. Does not belong here: landed bytes and
decisions, which are append-only and stay in the home; making the release again (``operations/verify.py``).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from registry_pipeline.core.home import Home

INPUTS = "inputs"


def keep_inputs(home: Home, folder: Path) -> None:
    """Copy settings, mappings and ledgers as they are now into a release's folder."""
    for path in _input_files(home):
        copy = kept_copy(home, folder, path)
        copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(path, copy)


def kept_copy(home: Home, release: Path, path: Path) -> Path:
    """Where a release keeps its copy of a file of the home."""
    return release / INPUTS / path.relative_to(home.root)


def _input_files(home: Home) -> list[Path]:
    ledgers = sorted(home.landing.glob("*/submissions.json"))
    return [home.settings_file, *sorted(home.facilities.glob("*.toml")), *ledgers]


def kept_inputs(release: Path) -> list[Path]:
    """The files that a release keeps of its inputs; none of a release that was made before they were kept."""
    folder = release / INPUTS
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
