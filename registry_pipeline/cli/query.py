"""Commands that look into a release: status, sql.

Belongs here: arguments, which rows are shown, in which form.
Does not belong here: opening releases (``store/releases.py``), drawing and writing rows (``reporting/``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.cli.rows import all_rows, as_json, print_json, print_json_tables, require_folder_of
from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.integrity import REMEDY, damaged_landed
from registry_pipeline.operations.approval import choose_approved
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.reporting.document.rows import write_csv, write_json, write_xlsx
from registry_pipeline.reporting.document.terminal import print_rows, print_table
from registry_pipeline.stewardship.status import STATUS
from registry_pipeline.store.integrity import damaged_files
from registry_pipeline.store.query import Answer, QueryError, ask
from registry_pipeline.store.releases import (
    ANALYST_DATABASE,
    DATABASE,
    choose_release,
    created_at,
    current_release,
    release_folder,
    release_ids,
    reports_problem,
    why_none_is_served,
)
from registry_pipeline.store.retention import release_bytes

if TYPE_CHECKING:
    import duckdb

MOST_ROWS_SHOWN = 200
ANSWER_FORMS = ("csv", "json", "parquet")
out_file = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="Write to this file."
)

TITLES = {
    "row_account": "Rows received",
    "open_findings": "Open findings",
    "failed_rules": "Rules that failed to run: their records were not judged by them",
    "scorecard": "Published numbers beside these data",
}


@click.command()
@own_options
@as_json
@click.option(
    "--verify", is_flag=True, help="Compare every landed file and every file of every release with its hash."
)
def status(is_json: bool, verify: bool) -> None:
    """The current release, row accounting, open findings, scorecard."""
    home = CONTEXT.home()
    if verify:
        _verify(home)
    if current_release(home) is None:
        why = why_none_is_served(home)
        if is_json:
            print_json({"release": None})
        else:
            click.echo(why[0].upper() + why[1:])
        return
    with CONTEXT.release() as connection:
        tables = {name: all_rows(connection, query) for name, query in STATUS.items()}
    if is_json:
        print_json_tables(tables)
        return
    columns, rows = tables.pop("release")
    for name, value in zip(columns, rows[0], strict=True):
        click.echo(f"{name:<22}{'' if value is None else value}")
    click.echo(f"{'disk':<22}{_disk(home)}")
    if problem := reports_problem(home):
        click.echo(f"{'reports':<22}{problem}; the next refresh tries again")
    computed = tables["scorecard"][0].index("computed")
    if all(row[computed] is None for row in tables["scorecard"][1]):
        del tables["scorecard"]  # a registry that has no such study
    for name, (columns, rows) in tables.items():
        if rows or name != "failed_rules":
            click.echo("")
            print_table(columns, rows, TITLES[name])


def _disk(home: Home) -> str:
    """What the last refresh has added to the disk, and what all releases and landed files take."""
    served, sizes = (
        current_release(home),
        {release_id: release_bytes(home, release_id) for release_id in release_ids(home)},
    )
    began = created_at(
        max((release_id for release_id in sizes if release_id < str(served)), default=str(served))
    ).timestamp()
    landed = [path.stat() for path in home.landing.glob("*/*") if path.is_file()]
    arrived = sum(file.st_size for file in landed if file.st_mtime > began or len(sizes) == 1)
    added = (sizes[str(served)] + arrived) / 1e6
    return (
        f"{added:.1f} MB more by this release; {len(sizes)} releases take {sum(sizes.values()) / 1e6:.1f} MB, "
        f"landed files {sum(file.st_size for file in landed) / 1e6:.1f} MB"
    )


def _verify(home: Home) -> None:
    """Say whether what landed is what was received, and the served release and the others what was sealed.

    Raises:
        Refused: files of them are damaged; names them.
    """
    if lost := [str(path.relative_to(home.landing)) for path in damaged_landed(home)]:
        raise Refused(f"{home.landing}: not what was received: {', '.join(lost)}; {REMEDY}")
    click.echo("Every landed file is as it was received.", err=True)
    release_id = choose_release(home)
    if damaged := damaged_files(home, release_id):
        folder = release_folder(home, release_id)
        raise Refused(
            f"{folder}: damaged: {', '.join(damaged)}; `registry refresh` serves a whole release and makes a new one"
        )
    others = {other: damaged_files(home, other) for other in release_ids(home) if other != release_id}
    if described := [f"{other} ({', '.join(damaged)})" for other, damaged in others.items() if damaged]:
        raise Refused(
            f"{home.releases}: the served release is as it was sealed; damaged: {'; '.join(described)}; restore their "
            "folders from a backup: nothing is compared with a damaged release"
        )
    click.echo(f"Every file of release {release_id} is as it was sealed.", err=True)
    if others:
        click.echo(f"So is every file of the earlier and later releases ({len(others)}).", err=True)


def form_of(form: str, out: Path | None, forms: Sequence[str]) -> str:
    """The form in which rows are written: a table is for the terminal, a file says its form by its ending."""
    if form != "table" or out is None:
        return form
    ending = out.suffix.lower().lstrip(".")
    if ending not in forms:
        raise click.UsageError(f"--out: say with --format what {out.name} shall be: {', '.join(forms)}")
    return ending


@click.command()
@own_options
@click.argument("question", metavar='["SELECT ..."]', required=False)
@click.option("--release", "release_id", metavar="ID", help="Ask this release; the current one if not given.")
@click.option(
    "--attach", "attached_id", metavar="ID", help="A second release, as attached.mart.cohort and so on."
)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "parquet"]), default="table")
@click.option("--json", "is_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--analyst", "is_analyst", is_flag=True, help="Ask analyst.duckdb of the newest approved release."
)
@out_file
def sql(
    question: str | None,
    release_id: str | None,
    attached_id: str | None,
    is_analyst: bool,
    form: str,
    is_json: bool,
    out: Path | None,
) -> None:
    """Ask a release; read-only, locked down. Without an argument reads the question from the input.

    At a terminal it is a prompt: Tab completes names, the arrows bring earlier questions back.

    CSV puts an apostrophe before text that a spreadsheet would take for a formula; JSON and Parquet do not.
    """
    if is_analyst and attached_id is not None:
        raise click.UsageError(
            "--analyst and --attach: the stewards' database is not opened beside the analysts'"
        )
    if is_analyst:
        release_id = choose_approved(CONTEXT.home(), release_id)
    database = ANALYST_DATABASE if is_analyst else DATABASE
    with CONTEXT.release(release_id, attached_id, database) as connection:
        if question is None and sys.stdin.isatty():
            _converse(connection)
            return
        form = form_of("json" if is_json else form, out, ANSWER_FORMS)
        answer = ask(connection, question if question is not None else _read_question())
        _answer(answer, form, out)


def _read_question() -> str:
    """The input.

    Raises:
        QueryError: it is no text.
    """
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise QueryError("the question is no text in UTF-8") from None


def _answer(answer: Answer, form: str, out: Path | None) -> None:
    if form == "parquet":
        _write_parquet(answer, out)
    elif form == "table":
        show_rows(answer.columns, answer.rows(), None)
    else:
        write_rows(answer.columns, answer.rows(), form, out)


def _converse(connection: duckdb.DuckDBPyConnection) -> None:
    """Questions until the end of the input (Ctrl-D); each ends with a semicolon."""
    from registry_pipeline.cli.prompt import questions

    click.echo(
        "Tables: curated.*, mart.*, result.*, quality.*, meta.*; start with: FROM column_guide;", err=True
    )
    names = connection.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables "
        "UNION SELECT column_name FROM information_schema.columns"
    ).fetchall()
    questions(
        [name for (name,) in names],
        CONTEXT.home().root / ".sql_history",
        partial(_answer_at_prompt, connection),
    )


def _answer_at_prompt(connection: duckdb.DuckDBPyConnection, question: str) -> None:
    try:
        _answer(ask(connection, question), "table", None)
    except QueryError as problem:
        click.echo(str(problem), err=True)


def _write_parquet(answer: Answer, out: Path | None) -> None:
    if out is None and sys.stdout.isatty():
        raise click.UsageError("--format parquet needs --out FILE or a pipe")
    import pyarrow
    import pyarrow.parquet as parquet

    table = answer.result.to_arrow_table()
    for column in table.schema:
        try:
            parquet.ParquetWriter(pyarrow.BufferOutputStream(), pyarrow.schema([column]))
        except pyarrow.ArrowNotImplementedError:
            raise QueryError(
                f"Parquet has no type for the column '{column.name}'; write it as text: CAST(… AS VARCHAR)"
            ) from None
    with _binary(out) as stream:
        parquet.write_table(table, stream)


def _binary(out: Path | None) -> IO[bytes]:
    if out is None:
        return sys.stdout.buffer
    require_folder_of(out, "--out")
    return out.open("wb")


def show_rows(columns: list[str], rows: Iterable[Sequence[Any]], title: str | None) -> None:
    """A table of the first rows; says how many more there are."""
    shown: list[Sequence[Any]] = []
    n_more = 0
    for row in rows:
        if len(shown) < MOST_ROWS_SHOWN:
            shown.append(row)
        else:
            n_more += 1
    print_rows(columns, shown, title)
    if n_more:
        click.echo(f"... {n_more} more rows; --format csv gives all of them", err=True)


def write_rows(columns: list[str], rows: Iterable[Sequence[Any]], form: str, out: Path | None) -> None:
    """Rows as CSV, JSON or XLSX, to a file or to the output."""
    writers = {"csv": write_csv, "json": write_json}
    if out is not None:
        require_folder_of(out, "--out")
    if form == "xlsx":
        assert out is not None
        write_xlsx(columns, rows, out, "findings")
    elif out is None:
        writers[form](columns, rows, sys.stdout)
    else:
        # A byte-order mark lets spreadsheets read UTF-8.
        with out.open("w", encoding="utf-8-sig" if form == "csv" else "utf-8", newline="") as stream:
            writers[form](columns, rows, stream)


COMMANDS = (sql, status)
