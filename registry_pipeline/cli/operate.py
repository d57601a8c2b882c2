"""Commands of an operator: doctor, alerts, backup, restore, audit.

Belongs here: arguments, what is shown, exit codes. Does not belong here: what they do (``operations/``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry_pipeline.cli.context import CONTEXT, REFUSED, own_options
from registry_pipeline.cli.rows import as_json, print_json
from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.reporting.document.terminal import print_table

if TYPE_CHECKING:
    from registry_pipeline.operations.diagnosis import Diagnosis


@click.command()
@own_options
@as_json
def doctor(is_json: bool) -> int:
    """Whether the home is well, and what to do where it is not.

    Exit code 0 where all is well or there are warnings only, 1 where something is wrong.
    """
    from registry_pipeline.operations.diagnosis import ERROR
    from registry_pipeline.operations.doctor import examine

    diagnoses = examine(CONTEXT.home(), _services)
    if is_json:
        print_json([asdict(diagnosis) for diagnosis in diagnoses])
    else:
        print_table(("subject", "state", "message", "what to do"), map(astuple, diagnoses), "Registry home")
    return REFUSED if any(diagnosis.state == ERROR for diagnosis in diagnoses) else 0


def _services(home: Home) -> Iterator[Diagnosis]:
    """Whether the broker and the place of results answer, where several machines do the work."""
    from registry_pipeline.operations.diagnosis import ERROR, WELL, Diagnosis

    try:
        if home.settings().execution.engine != "celery":
            return
    except ConfigurationError:  # told already
        return
    try:
        from registry_pipeline.defs.cluster.services import service_problem
    except ImportError:
        missing, remedy = "a library of the engine celery is missing", "install registry-pipeline[cluster]"
        yield Diagnosis("services", ERROR, missing, remedy)
        return
    if problem := service_problem(home):
        remedy = "start it, or put the address right; no refresh can give out work"
        yield Diagnosis("services", ERROR, problem, remedy)
    else:
        yield Diagnosis("services", WELL, "the broker and the place of results answer")


@click.command()
@own_options
@click.argument("target", metavar="TO", type=click.Path(path_type=Path, file_okay=False))
def backup(target: Path) -> None:
    """Copy the home into a new folder of TO, with a hash of every file; a refresh may run meanwhile.

    Without the key: whoever has both can undo the pseudonyms.
    """
    from registry_pipeline.operations.backup import back_up

    home = CONTEXT.home()
    folder = back_up(home, target)
    click.echo(f"{folder} holds the home, without working files, the inbox and the key.")
    click.echo(f"Keep a copy of {home.key_file} in another place; restore needs both.")


@click.command()
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--key", "key_file", required=True, metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="The copy of secrets/pseudonym.key that was kept apart.",
)  # fmt: skip
def restore(source: Path, folder: Path, key_file: Path) -> None:
    """Make a home in DIR of the backup FROM; every file is compared with its hash first."""
    from registry_pipeline.operations.backup import restore as restore_home

    home = restore_home(source, folder, key_file)
    click.echo(f"{home.root} is restored, and every file is as it was. Next:")
    click.echo(f"  {home.command} status --verify")


@click.command()
@own_options
def alerts() -> None:
    """Tell what alerts.toml wants told and nobody was told yet; refreshes and the daemon do it too."""
    from registry_pipeline.operations.alerts.channels import NotSent
    from registry_pipeline.operations.alerts.tell import tell_alerts

    try:
        sent = tell_alerts(CONTEXT.home())
    except NotSent as problem:
        raise Refused(str(problem)) from None
    for alert in sent:
        click.echo(alert.text)
    click.echo(f"{len(sent)} alerts were told.")


@click.command()
@own_options
@as_json
@click.option("--begin-anew", is_flag=True, help="Set a damaged log aside and begin a new one.")
@click.option("--by", "begun_by", envvar="REGISTRY_STEWARD", metavar="NAME", help="Who begins it anew.")
@click.option("--reason", metavar="TEXT", help="Why; stands in the first entry of the new log.")
def audit(is_json: bool, begin_anew: bool, begun_by: str | None, reason: str | None) -> None:
    """Who did what: refreshes, backups, restores; the chain of entries is proved first.

    What has begun and neither is done nor refused by a later entry still runs, or was killed.
    """
    from registry_pipeline.operations import audit as log

    home = CONTEXT.home()
    if begin_anew:
        if not begun_by or not reason:
            raise click.UsageError("--begin-anew needs --by NAME and --reason TEXT")
        aside = log.begin_anew(home, begun_by, reason)
        click.echo(
            f"{aside or log.audit_log(home)}: {'was set aside' if aside else 'was gone'}; a new log has begun."
        )
        click.echo(
            "What it said was approved for analysts is to be approved anew: registry releases approve."
        )
        return
    entries = log.read_audit_log(home)
    if is_json:
        print_json([asdict(entry) for entry in entries])
        return
    columns = ("no", "at (UTC)", "who", "action", "outcome", "release", "details")
    print_table(columns, (astuple(entry)[:-1] for entry in entries), "Audit log")


COMMANDS = (alerts, audit, backup, doctor, restore)
