"""Spreadsheets (XLSX, and XLSB, ODS, XLS through the same library) to ``RawSheet``s.

Belongs here: worksheets to grids of text with ISO dates. Does not belong here: what stands in the workbook's
XML beside the cells (workbook_parts.py), archive limits (archive.py).

Cells: a date cell is ``YYYY-MM-DD`` (with a time when it has one, honouring the 1904 epoch), a time cell
``HH:MM:SS``, a number is written plainly without a trailing ``.0`` or an exponent, text is verbatim.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from registry_pipeline.intake.readers.archive import open_archive
from registry_pipeline.intake.readers.encoding import replacement_error
from registry_pipeline.intake.readers.header import PREVIEW_ROWS, GridRow, find_header
from registry_pipeline.intake.readers.model import SOURCE_ROW, RawSheet, ReadError, ReadOptions, Reject
from registry_pipeline.intake.readers.sheet import column_ids, finish_sheet
from registry_pipeline.intake.readers.sniff import OLE_MAGIC
from registry_pipeline.intake.readers.source import Source
from registry_pipeline.intake.readers.workbook_parts import SheetFacts, scan_workbook, with_known_dates

if TYPE_CHECKING:
    from fastexcel import ExcelReader, ExcelSheet

_MIDNIGHT = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}) 00:00:00$"
_TIME_ONLY = r"^(?:1899-12-3[01]|1904-01-01) ([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)$"
_ENCODING = "utf-8"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9:.]+)?$"
_SERIAL = r"^[2-5][0-9]{4}(?:\.[0-9]+)?$"


def read_workbook(source: Source, options: ReadOptions) -> list[RawSheet]:
    """Read the wanted worksheets, all when ``options.sheets`` is None; hidden ones too, with a note.

    Raises:
        ReadError: not_a_workbook, damaged, password_protected, zip_bomb, unsafe_archive, no_such_sheet,
            no_such_header_row, replacement_character, too_large, empty (no worksheet has a filled cell).
    """
    data, facts = _prepare(source, options)
    workbook = _open(data)
    wanted = options.sheets if options.sheets is not None else tuple(workbook.sheet_names)
    if not set(wanted) <= set(workbook.sheet_names):
        n_sheets = len(workbook.sheet_names)
        raise ReadError("no_such_sheet", f"a declared worksheet is not among the {n_sheets} of the workbook")
    sheets = [
        _read_sheet(workbook, name, facts.get(name, SheetFacts()), options.of_sheet(name)) for name in wanted
    ]
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
        return with_known_dates(archive, data), scan_workbook(archive)


def _open(data: bytes | str) -> ExcelReader:
    import fastexcel

    try:
        return fastexcel.read_excel(data)
    except Exception as error:
        if any(word in str(error).casefold() for word in ("password", "encrypt")):
            raise ReadError(
                "password_protected", "the workbook has a password; save it without one"
            ) from None
        raise ReadError("not_a_workbook", "the workbook cannot be opened; save it anew as XLSX") from None


def _read_sheet(workbook: ExcelReader, name: str, facts: SheetFacts, options: ReadOptions) -> RawSheet:
    sheet = _load(workbook, name)
    notes = facts.as_notes()
    if sheet.visible != "visible":
        notes.insert(0, "the worksheet is hidden in the workbook; it was read too")
    grid = sheet.to_polars()
    if grid.height == 0 or grid.width == 0:
        return _empty_sheet(name, [*notes, "the worksheet is empty"])
    if grid.height > options.limits.max_rows or grid.width > options.limits.max_columns:
        raise ReadError("too_large", "a worksheet has more rows or columns than allowed; split it")
    grid = _as_text(grid)
    if not _first_rows(grid):
        return _empty_sheet(name, [*notes, "the worksheet is empty"])
    header = find_header(_first_rows(grid), options)
    grid = _to_width(grid, len(header.names)).filter(pl.col(SOURCE_ROW) >= header.first_data_row)
    _refuse_lost_characters(grid)
    grid, rejects = reject_long_cells(grid, options)
    found = finish_sheet(grid, header, options, sheet=name, encoding=_ENCODING, rejects=rejects, notes=notes)
    serials = serial_columns(found.frame) if facts.epoch is not None else {}
    return replace(
        found,
        warnings=facts.as_warnings(),
        serial_columns=serials,
        excel_epoch=facts.epoch if serials else None,
    )


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


def reject_long_cells(grid: pl.DataFrame, options: ReadOptions) -> tuple[pl.DataFrame, list[Reject]]:
    """Rows with a cell beyond the limit are no records."""
    limit = options.limits.max_cell_bytes
    too_long = pl.any_horizontal(pl.col(pl.String).str.len_bytes() > limit).fill_null(False)
    mask = grid.select(too_long).to_series()
    if not mask.any():
        return grid, []
    message = f"a cell is longer than the limit of {limit:,} bytes"
    rows = grid.filter(mask)[SOURCE_ROW].to_list()
    return grid.filter(~mask), [Reject(row, "cell_too_long", message) for row in rows]


def _empty_sheet(name: str, notes: list[str]) -> RawSheet:
    frame = pl.DataFrame(schema={SOURCE_ROW: pl.Int64})
    return RawSheet(frame, name, (), _ENCODING, [], [], notes)
