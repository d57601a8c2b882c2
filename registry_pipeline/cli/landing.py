"""Commands about files that have landed.

Belongs here: listing what every facility sent, withdrawing a file.
Does not belong here: landing (``registry refresh`` does it), what the files hold.
"""

from __future__ import annotations

from dataclasses import asdict

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.cli.rows import as_json, print_json
from registry_pipeline.intake.landing.ledger import LandedFile, read_ledger, withdraw
from registry_pipeline.operations.audit import recorded
from registry_pipeline.reporting.document.terminal import print_table

_COLUMNS = ("facility_id", "submission_no", "source_file", "n_bytes", "received_at", "sha256", "withdrawn_at",
            "too_large_for")  # fmt: skip


@click.group(invoke_without_command=True)
@own_options
@as_json
@click.pass_context
def landing(context: click.Context, is_json: bool) -> None:
    """The files that have landed; without a further word, a list of them."""
    if context.invoked_subcommand is None:
        _list_files(is_json)


@landing.command("list")
@own_options
@as_json
def list_landed(is_json: bool) -> None:
    """Every file that has landed, by facility, in landing order."""
    _list_files(is_json)


@landing.command("withdraw")
@own_options
@click.argument("facility_id", metavar="FACILITY")
@click.argument("file", metavar="FILE")
@click.option("--by", required=True, help="Who decides it.")
@click.option("--reason", required=True, help="Why; kept in the ledger and shown with the file's finding.")
def withdraw_file(facility_id: str, file: str, by: str, reason: str) -> None:
    """Take a landed file out of every later release.

    FILE is its name as received, or the beginning of its SHA-256 where one delivery of several is meant. The bytes
    and the entry in the ledger stay; the next refresh uses none of its rows and says so.
    """
    for name, text in (("--by", by), ("--reason", reason)):
        if not text.strip():
            raise click.UsageError(f"{name} is empty; say it in a few words")
    home = CONTEXT.home()
    with recorded(home, "withdraw file", details=f"{facility_id} by {by.strip()}"):
        withdrawn = withdraw(home, facility_id, file, by.strip(), " ".join(reason.split()))
    for landed in withdrawn:
        click.echo(f"withdrawn: {facility_id}/{landed.source_file} of {landed.received_at[:10]}")
    click.echo("the next refresh uses none of its rows: registry refresh")


def _list_files(is_json: bool) -> None:
    home = CONTEXT.home()
    files = [landed for facility_id in home.facility_ids() for landed in read_ledger(home, facility_id)]
    if is_json:
        print_json([asdict(landed) for landed in files])
    else:
        print_table(list(_COLUMNS), [_row(landed) for landed in files], "Landed files")


def _row(landed: LandedFile) -> list[object]:
    values = (getattr(landed, name) for name in _COLUMNS)
    return [None if value == "" else value for value in values]


COMMANDS = (landing,)
