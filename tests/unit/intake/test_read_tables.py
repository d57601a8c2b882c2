"""Parquet, Stata, SPSS and SAS: typed files back to the text that people see."""

from __future__ import annotations

import datetime as dt
import errno
import gzip
import zipfile
from pathlib import Path

import pandas as pd
import polars as pl
import pyreadstat
import pytest

from registry_pipeline.intake.readers import ReadError, ReadLimits, ReadOptions, read_file

LABELS = {"sex": {1: "male", 2: "female", 9: "不详"}}
EXPECTED = [
    ("001", "female", "2020-01-02", "1.5", 1),
    ("002", "不详", None, "3", 2),
    ("003", "7", "2021-05-06", None, 3),
]


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ["001", "002", "003"],
            "sex": [2.0, 9.0, 7.0],
            "seen": [dt.date(2020, 1, 2), None, dt.date(2021, 5, 6)],
            "size": [1.5, 3.0, None],
        }
    )


@pytest.mark.parametrize("kind", ["stata", "spss"])
def test_labels_are_shown_and_unlabelled_codes_kept(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("t.dta" if kind == "stata" else "t.sav")
    if kind == "stata":
        pyreadstat.write_dta(frame(), str(path), variable_value_labels=LABELS)
    else:
        pyreadstat.write_sav(frame(), str(path), variable_value_labels=LABELS, missing_ranges={"sex": [9]})
    result = read_file(path)
    assert (result.reader, result.sheets[0].frame.rows()) == (kind, EXPECTED)
    assert result.sheets[0].frame.schema["sex"] == pl.String
    assert any("labels" in note for note in result.sheets[0].notes)


def test_a_sas_transport_file_is_read(tmp_path: Path) -> None:
    pyreadstat.write_xport(frame(), str(tmp_path / "t.xpt"))
    result = read_file(tmp_path / "t.xpt")
    assert result.reader == "sas"
    assert result.sheets[0].frame.rows()[0] == ("001", "2", "2020-01-02", "1.5", 1)


def test_a_statistical_file_inside_a_zip_is_read(tmp_path: Path) -> None:
    pyreadstat.write_sav(frame(), str(tmp_path / "t.sav"), variable_value_labels=LABELS)
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.write(tmp_path / "t.sav", "t.sav")
    assert read_file(tmp_path / "t.zip").sheets[0].frame.rows() == EXPECTED


def archive_of(tmp_path: Path, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.csv", content)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_whose_bytes_have_changed_is_damaged(tmp_path: Path, method: int) -> None:
    path = archive_of(tmp_path, b"id\n" + b"".join(b"%d\n" % (7 * n % 911) for n in range(2_000)), method)
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(60)
    path.write_bytes(data)
    with pytest.raises(ReadError, match="damaged or cut off"):
        read_file(path)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_what_the_system_refuses_is_no_damage_of_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = archive_of(tmp_path, b"id\n1\n")

    def refuse(*_: object) -> bytes:
        raise OSError(code, "refused")

    monkeypatch.setattr(zipfile.ZipExtFile, "read", refuse)
    with pytest.raises(OSError, match="refused"):
        read_file(path)
    monkeypatch.setattr(zipfile.ZipFile, "__init__", refuse)
    with pytest.raises(OSError, match="refused"):
        read_file(path)


def test_parquet_types_become_plain_text(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "i": [1, None],
            "f": [2.0, float("nan")],
            "g": [0.1, 1e300],
            "d": [dt.date(2020, 1, 2), None],
            "t": [dt.datetime(2020, 1, 2), dt.datetime(2020, 1, 2, 13, 5, 0, 500_000)],
            "b": [True, False],
            "s": ["", "007"],
        }
    ).write_parquet(tmp_path / "t.parquet")
    sheet = read_file(tmp_path / "t.parquet").sheets[0]
    assert set(sheet.frame.dtypes[:-1]) == {pl.String}
    assert sheet.frame.rows() == [
        ("1", "2", "0.1", "2020-01-02", "2020-01-02", "true", None, 1),
        (None, None, "1e+300", None, "2020-01-02 13:05:00.500", "false", "007", 2),
    ]


def test_nested_parquet_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"a": [[1, 2]]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(ReadError) as caught:
        read_file(tmp_path / "t.parquet")
    assert caught.value.code == "unsupported_format"


def test_a_gzipped_csv_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    result = read_file(tmp_path / "t.csv.gz")
    assert (result.reader, result.sheets[0].member, result.sheets[0].n_read) == ("gzip", "t.csv", 1)


def test_row_limits_hold(tmp_path: Path) -> None:
    pl.DataFrame({"a": range(100)}).write_parquet(tmp_path / "t.parquet")
    pyreadstat.write_sav(pd.DataFrame({"a": range(100)}), str(tmp_path / "t.sav"))
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 100)
    for name in ("t.parquet", "t.sav", "t.csv"):
        with pytest.raises(ReadError) as caught:
            read_file(tmp_path / name, ReadOptions(limits=ReadLimits(max_rows=10)))
        assert caught.value.code == "too_large", name
