"""The command about reports: where they are, and the export for a manuscript.

Belongs here: arguments, which files are named or opened.
Does not belong here: what reports say (``reporting/``), other looks into a release (``cli/query.py``).
"""

from __future__ import annotations

from pathlib import Path

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.cli.rows import as_json, print_table_or_json, require_folder_of
from registry_pipeline.store.releases import DATABASE, NoRelease, choose_release, release_folder

SHOWN = (".html", ".pdf", ".xlsx", ".docx", ".tex")


@click.command()
@own_options
@click.option("--open", "is_opened", is_flag=True, help="Open them in the browser.")
@click.option(
    "--journal", "out", metavar="OUT", type=click.Path(path_type=Path, file_okay=False),
    help="Write tables (DOCX, LaTeX) and figures (PDF) for a manuscript into this folder.",
)  # fmt: skip
@as_json
def report(is_opened: bool, out: Path | None, is_json: bool) -> None:
    """Where the current reports are; --journal writes tables and figures for a manuscript."""
    home = CONTEXT.home()
    release = release_folder(home, choose_release(home))
    if out is None:
        pages = _reports(release / "reports")
    else:
        from registry_pipeline.reporting.journal import write_journal

        require_folder_of(out, "--journal")
        pages = write_journal(release / DATABASE, out)
    print_table_or_json(["report"], [[str(path)] for path in pages], "Reports", is_json)
    if is_opened:
        import webbrowser

        for path in pages:
            if path.suffix == ".html":
                webbrowser.open(path.absolute().as_uri())


def _reports(folder: Path) -> list[Path]:
    pages = sorted(path for path in folder.rglob("*") if path.suffix in SHOWN)
    if not pages:
        raise NoRelease(f"{folder}: the current release has no reports")
    return pages


COMMANDS = (report,)
