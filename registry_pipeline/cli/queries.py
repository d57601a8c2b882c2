"""The query workbook: queries export, queries import.

Belongs here: arguments, and what is said. Does not belong here: the workbook (``stewardship/queries/``).
"""

from __future__ import annotations

from pathlib import Path

import click

from registry_pipeline.cli.context import CONTEXT, own_options


@click.group()
@own_options
def queries() -> None:
    """The workbook with the questions to a facility, and its answers back."""


@queries.command("export")
@own_options
@click.option("--facility", "facility_id", required=True, metavar="ID", help="To this facility.")
@click.option("--out", "folder", required=True, metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help="Write the workbook into this folder.")  # fmt: skip
@click.option("--severity", multiple=True, type=click.Choice(["error", "warning", "info"]), default=("error", "warning"),
              show_default=True, help="Ask about these; repeatable.")  # fmt: skip
@click.option("--rule", multiple=True, metavar="ID", help="Ask about this rule; repeatable.")
@click.option("--again", is_flag=True, help="Also what was sent before and is not answered yet.")
@click.option("--language", default="en", metavar="CODE", help="Language of the workbook: en, zh.")
@click.option("--by", "sent_by", metavar="NAME", envvar="REGISTRY_STEWARD",
              help="Who sends it: the findings are then marked as sent.")  # fmt: skip
@click.option("--due", "due_date", metavar="DATE", help="Day until which an answer is expected.")
def export(
    facility_id: str,
    folder: Path,
    severity: tuple[str, ...],
    rule: tuple[str, ...],
    again: bool,
    language: str,
    sent_by: str | None,
    due_date: str | None,
) -> None:
    """One XLSX with a facility's open findings, its own record numbers and locked answers."""
    from registry_pipeline.cli.findings import chosen_filters
    from registry_pipeline.operations.audit import recorded
    from registry_pipeline.stewardship.decide import DecisionRefused, Order, decide
    from registry_pipeline.stewardship.findings import select_findings, take_snapshot
    from registry_pipeline.stewardship.queries.export import write_queries

    home = CONTEXT.home()
    if not folder.is_dir():
        raise click.UsageError(f"--out: there is no folder {folder}")
    snapshot = take_snapshot(home)
    states = ("open", "reopened", *(("sent",) if again else ()))
    options = {"facility": (facility_id,), "severity": severity, "rule": rule, "status": states}
    chosen = select_findings(snapshot, chosen_filters(snapshot, options))
    if chosen.is_empty():
        click.echo(f"{facility_id} has no open finding to ask about")
        return
    try:
        details = f"{facility_id}, {chosen.height} queries"
        with recorded(home, "queries export", snapshot.release_id or "", details):
            path = write_queries(home, facility_id, chosen, folder, language)
        click.echo(f"{path}: {chosen.height} queries to {facility_id}")
        if sent_by:
            decide(home, chosen, Order("sent", f"query workbook {path.name}", sent_by, due_date=due_date))
            click.echo("They are marked as sent.")
    except (ValueError, DecisionRefused) as problem:
        raise click.ClickException(str(problem)) from None


@queries.command("import")
@own_options
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--by", "imported_by", required=True, envvar="REGISTRY_STEWARD", metavar="NAME",
              help="Who reads it back; kept for good.")  # fmt: skip
def import_(file: Path, imported_by: str) -> None:
    """The answers of a facility, appended to the ledger; a row that was altered refuses the file."""
    from registry_pipeline.stewardship.decide import DecisionRefused
    from registry_pipeline.stewardship.findings import take_snapshot
    from registry_pipeline.stewardship.queries.answers import WorkbookRefused, import_answers

    home = CONTEXT.home()
    try:
        result = import_answers(home, take_snapshot(home), file, imported_by)
    except (WorkbookRefused, DecisionRefused) as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"{len(result.answered)} answers were appended; {result.n_open} rows are not answered yet, "
               f"{result.n_repeated} had been read before, {result.n_unknown} are about findings that are gone, "
               f"{result.n_outdated} about values that have changed since.")  # fmt: skip


COMMANDS = (queries,)
