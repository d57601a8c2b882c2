"""Files as a hospital would write them: a grid with titles, headers and rows, not yet bytes.

Belongs here: :class:`Page` (one sheet), writing pages as CSV or XLSX, the physical row of a row.
Does not belong here: what stands in the cells (``*_export.py``).
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

Cell = str | int | float | date | None
Row = dict[str, Cell]


@dataclass
class Page:
    """One sheet, or one delimited file.

    Attributes:
        file: name of the file without the date and suffix of an export.
        sheet: name of the sheet; empty for delimited files.
        columns: keys of the rows, in order; also the header unless ``headers`` is given.
        title: text above the header; empty for none.
        headers: header rows (several for merged headers).
        rows: the records; each is a dict that mistakes may change.
        total: text of a totals row at the bottom; empty for none.
        ragged: positions in ``rows`` that are written with one field too few.
    """

    file: str
    sheet: str
    columns: tuple[str, ...]
    title: str = ""
    headers: tuple[tuple[str, ...], ...] = ()
    rows: list[Row] = field(default_factory=list)
    total: str = ""
    ragged: list[Row] = field(default_factory=list)

    def source_row(self, row: Row) -> int:
        """Physical row (line) of ``row``, from 1.

        Raises:
            ValueError: the row does not stand on this page.
        """
        place = next((i for i, other in enumerate(self.rows) if other is row), None)
        if place is None:
            raise ValueError("the row does not stand on this page")
        return bool(self.title) + max(1, len(self.headers)) + place + 1

    def grid(self) -> list[list[Cell]]:
        """Every physical row."""
        top: list[list[Cell]] = [[self.title]] if self.title else []
        top += [list(line) for line in self.headers] or [list(self.columns)]
        for row in self.rows:
            cells = [row.get(name) for name in self.columns]
            top.append(cells[:-2] if any(row is ragged_row for ragged_row in self.ragged) else cells)
        if self.total:
            top.append([self.total, len(self.rows)])
        return top


def write_csv(page: Page, path: Path, encoding: str, delimiter: str = ",") -> None:
    """One page as delimited text with CRLF line ends."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([["" if cell is None else cell for cell in line] for line in page.grid()])
    path.write_bytes(out.getvalue().encode(encoding))


def write_xlsx(pages: Sequence[Page], path: Path) -> None:
    """Several pages as one workbook: real date cells, merged headings, nothing turned into a formula."""
    import xlsxwriter

    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": FIXED_DAY})
        for page in pages:
            sheet = book.add_worksheet(page.sheet)
            for place, line in enumerate(page.grid()):
                for column, cell in enumerate(line):
                    _write_cell(sheet, place, column, cell)


FIXED_DAY = datetime(2023, 7, 1)


def _write_cell(sheet: object, row: int, column: int, cell: Cell) -> None:
    if cell is None or cell == "":
        return
    if isinstance(cell, date):
        sheet.write_datetime(row, column, cell)  # type: ignore[attr-defined]
    elif isinstance(cell, str):
        sheet.write_string(row, column, cell)  # type: ignore[attr-defined]
    else:
        sheet.write_number(row, column, cell)  # type: ignore[attr-defined]
