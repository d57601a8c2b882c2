"""Rows of a release for the commands that show them.

Belongs here: reading all rows of a small answer, rows as JSON objects, what ``--json`` and ``--out`` have in common.
Does not belong here: commands; drawing and writing rows (``reporting/``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry_pipeline.reporting.document.rows import distinct, plain
from registry_pipeline.reporting.document.terminal import print_table
from registry_pipeline.store.query import ask

if TYPE_CHECKING:
    import duckdb

Table = tuple[Sequence[str], Sequence[Sequence[Any]]]
as_json = click.option("--json", "is_json", is_flag=True, help="Write JSON.")


def all_rows(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows of an answer that is small."""
    answer = ask(connection, query)
    return answer.columns, list(answer.rows())


def objects(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as JSON objects."""
    names = distinct(columns)
    return [dict(zip(names, map(plain, row), strict=True)) for row in rows]


def print_json(content: object) -> None:
    """Anything as one line of JSON."""
    click.echo(json.dumps(plain(content), ensure_ascii=False))


def print_json_tables(tables: Mapping[str, Table]) -> None:
    """Tables (columns and rows) by name, as JSON."""
    print_json({name: objects(*table) for name, table in tables.items()})


def print_table_or_json(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str, is_json: bool
) -> None:
    """Rows as a table for people, or as JSON objects."""
    if is_json:
        print_json(objects(columns, rows))
    else:
        print_table(columns, rows, title)


def require_folder_of(out: Path, option: str) -> None:
    """Refuse a file, or folder, to be written where there is no folder for it."""
    if not out.absolute().parent.is_dir():
        raise click.UsageError(f"{option}: there is no folder {out.absolute().parent}")
