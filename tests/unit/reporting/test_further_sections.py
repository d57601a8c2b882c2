"""Sections beside the main estimates: what they show, what they hide, and what they say when there is nothing."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from registry_pipeline.reporting.figures.base import Drawing, FigureFolder, also_as_pdf
from registry_pipeline.reporting.figures.forest import Line, forest_figure
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.report import write_reports
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.facilities import facilities_section
from registry_pipeline.reporting.sections.growth_checks import limits_text
from registry_pipeline.reporting.sections.headlines import brief_section
from schemas.study import ONSET_MODEL
from tests.unit.reporting.test_report import page
from tests.unit.reporting.toy_release import make_release

TABLES = (
    "bounds", "cause_specific_cox", "cox_influence", "cox_optimism", "cox_spline", "cox_spline_test",
    "cutpoint_search", "cutpoint_stability", "gray_test", "growth_curve", "growth_influence",
    "growth_sensitivity", "growth_serial", "immortal_time", "imputed_cox", "landmark_analysis", "lesion_cox",
    "lesion_local_control", "logrank_weighted", "missing_data", "missing_pattern", "ph_residual",
    "recurrence_by_group", "recurrence_course", "rmst_difference",
)  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("further") / "registry.duckdb")


@pytest.fixture(scope="module")
def written(database: Path) -> Path:
    write_reports(database, database.parent / "reports")
    return database.parent / "reports"


def test_every_table_of_results_is_named_where_it_is_shown(written: Path) -> None:
    text = page(written).text
    for name in TABLES:
        assert f"result.{name}" in text, name
    assert "Further results" not in text
    assert {"spline_size.svg", "cutpoint_search.svg", "ph_residuals.svg"} <= {
        one.name for one in (written / "figures").iterdir()
    }


def test_tables_that_a_release_lacks_are_told_and_break_nothing(tmp_path: Path) -> None:
    drop = tuple(f"result.{one}" for one in TABLES)
    write_reports(make_release(tmp_path / "registry.duckdb", drop=drop), tmp_path / "out")
    text = page(tmp_path / "out").text
    for name in (
        "cutpoint_search",
        "cox_optimism",
        "cox_influence",
        "growth_sensitivity",
        "bounds",
        "missing_data",
    ):
        assert f"This release has no table result.{name}" in text, name


def test_bounds_stand_beside_the_interval(written: Path) -> None:
    raw = (written / "study_report.html").read_text(encoding="utf-8")
    headline = re.search(r"Headline numbers.*?</table>", raw, flags=re.DOTALL)
    assert headline
    assert "Bounds" in headline[0]
    assert "30.0 to 50.0" in headline[0]


def test_small_counts_hide_single_patients_and_small_cells(database: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE result.recurrence_course SET n = 3")
        connection.execute("UPDATE result.missing_pattern SET n = 2 WHERE pattern = 2")
        connection.execute("UPDATE result.landmark_analysis SET n_at_risk = 1")
    made = write_reports(database, tmp_path, suppress_small=True)
    assert "ph_residuals.svg" not in {one.name for one in made}
    raw = (tmp_path / "study_report.html").read_text(encoding="utf-8")
    for caption in ("The courses that occur", "What is missing together", "months after a landmark"):
        table = re.search(rf"{caption}.*?</table>", raw, flags=re.DOTALL)
        assert table, caption
        assert "&lt;5" in table[0], caption


def test_the_release_itself_may_ask_for_it(tmp_path: Path) -> None:
    database = make_release(tmp_path / "registry.duckdb")
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "INSERT INTO meta.parameter (name, value, default_value, is_assumption) "
            "VALUES ('privacy.suppress_small', 'True', 'False', false)"
        )
    made = write_reports(database, tmp_path / "out")
    assert "swimmer.svg" not in {one.name for one in made}
    assert "Small counts are hidden" in page(tmp_path / "out").text


def test_figures_come_as_pdf_when_asked_for() -> None:
    lines = [Line("a", "0.50 (0.25 to 1.00)", "0.05", 0.5, 0.25, 1.0)]
    for wanted in (False, True):
        with also_as_pdf() if wanted else nullcontext():
            drawn = forest_figure(lines, "HR", ("Factor", "HR", "p"))
        assert isinstance(drawn, Drawing) and drawn.pdf.startswith(b"%PDF") == wanted
    assert b"CreationDate" not in drawn.pdf


def _facilities(folder: Path, positions: dict[str, str]) -> str:
    """The section on facilities of these names and places in the funnel, and of one number without each, as text."""
    funnel = pd.DataFrame(
        {"facility": name, "adjustment": "age_years", "n": 50, "n_event": 40, "expected": 20.0, "ratio": 2.0,
         "ci_lower": 1.4, "ci_upper": 2.7, "position": place, "status": "ok"}
        for name, place in positions.items()
    )  # fmt: skip
    left_out = pd.DataFrame(
        {"headline": headline, "description": headline, "unit": unit, "left_out": name, "n": 450, "n_left_out": 50,
         "computed_value": 0.3241, "change": -0.0512, "status": "ok"}
        for headline, unit in (("os_36", "%"), ("hazard_ratio_size", ""))
        for name in positions
    )  # fmt: skip
    path = make_release(folder / "registry.duckdb")
    with duckdb.connect(str(path)) as connection:
        for table, rows in (("facility_funnel", funnel), ("facility_left_out", left_out)):
            connection.execute(f"DELETE FROM result.{table}")
            connection.register("rows", rows)
            connection.execute(f"INSERT INTO result.{table} BY NAME SELECT * FROM rows")
    with DisclosedTables(path) as tables:
        context = Context(tables, FigureFolder(folder / "figures"))
        brief = [str(block) for block in brief_section(context).blocks]
        return "\n".join([*brief, *(str(block) for block in facilities_section(context).blocks)])


def test_a_facility_that_stands_out_is_named_and_what_chance_alone_does_is_said(tmp_path: Path) -> None:
    """In a sentence and on the first page, not in a drawing only; without one it is said that there is none."""
    places = {f"facility-{k}": "inside" for k in range(1, 12)} | {"facility-12": "above alarm"}
    text = _facilities(tmp_path, places)
    assert (
        "facility-12 lies above the 99.8 % limits: 40 deaths where 20.0 were expected of their case mix"
        in text
    )
    assert "Of 12 facilities without any difference 0.6 would lie outside the inner limits by chance" in text
    assert "1 of 12" in text
    assert text.index("Row(head='facility-2'") < text.index("Row(head='facility-10'")
    assert "0.3 (\u22120.1)" in text and "0.32 (\u22120.05)" in text, "a ratio has two decimals"


def test_facilities_that_are_alike_are_said_to_be_inside(tmp_path: Path) -> None:
    text = _facilities(tmp_path, {"north": "inside", "south": "inside"})
    assert "None of 2 facilities lies outside the limits." in text and "0 of 2" in text


def test_the_first_page_says_what_other_detection_limits_would_make_of_the_months(tmp_path: Path) -> None:
    path = make_release(tmp_path / "registry.duckdb")
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM result.growth_band")
        connection.execute(
            "INSERT INTO result.growth_band BY NAME SELECT 'detection limits' AS band, 4.3 AS months, 4.14 AS lowest_months, "
            "4.39 AS highest_months, '3 mm; 4 mm; 5 mm' AS readings, 3 AS n_readings, 3 AS n_plausible, 'ok' AS status"
        )
        connection.execute(
            f"INSERT INTO result.growth_threshold BY NAME SELECT '{ONSET_MODEL}' AS model, 'log' AS error_model, 4.3 AS months, "
            "3.8 AS ci_lower, 4.8 AS ci_upper, 'cluster_bootstrap' AS ci_method, 'ok' AS status"
        )
    with DisclosedTables(path) as tables:
        context = Context(tables, FigureFolder(tmp_path / "figures"))
        assert limits_text(context) == " (a limit of 3 mm, 4 mm, 5 mm: 4.1 to 4.4)"
        assert limits_text(context) in "".join(str(block) for block in brief_section(context).blocks)
