"""Commands about findings and rules: findings, decisions, rule.

Belongs here: arguments, which columns are shown, in which form.
Does not belong here: which findings there are (``stewardship/findings.py``), deciding (``cli/decide.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry_pipeline.cli.context import CONTEXT, Function, own_options
from registry_pipeline.cli.query import form_of, out_file, write_rows
from registry_pipeline.cli.rows import as_json

if TYPE_CHECKING:
    import polars as pl

    from registry_pipeline.stewardship.findings import Filters, Snapshot

FORMS = ("csv", "json", "xlsx")
COUNTED_BY = (
    "rule",
    "facility",
    "severity",
    "status",
    "file",
    "patient",
    "assigned",
    "column",
    "value",
    "cause",
)
MOST_ROWS_SHOWN = 200


def filter_options(function: Function) -> Function:
    """The options that say which findings are meant; :func:`chosen_filters` reads them."""
    several: Mapping[str, tuple[str, str]] = {
        "facility": ("ID", "Of this facility; repeatable."),
        "rule": ("ID", "Of this rule; repeatable."),
        "severity": ("LEVEL", "error, warning or info; repeatable."),
        "patient": ("ID", "Of this patient (her pseudonym or a facility's own number); repeatable."),
        "file": ("NAME", "From this source file; repeatable."),
        "cause": (
            "FINDING_ID",
            "Of one cause with this finding: rule, facility, column and value; repeatable.",
        ),
    }
    for name, (metavar, text) in reversed(list(several.items())):
        function = click.option(f"--{name}", multiple=True, metavar=metavar, help=text)(function)
    return function


def chosen_filters(snapshot: Snapshot, options: Mapping[str, Any]) -> Filters:
    """Filters from the options of a command.

    Raises:
        click.UsageError: one names what there is not.
    """
    from registry_pipeline.stewardship.findings import Filters, UnknownFilter, refuse_unknown

    filters = Filters(**options)
    try:
        refuse_unknown(CONTEXT.home(), snapshot, filters)
    except UnknownFilter as problem:
        raise click.UsageError(str(problem)) from None
    return filters


@click.command()
@own_options
@filter_options
@click.option(
    "--status", multiple=True, metavar="STATE", help="In this state, or 'all'; the open ones if not given."
)
@click.option("--assigned", multiple=True, metavar="NAME", help="Looked after by this person; repeatable.")
@click.option("--new", is_flag=True, help="Shown for the first time by the last screening.")
@click.option("--overdue", is_flag=True, help="Asked, and the due date has passed.")
@click.option("--since", metavar="RELEASE", default="", help="First shown after this release.")
@click.option("--count-by", type=click.Choice(COUNTED_BY), help="How many of each, instead of the findings.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "xlsx"]), default="table")
@click.option("--language", default="en", metavar="CODE", help="Language of messages: en, zh.")
@click.option(
    "--every-row", is_flag=True, help="Also the rows behind a finding of a common cause, one by one."
)
@click.option("--json", "is_json", is_flag=True, help="The same as --format json.")
@out_file
def findings(
    form: str, language: str, is_json: bool, out: Path | None, count_by: str | None, **filters: Any
) -> None:
    """The findings as of the last screening, the gravest first.

    They are there before a release is: of a refresh that was refused, too. A text cell of CSV that a spreadsheet
    would take for a formula gets an apostrophe before it.
    """
    from registry_pipeline.stewardship import findings as stewardship

    form = form_of("json" if is_json else form, out, FORMS)
    if form == "xlsx" and out is None:
        raise click.UsageError("--format xlsx needs --out FILE")
    snapshot = _snapshot()
    chosen = stewardship.select_findings(snapshot, chosen_filters(snapshot, filters))
    if count_by is not None:
        chosen = stewardship.count_findings(chosen, stewardship.COUNTED_BY[count_by])
    else:
        try:
            chosen = stewardship.translate(chosen, language)
        except stewardship.UnknownFilter as problem:
            raise click.UsageError(str(problem)) from None
    if form != "table":
        write_rows(chosen.columns, chosen.iter_rows(), form, out)
    elif count_by is not None:
        from registry_pipeline.reporting.document.terminal import print_table

        print_table(chosen.columns, chosen.iter_rows(), "Findings")
    else:
        _show(snapshot, chosen)


def _snapshot() -> Snapshot:
    from registry_pipeline.stewardship.findings import take_snapshot
    from registry_pipeline.store.releases import NoRelease

    snapshot = take_snapshot(CONTEXT.home())
    if snapshot.screened_at is None and snapshot.release_id is None:
        raise NoRelease(
            f"{CONTEXT.root}: nothing has been judged and there is no release yet; put files into inbox/<facility>/ and run: registry refresh"
        )
    return snapshot


def _show(snapshot: Snapshot, findings: pl.DataFrame) -> None:
    """A list that fits the width of the terminal: the ids whole, the message on lines of its own."""
    from registry_pipeline.reporting.document.terminal import print_findings

    print_findings(findings.head(MOST_ROWS_SHOWN).iter_rows(named=True))
    n_more = findings.height - MOST_ROWS_SHOWN
    if n_more > 0:
        click.echo(f"... {n_more} more; --format csv gives all of them", err=True)
    click.echo(f"{findings.height} findings, {as_of(snapshot)}", err=True)


def as_of(snapshot: Snapshot) -> str:
    """Of when the findings are, and what became of the release."""
    if snapshot.is_released or snapshot.screened_at is None:
        return f"as in release {snapshot.release_id}"
    served = (
        f"release {snapshot.release_id} is still served" if snapshot.release_id else "there is no release yet"
    )
    return (
        f"as of the screening at {snapshot.screened_at:%Y-%m-%d %H:%M} UTC, which led to no release; {served}"
    )


@click.command()
@own_options
@click.option("--all", "every", is_flag=True, help="The whole ledger, not only what is pending.")
@as_json
def decisions(every: bool, is_json: bool) -> None:
    """Decisions that wait for the next refresh; --all gives every entry of the ledger."""
    from registry_pipeline.stewardship.decide import ledger_entries, pending

    home = CONTEXT.home()
    entries = ledger_entries(home) if every else pending(home)
    columns = [
        "decision_no",
        "decided_at",
        "finding_id",
        "rule_id",
        "facility_id",
        "state",
        "until",
        "decided_by",
        "reason",
    ]
    rows: list[Sequence[Any]] = [[getattr(entry, name) for name in columns] for entry in entries]
    if is_json:
        write_rows(columns, rows, "json", None)
        return
    from registry_pipeline.reporting.document.terminal import print_table

    print_table(columns, rows, "Decisions" if every else "Decisions that wait for the next refresh")


@click.command()
@own_options
@click.argument("rule_id", metavar="RULE")
def rule(rule_id: str) -> None:
    """A rule in words, with rows that pass and rows that fail."""
    from registry_pipeline.core.toml_source import nearest
    from registry_pipeline.pipeline.context import read_rules
    from registry_pipeline.validation.rules.page import rule_section

    home = CONTEXT.home()
    entries = read_rules(home, home.settings()).entries
    meant = next((entry for name, entry in entries.items() if name.casefold() == rule_id.casefold()), None)
    if meant is None:
        raise click.ClickException(f"there is no rule '{rule_id}'{nearest(rule_id, list(entries))}")
    click.echo("\n".join(rule_section(meant)))


COMMANDS = (decisions, findings, rule)
