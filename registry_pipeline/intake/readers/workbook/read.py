"""Spreadsheets (XLSX, and XLSB, ODS, XLS through the same library) to ``RawSheet``s.

Belongs here: worksheets to grids of text with ISO dates. Does not belong here: what stands in the workbook's
XML beside the cells (``scan.py``, ``styles.py``), archive limits (``archive.py``).

Cells: a date cell is ``YYYY-MM-DD`` (with a time when it has one, honouring the 1904 epoch), a time cell
``HH:MM:SS``, a number is written plainly without a trailing ``.0`` or an exponent, text is verbatim. A cell whose
format shows year and month only (or the year alone) holds a first day that Excel added: it is ``YYYY-MM`` (``YYYY``).
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.intake.readers.archive import iter_member, open_archive
from registry_pipeline.intake.readers.encoding import replacement_error
from registry_pipeline.intake.readers.formats import Format
from registry_pipeline.intake.readers.header import PREVIEW_ROWS, GridRow, find_header
from registry_pipeline.intake.readers.model import SOURCE_ROW, RawSheet, ReadError, ReadOptions
from registry_pipeline.intake.readers.sheet import column_ids, finish_sheet, reject_long_cells
from registry_pipeline.intake.readers.source import Source
from registry_pipeline.intake.readers.workbook.scan import SheetFacts, scan_workbook
from registry_pipeline.intake.readers.workbook.styles import western

if TYPE_CHECKING:
    from fastexcel import ExcelReader, ExcelSheet

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MIDNIGHT = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}) 00:00:00$"
_TIME_ONLY = r"^(?:1899-12-3[01]|1904-01-01) ([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)$"
_ENCODING = "utf-8"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9:.]+)?$"
_SERIAL = r"^[2-5][0-9]{4}(?:\.[0-9]+)?$"


def read_workbook(source: Source, options: ReadOptions) -> list[RawSheet]:
    """Read the wanted worksheets, all when ``options.sheets`` is None; hidden ones too, with a warning.

    Raises:
        ReadError: not_a_workbook, damaged, password_protected, zip_bomb, unsafe_archive, no_such_sheet,
            no_such_header_row, replacement_character, too_large, empty (no worksheet has a filled cell).
    """
    data, facts = _prepare(source, options)
    workbook = _open(data)
    names = options.sheets if options.sheets is not None else tuple(workbook.sheet_names)
    if not set(names) <= set(workbook.sheet_names):
        n_sheets = len(workbook.sheet_names)
        raise ReadError("no_such_sheet", f"a declared worksheet is not among the {n_sheets} of the workbook")
    if len(names) > options.limits.max_sheets:
        limit = options.limits.max_sheets
        raise ReadError(
            "too_large", f"more than {limit} worksheets; name those wanted under sheets, or split it"
        )
    sheets = []
    for number, name in enumerate(names, start=1):
        try:
            sheets.append(_read_sheet(workbook, name, facts.get(name, SheetFacts()), options.of_sheet(name)))
        except ReadError as problem:
            if problem.code != "no_such_header_row":
                raise
            message = (
                f"worksheet {number} of {len(names)} lacks a row that header_rows declares; "
                "list the worksheets with records under sheets, or give header_rows by worksheet"
            )
            raise ReadError(problem.code, message) from None
    if not any(sheet.header for sheet in sheets):
        raise ReadError("empty", "no worksheet has a filled cell; ask the facility to export it again")
    return sheets


def _prepare(source: Source, options: ReadOptions) -> tuple[bytes | str, dict[str, SheetFacts]]:
    """Judge the container before the library sees it, and mend what the library does not know."""
    data = source.whole()
    if data.startswith(OLE_MAGIC):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise ReadError("password_protected", "the workbook has a password; save it without one")
        return (data if source.path is None else str(source.path)), {}
    with open_archive(source, options.limits) as archive:
        facts = scan_workbook(archive)
        return _with_known_dates(archive, data), facts


def _with_known_dates(archive: zipfile.ZipFile, data: bytes) -> bytes:
    """The workbook with East Asian built-in date formats replaced by the Western ones that the library knows."""
    if "xl/styles.xml" not in archive.namelist():
        return data
    styles = b"".join(iter_member(archive, archive.getinfo("xl/styles.xml")))
    changed = western(styles)
    if changed == styles:
        return data
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for member in archive.infolist():
            is_styles = member.filename == "xl/styles.xml"
            target.writestr(member.filename, changed if is_styles else b"".join(iter_member(archive, member)))
    return copy.getvalue()


def _open(data: bytes | str) -> ExcelReader:
    import fastexcel

    try:
        with panics_as_exceptions():
            return fastexcel.read_excel(data)
    except Exception as error:
        if any(word in str(error).casefold() for word in ("password", "encrypt")):
            raise ReadError(
                "password_protected", "the workbook has a password; save it without one"
            ) from None
        raise ReadError("not_a_workbook", "the workbook cannot be opened; save it anew as XLSX") from None


def _read_sheet(workbook: ExcelReader, name: str, facts: SheetFacts, options: ReadOptions) -> RawSheet:
    loaded = _load(workbook, name)
    grid = loaded.to_polars()
    if grid.height == 0 or grid.width == 0:
        return _empty_sheet(name)
    if grid.height > options.limits.max_rows or grid.width > options.limits.max_columns:
        raise ReadError("too_large", "a worksheet has more rows or columns than allowed; split it")
    grid = _as_text(grid)
    if not _first_rows(grid):
        return _empty_sheet(name)
    header = find_header(_first_rows(grid), options)
    grid, notes = _with_short_dates(grid, facts, header.first_data_row)
    grid = _to_width(grid, len(header.names)).filter(pl.col(SOURCE_ROW) >= header.first_data_row)
    _refuse_lost_characters(grid)
    grid, rejects = reject_long_cells(grid, options)
    sheet = finish_sheet(grid, header, options, sheet=name, encoding=_ENCODING, rejects=rejects, notes=notes)
    serials = serial_columns(sheet.frame) if facts.epoch is not None else {}
    warnings = facts.as_warnings(header.first_data_row)
    if loaded.visible != "visible":
        n_rows = "1 row was" if sheet.n_read == 1 else f"{sheet.n_read:,} rows were"
        warnings.insert(0, f"the worksheet is hidden in the workbook and its {n_rows} read too")
    return replace(
        sheet, warnings=warnings, serial_columns=serials, excel_epoch=facts.epoch if serials else None
    )


def _with_short_dates(
    grid: pl.DataFrame, facts: SheetFacts, first_data_row: int
) -> tuple[pl.DataFrame, list[str]]:
    """Dates of which the cell shows a month or a year, as such; a later day than the first was written by somebody."""
    n_changed = 0
    for precision, first_day, length in (
        ("month", r"^[0-9]{4}-[0-9]{2}-01$", 7),
        ("year", r"^[0-9]{4}-01-01$", 4),
    ):
        by_column: dict[int, list[int]] = {}
        for row, column, own in facts.short_dates:
            if own == precision and row >= first_data_row and column < grid.width - 1:
                by_column.setdefault(column, []).append(row)
        for column, rows in by_column.items():
            text = pl.col(f"c{column}")
            is_short = pl.col(SOURCE_ROW).is_in(rows) & text.str.contains(first_day)
            n_changed += grid.select(is_short.fill_null(False).sum()).item()
            grid = grid.with_columns(pl.when(is_short).then(text.str.slice(0, length)).otherwise(text))
    note = f"{n_changed} cells show a month or a year only and are read as such, not as its first day"
    return grid, [note] if n_changed else []


def serial_columns(frame: pl.DataFrame) -> dict[str, int]:
    """Columns of which at least half of the filled cells are dates and some others are day numbers of 1954 to 2064."""
    names = frame.columns[:-1]
    filled = frame.select(pl.col(names).count())
    dates = frame.select(pl.col(names).str.contains(_DATE).sum())
    serials = frame.select(pl.col(names).str.contains(_SERIAL).sum())
    return {
        name: serials[name][0]
        for name in names
        if serials[name][0] and dates[name][0] >= max(1, filled[name][0] / 2)
    }


def _load(workbook: ExcelReader, name: str) -> ExcelSheet:
    try:
        with panics_as_exceptions():
            return workbook.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
    except Exception:
        raise ReadError("damaged", "a worksheet cannot be read; save the workbook anew as XLSX") from None


def _as_text(grid: pl.DataFrame) -> pl.DataFrame:
    """Positional names, row numbers, dates without midnight, no empty strings."""
    grid = grid.rename(dict(zip(grid.columns, column_ids(grid.width), strict=True)))
    texts = pl.all().cast(pl.String).str.replace(_MIDNIGHT, "$1").str.replace(_TIME_ONLY, "$1")
    grid = grid.select(texts).with_columns(pl.when(pl.all() != "").then(pl.all()))
    return grid.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(SOURCE_ROW))


def _first_rows(grid: pl.DataFrame) -> list[GridRow]:
    """The rows among which the header stands, without the empty ones above the table."""
    cells = grid.columns[:-1]
    filled = grid.filter(pl.any_horizontal(pl.col(cells).str.contains(r"\S"))).head(PREVIEW_ROWS)
    return [(row[-1], 1, row[:-1]) for row in filled.rows()]


def _to_width(grid: pl.DataFrame, width: int) -> pl.DataFrame:
    """The header spans the worksheet's whole width, as cells of a worksheet always do."""
    return grid.select([*column_ids(width), SOURCE_ROW])


def _refuse_lost_characters(grid: pl.DataFrame) -> None:
    damaged = grid.filter(pl.any_horizontal(pl.col(pl.String).str.contains("\ufffd", literal=True)))
    if damaged.height:
        raise replacement_error(int(damaged[SOURCE_ROW][0]))


def _empty_sheet(name: str) -> RawSheet:
    frame = pl.DataFrame(schema={SOURCE_ROW: pl.Int64})
    return RawSheet(frame, name, (), _ENCODING, [], [], ["the worksheet is empty"])


FORMATS = (
    *(Format(name, read_workbook) for name in ("xlsx", "xlsb", "ods")),
    Format("xls", read_workbook, (OLE_MAGIC,)),
)
