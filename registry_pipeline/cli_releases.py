"""Commands about releases as a whole: releases, report.

Belongs here: listing releases, showing one, where its reports are.
Does not belong here: what is in a release (``cli_look.py``).
"""

from __future__ import annotations

import json
from typing import Any

import click

from registry_pipeline.cli_context import CONTEXT, own_options
from registry_pipeline.cli_rows import all_rows, as_json, objects
from registry_pipeline.reporting.terminal import print_table
from registry_pipeline.store.serve import (
    DATABASE,
    NoRelease,
    choose_release,
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
            one,
            created_at(one).isoformat(sep=" ", timespec="seconds"),
            round((release_folder(home, one) / DATABASE).stat().st_size / 1e6, 1),
            one == current,
        ]
        for one in release_ids(home)
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


@click.command()
@own_options
@click.option("--open", "is_opened", is_flag=True, help="Open them in the browser.")
@as_json
def report(is_opened: bool, is_json: bool) -> None:
    """Where the current reports are."""
    home = CONTEXT.home()
    folder = release_folder(home, choose_release(home)) / "reports"
    found = sorted(path for path in folder.rglob("*") if path.suffix in (".html", ".pdf", ".xlsx", ".docx"))
    if not found:
        raise NoRelease(f"{folder}: the current release has no reports")
    _table_or_json(["report"], [[str(path)] for path in found], "Reports", is_json)
    if is_opened:
        import webbrowser

        for path in found:
            if path.suffix == ".html":
                webbrowser.open(path.as_uri())


def _table_or_json(columns: list[str], rows: list[list[Any]], title: str, is_json: bool) -> None:
    if is_json:
        click.echo(json.dumps(objects(columns, rows), ensure_ascii=False))
    else:
        print_table(columns, rows, title)
