"""The command that opens a release in a notebook.

Belongs here: which database it opens, whether marimo is there. Does not belong here: the notebooks (``notebooks/``).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

import registry_pipeline.notebooks
from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.core.private_folders import private_folder
from registry_pipeline.operations.approval import choose_approved
from registry_pipeline.operations.audit import recorded
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.store.integrity import damaged_files
from registry_pipeline.store.releases import ANALYST_DATABASE, DATABASE, choose_release, release_folder

NOTEBOOK = Path(registry_pipeline.notebooks.__file__).with_name("release.py")


@click.command()
@own_options
@click.option("--release", "release_id", metavar="ID", help="Another release than the current one.")
@click.option(
    "--analyst", "is_analyst", is_flag=True, help="Open analyst.duckdb of the newest approved release."
)
@click.option(
    "--edit",
    "is_edited",
    is_flag=True,
    help="Show the code and let it be changed, in a copy in this folder, where what cells show is kept too.",
)
def notebook(release_id: str | None, is_analyst: bool, is_edited: bool) -> None:
    """Open a release in a notebook: headline numbers, survival, Cox model, a finding down to its row."""
    if find_spec("marimo") is None:
        raise click.UsageError(
            "notebooks need marimo, which is not installed: python -m pip install 'registry-pipeline[notebook]'"
        )
    home = CONTEXT.home()
    chosen = choose_approved(home, release_id) if is_analyst else choose_release(home, release_id)
    if damaged := damaged_files(home, chosen):
        raise Refused(
            f"{release_folder(home, chosen)}: damaged: {', '.join(damaged)}; `registry refresh` makes a new one"
        )
    database = release_folder(home, chosen) / (ANALYST_DATABASE if is_analyst else DATABASE)
    # The page shows records: its address holds a token, for other users of the machine reach its port too. And marimo
    # keeps what cells showed beside the notebook: in a folder that goes with the command, unless it is the user's own.
    with recorded(home, "notebook", chosen, database.name), private_folder(home.store) as folder:
        path = _own_copy() if is_edited else Path(shutil.copy(NOTEBOOK, folder))
        command = [sys.executable, "-m", "marimo", "edit" if is_edited else "run", "--token", str(path)]
        # Ended by a signal it would leave marimo serving records, and the folder.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        result = subprocess.run(command, env=os.environ | {"REGISTRY_DATABASE": str(database)}, check=False)
    if result.returncode:
        raise click.ClickException(f"marimo ended with code {result.returncode}")


def _own_copy() -> Path:
    """A copy of the notebook in the working folder; one that is there stays as it is."""
    path = Path("release_notebook.py")
    if not path.exists():
        path.write_text(NOTEBOOK.read_text(encoding="utf-8"), encoding="utf-8")
        click.echo(f"{path}: your copy of the notebook")
    return path


COMMANDS = (notebook,)
