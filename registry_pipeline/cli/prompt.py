"""The prompt of ``registry sql``: questions over several lines, names completed, history kept.

Belongs here: reading questions from a terminal. Does not belong here: answering them (``store/query.py``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

WORDS = (
    "select", "from", "where", "group by", "order by", "limit", "join", "using", "left join", "count(*)", "distinct",
    "having", "union all", "case when", "then", "else", "end", "is null", "is not null", "and", "or", "not", "in",
    "like", "between", "describe", "summarize",
)  # fmt: skip
LEAVING = ("quit", "exit", "quit;", "exit;", ".quit", ".exit")


def is_complete(text: str) -> bool:
    """Whether Enter asks the question, rather than beginning its next line."""
    plain = text.strip()
    return not plain or plain.endswith(";") or plain.lower() in LEAVING


def completer_of(names: Iterable[str]) -> WordCompleter:
    """Completes names of tables and columns, and words of SQL."""
    from prompt_toolkit.completion import WordCompleter

    return WordCompleter(sorted({*names, *WORDS}), ignore_case=True, WORD=True)


def questions(names: Iterable[str], history: Path, answer: Callable[[str], None]) -> None:
    """Hand each question to ``answer`` until the input ends (Ctrl-D) or somebody leaves.

    Args:
        names: of tables and columns, for completion.
        history: file of earlier questions; private, for a question may name a patient.
        answer: told one question.
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory

    os.close(os.open(history, os.O_RDWR | os.O_CREAT, 0o600))
    session: PromptSession[str] = PromptSession(
        "sql  > ", completer=completer_of(names), complete_while_typing=False, history=FileHistory(str(history)),
        multiline=True, prompt_continuation="     > ", key_bindings=_keys(),
    )  # fmt: skip
    while True:
        try:
            text = session.prompt().strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text.lower() in LEAVING:
            return
        if text:
            answer(text)


def _keys() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    bindings = KeyBindings()

    @bindings.add("enter")
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return bindings
