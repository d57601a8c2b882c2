"""The export for a manuscript: readable tables, the same bytes twice, nothing hostile in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from docx import Document

from registry_pipeline.reporting.document.blocks import Column, Row, Table
from registry_pipeline.reporting.journal import docx_bytes, latex, latex_text, write_journal
from tests.unit.reporting.toy_release import make_release

TABLE = Table(
    "Table 1. Patients & <script>",
    "Characteristic",
    (Column("All, n\u00a0=\u00a04"), Column("scf", "Site"), Column("other_site", "Site")),
    (
        Row("Age", ("50 (40\u201360)", "1", "2"), "group"),
        Row("\u2264 15 mm", ("50 %", "$x_1$", "\x00"), "level"),
    ),
    "mart.cohort",
    ("Numbers: median.",),
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    folder = tmp_path_factory.mktemp("journal")
    return folder, write_journal(make_release(folder / "registry.duckdb"), folder / "out")


def test_a_release_gives_tables_and_figures(written):
    folder, files = written
    names = {path.relative_to(folder / "out").as_posix() for path in files}
    assert {"table_1.docx", "table_1.tex", "regression.docx", "regression.tex"} <= names
    figures = [path for path in files if path.suffix == ".pdf"]
    assert len(figures) >= 5 and all(path.read_bytes().startswith(b"%PDF") for path in figures)
    assert not any(b"CreationDate" in path.read_bytes() for path in figures)


def test_word_tables_hold_the_release_and_its_table(written):
    folder, _ = written
    document = Document(str(folder / "out" / "regression.docx"))
    text = [paragraph.text for paragraph in document.paragraphs]
    assert any("result.cox_term" in one and "Release" in one for one in text)
    cells = [cell.text for row in document.tables[0].rows for cell in row.cells]
    assert "HR (95 % CI)" in cells and "0.50 (0.25 to 1.00)" in cells


def test_the_same_table_gives_the_same_bytes(monkeypatch):
    first = docx_bytes([TABLE])
    monkeypatch.setattr("time.localtime", lambda *_: (2031, 5, 6, 7, 8, 9, 0, 1, 0))
    assert docx_bytes([TABLE]) == first


def test_word_table_has_its_heads_and_rows(tmp_path):
    (tmp_path / "one.docx").write_bytes(docx_bytes([TABLE]))
    grid = Document(str(tmp_path / "one.docx")).tables[0]
    assert [cell.text for cell in grid.rows[0].cells] == ["", "", "Site", "Site"]
    assert grid.rows[2].cells[1].text == "50 (40\u201360)"
    assert grid.rows[3].cells[0].text.strip() == "\u2264 15 mm"


def test_latex_sets_text_as_it_is():
    assert latex("a_b & 50 % $x$ {y} \\input <") == (
        r"a\_b \& 50 \% \$x\$ \{y\} \textbackslash{}input \textless{}"
    )
    text = latex_text([TABLE])
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    assert r"\multicolumn{2}{c}{Site}" in text and "\x00" not in text
