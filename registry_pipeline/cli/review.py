"""The command that opens the data manager's page: review.

Belongs here: arguments, what is said when the page is there. Does not belong here: the page (``web/``).
"""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

import click

from registry_pipeline.cli.context import CONTEXT, own_options

if TYPE_CHECKING:
    from registry_pipeline.core.web_security import AccessPolicy


@click.command()
@own_options
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; any free one if not given."
)
@click.option(
    "--by",
    "steward",
    default="",
    envvar="REGISTRY_STEWARD",
    metavar="NAME",
    help="Who decides; asked on the page if not given.",
)
@click.option(
    "--idle",
    "idle_minutes",
    type=click.IntRange(1, 1440),
    default=60,
    show_default=True,
    help="Stop when nothing was asked for so many minutes.",
)
@click.option("--no-browser", is_flag=True, help="Only say where the page is.")
def review(port: int, steward: str, idle_minutes: int, no_browser: bool) -> None:
    """The data manager's page, on this computer only: see findings, decide, take back."""
    from registry_pipeline.web.app import serve

    home = CONTEXT.home()
    home.settings()  # a mistake in registry.toml is said here, not on the page

    def announce(policy: AccessPolicy) -> None:
        click.echo("The page is open to whoever has this link, and to nobody else:")
        click.echo(f"  {policy.launch_url}")
        click.echo(f"Stop it with Ctrl-C; it stops by itself after {idle_minutes} minutes without a request.")
        if not no_browser:
            webbrowser.open(policy.launch_url)

    try:
        serve(home, port, steward, idle_minutes * 60.0, announce)
    except OSError as problem:
        raise click.ClickException(
            f"port {port} cannot be opened ({problem.strerror}); choose another with --port"
        ) from None


COMMANDS = (review,)
