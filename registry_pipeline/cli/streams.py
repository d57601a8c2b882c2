"""Input and outputs of the process: a log that cannot be written keeps no work from being done.

Belongs here: what happens to output that nobody takes. Does not belong here: what is said (``context.py``).
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO


class _Output(io.FileIO):
    """A standard output whose disk may be full, or whose reader may have gone.

    Attributes:
        failure: what kept something from being written.
    """

    def __init__(self, number: int, is_answer: bool) -> None:
        super().__init__(number, "w", closefd=False)
        self.failure: OSError | None = None
        self._is_answer = is_answer

    def write(self, content: Any, /) -> int:
        """Write, or let it go: of an answer nobody reads any further, the command may stop."""
        try:
            return super().write(content) or 0
        except OSError as problem:
            if self._is_answer and isinstance(problem, BrokenPipeError):
                raise
            self.failure = self.failure or problem
            return memoryview(content).nbytes


def take_streams() -> _Output | None:
    """Take over the standard streams for the rest of the process; gives the output for answers.

    A stream that the caller has closed leads nowhere from now on: a file that is opened next would get its number, and
    what a native library says would be written into it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    if sys.stderr is not None:
        sys.stderr = _text(_Output(2, is_answer=False), sys.stderr)
    if sys.stdout is None:
        return None
    answers = _Output(1, is_answer=True)
    sys.stdout = _text(answers, sys.stdout)
    return answers


def why_not_written(answers: _Output | None) -> str | None:
    """What kept an answer from being written, in words; None where all of it was."""
    if answers is None:
        return None
    with suppress(OSError, ValueError):  # closed where its reader went away, of which run() has heard
        sys.stdout.flush()
    return answers.failure.strerror if answers.failure is not None else None


def _text(output: _Output, like: TextIO) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=like.encoding,
        errors=like.errors,
        line_buffering=output.isatty() or not output._is_answer,
    )
