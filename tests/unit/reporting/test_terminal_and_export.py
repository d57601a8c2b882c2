"""Rows for people: nothing in a cell can act on a terminal or a spreadsheet."""

import csv
import io
import json
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import fastexcel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_pipeline.reporting.document.rows import inert, write_csv, write_json, write_xlsx
from registry_pipeline.reporting.document.terminal import harmless, print_rows, print_table

PAYLOADS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "=cmd|' /C calc'!A0"]


@given(st.text())
def test_no_character_moves_the_cursor(text: str) -> None:
    shown = harmless(text)
    assert len(shown) == len(text)
    assert shown.isprintable() or any(one.isspace() or not one.isprintable() for one in text)
    assert not set(shown) & set("\x00\x07\x08\x1b\n\r\t\x9b\u202e\u200b\u2028")


def test_markup_and_escapes_are_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["a", "b"], [["[red]x[/red]", "\x1b[2Jy"], [1, None]], "[bold]title")
    told = capsys.readouterr().out
    assert "[red]x[/red]" in told
    assert "·[2Jy" in told
    assert "\x1b" not in told


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["a"], [], "Findings")
    assert capsys.readouterr().out.strip() == "Findings: none"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_csv_formulas_are_disarmed(payload: str) -> None:
    out = io.StringIO()
    write_csv(["a", "b"], [[payload, -1.5]], out)
    _, (cell, number) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert cell.startswith("'") and cell.replace("'", "") == payload.replace("\r", "\n").replace("'", "")
    assert number == "-1.5"
    assert inert(-1) == -1


SIGNS = ["=", "+", "-", "@", "＝", "＋", "－", "＠"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", ["", "x;", "x\t", "x\n", "x\r\n", "a;b;", 'x;"'])
def test_no_cell_is_a_formula_whatever_separates_cells(separator: str, sign: str, before: str) -> None:
    out = io.StringIO()
    write_csv(["a", "b"], [["plain", f"{before}{sign}1+1"]], out)
    cells = [cell for row in csv.reader(io.StringIO(out.getvalue()), delimiter=separator) for cell in row]
    assert not [cell for cell in cells if cell.lstrip('"').startswith(sign)], cells


@pytest.mark.parametrize("text", ["a; b", "5 - 3", "x=y", "a;b", "2020-01-02", "a@b.example"])
def test_a_text_without_a_formula_is_left_alone(text: str) -> None:
    assert inert(text) == text


@pytest.mark.parametrize("letter", ["a", "字", "😀"])
def test_what_a_cell_cannot_hold_is_cut_with_a_word(letter: str, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    whole, longer = letter * (32_767 // len(letter.encode("utf-16-le")) * 2), letter * 40_000
    write_xlsx(["a"], [[whole], [longer]], path)
    first, second = fastexcel.read_excel(path).load_sheet(0).to_polars()["a"]
    assert first == whole
    assert len(second.encode("utf-16-le")) // 2 <= 32_767
    assert second.startswith(letter * 10_000)
    assert f"cut: {len(longer.encode('utf-16-le')) // 2:,} characters" in second


@pytest.mark.parametrize("payload", PAYLOADS)
def test_xlsx_text_stays_text(payload: str, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    write_xlsx(["a"], [[payload], [None], [True], [Decimal("1.5")]], path)
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert not any("rels" in name and "sheet" in name for name in book.namelist())
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


def test_json_says_what_it_is_given() -> None:
    out = io.StringIO()
    write_json(["a", "b", "c"], [[date(2020, 1, 2), Decimal("2"), ["=1"]], [None, 1.5, "ß"]], out)
    assert json.loads(out.getvalue()) == [
        {"a": "2020-01-02", "b": 2, "c": ["=1"]},
        {"a": None, "b": 1.5, "c": "ß"},
    ]
    empty = io.StringIO()
    write_json(["a"], [], empty)
    assert json.loads(empty.getvalue()) == []


def test_rows_too_wide_for_a_table_are_lists_wrapped_at_words(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of sixty columns on two hundred would break every word; none is broken, none is lost."""
    names = [f"column_{n}" for n in range(60)]
    sentence = "the facility has been asked about this value and answered that it stands as sent " * 5
    print_rows(names, iter([[f"value-{n}" for n in range(59)] + [sentence], [*range(59), None]]))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 200
    assert [line for line in lines if line.startswith("row")] == ["row 1", "row 2"]
    assert all(any(line.split() == [f"column_{n}", f"value-{n}"] for line in lines) for n in range(59))
    assert " ".join(lines).count("answered") == 5
    print_rows(["a", "text"], [[1, sentence]])
    table = capsys.readouterr().out
    assert "row 1" not in table and table.count("answered") == 5
