"""The command that records what people decide of findings: decide.

Belongs here: arguments, and what is said.
Does not belong here: what is refused and written (``stewardship/decide.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.cli.findings import chosen_filters, filter_options

if TYPE_CHECKING:
    import polars as pl

    from registry_pipeline.stewardship.findings import Snapshot


@click.command()
@own_options
@click.argument("finding_ids", metavar="[FINDING_ID]...", nargs=-1)
@click.option("--as", "state", required=True, metavar="STATE", help="What is decided; see above.")
@click.option(
    "--reason", required=True, metavar="TEXT", help="Why; of a remark, what is said. Kept for good."
)
@click.option("--by", "decided_by", required=True, envvar="REGISTRY_STEWARD", metavar="NAME",
              help="Who decides; kept for good. REGISTRY_STEWARD if not given.")  # fmt: skip
@click.option("--until", metavar="DATE", help="Last day on which it holds, such as 2027-03-31 (UTC).")
@click.option("--to", "assigned_to", metavar="NAME", help="Who looks after the finding from now on.")
@click.option("--due", "due_date", metavar="DATE", help="Day until which an answer is expected.")
@click.option("--value", "new_value", metavar="VALUE", help="Of a correction: the value to use.")
@filter_options
@click.option("--ids-from", type=click.File("r", encoding="utf-8"), metavar="FILE",
              help="Findings whose ids stand in this file, one a line; - for the input.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before deciding many findings.")
def decide(
    finding_ids: tuple[str, ...],
    state: str,
    reason: str,
    decided_by: str,
    ids_from: Any,
    yes: bool,
    until: str | None,
    assigned_to: str | None,
    due_date: str | None,
    new_value: str | None,
    **filters: tuple[str, ...],
) -> None:
    """Append a decision on findings to the ledger: named ones, or all open ones that the filters choose.

    \b
    confirmed          the value is correct as it is
    waived             set aside; an error no longer keeps its record out
    correction         another value (--value) is used until the source sends it
    sent, answered     the facility has been asked, has answered
    same_person        (V05) the two patients are one: merged
    different_persons  (V05) the two patients are two: kept apart
    reopened           the finding waits for somebody again
    withdrawn          the decision before no longer holds
    assigned           somebody (--to, --due) looks after it
    remark             something was said of it; its state stays
    """
    from registry_pipeline.stewardship.decide import DecisionRefused, Order
    from registry_pipeline.stewardship.decide import decide as append
    from registry_pipeline.stewardship.findings import take_snapshot

    home = CONTEXT.home()
    snapshot = take_snapshot(home)
    ids = [*finding_ids, *(line.strip() for line in ids_from or () if line.strip())]
    chosen = _named(snapshot, ids) if ids else _filtered(snapshot, filters)
    if ids and any(filters.values()):
        raise click.UsageError("name findings or choose them by filters, not both")
    if not ids and not yes:
        click.confirm(f"{state} on {chosen.height} findings?", abort=True)
    order = Order(state, reason, decided_by, until, assigned_to, due_date, new_value)
    try:
        entries = append(home, chosen, order)
    except DecisionRefused as problem:
        raise click.ClickException(str(problem)) from None
    _print_decided(chosen, order.state, until, entries[0].decision_no)


def _named(snapshot: Snapshot, ids: list[str]) -> pl.DataFrame:
    """The findings of some ids, in their order, each once."""
    import polars as pl

    from registry_pipeline.core.toml_source import nearest

    finding_ids = snapshot.findings.select("finding_id").to_series()
    for finding_id in ids:
        if finding_id not in finding_ids:
            alike = [present_id for present_id in finding_ids.to_list() if present_id[:3] == finding_id[:3]][
                :20_000
            ]
            hint = nearest(finding_id, alike) if alike else ""
            raise click.ClickException(
                f"there is no finding '{finding_id}'{hint or '; list them with: registry findings'}"
            )
    chosen = pl.DataFrame({"finding_id": list(dict.fromkeys(ids))})
    return chosen.join(snapshot.findings, on="finding_id", maintain_order="left")


def _filtered(snapshot: Snapshot, options: dict[str, tuple[str, ...]]) -> pl.DataFrame:
    from registry_pipeline.stewardship.findings import select_findings

    filters = chosen_filters(snapshot, options)
    if filters.is_empty:
        raise click.UsageError(
            "name the findings, or choose them with --rule, --facility, --file, --patient or --cause"
        )
    return select_findings(snapshot, filters)


def _print_decided(findings: pl.DataFrame, state: str, until: str | None, number: int) -> None:
    from registry_pipeline.stewardship.decide import closed_findings

    last_day = f" until {until}" if until else ""
    if findings.height == 1:
        finding = findings.row(0, named=True)
        sentence = f"Decision {number}: {finding['finding_id']} ({finding['rule_id']}, {finding['severity']}) is {state}{last_day}."
    else:
        sentence = f"Decisions {number} to {number + findings.height - 1}: {findings.height} findings are {state}{last_day}."
    click.echo(f"{sentence} It takes effect at the next refresh.")
    for status, n in closed_findings(findings).group_by("status").len().sort("status").iter_rows():
        subject = "The finding is" if findings.height == 1 else f"{n} of them are"
        click.echo(f"{subject} closed already ({status}); the decision counts if it comes back.")


COMMANDS = (decide,)
