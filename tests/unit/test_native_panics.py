"""A Rust panic is no Exception: every guard of the product sees it, and lets pass what ends a program."""

import ast
import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from registry_pipeline.cli import context
from registry_pipeline.core.helper_process import Helper
from registry_pipeline.core.native_panics import NativePanic, panics_as_exceptions

ROOT = Path(__file__).resolve().parents[2]


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


def _guards(tree: ast.AST) -> Iterator[tuple[ast.Try, list[str]]]:
    """Every ``try`` with the names of the exceptions that it catches."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            caught = [handler.type for handler in node.handlers]
            yield (
                node,
                [name.id for kind in caught if kind for name in ast.walk(kind) if isinstance(name, ast.Name)],
            )


def _sees_panics(guard: ast.Try) -> bool:
    first = guard.body[0]
    return isinstance(first, ast.With) and any(
        isinstance(item.context_expr, ast.Call)
        and isinstance(item.context_expr.func, ast.Name)
        and item.context_expr.func.id == panics_as_exceptions.__name__
        for item in first.items
    )  # fmt: skip


def test_every_guard_of_exceptions_sees_a_panic() -> None:
    """Where ``Exception`` is caught its text is kept from people; a panic that passed would be shown."""
    blind, n_guards = [], 0
    for room in ("registry_pipeline", "schemas"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for guard, names in _guards(ast.parse(path.read_text())):
                if "Exception" in names:
                    n_guards += 1
                    if not _sees_panics(guard) or len(guard.body) > 1:
                        blind.append(f"{path.relative_to(ROOT)}:{guard.lineno}")
    assert n_guards > 10
    assert blind == []
