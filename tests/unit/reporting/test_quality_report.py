"""The quality report: what is open, new, closed and waived apart; a facility's own page; nothing of a record."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from registry_pipeline.reporting.document.blocks import Folded, Table
from registry_pipeline.reporting.figures.base import FigureFolder
from registry_pipeline.reporting.quality.findings import open_section
from registry_pipeline.reporting.quality.scope import FATES, Scope
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.report import write_reports
from registry_pipeline.reporting.sections.context import Context
from tests.unit.reporting.test_report import page
from tests.unit.reporting.toy_release import make_release

FINDINGS = [
    # id, rule, severity, facility, status, first seen, closed
    ("F1", "V01", "error", "north", "open", "R-0", None),
    ("F2", "V01", "error", "north", "corrected", "R-0", "R-1"),
    ("F3", "V01", "error", "south", "gone", "R-0", "R-0"),
    ("F4", "V02", "warning", "south", "sent", "R-1", None),
    ("F5", "V02", "warning", "south", "waived", "R-0", "R-0"),
    ("F6", "V02", "warning", "south", "reopened", "R-0", None),
    ("F7", "V03", "info", "north", "confirmed", "R-0", "R-1"),
]
VALUE = "SECRET-VALUE"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quality")
    database = make_release(folder / "registry.duckdb")
    with duckdb.connect(str(database)) as connection:
        connection.execute("DELETE FROM quality.finding; DELETE FROM quality.row_account")
        connection.execute("UPDATE meta.release SET compared_release_id = 'R-0'")
        for finding in FINDINGS:
            connection.execute(
                "INSERT INTO quality.finding (finding_id, rule_id, severity, facility_id, status, first_seen_release, "
                "closed_release, source_file, source_row, value_text, record_key, message, suggestion) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, 'a.csv', 7, ?, ?, ?, ?)",
                [*finding, VALUE, VALUE, VALUE, VALUE],
            )
        connection.execute("DELETE FROM quality.correction")
        for number, facility in enumerate(("north", "north", "south"), start=1):
            connection.execute(
                "INSERT INTO quality.correction (finding_id, decision_no, facility_id, source_file, source_row, "
                "table_name, record_key, column_name, value_received, value_used, reason, decided_by, decided_at) "
                "VALUES (?, ?, ?, 'b.csv', 40 + ?, 'patient', ?, 'birth_date', ?, ?, ?, ?, '2026-05-04')",
                [f"C{number}", number, facility, number, *[VALUE] * 5],
            )
        for facility in ("north", "south"):
            fates = ", ".join(FATES)
            connection.execute(
                f"INSERT INTO quality.row_account (facility_id, submission_id, source_file, sheet, n_read, {fates}) "
                f"VALUES (?, 'S', ?, '', {len(FATES)}, {', '.join('1' * len(FATES))})",
                [facility, f"{facility}.csv"],
            )
    write_reports(database, folder / "out")
    return folder


def scope(folder: Path, facility: str = "") -> Scope:
    tables = DisclosedTables(folder / "registry.duckdb")
    return Scope(Context(tables, FigureFolder(folder / "figures")), facility)


def test_new_is_what_the_release_compared_with_had_not(folder: Path, tmp_path: Path) -> None:
    """It need not be the last one: a release made again from the same input is compared with the one before both."""
    copy = Path(shutil.copy(folder / "registry.duckdb", tmp_path))
    with duckdb.connect(str(copy)) as connection:
        connection.execute("UPDATE meta.release SET compared_release_id = 'R'")
    findings = scope(tmp_path).findings.set_index("finding_id")
    assert set(findings.index[findings["is_new"]]) == {"F1", "F4", "F6"}
    assert set(findings.index[findings["is_newly_closed"]]) == {"F2", "F3", "F5", "F7"}


def test_a_closed_finding_is_not_current(folder: Path) -> None:
    """76 errors "in quarantine until corrected" stood where none was open."""
    text = page(folder / "out", "quality_report.html").text
    assert "Open now: 1 errors, 2 warnings, 0 remarks" in text
    assert "1 findings are new and 2 were closed; 1 are waived" in text
    assert set(scope(folder).open["finding_id"]) == {"F1", "F4", "F6"}
    assert scope(folder, "south").open["severity"].eq("warning").all()
    by_rule = re.search(r"<caption><span>Open findings by rule.*?</table>", raw(folder), re.DOTALL)
    assert by_rule is not None
    assert "V03" not in by_rule[0]


def test_values_that_the_registry_corrected_are_listed_by_place_and_not_by_value(folder: Path) -> None:
    text = page(folder / "out", "quality_report.html").text
    assert "3 values of this release are not what the facility sends" in text
    listed = re.search(r"<caption><span>Each correction.*?</table>", raw(folder), re.DOTALL)
    assert listed is not None
    cells = [re.findall(r"<t[hd][^>]*>([^<]*)<", row) for row in listed[0].split("<tr")[2:]]
    assert [row[:7] for row in cells] == [
        [f"C{number}", facility, "b.csv", f"{40 + number}", "patient.birth_date", "2026-05-04", f"{number}"]
        for number, facility in enumerate(("north", "north", "south"), start=1)
    ]
    own = page(folder / "out", "facilities/south/quality_report.html").text
    assert "1 value of this release is not what the facility sends" in own
    assert "C3" in own and "C1" not in own
    study = page(folder / "out", "study_report.html").text
    assert "3 values are not as received: the registry corrected them" in study
    assert VALUE not in text + own + study


def test_of_many_rules_the_page_names_the_first_and_opens_the_findings_of_each(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """94 broken rules made a page of seventeen screens."""
    monkeypatch.setattr("registry_pipeline.reporting.quality.findings.MOST_RULES", 1)
    table, *folds = open_section(scope(folder)).blocks
    assert isinstance(table, Table) and len(table.rows) == 1 and "1 more rules" in table.notes[0]
    titles = [fold.title for fold in folds if isinstance(fold, Folded)]
    assert [title.split(".")[0] for title in titles] == ["V01, error: 1 open", "V02, warning: 2 open"]
    assert all(len(title) < 140 for title in titles)


def raw(folder: Path) -> str:
    return (folder / "out" / "quality_report.html").read_text(encoding="utf-8")


def test_open_findings_over_releases_follow_their_lives(folder: Path) -> None:
    history = scope(folder).by_release().set_index("release_id")
    assert history.loc["R-0", ["error", "warning", "info"]].tolist() == [2, 1, 1]
    assert history.loc["R-1", ["error", "warning", "info"]].tolist() == [1, 2, 0]


def test_every_fate_of_a_row_is_shown(folder: Path) -> None:
    text = page(folder / "out", "quality_report.html").text
    for fate in FATES:
        assert fate.removeprefix("n_") in text


def test_a_facilitys_page_holds_nothing_of_another(folder: Path) -> None:
    pages = {
        one: page(folder / "out" / "facilities" / one, "quality_report.html").text
        for one in ("north", "south")
    }
    assert "data quality report of north" in pages["north"]
    assert "F1" in pages["north"]
    for other in ("south", "F3", "F4", "F5", "F6"):
        assert other not in pages["north"], other
    assert "north" not in pages["south"]
    written = {one.name for one in (folder / "out" / "facilities" / "north").rglob("*.csv")}
    for name in written:
        data = (folder / "out" / "facilities" / "north" / "figures" / name).read_text(encoding="utf-8")
        assert "south" not in data, name


def test_no_value_and_no_record_key_is_on_any_page(folder: Path) -> None:
    for path in (folder / "out").rglob("*"):
        if path.is_file() and "quality" in path.name:
            assert VALUE not in path.read_text(encoding="utf-8"), path
