"""Whether what landed still lies there as it was received.

Belongs here: looking at landed files. Does not belong here: landing them again (``land.py``), sealed releases
(``store/integrity.py``), working files, which are made again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from registry_pipeline.core.files import StoreError, sha256_of, withheld_as_store_error
from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.ledger import LandedFile, landed_path, read_ledger

REMEDY = "restore from the backup what is lost"


def check_landed(home: Home, facility_ids: Sequence[str] = ()) -> None:
    """Refuse to go on where the bytes of a landed file are lost; nothing is hashed.

    Args:
        facility_ids: only of these; of all by default.

    Raises:
        StoreError: one is gone, of another length, or a link, folder, pipe or device has taken its place. It is our
            loss and no fault of the facility. Files that were withdrawn are not missed.
        ConfigurationError: a ledger is damaged.
    """
    landing = str(home.landing)
    for landed in _landed(home, facility_ids):
        path = f"{landing}/{landed.facility_id}/{landed.sha256}"  # a path is slower to make than to look at
        if home.has_linked_landing:
            path = os.path.realpath(path)
        if not landed.is_withdrawn and (problem := shape_problem(path, landed.n_bytes)):
            raise StoreError(
                f"{landed_path(home, landed)}: the landed bytes {problem}; {REMEDY}, put the file into the inbox "
                "again, or take it out with: registry landing withdraw"
            )


def damaged_landed(home: Home) -> list[Path]:
    """Every landed file that is not, byte by byte, what was received.

    Raises:
        ConfigurationError: a ledger is damaged.
        StoreError: the system withholds one, which may be whole.
    """
    paths = {landed_path(home, landed): landed for landed in _landed(home, ())}
    return [path for path, landed in paths.items() if not _is_as_received(path, landed)]


def shape_problem(path: Path | str, n_bytes: int) -> str | None:
    """Why a path cannot hold the bytes that were received; None where it is a plain file of their length.

    Raises:
        StoreError: the system withholds it; it may be whole.
    """
    try:
        with withheld_as_store_error(path):
            status = os.lstat(path)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if not stat.S_ISREG(status.st_mode):
        return "were replaced by something that is no plain file"
    return None if status.st_size == n_bytes else "have changed on the disk"


def _landed(home: Home, facility_ids: Sequence[str]) -> Iterator[LandedFile]:
    for facility_id in facility_ids or home.facility_ids():
        yield from read_ledger(home, facility_id)


def _is_as_received(path: Path, landed: LandedFile) -> bool:
    try:
        with withheld_as_store_error(path):
            return shape_problem(path, landed.n_bytes) is None and sha256_of(path) == landed.sha256
    except OSError:
        return False
