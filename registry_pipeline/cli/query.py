"""Commands that look into a release: status, findings, sql.

Belongs here: arguments, which rows are shown, in which form.
Does not belong here: opening releases (``store/releases.py``), drawing and writing rows (``reporting/``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.cli.rows import all_rows, as_json, objects
from registry_pipeline.core.toml_source import nearest
from registry_pipeline.reporting.document.rows import write_csv, write_json, write_xlsx
from registry_pipeline.reporting.document.terminal import print_table
from registry_pipeline.store.query import Answer, QueryError, ask
from registry_pipeline.store.releases import current_release

if TYPE_CHECKING:
    import duckdb

MOST_ROWS_SHOWN = 200
FINDING_FORMS = ("csv", "json", "xlsx")
ANSWER_FORMS = ("csv", "json", "parquet")
KNOWN = {
    "rule_id": "SELECT rule_id FROM quality.rule UNION SELECT rule_id FROM quality.finding",
    "facility_id": "SELECT facility_id FROM meta.submission UNION SELECT facility_id FROM quality.finding",
    "state": "SELECT code FROM meta.code WHERE code_list = 'finding_status'",
}
"""What a filter of findings may name, by option."""
out_file = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="Write to this file."
)

STATUS = {
    "release": "SELECT * FROM meta.release",
    "row_account": "SELECT * FROM row_accounting",
    "open_findings": """
        SELECT facility_id, severity, count(*) AS n_findings, count(DISTINCT rule_id) AS n_rules
        FROM open_findings GROUP BY facility_id, severity
        ORDER BY facility_id, array_position(['error', 'warning', 'info'], severity)""",
    "failed_rules": """
        SELECT rule_id, facility_id, severity, table_name FROM quality.rule_result JOIN quality.rule USING (rule_id)
        WHERE status = 'failed_to_run' ORDER BY rule_id, facility_id""",
    "scorecard": """
        SELECT item, part, description, published, computed, ci_lower, ci_upper, n, agrees
        FROM published_and_computed""",
}
TITLES = {
    "row_account": "Rows received",
    "open_findings": "Open findings",
    "failed_rules": "Rules that failed to run: their records were not judged by them",
    "scorecard": "Published numbers beside these data",
}
SHOWN = (
    "finding_id",
    "severity",
    "status",
    "facility_id",
    "rule_id",
    "source_file",
    "source_row",
    "items",
    "message",
)


@click.command()
@own_options
@as_json
def status(is_json: bool) -> None:
    """The current release, row accounting, open findings, scorecard."""
    home = CONTEXT.home()
    if current_release(home) is None:
        missing = (
            f"There is no release yet. Put files into {home.inbox}/<facility>/ and run: registry refresh"
        )
        click.echo(json.dumps({"release": None}) if is_json else missing)
        return
    with CONTEXT.release() as connection:
        tables = {name: all_rows(connection, query) for name, query in STATUS.items()}
    if is_json:
        click.echo(json.dumps({name: objects(*table) for name, table in tables.items()}, ensure_ascii=False))
        return
    columns, rows = tables.pop("release")
    for name, value in zip(columns, rows[0], strict=True):
        click.echo(f"{name:<22}{'' if value is None else value}")
    for name, (columns, rows) in tables.items():
        if rows or name != "failed_rules":
            click.echo("")
            print_table(columns, rows, TITLES[name])


@click.command()
@own_options
@click.option("--facility", "facility_id", multiple=True, metavar="ID", help="Of this facility; repeatable.")
@click.option("--rule", "rule_id", multiple=True, metavar="ID", help="Of this rule; repeatable.")
@click.option("--severity", multiple=True, type=click.Choice(["error", "warning", "info"]))
@click.option("--status", "state", multiple=True, metavar="STATE", default=("open", "reopened"),
              help="In this state, or 'all'; open and reopened if not given.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "xlsx"]), default="table")
@click.option("--language", default="en", metavar="CODE", help="Language of messages: en, zh.")
@click.option(
    "--every-row", is_flag=True, help="Also the rows behind a finding of a common cause, one by one."
)
@click.option("--json", "is_json", is_flag=True, help="The same as --format json.")
@out_file
def findings(
    form: str, language: str, every_row: bool, is_json: bool, out: Path | None, **filters: tuple[str, ...]
) -> None:
    """The findings of the current release, the gravest first.

    A text cell of CSV that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    form = _form("json" if is_json else form, out, FINDING_FORMS)
    if form == "xlsx" and out is None:
        raise click.UsageError("--format xlsx needs --out FILE")
    with CONTEXT.release() as connection:
        _refuse_unknown(connection, filters)
        columns, rows = _findings(connection, filters, every_row)
    rows = _in_language(columns, rows, language)
    if form == "table":
        chosen = [columns.index(name) for name in SHOWN]
        _show(list(SHOWN), ([row[one] for one in chosen] for row in rows), "Findings")
    else:
        _write(columns, rows, form, out)


def _form(form: str, out: Path | None, known: Sequence[str]) -> str:
    """The form in which rows are written: a table is for the terminal, a file says its form by its ending."""
    if form != "table" or out is None:
        return form
    ending = out.suffix.lower().lstrip(".")
    if ending not in known:
        raise click.UsageError(f"--out: say with --format what {out.name} shall be: {', '.join(known)}")
    return ending


def _refuse_unknown(connection: duckdb.DuckDBPyConnection, filters: dict[str, tuple[str, ...]]) -> None:
    """A filter that can match nothing is a slip, not a registry without findings."""
    for name, query in KNOWN.items():
        if not filters[name]:
            continue
        known = [str(row[0]) for row in all_rows(connection, query)[1]]
        known += CONTEXT.home().facility_ids() if name == "facility_id" else []
        for one in filters[name]:
            if one not in known and not (name == "state" and one == "all"):
                option = {"state": "status"}.get(name, name.removesuffix("_id"))
                raise click.UsageError(f"--{option}: there is no '{one}'{nearest(one, known)}")


def _in_language(columns: list[str], rows: list[tuple[Any, ...]], language: str) -> list[tuple[Any, ...]]:
    """Rows of findings with message and suggestion in a language."""
    if language == "en":
        return rows
    from registry_pipeline.validation.rules.translations import translated_message, translated_suggestion
    from schemas.messages import known_language

    try:
        known = known_language(language)
    except ValueError as problem:
        raise click.UsageError(f"--language: {problem}") from None
    rule, message, suggestion = (columns.index(name) for name in ("rule_id", "message", "suggestion"))
    told = []
    for row in rows:
        made = list(row)
        made[message] = translated_message(row[rule], row[message], known)
        made[suggestion] = translated_suggestion(row[rule], row[suggestion], known)
        told.append(tuple(made))
    return told


def _findings(
    connection: duckdb.DuckDBPyConnection, filters: dict[str, tuple[str, ...]], every_row: bool
) -> tuple[list[str], list[tuple[Any, ...]]]:
    states = filters.pop("state")
    wanted = {name: list(values) for name, values in filters.items() if values}
    wanted |= {} if "all" in states else {"status": list(states)}
    # Literals: to look at a parameter of any kind DuckDB imports pandas and pyarrow, a second or more.
    tests = [f"{name} IN ({', '.join(map(_literal, values))})" for name, values in wanted.items()]
    tests += [] if every_row else ["systemic_finding_id IS NULL"]
    result = connection.execute(
        f"""SELECT * FROM quality.finding WHERE {" AND ".join(tests) or "true"}
        ORDER BY array_position(['error', 'warning', 'info'], severity), facility_id, rule_id, record_key, finding_id"""
    )
    return [one[0] for one in result.description or []], result.fetchall()


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@click.command()
@own_options
@click.argument("question", metavar='["SELECT ..."]', required=False)
@click.option("--release", "release_id", metavar="ID", help="Ask this release; the current one if not given.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "parquet"]), default="table")
@click.option("--json", "is_json", is_flag=True, help="The same as --format json.")
@out_file
def sql(question: str | None, release_id: str | None, form: str, is_json: bool, out: Path | None) -> None:
    """Ask a release; read-only, locked down. Without an argument reads the question from the input.

    CSV puts an apostrophe before text that a spreadsheet would take for a formula; JSON and Parquet do not.
    """
    with CONTEXT.release(release_id) as connection:
        if question is None and sys.stdin.isatty():
            _converse(connection)
            return
        form = _form("json" if is_json else form, out, ANSWER_FORMS)
        answer = ask(connection, question if question is not None else sys.stdin.read())
        _answer(answer, form, out)


def _answer(answer: Answer, form: str, out: Path | None) -> None:
    if form == "parquet":
        _write_parquet(answer, out)
    elif form == "table":
        _show(answer.columns, answer.rows(), None)
    else:
        _write(answer.columns, answer.rows(), form, out)


def _converse(connection: duckdb.DuckDBPyConnection) -> None:
    """Questions until the end of the input (Ctrl-D); each ends with a semicolon."""
    click.echo(
        "Tables: curated.*, mart.*, result.*, quality.*, meta.*; start with: FROM column_guide;", err=True
    )
    asked: list[str] = []
    while True:
        try:
            asked.append(input("     > " if asked else "sql  > "))
        except EOFError:
            return
        if asked[-1].rstrip().endswith(";") or asked[-1].strip() in ("", "quit", "exit"):
            question, asked = "\n".join(asked), []
            if question.strip() in ("quit", "exit"):
                return
            try:
                if question.strip():
                    _answer(ask(connection, question), "table", None)
            except QueryError as problem:
                click.echo(str(problem), err=True)


def _write_parquet(answer: Answer, out: Path | None) -> None:
    if out is None and sys.stdout.isatty():
        raise click.UsageError("--format parquet needs --out FILE or a pipe")
    import pyarrow.parquet as parquet

    with _binary(out) as stream:
        parquet.write_table(answer.result.to_arrow_table(), stream)


def _binary(out: Path | None) -> IO[bytes]:
    if out is None:
        return sys.stdout.buffer
    _refuse_impossible(out)
    return out.open("wb")


def _refuse_impossible(out: Path) -> None:
    if not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out: there is no folder {out.absolute().parent}")


def _show(columns: list[str], rows: Iterable[Sequence[Any]], title: str | None) -> None:
    """A table of the first rows; says how many more there are."""
    kept: list[Sequence[Any]] = []
    n_more = 0
    for row in rows:
        if len(kept) < MOST_ROWS_SHOWN:
            kept.append(row)
        else:
            n_more += 1
    print_table(columns, kept, title)
    if n_more:
        click.echo(f"... {n_more} more rows; --format csv gives all of them", err=True)


def _write(columns: list[str], rows: Iterable[Sequence[Any]], form: str, out: Path | None) -> None:
    writers = {"csv": write_csv, "json": write_json}
    if out is not None:
        _refuse_impossible(out)
    if form == "xlsx":
        assert out is not None
        write_xlsx(columns, rows, out, "findings")
    elif out is None:
        writers[form](columns, rows, sys.stdout)
    else:
        # A byte-order mark lets spreadsheets read UTF-8.
        with out.open("w", encoding="utf-8-sig" if form == "csv" else "utf-8", newline="") as stream:
            writers[form](columns, rows, stream)
