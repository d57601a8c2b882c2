"""Reading a file as the product does, with the time and the memory that it took."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from registry_pipeline.intake.readers import ReadError, ReadOptions, isolated, read_source
from registry_pipeline.intake.readers.source import open_source


@dataclass(frozen=True)
class Reading:
    """``outcome``: ``rows``, or the code of the refusal with its message."""

    outcome: str
    message: str
    n_rows: int
    seconds: float
    n_bytes: int


def count_rows(path: Path) -> int:
    """Read all of it; called in the reader's process."""
    with open_source(path, ReadOptions().limits) as source:
        return sum(sheet.n_read for sheet in read_source(source, ReadOptions())[1])


def read_watched(path: Path) -> Reading:
    """What reading a file comes to, and the most memory that its process held."""
    peak, is_done = [0], threading.Event()

    def watch() -> None:
        while not is_done.wait(0.005):
            helper = isolated._Reader.helper
            peak[0] = max(peak[0], helper.resident_bytes() if helper is not None else 0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin, outcome, message, n_rows = time.monotonic(), "rows", "", 0
    try:
        n_rows = isolated.read_isolated(path, path.suffix.lower(), ReadOptions(), count_rows, path)
    except ReadError as error:
        outcome, message = error.code, str(error)
    finally:
        is_done.set()
        watcher.join()
    return Reading(outcome, message, n_rows, time.monotonic() - begin, peak[0])
