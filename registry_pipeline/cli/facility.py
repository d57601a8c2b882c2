"""Commands for a facility that joins: facility new, facility check.

Belongs here: arguments, writing the draft, showing the report of a check.
Does not belong here: guessing (``intake/profiling/``), trying a mapping out (``pipeline/facility_check.py``).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.cli.rows import as_json, print_json
from registry_pipeline.core.home import FACILITY_ID_FORM, is_facility_id
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.reporting.document.terminal import harmless, print_findings, print_table

if TYPE_CHECKING:
    from registry_pipeline.core.home import Home
    from registry_pipeline.intake.profiling import Draft
    from registry_pipeline.pipeline.facility_check import CheckReport


def _facility_id(_: click.Context, __: click.Parameter, value: str) -> str:
    if not is_facility_id(value):
        raise click.BadParameter(f"the id of a facility is {FACILITY_ID_FORM}")
    return value


facility_id = click.argument("facility_id", metavar="ID", callback=_facility_id)


@click.group()
def facility() -> None:
    """A facility that joins: draft its mapping from real files, try the mapping out."""


@facility.command("new")
@own_options
@facility_id
@click.option(
    "--from", "paths", multiple=True, required=True, metavar="FILE",
    type=click.Path(path_type=Path, exists=True), help="A real export, or a folder of them; repeatable.",
)  # fmt: skip
@click.argument("more", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path, exists=True))
@click.option("--force", is_flag=True, help="Write over a mapping that is there.")
@as_json
def new(
    facility_id: str, paths: tuple[Path, ...], more: tuple[Path, ...], force: bool, is_json: bool
) -> None:
    """Draft a commented mapping from real files.

    What is recognised is mapped, each guess with its evidence; what is not is asked in lines that begin with
    "# ?". The draft holds no value of any record.
    """
    from registry_pipeline.intake.profiling import draft_mapping
    from registry_pipeline.operations.audit import recorded

    home = CONTEXT.home()
    target = home.facilities / f"{facility_id}.toml"
    if target.exists() and not force:
        raise ConfigurationError(target, None, "is there already; --force writes over it")
    files = _files([*paths, *more])
    draft = draft_mapping(
        facility_id, files, progress=lambda line: click.echo(f"  {harmless(line)}", err=True)
    )
    if not draft.n_sources:
        raise ConfigurationError(files[0].parent, None, "no file could be used: " + "; ".join(draft.problems))
    with recorded(home, "facility new", details=facility_id):
        _write(home, target, draft)
        (home.inbox / facility_id).mkdir(exist_ok=True)
    _print_draft(home, target, facility_id, draft, is_json)


def _files(paths: list[Path]) -> list[Path]:
    """Files as given, folders as the files that lie directly in them."""
    files = [
        file
        for path in paths
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        if file.is_file() and not file.name.startswith((".", "~$"))
    ]
    if not files:
        raise click.UsageError("--from names no file")
    return list(dict.fromkeys(files))


def _write(home: Home, target: Path, draft: Draft) -> None:
    """The draft takes the place of the mapping only after it was read as one."""
    from registry_pipeline.core.files import sweep, write_text
    from registry_pipeline.core.private_folders import private_folder, sweep_private_folders
    from registry_pipeline.intake.mapping.facility import read_facility

    sweep(home.facilities)  # what one that was killed has left
    sweep_private_folders(home.root)
    with private_folder(home.root) as folder:
        trial = folder / target.name
        trial.write_text(draft.text, encoding="utf-8")
        read_facility(trial)
    write_text(draft.text, target)


def _print_draft(home: Home, target: Path, facility_id: str, draft: Draft, is_json: bool) -> None:
    if is_json:
        answer = {
            "file": str(target), "n_sources": draft.n_sources, "n_columns": draft.n_columns,
            "n_mapped": draft.n_mapped, "n_guessed": draft.n_guessed, "n_questions": draft.n_questions, "problems": list(draft.problems),
        }  # fmt: skip
        print_json(answer)
        return
    for problem in draft.problems:
        click.echo(harmless(problem), err=True)
    guessed = f", {draft.n_guessed} more guessed in lines to be confirmed" if draft.n_guessed else ""
    click.echo(
        f"{target}: {draft.n_mapped} of {draft.n_columns} columns recognised in {draft.n_sources} sources{guessed}."
    )
    click.echo(f'It asks {draft.n_questions} questions: answer the lines that begin with "# ?". Next:')
    click.echo(f"  put the files into {home.inbox / facility_id}/")
    click.echo(f"  {home.command} facility check {facility_id}")


@facility.command("check")
@own_options
@facility_id
@click.option("--every-finding", is_flag=True, help="Also the findings themselves, row by row.")
@as_json
def check(facility_id: str, every_finding: bool, is_json: bool) -> None:
    """Try a mapping out on the facility's files, without publishing or changing anything.

    Shows texts of records that could not be read: it is for the data manager's eyes.
    """
    from registry_pipeline.pipeline.facility_check import check_facility

    home = CONTEXT.home()
    report = check_facility(home, facility_id, lambda line: click.echo(f"  {line}", err=True))
    if is_json:
        print_json(asdict(report))
    else:
        _show(report)
        if every_finding:
            print_findings(report.findings)


def _show(report: CheckReport) -> None:
    for problem in report.problems:
        click.echo(harmless(problem), err=True)
    names = ("source_file", "source", "n_rows", "status")
    print_table(
        ("file", "source", "rows", "state"),
        ([file[name] for name in names] for file in report.files),
        "Files",
    )
    _show_columns(report)
    records = [(table, *counts.values()) for table, counts in report.tables.items() if any(counts.values())]
    print_table(("table", "accepted", "in quarantine"), records, "Records")
    rules = ("rule_id", "severity", "n_findings", "n_denominator", "items", "message")
    print_table(
        ("rule", "severity", "findings", "of", "in", "message"), ([rule[name] for name in rules] for rule in report.rules),
        "Findings by rule",
    )  # fmt: skip
    account = [
        [value for name, value in row.items() if name not in ("facility_id", "submission_id")]
        for row in report.row_account
    ]
    heads = [name for name in (report.row_account or [{}])[0] if name not in ("facility_id", "submission_id")]
    print_table(heads, account, "Rows received")


def _show_columns(report: CheckReport) -> None:
    rows = [
        (
            column.source, column.column, column.state if column.state != "mapped" else ", ".join(column.feeds),
            column.n_rows, column.n_blank, None if column.n_used is None else column.n_used - (column.n_unread or 0), column.n_unread,
        )
        for column in report.columns
        if column.state != "ignored"
    ]  # fmt: skip
    heads = ("source", "column", "feeds", "rows", "blank", "read", "not read")
    print_table(heads, rows, "Columns", is_wrapped=False)
    unread = [
        (column.source, column.column, text, n) for column in report.columns for text, n in column.unread
    ]
    print_table(
        ("source", "column", "text", "rows"), unread, "Texts that could not be read, the ten most frequent"
    )
    states = [column.state for column in report.columns]
    click.echo(
        f"{states.count('mapped')} columns mapped, {states.count('ignored')} ignored on purpose,"
        f" {states.count('unknown')} unknown, {states.count('missing')} mapped and missing."
    )


COMMANDS = (facility,)
