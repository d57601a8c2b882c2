"""The prompt of ``registry sql``, driven through a pipe instead of a keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from registry_pipeline.cli.prompt import completer_of, is_complete, questions


def asked(keys: str, history: Path) -> list[str]:
    """What is asked when somebody presses these keys."""
    found: list[str] = []
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=DummyOutput()):
        keyboard.send_text(keys)
        questions(["mart.cohort", "patient_id"], history, found.append)
    return found


def test_a_question_ends_with_a_semicolon_and_may_have_several_lines(tmp_path: Path) -> None:
    history = tmp_path / "history"
    assert asked("select 1\nfrom x;\n\nselect 2;\nquit\n", history) == ["select 1\nfrom x;", "select 2;"]
    assert history.stat().st_mode & 0o777 == 0o600
    assert asked("\x1b[A\x1b[A\x1b[A\n\x04", history)[0] in ("select 2;", "select 1\nfrom x;")


def test_names_are_completed() -> None:
    completer = completer_of(["mart.cohort", "patient_id"])
    found = completer.get_completions(Document("select Pat"), CompleteEvent())
    assert [completion.text for completion in found] == ["patient_id"]
    found = completer.get_completions(Document("from mart.c"), CompleteEvent())
    assert [completion.text for completion in found] == ["mart.cohort"]


def test_an_interrupt_drops_the_question_and_stays(tmp_path: Path) -> None:
    assert asked("select 1\x03select 2;\nexit\n", tmp_path / "history") == ["select 2;"]


@pytest.mark.parametrize(
    ("text", "complete"), [("", True), ("select 1", False), ("select 1;", True), ("EXIT", True)]
)
def test_enter_asks_what_is_complete(text: str, complete: bool) -> None:
    assert is_complete(text) is complete
