"""What a user asks of a release: one reading statement, and its rows.

Belongs here: refusing what is no question, running it, telling mistakes in one line.
Does not belong here: how rows are printed (``reporting/document/terminal.py``, ``reporting/document/rows.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_READING = {"SELECT", "EXPLAIN"}
_BATCH = 10_000


class QueryError(Exception):
    """A question that cannot be answered; one line that says why."""


@dataclass
class Answer:
    """The answer to a question, read as it is used.

    Attributes:
        columns: names of the columns.
        result: the open result.
    """

    columns: list[str]
    result: duckdb.DuckDBPyConnection

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows, a batch at a time."""
        while batch := self.result.fetchmany(_BATCH):
            yield from batch


def ask(connection: duckdb.DuckDBPyConnection, question: str) -> Answer:
    """Run one SELECT (or DESCRIBE, SUMMARIZE, SHOW, EXPLAIN).

    Raises:
        QueryError: no question, more than one, one that would write, or one that DuckDB cannot run.
    """
    import duckdb  # here, not above: `registry --help` does without

    try:
        question.encode()  # bytes of a terminal that are no text arrive as halves of characters
        if "\0" in question:
            raise QueryError("the question holds a NUL, at which DuckDB would end it")
        statements = connection.extract_statements(question)
        if len(statements) != 1:
            raise QueryError(f"write one SELECT, not {len(statements) or 'none'}")
        kind = str(statements[0].type).rpartition(".")[2]
        if kind not in _READING or _explains_a_write(question, kind):
            raise QueryError(f"a release is never changed: only SELECT is answered, this is {kind}")
        result = connection.execute(statements[0])
    except UnicodeEncodeError:
        raise QueryError("the question is no text in UTF-8") from None
    except duckdb.PermissionException:
        raise QueryError("a release reads nothing but itself: no files, no network, no settings") from None
    except duckdb.Error as problem:
        raise QueryError(_first_lines(problem)) from None
    return Answer([column[0] for column in result.description or []], result)


def _explains_a_write(question: str, kind: str) -> bool:
    """EXPLAIN ANALYZE runs what it explains."""
    words = question.upper().split()
    return kind == "EXPLAIN" and "ANALYZE" in words and not {"SELECT", "FROM"} & set(words[:4])


def _first_lines(problem: duckdb.Error) -> str:
    """DuckDB's own words up to the candidates that it proposes, in one line."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(("LINE ", "^"))]
    return " ".join(own[:3])
