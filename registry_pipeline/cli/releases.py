"""Commands about releases as a whole.

Belongs here: listing, showing, comparing, keeping and removing releases, making one again.
Does not belong here: what is in a release (``cli/query.py``), its reports (``cli/report.py``).
"""

from __future__ import annotations

from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry_pipeline.cli.context import CONTEXT, DONE, REFUSED, Number, own_options
from registry_pipeline.cli.rows import all_rows, as_json, print_json, print_json_tables, print_table_or_json
from registry_pipeline.core.files import write_text
from registry_pipeline.core.home import Home
from registry_pipeline.operations.audit import record, recorded
from registry_pipeline.pipeline.comparison import choose_comparison
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.step import refresh_lock
from registry_pipeline.reporting.document.terminal import print_table
from registry_pipeline.store.integrity import serve
from registry_pipeline.store.releases import (
    NoRelease,
    choose_release,
    created_at,
    current_release,
    release_ids,
)
from registry_pipeline.store.retention import (
    Retention,
    pin,
    pinned,
    release_bytes,
    remove_releases,
    to_prune,
    unpin,
)

if TYPE_CHECKING:
    from registry_pipeline.operations.verify import Verification


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
    are_pinned = pinned(home)
    columns = ["release_id", "created_at", "megabytes", "is_current", "is_pinned"]
    rows = [
        [
            release_identifier,
            created_at(release_identifier).isoformat(sep=" ", timespec="seconds"),
            round(release_bytes(home, release_identifier) / 1e6, 1),
            release_identifier == current,
            release_identifier in are_pinned,
        ]
        for release_identifier in release_ids(home)
    ]
    print_table_or_json(columns, rows, "Releases", is_json)


@releases.command("show")
@own_options
@click.argument("release_id", metavar="ID")
@as_json
def show_release(release_id: str, is_json: bool) -> None:
    """What a release was made from, how many rows its tables have, what was proved of it."""
    queries = {
        "release": "SELECT * FROM meta.release",
        "files": """
            SELECT facility_id, submission_id, source_file, left(sha256, 12) AS sha256, n_bytes, received_at, status
            FROM meta.submission ORDER BY facility_id, received_at, source_file""",
        "parameters": "SELECT name, value, default_value FROM meta.parameter WHERE value <> default_value ORDER BY name",
        "decisions": "SELECT state, count(*) AS n_decisions FROM quality.decision WHERE is_in_force GROUP BY 1 ORDER BY 1",
        "tables": """
            SELECT schema_name || '.' || table_name AS table_name, estimated_size AS n_rows
            FROM duckdb_tables() ORDER BY 1""",
        "reconciliation": "SELECT * FROM quality.reconciliation ORDER BY check_name",
    }
    with CONTEXT.release(release_id) as connection:
        tables = {name: all_rows(connection, query) for name, query in queries.items()}
    if is_json:
        print_json_tables(tables)
        return
    for name, (columns, rows) in tables.items():
        print_table(columns, rows, name.capitalize())


@releases.command("diff")
@own_options
@click.argument("before_id", metavar="A", required=False)
@click.argument("after_id", metavar="B", required=False)
@click.option(
    "--html", "page", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the page 'What changed since the last release'.",
)  # fmt: skip
@as_json
def diff_releases(before_id: str | None, after_id: str | None, page: Path | None, is_json: bool) -> None:
    """What differs between two releases, and what moved each headline number.

    Without A and B: the served release and the one before it; with A alone: A and the served one. The shares of new
    patients, corrected values, decisions, parameters, a later end of observation and the code add up to each change.
    """
    from registry_pipeline.study.compare.releases import compare_releases, difference_page, difference_rows

    home = CONTEXT.home()
    after = choose_release(home, after_id)
    before = choose_release(home, before_id) if before_id else _release_before(home, after)
    difference = compare_releases(home, before, after)
    if page is not None:
        write_text(difference_page(home, difference), page)
    if is_json:
        print_json(asdict(difference))
        return
    columns = ["table", "before", "after", "in", "out", "changed", "columns"]
    rows = [
        [*astuple(change)[:-1], ", ".join(f"{name} {n}" for name, n in change.columns.items())]
        for change in difference.tables
    ]
    print_table(columns, rows, f"From {before} to {after}")
    pairs = [[name, *pair] for name, pair in {**difference.made_of, **difference.parameters}.items()]
    print_table(
        ["made of", "before", "after"], pairs, f"Made of; {difference.n_decisions} decisions in between"
    )
    print_table(*difference_rows(difference), "Headline numbers that changed, and what moved them")


def _release_before(home: Home, release_id: str) -> str:
    """The release before another one.

    Raises:
        NoRelease: there is none.
    """
    earlier = [other for other in release_ids(home) if other < release_id]
    if not earlier:
        raise NoRelease(
            f"{home.root}: there is no release before {release_id}; list them with: registry releases"
        )
    return earlier[-1]


@releases.command("pin")
@own_options
@click.argument("release_id", metavar="ID")
@click.option("--reason", default="", metavar="TEXT", help="Why it is kept, such as the paper that cites it.")
def pin_release(release_id: str, reason: str) -> None:
    """Keep a release, whatever `registry releases prune` is asked."""
    home = CONTEXT.home()
    with refresh_lock(home), recorded(home, "pin", release_id, reason):
        pin(home, release_id, reason)
    click.echo(f"Release {release_id} is pinned.")


@releases.command("unpin")
@own_options
@click.argument("release_id", metavar="ID")
def unpin_release(release_id: str) -> None:
    """Let a release be pruned again."""
    home = CONTEXT.home()
    with refresh_lock(home), recorded(home, "unpin", release_id):
        unpin(home, release_id)
    click.echo(f"Release {release_id} is not pinned any more.")


@releases.command("prune")
@own_options
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Keep the newest N releases.")
@click.option("--days", type=Number(0), metavar="DAYS", help="Keep the releases of the last DAYS days.")
@click.option("--max-gb", type=Number(0), metavar="GB", help="Remove the oldest until all are no larger.")
@click.option("--dry-run", is_flag=True, help="Only say which would go.")
def prune(keep: int | None, days: float | None, max_gb: float | None, dry_run: bool) -> None:
    """Remove old releases. The served one, pinned ones and the one that the next refresh compares with stay.

    Landed bytes and decisions stay too. A reader that has a release open keeps it until it is closed.
    """
    limits = Retention(keep, days, None if max_gb is None else max_gb * 1e9)
    if limits == Retention():
        raise click.UsageError("say what is to stay: --keep N, --days DAYS or --max-gb GB")
    home = CONTEXT.home()
    with refresh_lock(home):
        compared = choose_comparison(read_context(home)).release_id if current_release(home) else None
        gone = to_prune(home, limits, [compared] if compared else [])
        n_bytes = sum(release_bytes(home, release_id) for release_id in gone)
        if gone and not dry_run:
            names = f"{len(gone)} releases: {', '.join(gone)}"
            with recorded(home, "prune", details=names, frees_room=True):
                remove_releases(home, gone)
    for release_id in gone:
        click.echo(f"{'would be removed' if dry_run else 'removed'}: {release_id}")
    click.echo(f"{len(gone)} releases, {n_bytes / 1e6:.1f} MB; {len(release_ids(home))} releases are there.")


@releases.command("verify")
@own_options
@click.argument("release_id", metavar="[ID]", required=False)
@as_json
def verify(release_id: str | None, is_json: bool) -> int:
    """Make a release again from landing, mappings, parameters and decisions, and compare every table by its hash.

    Exit code 0 where all are equal, 1 where one is not. The served release if no ID is given. It takes as long as a
    refresh of everything, changes nothing, and lets a refresh run meanwhile.
    """
    from registry_pipeline.operations.verify import verify_release

    home = CONTEXT.home()
    result = verify_release(home, choose_release(home, release_id))
    record(home, "verify", "done" if result.is_equal else "refused", result.release_id)
    if is_json:
        print_json({**asdict(result), "is_equal": result.is_equal})
    else:
        _tell_verification(result)
    return DONE if result.is_equal else REFUSED


def _tell_verification(result: Verification) -> None:
    if result.is_equal:
        click.echo(f"Release {result.release_id}: equal, all {result.n_tables} tables.")
    else:
        click.echo(f"Release {result.release_id}: not equal in {', '.join(result.differing)}.")
    if result.left_out:
        click.echo(f"Not compared, for the release before is gone or damaged: {', '.join(result.left_out)}.")
    if result.code_version != result.code_now:
        click.echo(f"It was made by code {result.code_version}, and again by {result.code_now}.")


@releases.command("serve")
@own_options
@click.argument("release_id", metavar="ID")
def serve_release(release_id: str) -> None:
    """Serve an earlier release again, until the next refresh that makes a new one."""
    home = CONTEXT.home()
    with refresh_lock(home), recorded(home, "serve", release_id):
        serve(home, release_id)
    click.echo(f"Release {release_id} is served.")


COMMANDS = (releases,)
