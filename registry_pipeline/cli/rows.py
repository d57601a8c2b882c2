"""Rows of a release for the commands that show them.

Belongs here: reading all rows of a small answer, rows as JSON objects, the ``--json`` option.
Does not belong here: commands; drawing and writing rows (``reporting/``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from registry_pipeline.reporting.document.rows import distinct, plain
from registry_pipeline.store.query import ask

if TYPE_CHECKING:
    import duckdb

as_json = click.option("--json", "is_json", is_flag=True, help="Write JSON.")


def all_rows(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows of an answer that is small."""
    answer = ask(connection, query)
    return answer.columns, list(answer.rows())


def objects(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as JSON objects."""
    names = distinct(columns)
    return [dict(zip(names, map(plain, row), strict=True)) for row in rows]
