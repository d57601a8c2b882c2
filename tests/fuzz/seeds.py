"""Good files of every format that readers of foreign formats take, as bytes."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl
import pyreadstat
import xlsxwriter

from tests.fault.hostile import far_corners_of_an_ods, zipped
from tests.support.fhir_bundle import bundle, everything, lines
from tests.unit.intake.biff8 import Dated, write_xls

_TABLE = {
    "id": [f"A{n}" for n in range(40)],
    "born": [dt.date(1960, 1, 1 + n % 28) for n in range(40)],
    "size": [n / 3 for n in range(40)],
    "sex": [float(n % 3) for n in range(40)],
}


def _written(name: str, write: Callable[[str], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(str(path))
        return path.read_bytes()


def _workbook() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("随访")
        day = book.add_format({"num_format": 'yyyy"年"m"月"'})
        sheet.write_row(0, 0, list(_TABLE))
        for row in range(40):
            sheet.write_string(row + 1, 0, _TABLE["id"][row])
            sheet.write_datetime(row + 1, 1, _TABLE["born"][row], day)
            sheet.write_number(row + 1, 2, _TABLE["size"][row])
            sheet.write_formula(row + 1, 3, "=1/0", None, "#DIV/0!")
        sheet.merge_range("F3:F6", "merged")
        sheet.set_row(5, None, None, {"hidden": True})
        book.add_worksheet("more").write_row(0, 0, ["a", "b"])
    return buffer.getvalue()


def _parquet() -> bytes:
    buffer = io.BytesIO()
    frame = pl.DataFrame(_TABLE).with_columns(
        at=pl.col("born").cast(pl.Datetime("us", "UTC")),
        bytes=pl.col("id").cast(pl.Binary),
        part=pl.col("id").cast(pl.Categorical),
    )
    frame.write_parquet(buffer)
    return buffer.getvalue()


def seeds() -> dict[str, bytes]:
    """File name -> its bytes; the suffix is the format's."""
    frame = pd.DataFrame(_TABLE)
    labels = {"variable_value_labels": {"sex": {0: "?", 1: "male", 2: "female"}}}
    return {
        "a.xlsx": _workbook(),
        "a.xls": _written(
            "a.xls", lambda path: write_xls(Path(path), "S", [["id", "d"], ["007", Dated(44185.0)]])
        ),
        "a.ods": far_corners_of_an_ods(n_rows=20, n_columns=4),
        "a.parquet": _parquet(),
        "a.dta": _written("a.dta", lambda path: pyreadstat.write_dta(frame, path, **labels)),
        "b.dta": _written("b.dta", lambda path: frame.drop(columns="born").to_stata(path, version=114)),
        "a.sav": _written("a.sav", lambda path: pyreadstat.write_sav(frame, path, **labels)),
        "a.zsav": _written("a.zsav", lambda path: pyreadstat.write_sav(frame, path, compress=True)),
        "a.xpt": _written("a.xpt", lambda path: pyreadstat.write_xport(frame, path, file_format_version=5)),
        "a.json": bundle(everything(3)).encode(),
        "a.ndjson": lines(everything(3)).encode(),
        "a.zip": zipped({"a.csv": "id,born\nA,1960-01-01\n", "a.xlsx": _workbook()}),
        "a.csv.gz": gzip.compress(b"id,born\nA,1960-01-01\n" * 50),
    }
