"""Commands that hand a release on in the form of a standard.

Belongs here: arguments, which database is handed on, the audit log. Does not belong here: the forms
(``operations/exports``), tables of findings and queries (``cli/query.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.cli.releases import releases
from registry_pipeline.operations.approval import choose_approved
from registry_pipeline.operations.audit import recorded
from registry_pipeline.store.releases import ANALYST_DATABASE, DATABASE, choose_release

if TYPE_CHECKING:
    import duckdb

Write = Callable[["duckdb.DuckDBPyConnection", Path], list[Path]]
_STUDY_ID = re.compile(r"[A-Za-z0-9_.\-]{1,255}\Z")


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True,
                     metavar="FOLDER", help="A new or empty folder."),
        click.option("--identified", "is_identified", is_flag=True,
                     help="From the stewards' registry.duckdb; without it from the approved analyst.duckdb."),
    ):  # fmt: skip
        command = option(command)
    return own_options(command)


@click.group()
def export() -> None:
    """A release in the form of a standard: what analysts may have, or with --identified what stewards have."""


@export.command("cbioportal")
@_options
@click.option("--release", "release_id", metavar="ID", help="Another release than the newest one.")
@click.option(
    "--study-id", default="oligomet_registry", show_default=True, help="cBioPortal's identifier of the study."
)
def cbioportal(folder: Path, is_identified: bool, release_id: str | None, study_id: str) -> None:
    """A cBioPortal study: patients of the cohort, their treated lesions, their course as time lines."""
    from registry_pipeline.operations.exports.cbioportal import write_cbioportal

    if not _STUDY_ID.match(study_id):
        raise click.UsageError("--study-id: write letters, digits, '_', '-' and '.' only")
    _hand_on(
        "cbioportal",
        folder,
        is_identified,
        release_id,
        lambda release, to: write_cbioportal(release, to, study_id),
    )


@export.command("omop")
@_options
@click.option("--release", "release_id", metavar="ID", help="Another release than the newest one.")
@click.option(
    "--vocabularies",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="With SOURCE_TO_CONCEPT_MAP.csv (unmapped.csv of an earlier export, filled in), Athena's CONCEPT.csv, or both.",
)
def omop(folder: Path, is_identified: bool, release_id: str | None, vocabularies: Path | None) -> None:
    """Tables of the OMOP Common Data Model 5.4 as CSV; codes without a concept are 0 and listed."""
    from registry_pipeline.operations.exports.omop.write import summary, write_omop

    _hand_on(
        "omop", folder, is_identified, release_id, lambda release, to: write_omop(release, to, vocabularies)
    )
    click.echo(summary(folder))


@export.command("redcap")
@_options
@click.option("--release", "release_id", metavar="ID", help="Another release than the newest one.")
def redcap(folder: Path, is_identified: bool, release_id: str | None) -> None:
    """A REDCap project: data dictionary, import file, and the mapping that reads both again."""
    from registry_pipeline.operations.exports.redcap.write import write_redcap

    _hand_on("redcap", folder, is_identified, release_id, write_redcap)


@releases.command("export")
@_options
@click.argument("release_id", metavar="[ID]", required=False)
@click.option(
    "--licence", metavar="SPDX", help="Licence of the data, such as CC-BY-NC-4.0, if its holders give one."
)
def datapackage(folder: Path, is_identified: bool, release_id: str | None, licence: str | None) -> None:
    """A folder for a data repository: Parquet files, datapackage.json, dictionary, README, checksums."""
    from registry_pipeline.operations.exports.datapackage import write_datapackage

    if licence is not None and not re.fullmatch(r"[A-Za-z0-9.+\-]{1,64}", licence):
        raise click.UsageError(
            "--licence: write an identifier of https://spdx.org/licenses, such as CC-BY-4.0"
        )
    _hand_on(
        "datapackage",
        folder,
        is_identified,
        release_id,
        lambda release, to: write_datapackage(release, to, licence),
    )


def _hand_on(form: str, folder: Path, is_identified: bool, release_id: str | None, write: Write) -> None:
    home = CONTEXT.home()
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"--to: {folder} is not empty; name a new folder")
    chosen = choose_release(home, release_id) if is_identified else choose_approved(home, release_id)
    source = DATABASE if is_identified else ANALYST_DATABASE
    with (
        recorded(home, "export", chosen, f"{form} from {source}"),
        CONTEXT.release(chosen, database=source) as release,
    ):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        paths = write(release, folder)
    click.echo(f"Release {chosen}, from {source}: {len(paths)} files in {folder}")


COMMANDS = (export,)
