"""Rows as files that a spreadsheet opens: CSV, XLSX, JSON, Parquet.

Belongs here: writing rows so that no cell can act. Does not belong here: which rows.

A CSV cell of text that starts with ``= + - @``, a tab, a carriage return or a line feed gets an
apostrophe before it (OWASP, CSV injection): a spreadsheet then shows it as text. Numbers are left
alone. JSON and Parquet carry the text as it is.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

_ACTIVE = ("=", "+", "-", "@", "\t", "\n")
XLSX_OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "constant_memory": True,
}
_XLSX_ROWS = 1_048_575


def inert(value: object) -> object:
    """A cell for CSV that no spreadsheet takes for a formula, and that ends no line.

    Carriage returns become line feeds, which the writer quotes.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return "'" + text if text.startswith(_ACTIVE) else text


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], out: IO[str]) -> None:
    """RFC 4180 with a header row; missing values are empty."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([inert(value) for value in row] for row in rows)


def write_json(columns: Sequence[str], rows: Iterable[Sequence[Any]], out: IO[str]) -> None:
    """An array of objects, one per line; dates as ISO 8601, numbers that are none as null."""
    names = distinct(columns)
    out.write("[")
    for position, row in enumerate(rows):
        out.write(",\n " if position else "\n ")
        out.write(json.dumps(dict(zip(names, map(plain, row), strict=True)), ensure_ascii=False))
    out.write("\n]\n")


def distinct(columns: Sequence[str]) -> list[str]:
    """Names for the members of an object: a second ``a`` is ``a_2``, so that no column is lost."""
    names: list[str] = []
    for column in columns:
        name, number = column, 2
        while name in names or (name != column and name in columns):
            name, number = f"{column}_{number}", number + 1
        names.append(name)
    return names


def plain(value: object) -> object:
    """A value that JSON can say; it knows neither NaN nor infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(element) for element in value]
    if isinstance(value, dict):
        return {str(key): plain(element) for key, element in value.items()}
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def write_xlsx(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], path: Path, sheet: str = "rows"
) -> None:
    """A workbook of one sheet in which every text is text.

    Raises:
        ValueError: more rows than a sheet can hold.
    """
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), XLSX_OPTIONS) as book:
        page = book.add_worksheet(sheet)
        page.freeze_panes(1, 0)
        for column, name in enumerate(columns):
            page.write_string(0, column, name)
        for number, row in enumerate(rows, start=1):
            if number > _XLSX_ROWS:
                raise ValueError("more rows than a sheet can hold; use --format csv")
            for column, value in enumerate(row):
                _write_cell(page, number, column, value)


def _write_cell(page: Any, row: int, column: int, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        page.write_boolean(row, column, value)
    elif isinstance(value, int | float | Decimal):
        page.write_number(row, column, value)
    else:
        page.write_string(row, column, str(value))
