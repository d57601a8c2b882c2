"""Commands about releases as a whole.

Belongs here: listing releases, showing one.
Does not belong here: what is in a release (``cli/query.py``), its reports (``cli/report.py``).
"""

from __future__ import annotations

import json
from typing import Any

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.cli.rows import all_rows, as_json, objects
from registry_pipeline.pipeline.step import refresh_lock
from registry_pipeline.reporting.document.terminal import print_table
from registry_pipeline.store.integrity import serve
from registry_pipeline.store.releases import (
    DATABASE,
    created_at,
    current_release,
    release_folder,
    release_ids,
)


@click.group(invoke_without_command=True)
@own_options
@as_json
@click.pass_context
def releases(context: click.Context, is_json: bool) -> None:
    """The releases; without a further word, a list of them."""
    if context.invoked_subcommand is None:
        _list_releases(is_json)


@releases.command("list")
@own_options
@as_json
def list_releases(is_json: bool) -> None:
    """Every release, oldest first."""
    _list_releases(is_json)


def _list_releases(is_json: bool) -> None:
    home = CONTEXT.home()
    current = current_release(home)
    columns = ["release_id", "created_at", "megabytes", "is_current"]
    rows = [
        [
            release_identifier,
            created_at(release_identifier).isoformat(sep=" ", timespec="seconds"),
            round((release_folder(home, release_identifier) / DATABASE).stat().st_size / 1e6, 1),
            release_identifier == current,
        ]
        for release_identifier in release_ids(home)
    ]
    _table_or_json(columns, rows, "Releases", is_json)


@releases.command("show")
@own_options
@click.argument("release_id", metavar="ID")
@as_json
def show_release(release_id: str, is_json: bool) -> None:
    """What a release was made from, how many rows its tables have, what was proved of it."""
    queries = {
        "release": "SELECT * FROM meta.release",
        "tables": """
            SELECT schema_name || '.' || table_name AS table_name, estimated_size AS n_rows
            FROM duckdb_tables() ORDER BY 1""",
        "reconciliation": "SELECT * FROM quality.reconciliation ORDER BY check_name",
    }
    with CONTEXT.release(release_id) as connection:
        tables = {name: all_rows(connection, query) for name, query in queries.items()}
    if is_json:
        click.echo(json.dumps({name: objects(*table) for name, table in tables.items()}, ensure_ascii=False))
        return
    for name, (columns, rows) in tables.items():
        print_table(columns, rows, name.capitalize())


@releases.command("serve")
@own_options
@click.argument("release_id", metavar="ID")
def serve_release(release_id: str) -> None:
    """Serve an earlier release again, until the next refresh that makes a new one."""
    home = CONTEXT.home()
    with refresh_lock(home):
        serve(home, release_id)
    click.echo(f"Release {release_id} is served.")


def _table_or_json(columns: list[str], rows: list[list[Any]], title: str, is_json: bool) -> None:
    if is_json:
        click.echo(json.dumps(objects(columns, rows), ensure_ascii=False))
    else:
        print_table(columns, rows, title)
