"""A Rust panic is no Exception: every guard of the product sees it, and lets pass what ends a program."""

import asyncio
import os
from pathlib import Path

import click
import pytest

from registry_pipeline.cli import context
from registry_pipeline.core.helper_process import Helper
from registry_pipeline.core.native_panics import NativePanic, panics_as_exceptions


class PanicException(BaseException):
    """As pyo3 makes it."""


class DagsterExecutionInterruptedError(BaseException):
    """As Dagster makes it."""


def _panic() -> None:
    raise PanicException("birth date of Zhang")


def test_a_panic_becomes_an_exception_without_its_text() -> None:
    with pytest.raises(NativePanic) as caught, panics_as_exceptions():
        _panic()
    assert "Zhang" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize(
    "passing",
    [
        KeyboardInterrupt,
        SystemExit,
        GeneratorExit,
        asyncio.CancelledError,
        DagsterExecutionInterruptedError,
        ValueError,
    ],
)
def test_what_has_to_pass_passes(passing: type[BaseException]) -> None:
    with pytest.raises(passing), panics_as_exceptions():
        raise passing


def test_a_command_that_panics_is_an_internal_error_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert context.run(click.Command("panics", callback=_panic), []) == context.BROKEN
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "Zhang" not in told


def test_a_panic_in_another_process_comes_back_and_the_process_lives() -> None:
    helper = Helper()
    try:
        with pytest.raises(NativePanic):
            helper.call(_panic)
        assert helper.call(os.getpid) != os.getpid()
    finally:
        helper.end()
