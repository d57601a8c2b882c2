"""The demonstration: exports of two synthetic facilities, a refresh, corrected exports, a refresh, a summary.

Belongs here: the order of the demonstration and what is said at its end, all of it read from the releases.
Does not belong here: making the exports (``simulate/``), refreshing (the caller says how).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from registry_pipeline.core.home import Home, make_home
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.simulate.demo.demo import FACILITY_IDS, demo_mapping, demo_settings, write_demo
from registry_pipeline.simulate.manifest import Manifest
from registry_pipeline.store.releases import open_release, release_ids

Echo = Callable[[str], object]


@dataclass(frozen=True)
class ReleaseSummary:
    """What a release says of itself, for the terminal.

    Attributes:
        n_read, n_curated, n_quarantined: rows of the files in force (superseded ones left out).
        n_errors, n_warnings: open findings.
        n_rules: rules with an open error or warning.
        n_agree, n_items: published items that the computed figures agree with, and items in all.
        n_patients: patients of the study cohort.
    """

    n_read: int
    n_curated: int
    n_quarantined: int
    n_errors: int
    n_warnings: int
    n_rules: int
    n_agree: int
    n_items: int
    n_patients: int


def run_demo(folder: Path, echo: Echo, refresh: Callable[[Home], object]) -> None:
    """Run the demonstration in ``folder``; a second time changes nothing.

    Args:
        folder: the demonstration's registry home; made if it is not there.
        echo: told every line.
        refresh: one refresh of the home.

    Raises:
        Refused: the folder is a registry home that the demonstration did not make.
    """
    home = _prepare(folder)
    planted = write_demo(home.inbox, "first")
    n_files = len(planted.files)
    echo(f"A synthetic hospital and a REDCap registry send {n_files} exports. First refresh ...")
    planted.write(home.root / "planted_errors.csv")
    if not release_ids(home):
        refresh(home)
    echo("Both correct their exports. Second refresh ...")
    write_demo(home.inbox, "corrected")
    refresh(home)
    first, *_, last = release_ids(home)
    for line in summary_lines(home, planted, first, last):
        echo(line)


def _prepare(folder: Path) -> Home:
    mappings = {
        facility_identifier: folder / "facilities" / f"{facility_identifier}.toml"
        for facility_identifier in FACILITY_IDS
    }
    if (folder / "registry.toml").exists() and not any(path.exists() for path in mappings.values()):
        raise Refused(f"{folder} is a registry home, and not the demonstration's; choose another folder")
    home = make_home(folder)
    for facility_id, path in mappings.items():
        path.write_text(demo_mapping(facility_id), encoding="utf-8")
    home.settings_file.write_text(demo_settings(), encoding="utf-8")
    return home


def summary_lines(home: Home, planted: Manifest, first: str, last: str) -> list[str]:
    """A dozen lines: what happened, and what to open."""
    before, after = _summarise(home, first), _summarise(home, last)
    n_detected = len(detected_errors(home, first, planted))
    n_kinds = len({error.rule_id for error in planted.planted})
    command = home.command
    return [
        "",
        "SYNTHETIC: these patients do not exist; the cohort was constructed to fit the published numbers.",
        f"First refresh, release {first}",
        f"  {before.n_read} rows read: {before.n_curated} curated, {before.n_quarantined} quarantined; "
        f"{before.n_errors} errors and {before.n_warnings} warnings by {before.n_rules} rules",
        f"  {n_detected} of {len(planted.planted)} planted errors found by their rule ({n_kinds} rules; planted_errors.csv)",
        f"  {before.n_patients} patients analysed, scorecard: {before.n_agree} of {before.n_items} published items agree",
        f"Second refresh, release {last}",
        f"  {after.n_read} rows read: {after.n_curated} curated, {after.n_quarantined} quarantined; "
        f"{after.n_errors} errors and {after.n_warnings} warnings are open",
        f"  {after.n_patients} patients analysed, scorecard: {after.n_agree} of {after.n_items} published items agree",
        "Three things worth opening:",
        f"  the study and quality reports   {command} report --open",
        f"  what is still in doubt          {command} review",
        f"  the release itself, in SQL      {command} sql",
    ]


def _summarise(home: Home, release_id: str) -> ReleaseSummary:
    with open_release(home, release_id) as connection:
        rows = connection.execute(
            "SELECT sum(n_read - n_superseded), sum(n_curated), sum(n_quarantined) FROM quality.row_account"
        ).fetchall()[0]
        findings = connection.execute(
            "SELECT count(*) FILTER (severity = 'error'), count(*) FILTER (severity = 'warning'), "
            "count(DISTINCT rule_id) FILTER (severity <> 'info') "
            "FROM quality.finding WHERE status IN ('open', 'sent', 'answered', 'reopened')"
        ).fetchall()[0]
        items = connection.execute(
            "SELECT count(*) FILTER (agreed), count(*) FROM "
            "(SELECT item, bool_and(coalesce(agrees, false)) AS agreed FROM result.scorecard GROUP BY item)"
        ).fetchall()[0]
        n_patients = connection.execute("SELECT count(*) FROM mart.cohort").fetchall()[0][0]
    return ReleaseSummary(*map(int, (*rows, *findings, *items, n_patients)))


def detected_errors(home: Home, release_id: str, planted: Manifest) -> list[str]:
    """Ids of the planted errors that a release found by their rule, in their file, sheet and row."""
    with open_release(home, release_id) as connection:
        places = _places(connection)
    return [
        error.planted_id
        for error in planted.planted
        if (error.rule_id, error.file, error.sheet, error.source_row) in places
    ]


def _places(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str, int]]:
    return set(
        connection.execute(
            "SELECT rule_id, source_file, coalesce(sheet, ''), coalesce(source_row, 0) FROM quality.finding"
        ).fetchall()
    )
