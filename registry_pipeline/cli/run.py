"""Commands that change a home or write files: init, demo, refresh, screen, simulate, dev.

Belongs here: arguments, and what is said when a command has ended.
Does not belong here: what the commands do (``steps/``, ``defs/``, ``simulate/``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from registry_pipeline.cli.context import CONTEXT, Context, Number, own_options
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.helper_process import keeping_helper
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing.inbox import shown
from registry_pipeline.intake.landing.land import LandingReport
from registry_pipeline.operations.alerts.alerts_file import FILE
from registry_pipeline.operations.audit import record_served_release, recorded, recorded_refresh
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.mend import mend_home
from registry_pipeline.pipeline.refresh import chosen_facilities, has_nothing_to_do, judge_inbox, take_in
from registry_pipeline.pipeline.refresh import refresh as refresh_without_dagster
from registry_pipeline.pipeline.step_keys import outdated_facilities
from registry_pipeline.pipeline.watched import note_served
from registry_pipeline.store.releases import current_release, release_facts, reports_problem


@click.command()
@own_options
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path | None) -> None:
    """Make a new registry home: commented registry.toml, pseudonym key, folders (0700)."""
    home = make_home(folder or CONTEXT.root)
    click.echo(f"{home.root} is ready. Next:")
    command = home.command
    click.echo(
        f"  1. {command} facility new ID --from FILES    drafts a facility's mapping from real exports"
    )
    click.echo(f"  2. put its files into {home.inbox}/ID/ and try the mapping: {command} facility check ID")
    click.echo(f"  3. {command} refresh")
    click.echo(f"Keep a copy of {home.key_file} apart: without it pseudonyms cannot be made again.")


DEMO = Path("demo_home")
plainly = click.option("--plain", is_flag=True, help="Run the steps without Dagster.")


@click.command()
@own_options
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@plainly
def demo(folder: Path | None, plain: bool) -> None:
    """A synthetic registry: exports, a refresh, corrected exports, a refresh, and what to open.

    In DIR, else in the registry home that is named, else in ./demo_home.
    """
    from registry_pipeline.pipeline.demo import run_demo

    folder = folder or (DEMO if CONTEXT.root == Context.root else CONTEXT.root)
    CONTEXT.root = folder
    with keeping_helper():
        run_demo(folder, click.echo, lambda home: _refresh(home, (), False, plain))


@click.command()
@own_options
@click.option("--facility", "facilities", multiple=True, metavar="ID", help="Only this facility; repeatable.")
@click.option("--force", is_flag=True, help="Do every step again, also where nothing has changed.")
@plainly
def refresh(facilities: tuple[str, ...], force: bool, plain: bool) -> None:
    """Everything in the inbox, to a new release. Unchanged input: says so and does no work."""
    home = CONTEXT.home()
    settings = home.settings()  # a mistake in registry.toml is told first
    for line in mend_home(home):
        click.echo(line, err=True)
    before = current_release(home)
    chosen = chosen_facilities(home, facilities)
    _print_landing(take_in(home, chosen if facilities else (), settings, is_mended=True))
    try:
        if force or not has_nothing_to_do(read_context(home, settings), facilities):
            with keeping_helper(), recorded_refresh(home):
                _refresh(home, facilities, force, plain)
        else:
            note_served(home)
            record_served_release(home)
    finally:
        _tell_alerts(home)
    after = current_release(home)
    for facility_id in outdated_facilities(read_context(home)) if facilities else ():
        click.echo(
            f"{facility_id}: left as it was, though its files, its mapping, settings, decisions or the code have "
            "changed since it was judged; judge it with: registry refresh",
            err=True,
        )
    if after != before and (note := release_facts(home).get("comparison_note")):
        click.echo(f"Release {after}: {note}; see: registry status --verify", err=True)
    if problem := reports_problem(home):
        click.echo(f"Release {after}: {problem}. The next refresh tries again.", err=True)
    if after is None:
        raise Refused("the refresh ended without a release")
    if after == before:
        click.echo(f"Nothing has changed since release {after}; it is still served.")
    else:
        click.echo(f"Release {after} is served. Look at it with: {home.command} status")


@click.command()
@own_options
@click.option("--facility", "facilities", multiple=True, metavar="ID", help="Only this facility; repeatable.")
def screen(facilities: tuple[str, ...]) -> None:
    """Judge what lies in the inbox, without a release: its findings are there at once."""
    home = CONTEXT.home()
    with recorded(home, "screen", details=", ".join(facilities)):
        judged = judge_inbox(home, facilities)
    _print_landing(judged.landing)
    if judged.facility_ids:
        click.echo(f"Judged: {', '.join(judged.facility_ids)}. See the findings with: registry review")
        click.echo("A release is made of it by: registry refresh")
    else:
        click.echo("Nothing has changed since the last screening.")


def _tell_alerts(home: Home) -> None:
    """Alerts never keep a refresh from ending as it does."""
    if not (home.root / FILE).is_file():
        return
    from registry_pipeline.operations.alerts.channels import NotSent
    from registry_pipeline.operations.alerts.tell import tell_alerts

    try:
        tell_alerts(home)
    except (NotSent, StoreError, ConfigurationError) as problem:
        click.echo(str(problem), err=True)


def _print_landing(report: LandingReport) -> None:
    """What lies in the inbox and could not be taken."""
    for problem in report.problems:
        click.echo(str(problem), err=True)
    for file in report.waiting:
        where = f"inbox/{file.facility_id}/{shown(file.shown_name)}"
        click.echo(f"{where}: still being written, left for next time", err=True)


def _refresh(home: Home, facilities: Sequence[str], force: bool, plain: bool) -> None:
    if plain:
        refresh_without_dagster(home, facilities, force, lambda step: click.echo(f"  {step}", err=True))
    else:
        from registry_pipeline.defs.run import refresh_through_dagster

        refresh_through_dagster(home, facilities, force)


@click.command()
@own_options
@click.option("--patients", type=click.IntRange(min=1), required=True, help="Patients in all.")
@click.option("--facilities", type=click.IntRange(min=1), default=1, show_default=True, help="Facilities.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Equal seeds give equal files."
)
@click.option("--error-rate", type=Number(0, 1), default=0.01, show_default=True,
              help="Share of patients with a planted error.")  # fmt: skip
@click.option(
    "--later", is_flag=True, help="A later submission too, whose errors only a second refresh finds."
)
@click.option("--last-hazard-ratio", type=Number(0, 100, min_open=True), default=1.0, show_default=True,
              help="Hazard ratio of death in the last facility against the others.")  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to."
)
def simulate(
    patients: int,
    facilities: int,
    seed: int,
    error_rate: float,
    later: bool,
    last_hazard_ratio: float,
    out: Path,
) -> None:
    """Exports with planted errors, and a manifest of them."""
    from registry_pipeline.simulate.population.write import write_simulation

    if patients < facilities:
        raise click.UsageError("--patients must be at least --facilities")
    result = write_simulation(patients, facilities, seed, out, error_rate, later, last_hazard_ratio)
    click.echo(f"{result.n_patients} patients of {len(result.facility_ids)} facilities in {result.n_rows} rows, "
               f"{result.n_planted} planted errors (manifest.csv): {result.folder}")  # fmt: skip


@click.command()
@own_options
@click.option(
    "--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port on 127.0.0.1."
)
@click.option(
    "--public-host", "public_hosts", multiple=True, metavar="HOST",
    help="Host name of a reverse proxy in front of the page; repeatable.",
)  # fmt: skip
def dev(port: int, public_hosts: tuple[str, ...]) -> None:
    """Dagster's page and daemon over this home, with everything set.

    Whoever has the link that is shown may do everything: keep it as a password.
    """
    home = CONTEXT.home()
    home.settings()  # a mistake in registry.toml is told first
    from registry_pipeline.defs.server import serve

    serve(home, port, public_hosts, lambda line: click.echo(line, err=True))


COMMANDS = (demo, dev, init, refresh, screen, simulate)
