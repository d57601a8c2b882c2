"""What becomes of a failure on its way through Dagster: its own words, and details that are kept once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import make_home
from registry_pipeline.defs.guard import failure_of, guarded
from registry_pipeline.pipeline.errors import InternalFailure, Refused


class _NoRoom(dg.IOManager):
    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        raise StoreError("here: the disk is full")

    def load_input(self, context: dg.InputContext) -> None:
        """Nothing was kept."""


@dg.op
def _number() -> int:
    return 1


@dg.job(resource_defs={"io_manager": dg.IOManagerDefinition.hardcoded_io_manager(_NoRoom())})
def _numbers() -> None:
    _number()


def test_an_output_that_cannot_be_kept_is_told_as_the_store_told_it() -> None:
    failure = failure_of(_numbers.execute_in_process(raise_on_error=False))
    assert isinstance(failure, Refused) and str(failure) == "here: the disk is full"


def test_details_that_a_worker_has_kept_are_not_kept_again(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with pytest.raises(dg.Failure) as failure, guarded(home):
        raise InternalFailure("/details")
    assert failure.value.metadata["details"].value == "/details"
    assert not list(home.store.rglob("*.txt"))


@pytest.mark.parametrize(
    "problem",
    [
        MemoryError("a process that made a part of the results was killed"),
        duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block of size 256.0 KiB"),
        RuntimeError("memory allocation: Out of memory"),
    ],
)
def test_too_little_memory_is_told_in_a_line(problem: Exception, tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with pytest.raises(dg.Failure) as failure, guarded(home):
        raise problem
    assert "refresh.memory_limit" in str(failure.value.description)
    assert not list(home.store.rglob("*.txt"))
