"""The command that records what people decide of findings: decide.

Belongs here: arguments, what is refused before it reaches the ledger, and what is said.
Does not belong here: the ledger and what follows from a decision (``validation/``).
"""

from __future__ import annotations

import difflib
import unicodedata
from datetime import date
from typing import TYPE_CHECKING

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.validation.decisions.in_force import contradiction, today
from registry_pipeline.validation.decisions.ledger import (
    OF_PAIRS,
    STATES,
    Judged,
    LedgerError,
    append_decision,
    value_digest,
)

if TYPE_CHECKING:
    import duckdb

    from registry_pipeline.core.home import Home

LONGEST = {"--reason": 2000, "--by": 200}
_JUDGED = (
    "finding_id",
    "rule_id",
    "facility_id",
    "table_name",
    "record_key",
    "items",
    "value_text",
    "severity",
)


@click.command()
@own_options
@click.argument("finding_id", metavar="FINDING_ID")
@click.option("--as", "state", required=True, metavar="STATE", help=f"One of {', '.join(STATES)}.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept for good.")
@click.option("--by", "decided_by", required=True, metavar="NAME", help="Who decides; kept for good.")
@click.option("--until", metavar="DATE", help="Last day on which it holds, such as 2027-03-31 (UTC).")
def decide(finding_id: str, state: str, reason: str, decided_by: str, until: str | None) -> None:
    """Append a decision on a finding to the ledger. It takes effect at the next refresh.

    \b
    confirmed          the value is correct as it is
    waived             set aside; an error no longer keeps its record out
    answered           the facility has answered, the correction is under way
    same_person        (V05) the two patients are one: merged
    different_persons  (V05) the two patients are two: kept apart
    reopened           the finding waits for somebody again
    withdrawn          the decision before no longer holds
    """
    home = CONTEXT.home()
    said = {name: _text(name, value) for name, value in (("--reason", reason), ("--by", decided_by))}
    last_day = _day(until)
    if state not in STATES:
        raise click.ClickException(f"--as: unknown state '{state}'{_nearest(state, list(STATES))}")
    with CONTEXT.release() as connection:
        about, severity = _finding(connection, finding_id, home)
    _refuse_impossible(home, about, state)
    try:
        made = append_decision(home.decisions, about, state, said["--reason"], said["--by"], last_day)
    except LedgerError as problem:
        raise _store_error(problem) from None
    click.echo(f"Decision {made.decision_no}: {about.finding_id} ({about.rule_id}, {severity}) is {state}"
               f"{f' until {last_day}' if last_day else ''}. It takes effect at the next refresh.")  # fmt: skip


def _text(option: str, value: str) -> str:
    """A text in one line without control characters."""
    plain = " ".join(
        "".join(one for one in value if one.isspace() or unicodedata.category(one)[0] != "C").split()
    )
    if not plain:
        raise click.ClickException(f"{option} must not be blank")
    if len(plain) > LONGEST[option]:
        raise click.ClickException(f"{option} is longer than {LONGEST[option]} characters")
    return plain


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise click.ClickException("--until is no date; write it as 2027-03-31") from None
    if day < today():
        raise click.ClickException(f"--until {day} has passed already")
    return day.isoformat()


def _finding(connection: duckdb.DuckDBPyConnection, finding_id: str, home: Home) -> tuple[Judged, str]:
    """What the decision is about, and the finding's severity."""
    # A literal: to look at a parameter of any kind DuckDB imports pandas and pyarrow, a second or more.
    quoted = finding_id.replace("'", "''")
    columns = ", ".join(_JUDGED)
    rows = connection.execute(
        f"SELECT {columns} FROM quality.finding WHERE finding_id = '{quoted}'"
    ).fetchall()
    if not rows:
        known = connection.execute("SELECT finding_id FROM quality.finding").fetchall()
        raise click.ClickException(
            f"there is no finding '{finding_id}'{_nearest(finding_id, [one for (one,) in known])}"
        )
    *named, value, severity = rows[0]
    return Judged(*[one or "" for one in (*named, value_digest(value, home.key()))]), str(severity)


def _nearest(word: str, known: list[str]) -> str:
    """The nearest known word; of many ids those that begin alike are looked at first."""
    alike = [one for one in known if one[:3] == word[:3]] or known[:20_000]
    close = difflib.get_close_matches(word, alike, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return (
        f"; known: {', '.join(known)}"
        if 0 < len(known) <= len(STATES)
        else "; list them with: registry findings"
    )


def _refuse_impossible(home: Home, about: Judged, state: str) -> None:
    """States that a finding cannot take, and decisions on pairs that contradict those in force."""
    if state not in OF_PAIRS:
        return
    one, _, other = about.record_key.partition("|")
    if about.rule_id != "V05" or not other:
        raise click.ClickException(
            f"--as {state} is for pairs of patients (rule V05), and this is {about.rule_id}"
        )
    from registry_pipeline.pipeline.decisions import read_decision_state

    others = [made for made in read_decision_state(home).in_force if made.finding_id != about.finding_id]
    if (why := contradiction(others, (one, other), state)) is not None:
        raise click.ClickException(f"--as {state}: {why}")


def _store_error(problem: LedgerError) -> Exception:
    from registry_pipeline.core.files import StoreError

    return StoreError(str(problem))
