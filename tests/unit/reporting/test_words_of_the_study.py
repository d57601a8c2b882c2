"""What the study report says of its numbers: which fit, which form, where they stand, how they are written."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from docx import Document

from registry_pipeline.reporting.document.wording import number, remark, singular
from registry_pipeline.reporting.journal import write_journal
from registry_pipeline.reporting.report import write_reports
from registry_pipeline.reporting.sections.checklists import checklists_section
from tests.unit.reporting.test_report import page
from tests.unit.reporting.toy_release import make_release

GROWTH = """
    DELETE FROM result.growth_fit; DELETE FROM result.growth_threshold; DELETE FROM result.growth_share;
    INSERT INTO result.growth_fit (model, error_model, n_lesions, aicc, status) VALUES
        ('exponential', 'additive', 83, 627.3, 'ok'), ('exponential', 'log', 83, 586.3, 'ok');
    INSERT INTO result.growth_threshold (model, error_model, ci_method, months, status) VALUES
        ('exponential', 'additive', 'profile', 5.8, 'ok'), ('exponential', 'log', 'profile', 6.8, 'ok');
    INSERT INTO result.growth_share (interval_months, n_lesions, n_small, share) VALUES (6, 22, 19, 0.8636);
    UPDATE result.surveillance SET ct_interval_months = 6, share_small = 0.49;
"""
FIRTH = """
    UPDATE result.cox_fit SET method = 'firth', status = 'ok' WHERE model = 'multivariable';
    UPDATE result.cox_term SET n_level = 12, n_event_level = 3, status = 'ok',
        note = 'Rests on few events: 3 of 12 patients against 9 of 20 patients.';
    UPDATE result.cox_term SET method = 'firth' WHERE model = 'multivariable';
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    database = make_release(folder / "registry.duckdb")
    with duckdb.connect(str(database)) as connection:
        connection.execute(GROWTH + FIRTH)
    write_reports(database, folder / "out")
    write_reports(database, folder / "few", suppress_small=True)
    return folder


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return page(folder / "out").text


def table(folder: Path, caption: str) -> str:
    raw = (folder / "study_report.html").read_text(encoding="utf-8")
    found = re.search(rf"<caption><span>[^<]*{caption}.*?</table>", raw, flags=re.DOTALL)
    assert found, caption
    return found[0]


def test_a_form_that_fits_better_is_named(text: str) -> None:
    assert "exponential with additive error has an AICc of 627.3" in text
    assert "exponential with error on the log scale 586.3" in text
    assert "all forms and errors: 5.8 to 6.8" in text


def test_the_planner_is_reconciled_with_what_was_seen(text: str, folder: Path) -> None:
    assert "Seen were 19 of 22 (86 %)" in text
    assert "Seen were" not in page(folder / "few").text  # 22 less 19 is a small count


def test_checks_of_the_unpenalised_fit_say_so(text: str) -> None:
    assert text.count("It belongs to the unpenalised fit") == 3


def test_numbers_at_risk_stand_beside_incidence_and_lesions(folder: Path) -> None:
    for caption in (
        "cumulative incidence at fixed times",
        "Local control lesion by lesion",
        "by where the clock starts",
    ):
        assert "At risk" in table(folder / "out", caption), caption


def test_regression_tables_count_patients_and_events_of_a_level(folder: Path) -> None:
    found = table(folder / "out", "Hazard ratios for overall survival")
    assert re.search(r'<td class="n">12</td><td class="n">3</td>', found)
    assert "few events" in found
    hidden = table(folder / "few", "Hazard ratios for overall survival")
    assert not re.search(r'<td class="n">12</td><td class="n">3</td>', hidden)
    write_journal(folder / "registry.duckdb", folder / "journal")
    grid = Document(str(folder / "journal" / "regression.docx")).tables[0]
    assert "Events" in [cell.text for cell in grid.rows[1].cells]
    assert [len(grid.rows[i]._tr.xpath("./w:trPr/w:tblHeader")) for i in (0, 1, 2)] == [1, 1, 0]


def test_numbers_that_were_not_published_have_bounds_too(tmp_path: Path) -> None:
    database = make_release(tmp_path / "registry.duckdb")
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "INSERT INTO result.bounds (headline, description, lowest, highest, computed_value) "
            "VALUES ('hazard_ratio_size', 'Hazard ratio of size', 0.31, 0.77, 0.5)"
        )
    write_reports(database, tmp_path / "out")
    assert "0.31 to 0.77" in table(tmp_path / "out", "Headline numbers")


def test_columns_name_where_their_numbers_stand(folder: Path) -> None:
    raw = (folder / "out" / "study_report.html").read_text(encoding="utf-8")
    assert 'title="result.km_landmark.n_at_risk"' in raw
    assert 'table of the release"' not in raw
    assert "(curated.patient)" in raw


def test_items_link_to_sections_that_exist(folder: Path) -> None:
    found = table(folder / "out", "RECORD")
    assert '<a href="#provenance">' in found
    assert "meta.dictionary" in found
    assert "Linkage of persons" in (folder / "out" / "study_report.html").read_text(encoding="utf-8")


def test_without_a_cohort_items_point_to_the_registry() -> None:
    cells = {row.head: row.cells[1] for block in checklists_section(False).blocks[1:2] for row in block.rows}
    assert "#registry" in cells["15"]
    assert "#survival" not in "".join(cells.values())


def test_a_registry_without_sizes_says_so(tmp_path: Path) -> None:
    write_reports(make_release(tmp_path / "registry.duckdb", n=0), tmp_path / "out")
    words = page(tmp_path / "out").text
    assert "Not estimable: no lesion sizes in this registry" in words
    assert "The clock starts at the diagnosis of the primary" in words


def test_numbers_are_written_as_people_write_them() -> None:
    assert number(-3.54) == "\u22123.5"
    assert number(-0.01) == "0.0"
    assert singular("1 months; 1 lesions of 1 patients; 11 months; 2.1 months") == (
        "1 month; 1 lesion of 1 patient; 11 months; 2.1 months"
    )


def test_every_threshold_in_a_sentence_is_the_releases(tmp_path: Path) -> None:
    """Cutpoint, headline time and axis as they are set: no page says 15 mm, 36 months or long axis by itself."""
    database = make_release(tmp_path / "registry.duckdb")
    settings = {
        "study.cutpoint_mm": "21.0",
        "study.landmark_months": "9, 27",
        "study.size_metric": "short_axis",
    }
    with duckdb.connect(str(database)) as connection:
        for name, value in settings.items():
            connection.execute("DELETE FROM meta.parameter WHERE name = ?", [name])
            connection.execute("INSERT INTO meta.parameter (name, value) VALUES (?, ?)", [name, value])
        connection.execute("UPDATE result.cutpoint_search SET cutpoint = 21 WHERE cutpoint = 15")
        connection.execute("UPDATE result.km_landmark SET landmark_months = 27 WHERE landmark_months = 36")
        connection.execute("DELETE FROM result.km_landmark WHERE landmark_months IN (12, 24, 60)")
    write_reports(database, tmp_path / "out")
    text = page(tmp_path / "out").text
    assert "at 27 months" in text
    assert "21 mm" in text
    for untrue in (r"\b15 mm", r"at 36 months", r"long axis", r"longest diameter"):
        found = re.search(rf".{{60}}{untrue}.{{20}}", text)
        assert found is None, found[0]


@pytest.mark.parametrize(
    ("note", "as_read"),
    [
        ("lrt_modality[rt] does not vary among the patients at risk.", "Local therapy does not vary among the patients at risk."),
        ("There are no events of cause 2.", "There are no events of this kind."),
        ("lrt_modality has only one group; a comparison needs two.", "Local therapy has only one group; a comparison needs two."),
        ("The overall test; study.window_end and x.n_lesions stay.", "The overall test; study.window_end and x.n_lesions stay."),
        (None, ""),
    ],
)  # fmt: skip
def test_a_remark_names_no_column_and_no_code(note: str | None, as_read: str) -> None:
    assert remark(note) == as_read
