"""Rows as files that a spreadsheet opens: CSV, XLSX, JSON, Parquet.

Belongs here: writing rows so that no cell can act. Does not belong here: which rows.

A CSV cell of text that starts with ``= + - @``, one of their full-width forms, a tab, a carriage return or a line
feed gets an apostrophe before it (OWASP, CSV injection): a spreadsheet then shows it as text. So does what follows a
semicolon, a tab or a line break within a text: where the list separator is a semicolon, a spreadsheet starts a cell
there. Numbers are left alone. JSON and Parquet carry the text as it is. A text longer than a workbook's cell holds
ends there with a note of how long it is.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

_SIGNS = "=+\\-@＝＋－＠"
_ACTIVE = re.compile(rf"\A(?=[{_SIGNS}\t\n])|(?<=[;\t\n])(?=\"*[{_SIGNS}])")
CELL_CHARACTERS = 32_767
"""The longest text of a workbook's cell, in units of UTF-16 (ECMA-376, as Excel writes it)."""
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
    return _ACTIVE.sub("'", text)


def fitting(text: str) -> str:
    """A text that a workbook's cell can hold: of a longer one the beginning, and how long the whole is."""
    units = text.encode("utf-16-le", "surrogatepass")
    length = len(units) // 2
    if length <= CELL_CHARACTERS:
        return text
    note = f" [… cut: {length:,} characters; CSV, JSON and Parquet have all of them]"
    return units[: 2 * (CELL_CHARACTERS - len(note))].decode("utf-16-le", "ignore") + note


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], out: IO[str]) -> None:
    """RFC 4180 with a header row; missing values are empty, lists and the like are JSON, true and false in small letters."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([inert(name) for name in columns])
    writer.writerows([inert(_as_text(value)) for value in row] for row in rows)


def _as_text(value: object) -> object:
    """What Python writes its own way as other programs do."""
    if isinstance(value, bool | list | tuple | dict):
        return json.dumps(plain(value), ensure_ascii=False)
    return value


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
            page.write_string(0, column, fitting(name))
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
        page.write_string(row, column, fitting(str(value)))
