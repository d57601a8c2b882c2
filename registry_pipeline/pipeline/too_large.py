"""Files whose judging takes more memory than a refresh may: each is left out and found, and the others go on.

Belongs here: which file it is, saying so in the ledger. Does not belong here: watching memory (``core/memory.py``), the
finding (``intake/submissions``: such a file is one that could not be read).
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar

from registry_pipeline.core.memory import (
    MemoryInterrupt,
    at_the_end,
    freed_with_children,
    held_with_children,
    memory_bytes,
)
from registry_pipeline.intake.landing.ledger import LandedFile, landing_lock, read_ledger, write_ledger
from registry_pipeline.intake.raw.sheet_file import SUFFIX
from registry_pipeline.pipeline.context import RefreshContext

T = TypeVar("T")
_SHARE_TO_GO_ON, _LONGEST_WAIT, _PAUSE, _A_FALL = 0.6, 1.0, 0.1, 0.98


def within_memory(context: RefreshContext, facility_id: str, work: Callable[[], T]) -> T:
    """Do the work of a facility; where it takes too much memory, again without the largest file, and so on.

    Where the process has to be ended at once, the file is left out by the next refresh.

    Raises:
        MemoryInterrupt: it does so without any file too.
    """
    while True:
        with at_the_end(partial(_leave_out_largest, context, facility_id)):
            try:
                return work()
            except MemoryInterrupt:
                if not (message := _leave_out_largest(context, facility_id)):
                    raise
        sys.stderr.write(f"registry: {message}\n")
        _wait_for_memory(context)


def together_within_memory(
    context: RefreshContext, facility_ids: Sequence[str]
) -> AbstractContextManager[None]:
    """Work on several facilities at once: where the process has to be ended, the next refresh leaves the largest file out."""
    landed = {name: _in_force(context, name, context.ledgers[name]) for name in facility_ids}
    largest = max(
        facility_ids, key=lambda name: max((_n_bytes(context, file) for file in landed[name]), default=0)
    )
    return at_the_end(partial(_leave_out_largest, context, largest))


def _leave_out_largest(context: RefreshContext, facility_id: str) -> str:
    """Leave the largest file in force out as long as the limit stays; says so in a line, empty where there is none."""
    limit = context.settings.refresh.memory_limit
    with landing_lock(context.home.landing / facility_id):
        files = read_ledger(context.home, facility_id)
        if files == context.ledgers[facility_id]:  # else another process has left one out
            in_force = _in_force(context, facility_id, files)
            if not in_force:
                return ""
            largest = max(in_force, key=partial(_n_bytes, context))
            files = [replace(file, too_large_for=limit) if file == largest else file for file in files]
            write_ledger(context.home, facility_id, files)
        context.take_ledger(facility_id, files)
    names = ", ".join(file.source_file for file in files if file.too_large_for == limit)
    return f"{facility_id}: judging {names} takes more memory than refresh.memory_limit allows ({limit}); left out"


def _in_force(context: RefreshContext, facility_id: str, files: list[LandedFile]) -> list[LandedFile]:
    """Files whose rows may be read; of a ``full`` source those of the newest submission."""
    limit, source_of = context.settings.refresh.memory_limit, context.facility(facility_id).source_of
    counted: dict[str, list[LandedFile]] = {}
    for file in files:
        source = source_of(file.source_file)
        if source is None or file.is_withdrawn or file.too_large_for == limit:
            continue
        own = counted.setdefault(source.name, [])
        if source.mode == "full" and own and own[-1].submission_no != file.submission_no:
            own.clear()
        own.append(file)
    return [file for own in counted.values() for file in own]


def _n_bytes(context: RefreshContext, file: LandedFile) -> int:
    """Bytes of a file's rows where they were read, else as received."""
    rows = (context.home.store / "raw" / file.facility_id).glob(f"{file.file_no}.*{SUFFIX}")
    return sum(path.stat().st_size for path in rows) or file.n_bytes


def _wait_for_memory(context: RefreshContext) -> None:
    """Libraries give back what they held a moment after it was let go: until there is room, or no more comes."""
    enough = _SHARE_TO_GO_ON * (memory_bytes(context.settings.refresh.memory_limit) or 0.0)
    lowest, last_fall = float("inf"), time.monotonic()
    gc.collect()
    while lowest > enough and time.monotonic() < last_fall + _LONGEST_WAIT:
        with suppress(MemoryInterrupt):  # of what is being let go
            held = held_with_children(os.getpid()) - freed_with_children(os.getpid())
            if held < _A_FALL * lowest:
                lowest, last_fall = held, time.monotonic()
            time.sleep(_PAUSE)
