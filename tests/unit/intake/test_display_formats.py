"""Dates of Stata, SPSS and SAS by the family of their display format, and numbers at the width they were stored in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyreadstat
import pytest

from registry_pipeline.intake.readers import ReadOptions, read_file
from registry_pipeline.intake.readers.display_formats import date_format, date_text

DAY = (dt.date(2019, 3, 1) - dt.date(1960, 1, 1)).days
SECOND = 86_400 * DAY
SPSS = int((dt.datetime(2019, 3, 1) - dt.datetime(1582, 10, 14)).total_seconds())
KNOWN = [
    *[("stata", code, DAY, "2019-03-01") for code in ("%td", "%d", "%-td", "%tdDD/NN/CCYY", "%tdMonth_dd,_CCYY")],
    *[("stata", code, 1000 * SECOND, "2019-03-01") for code in ("%tc", "%tcDD_Mon_CCYY", "%tcNN/DD/CCYY_HH:MM")],
    ("stata", "%tc", 1000 * SECOND + 3_600_000, "2019-03-01 01:00:00"),
    ("stata", "%tm", 710, "2019-03"),
    ("stata", "%tmCCYY!mNN", 710, "2019-03"),
    ("stata", "%tm", -1, "1959-12"),
    ("stata", "%tq", 236, "2019 Q1"),
    ("stata", "%tw", 52 * 59 + 8, "2019 W09"),
    ("stata", "%th", 118, "2019 H1"),
    ("stata", "%ty", 2019, "2019"),
    *[("spss", code, SPSS, "2019-03-01") for code in ("DATE11", "ADATE10", "EDATE10", "JDATE7", "SDATE10")],
    ("spss", "DATETIME20", SPSS + 60, "2019-03-01 00:01:00"),
    ("spss", "YMDHMS16", SPSS, "2019-03-01"),
    ("spss", "MOYR8", SPSS, "2019-03"),
    ("spss", "MOYR6", SPSS + 86_400, "2019-03-02"),
    ("spss", "QYR8", SPSS - 59 * 86_400, "2019 Q1"),
    ("spss", "WKYR10", SPSS - 59 * 86_400, "2019 W01"),
    ("spss", "TIME8", 3_661, "01:01:01"),
    *[
        ("sas", code, DAY, "2019-03-01")
        for code in (
            "DATE9", "DATE", "DDMMYY10", "MMDDYYD10", "YYMMDDN8", "YYMMDD10", "E8601DA", "WORDDATE18", "WORDDATX",
            "WEEKDATE", "JULIAN7", "MINGUO10", "NENGO10", "NLDATE20", "EURDFDD8", "IS8601DA",
        )
    ],
    *[("sas", code, DAY, "2019-03") for code in ("MONYY7", "YYMMN6", "YYMMD7", "MMYY7", "YYMON7")],
    *[("sas", code, DAY + 14, "2019-03-15") for code in ("MONYY7", "YYMMN6")],
    ("sas", "YEAR4", DAY - 59, "2019"),
    ("sas", "YYQ6", DAY - 59, "2019 Q1"),
    *[("sas", code, SECOND, "2019-03-01") for code in ("DTDATE9", "DATETIME20", "E8601DN10", "B8601DT", "NLDATM")],
    ("sas", "DTMONYY7", SECOND, "2019-03"),
    ("sas", "TIME8", 3_661, "01:01:01"),
    ("xport", "DTDATE9", SECOND, "2019-03-01"),
]  # fmt: skip


@pytest.mark.parametrize("kind, code, value, text", KNOWN)
def test_a_date_is_a_date_in_every_format_of_its_family(
    kind: str, code: str, value: float, text: str
) -> None:
    form = date_format(kind, code)
    assert form is not None
    assert date_text(float(value), form) == text


@pytest.mark.parametrize(
    "kind, code",
    [
        ("stata", "%9.0g"), ("stata", "%8.2f"), ("stata", "%-9s"), ("stata", "%tb"), ("stata", "%tg"),
        ("spss", "F8"), ("spss", "MONTH9"), ("spss", "WKDAY9"), ("spss", "DOLLAR8"),
        ("sas", "BEST12"), ("sas", "DATEGRP"), ("sas", "YEARFMT"), ("sas", "$8"), ("sas", None), ("sas", "SEX"),
    ],
)  # fmt: skip
def test_other_numbers_are_none(kind: str, code: str | None) -> None:
    assert date_format(kind, code) is None


@pytest.mark.parametrize("value", [1e8, -1e8, 3e9, 1e300, -1e17])
@pytest.mark.parametrize(
    "kind, code", [("stata", "%td"), ("stata", "%tm"), ("sas", "DATE9"), ("spss", "DATE11")]
)
def test_a_number_that_is_no_day_is_told_with_its_format_and_never_a_date(
    kind: str, code: str, value: float
) -> None:
    form = date_format(kind, code)
    assert form is not None
    text = date_text(value, form)
    assert text.endswith(f"({code})") or (kind == "spss" and abs(value) < 1e10 and text[4] == "-")


@pytest.mark.parametrize("name", ["t.dta", "t.sav", "t.xpt"])
def test_dates_of_whole_files(tmp_path: Path, name: str) -> None:
    origin = {"t.sav": SPSS}.get(name, DAY)
    far = {"t.sav": 1e15}.get(name, 1e8)
    formats = {
        "t.dta": ("%tdDD/NN/CCYY", "%tm", 710.0),
        "t.sav": ("EDATE10", "MOYR8", SPSS),
        "t.xpt": ("WORDDATE18", "YYMMN6", DAY),
    }
    day, month, value = formats[name]
    frame = pd.DataFrame({"d": [float(origin), far], "m": [float(value), None], "n": [1.5, 2.0]})
    write = {"t.dta": pyreadstat.write_dta, "t.sav": pyreadstat.write_sav, "t.xpt": pyreadstat.write_xport}
    write[name](frame, str(tmp_path / name), variable_format={"d": day, "m": month})
    first, second = read_file(tmp_path / name, ReadOptions()).sheets[0].frame.rows()
    assert first == ("2019-03-01", "2019-03", "1.5", 1)
    assert second[0].endswith(f"({day})") and second[1:] == (None, "2", 2)


WIDE = [1.1, 3.3, 0.7, 23.0, 1e-7]


def test_a_number_of_32_bits_is_the_shortest_decimal_of_its_width(tmp_path: Path) -> None:
    narrow = pl.Series("n", WIDE, dtype=pl.Float32)
    upcast = narrow.cast(pl.Float64).alias("u")
    pl.DataFrame([narrow, upcast, pl.Series("w", WIDE)]).write_parquet(tmp_path / "t.parquet")
    frame = pd.DataFrame({"n": np.array([1.1, 3.3], dtype=np.float32), "w": [1.1, 0.1 + 0.2]})
    frame.to_stata(tmp_path / "t.dta", write_index=False)
    sheet = read_file(tmp_path / "t.parquet").sheets[0].frame
    for name in ("n", "u", "w"):
        assert sheet[name].to_list() == ["1.1", "3.3", "0.7", "23", "1e-7"], name
    assert read_file(tmp_path / "t.dta").sheets[0].frame.rows() == [
        ("1.1", "1.1", 1),
        ("3.3", "0.30000000000000004", 2),
    ]


@pytest.mark.parametrize("unit, far", [("us", 2**62), ("ms", 2**60), ("ns", None)])
def test_parquet_moments_beyond_the_calendar_cost_their_cell(
    tmp_path: Path, unit: str, far: int | None
) -> None:
    per_day = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}[unit]
    numbers = pl.Series(
        "t", [0, per_day + 1_000_000_000 if unit == "ns" else per_day, far, None], dtype=pl.Int64
    )
    pl.DataFrame([numbers.cast(pl.Datetime(unit))]).write_parquet(tmp_path / "t.parquet")
    cells = read_file(tmp_path / "t.parquet").sheets[0].frame["t"].to_list()
    assert cells[0] == "1970-01-01"
    assert cells[1].startswith("1970-01-02")
    if far is not None:
        assert cells[2] == f"{far} {unit} from 1970-01-01"


def test_parquet_days_beyond_the_calendar_cost_their_cell(tmp_path: Path) -> None:
    days = pl.Series("d", [0, 200_000_000, -(2**31), None, 2_932_896], dtype=pl.Int32).cast(pl.Date)
    pl.DataFrame([days, pl.Series("id", list("ABCDE"))]).write_parquet(tmp_path / "t.parquet")
    frame = read_file(tmp_path / "t.parquet").sheets[0].frame
    assert frame["id"].to_list() == list("ABCDE")
    assert frame["d"].to_list() == [
        "1970-01-01", "200000000 days from 1970-01-01", "-2147483648 days from 1970-01-01", None, "9999-12-31",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("x", [[1], [2]]),
        pl.Series("x", [{"a": 1}, {"a": 2}]),
        pl.Series("x", [b"\xff\xfe", b"\x00\x01\xff"]),
        pl.Series("x", [dt.timedelta(days=1), dt.timedelta(0)]),
        pl.Series("x", [[1, 2], [3, 4]], dtype=pl.Array(pl.Int8, 2)),
    ],
)
def test_a_column_that_is_no_text_costs_itself_and_says_so(tmp_path: Path, column: pl.Series) -> None:
    pl.DataFrame([pl.Series("id", ["A", "B"]), column]).write_parquet(tmp_path / "t.parquet")
    sheet = read_file(tmp_path / "t.parquet").sheets[0]
    assert sheet.header == ("id",)
    assert sheet.frame.rows() == [("A", 1), ("B", 2)]
    (warning,) = sheet.warnings
    assert "'x'" in warning and "left out" in warning


def test_bytes_that_are_text_are_text_and_utc_says_so(tmp_path: Path) -> None:
    moment = dt.datetime(1960, 1, 1, 16, tzinfo=dt.UTC)
    table = pl.DataFrame(
        {
            "b": [b"A1", "女".encode()],
            "u": pl.Series([moment, None], dtype=pl.Datetime("us", "UTC")),
            "s": pl.Series([moment, None], dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone(
                "Asia/Shanghai"
            ),
        }
    )
    table.write_parquet(tmp_path / "t.parquet")
    assert read_file(tmp_path / "t.parquet").sheets[0].frame.row(0) == (
        "A1", "1960-01-01 16:00:00Z", "1960-01-02", 1
    )  # fmt: skip
