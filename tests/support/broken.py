"""The `registry` command with bugs in it that quote a record, as real ones do: ``python -m tests.support.broken PLACES -- WORDS``.

Belongs here: where a bug can be, and what it says. Does not belong here: what must not be said of it (``tests/fault``).
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import Any, NoReturn
from unittest.mock import patch

import duckdb
import polars as pl

from registry_pipeline.cli.main import main

CANARY = "Qz999v"
"""The word of a record that every bug quotes."""


def plain_bug(*_: Any, **__: Any) -> NoReturn:
    """Raises an exception of Python that quotes a value."""
    raise ValueError(f"could not read {CANARY!r} of {{'patient': '{CANARY}'}}")


def engine_bug(*_: Any, **__: Any) -> NoReturn:
    """Raises DuckDB's error, which quotes the value that it cannot convert."""
    duckdb.connect().execute(f"SELECT CAST('{CANARY}' AS INTEGER)")
    raise AssertionError("DuckDB raises")


def frame_bug(*_: Any, **__: Any) -> NoReturn:
    """Raises polars' error, which quotes the values that it cannot convert."""
    pl.Series("number", [CANARY]).cast(pl.Int64)
    raise AssertionError("polars raises")


def full_disk(*_: Any, **__: Any) -> NoReturn:
    """Raises what the system says where there is no room."""
    raise OSError(errno.ENOSPC, "No space left on device", f"/store/{CANARY}")


PLACES: dict[str, tuple[str, Callable[..., NoReturn]]] = {
    "stage": ("registry_pipeline.pipeline.staging.stage_facility", frame_bug),
    "screen": ("registry_pipeline.pipeline.screening.Screening", engine_bug),
    "page": ("registry_pipeline.pipeline.release.write_reports", plain_bug),
    "analyst": ("registry_pipeline.pipeline.analyst.write.write_analyst_database", engine_bug),
    "disk": ("registry_pipeline.pipeline.screening.write_parquet", full_disk),
}


if __name__ == "__main__":
    at = sys.argv.index("--")
    # a second process takes longer to start than it saves on a small home
    patch("registry_pipeline.core.helper_process.has_second_core", lambda: False).start()
    for place in sys.argv[1:at]:
        patch(*PLACES[place]).start()
    sys.argv = ["registry", *sys.argv[at + 1 :]]
    main()
