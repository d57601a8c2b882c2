"""Folders for copies of records that are gone when whoever needs them has ended.

Belongs here: making them, sweeping those that a killed process left. Does not belong here: what is in them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry_pipeline.core.files import StoreError, exclusive

_PREFIX = "private-"


@contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """A folder for copies of records (0700) that is gone when the block ends; after a kill the next command sweeps it."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        with exclusive(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_private_folders(parent: Path) -> list[Path]:
    """Remove the private folders whose process is gone; gives what was removed."""
    removed = []
    for folder in sorted(parent.glob(f"{_PREFIX}*")):
        with suppress(StoreError, OSError), exclusive(folder):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed
