"""Delimited text: what is counted, what is rejected, and that the fast and the careful way agree."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.intake.readers import RawSheet, ReadError, ReadLimits, ReadOptions, read_file
from registry_pipeline.intake.readers.blocks import BlockParser
from registry_pipeline.intake.readers.delimited import read_delimited, sniff_delimiter
from registry_pipeline.intake.readers.source import Source
from tests.support.shared import SHARED, needs_shared


def read_bytes(data: bytes, fast: bool = True, **options: object) -> RawSheet:
    return read_delimited(Source(data, ".csv"), ReadOptions(**options), fast=fast)[0]  # type: ignore[arg-type]


def rows(sheet: RawSheet) -> list[tuple[object, ...]]:
    return sheet.frame.rows()


def test_every_cell_is_text_and_every_row_knows_its_line() -> None:
    sheet = read_bytes(b"mrn,size\n007,1.50\n008,\n")
    assert sheet.frame.schema == {"mrn": pl.String, "size": pl.String, "source_row": pl.Int64}
    assert rows(sheet) == [("007", "1.50", 2), ("008", None, 3)]
    assert (sheet.header, sheet.sheet, sheet.n_read) == (("mrn", "size"), "", 2)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found_out(delimiter: str, line_end: str) -> None:
    text = line_end.join(delimiter.join(row) for row in (["a", "b", "c"], ["1", "2", "3"], ["4", "5", "6"]))
    assert rows(read_bytes(text.encode())) == [("1", "2", "3", 2), ("4", "5", "6", 3)]


def test_a_decimal_comma_does_not_make_the_comma_the_delimiter() -> None:
    assert sniff_delimiter(["a;b;c", "1,5;2,5;x", "1,2;2,3;y"]) == ";"


def test_excels_separator_line_is_a_hint_and_no_header() -> None:
    sheet = read_bytes(b"sep=;\r\na;b\r\n1,5;2,5\r\n")
    assert (sheet.header, rows(sheet), sheet.n_read) == (("a", "b"), [("1,5", "2,5", 3)], 1)


def test_quoted_newlines_keep_the_physical_line_numbers() -> None:
    sheet = read_bytes(b'id,report\n1,"first\nsecond, ""third"""\n2,plain\n')
    assert rows(sheet) == [("1", 'first\nsecond, "third"', 2), ("2", "plain", 4)]


def test_blank_rows_are_listed_and_counted() -> None:
    sheet = read_bytes(b"a,b\n\n1,2\n , \n,\n\n3,4\n")
    assert rows(sheet) == [("1", "2", 3), ("3", "4", 7)]
    assert sheet.blank_rows == [2, 4, 5, 6]
    assert sheet.n_read == 6


def test_ragged_rows_are_rejected_without_values() -> None:
    sheet = read_bytes(b"a,b,c\n1,2,3\n1,SECRET\n1,2,3,SECRET\n1,2,3,,\n")
    assert rows(sheet) == [("1", "2", "3", 2), ("1", "2", "3", 5)]
    assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [
        (3, "too_few_fields"),
        (4, "too_many_fields"),
    ]
    assert sheet.n_read == 4
    assert not any("SECRET" in reject.message for reject in sheet.rejects)
    assert any("beyond the header" in note for note in sheet.notes)


def test_a_stray_quote_costs_one_line_and_not_the_rest_of_the_file() -> None:
    body = "".join(f"{i},text,{i}\n" for i in range(50))
    sheet = read_bytes(f'a,b,c\n1,"open,2\n{body}'.encode())
    assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [(2, "unclosed_quote")]
    assert len(sheet.frame) == 50


def test_an_inch_mark_within_a_field_is_text() -> None:
    assert rows(read_bytes(b'a,b\n5" tube,x\n3,y\n')) == [('5" tube', "x", 2), ("3", "y", 3)]


def test_duplicated_and_missing_names_are_made_unique() -> None:
    sheet = read_bytes(b"a,a,a__2,,source_row\n1,2,3,4,5\n")
    assert sheet.frame.columns == ["a", "a__3", "a__2", "column_4", "source_row__2", "source_row"]
    assert sheet.header == ("a", "a", "a__2", "", "source_row")
    assert any("duplicated" in note for note in sheet.notes)


def test_a_nameless_empty_column_is_left_out_with_a_note() -> None:
    sheet = read_bytes(b"a,b,\n1,2,\n3,4,\n")
    assert sheet.frame.columns == ["a", "b", "source_row"]
    assert any("without name" in note for note in sheet.notes)


def test_a_title_above_the_header_is_recognised() -> None:
    sheet = read_bytes("某医院数据,,\n,,\n病案号,大小,日期\n1,2,3\n".encode())
    assert rows(sheet) == [("1", "2", "3", 4)]
    assert sheet.header == ("病案号", "大小", "日期")
    assert any("title row" in note for note in sheet.notes)


def test_alias_rows_below_the_header_are_skipped() -> None:
    sheet = read_bytes(b"a,b\nalias_a,alias_b\nCDE:1,CDE:2\n1,2\n", header_rows=(1,), skip_after_header=2)
    assert rows(sheet) == [("1", "2", 4)]
    assert sheet.n_read == 1


def test_two_header_rows_are_joined_and_spread_over_merged_cells() -> None:
    data = b"Lesion,,Patient\nsize,date,id\n1,2,3\n"
    assert read_bytes(data, header_rows=(1, 2)).header == ("Lesion size", "Lesion date", "Patient id")
    assert read_bytes(data, header_rows=(1, 2), header_join="first").header == ("Lesion", "date", "Patient")


def test_skipped_rows_are_neither_read_nor_counted() -> None:
    sheet = read_bytes(b"a,b\n1,2\nx,x\n3,4\n", skip_rows=(3,))
    assert rows(sheet) == [("1", "2", 2), ("3", "4", 4)]
    assert sheet.n_read == 2


@pytest.mark.parametrize("marker", ["合计", "Total", "TOTAL:", " 合计："])
def test_a_totals_row_is_rejected_as_such(marker: str) -> None:
    sheet = read_bytes(f"a,b\n1,2\n{marker},2\n".encode())
    assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [(3, "totals_row")]
    assert sheet.n_read == 2


def test_a_header_alone_is_a_table_without_rows() -> None:
    sheet = read_bytes(b"a,b,c\n")
    assert sheet.frame.shape == (0, 4)
    assert sheet.n_read == 0


def test_a_missing_declared_header_row_is_said() -> None:
    with pytest.raises(ReadError) as caught:
        read_bytes(b"a,b\n1,2\n", header_rows=(9,))
    assert caught.value.code == "no_such_header_row"


def test_long_cells_are_rejected_on_both_ways() -> None:
    data = b"a,b\n" + b"x" * 200 + b",1\ny,2\n"
    for fast in (True, False):
        sheet = read_bytes(data, fast=fast, limits=ReadLimits(max_cell_bytes=100))
        assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [(2, "cell_too_long")]
        assert rows(sheet) == [("y", "2", 3)]


def test_the_fast_way_is_taken_for_a_regular_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the careful way was taken")

    monkeypatch.setattr("registry_pipeline.intake.readers.blocks.BlockParser._read_carefully", fail)
    data = "a,b\n" + "".join(f'{i},"鳞癌, {i}"\n' for i in range(1000))
    for encoding in ("utf-8", "gb18030", "utf-16", "utf-8-sig"):
        assert len(read_bytes(data.encode(encoding)).frame) == 1000


CELLS = st.text(alphabet='ab,;"\n\r 鳞é|\t', max_size=6)
TABLES = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=12)
)


@settings(max_examples=150, deadline=None)
@given(table=TABLES, quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_what_a_csv_writer_wrote_is_read_back(table: list[list[str]], quoting: int) -> None:
    clean = [[cell.replace("\r", "") for cell in row] for row in table]
    width = len(clean[0])
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")
    writer.writerow([f"name{i}" for i in range(width)])
    writer.writerows(clean)
    sheet = read_bytes(text.getvalue().encode(), delimiter=",")
    if any(reject.reason_code == "stray_quotes" for reject in sheet.rejects):
        return  # a note whose lines look like the table's own is told, not believed
    expected = [tuple(cell or None for cell in row) for row in clean if any(cell.strip() for cell in row)]
    assert [row[:-1] for row in rows(sheet)] == expected
    assert not sheet.rejects


FIELDS = ["a", "1,5", "鳞", " ", "", '"q"', '"c,c"', '""', '" s"']
ODD = [
    "",
    "x",
    "a,b,c",
    'a,"n\nn"',
    'a,"open',
    'a,"x"y',
    '5" t,b',
    "a,\rb",
    'a,"d""d"',
    '",",b',
    " ,",
    "a,b,",
    '"\n"',
]
REGULAR_LINES = st.tuples(st.sampled_from(FIELDS[:1] + FIELDS[2:]), st.sampled_from(FIELDS[2:])).map(",".join)
LINES = st.one_of(REGULAR_LINES, REGULAR_LINES, REGULAR_LINES, st.sampled_from(ODD))


@settings(max_examples=300, deadline=None)
@given(
    body=st.one_of(st.lists(REGULAR_LINES, max_size=6), st.lists(LINES, max_size=10)),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_both_ways_agree_on_any_text(body: list[str], end: str, last: bool) -> None:
    data = ("h1,h2" + end + end.join(body) + end * last).encode()
    fast, careful = (read_bytes(data, fast=fast, delimiter=",") for fast in (True, False))
    assert rows(fast) == rows(careful)
    assert (fast.blank_rows, fast.rejects) == (careful.blank_rows, careful.rejects)


ONE_COLUMN = ["a", "鳞", " ", "", '""', '"q"', "\x1a", "\t\x1a", '"n\nn"', '"open', "\0", "a\rb", ","]


@settings(max_examples=200, deadline=None)
@given(
    body=st.lists(st.sampled_from(ONE_COLUMN), max_size=8),
    encoding=st.sampled_from(["utf-8", "gb18030"]),
    damage=st.sampled_from([b"", b"\xff"]),
)
def test_both_ways_agree_on_one_column_and_lines_that_do_not_decode(
    body: list[str], encoding: str, damage: bytes
) -> None:
    data = "\n".join(["h1", "鳞", "癌", *body]).encode(encoding) + damage
    fast, careful = (read_bytes(data, fast=fast, delimiter=",", encoding=encoding) for fast in (True, False))
    assert rows(fast) == rows(careful)
    assert (fast.blank_rows, fast.rejects) == (careful.blank_rows, careful.rejects)


def test_an_odd_line_does_not_slow_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    accept = BlockParser._accept
    monkeypatch.setattr(
        BlockParser, "_accept", lambda self, record: seen.append(record) or accept(self, record)
    )
    lines = [f'{i},"plain, {i}"' for i in range(300)]
    lines[100:100] = ["ragged", '1,"over\ntwo lines"', '1,"stray', "", "1,2,"]
    sheet = read_bytes(("id,text\n" + "\n".join(lines)).encode())
    assert [record.source_row for record in seen] == [102, 103, 105, 106, 107]
    assert sheet.frame["source_row"].to_list() == [*range(2, 102), 103, *range(107, 308)]
    assert [one.source_row for one in sheet.rejects] == [102, 105] and sheet.blank_rows == [106]


@pytest.mark.parametrize("block_bytes", [1, 16, 64, 257, 4096])
def test_blocks_may_be_cut_anywhere(monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    lines = []
    for i in range(400):
        text = f'"line {i}\nnext, {i}"' if i % 7 == 0 else f"plain {i}"
        lines.append(f"{i},{text}" + (",ragged" if i % 50 == 3 else ""))
    data = ("id,text\n" + "\n".join(lines)).encode()
    whole = read_bytes(data)
    monkeypatch.setattr("registry_pipeline.intake.readers.blocks._BLOCK_BYTES", block_bytes)
    pieces = read_bytes(data)
    assert rows(pieces) == rows(whole)
    assert pieces.rejects == whole.rejects
    assert len(whole.rejects) == 8
    assert whole.n_read == 400


def test_a_file_on_disk_is_read_with_its_facts(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    result = read_file(path)
    assert (result.reader, result.encoding, result.n_bytes) == ("csv", "utf-8-sig", 11)
    assert any("byte-order" in note for note in result.sheets[0].notes)


@needs_shared
def test_real_registry_tables_are_read_completely() -> None:
    folder = SHARED / "real" / "tcga_cesc"
    options = ReadOptions(header_rows=(1,), skip_after_header=2)
    patient = read_file(folder / "nationwidechildrens.org_clinical_patient_cesc.txt", options).sheets[0]
    radiation = read_file(folder / "nationwidechildrens.org_clinical_radiation_cesc.txt", options).sheets[0]
    assert (len(patient.frame), len(patient.header), patient.rejects) == (307, 144, [])
    assert "radiation_treatment_adjuvant__2" in patient.frame.columns
    assert radiation.frame["radiation_adjuvant_units"].value_counts().filter(
        pl.col("radiation_adjuvant_units") == "cGy"
    )["count"].to_list() == [215]
