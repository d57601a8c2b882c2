"""The number of a source row, which says where the row stood.

Belongs here: how file, sheet and physical row make one number, and back. Does not belong here: names of files.
"""

from __future__ import annotations

import polars as pl

LINEAGE = ("_row_id", "submission_id", "source_file", "sheet", "source_row")
"""The columns of the raw layer that say where a row stood."""

SHEET_SHIFT, FILE_SHIFT = 32, 40
_ROW_MASK = (1 << SHEET_SHIFT) - 1


def row_id(file_no: int, sheet_no: int, source_row: int) -> int:
    """``file_no << 40 | sheet_no << 32 | source_row``: unique within a facility.

    Args:
        file_no: position of the file in the facility's ledger, from 1.
        sheet_no: from 1 within the file, at most 255.
        source_row: physical row in the sheet, from 1.
    """
    return file_no << FILE_SHIFT | sheet_no << SHEET_SHIFT | source_row


def sheet_number(file_no: int, sheet_no: int) -> int:
    """The part of a row's number that its whole sheet shares."""
    return row_id(file_no, sheet_no, 0) >> SHEET_SHIFT


def sheet_number_of(row_ids: pl.Expr) -> pl.Expr:
    """:func:`sheet_number` of a column of row ids."""
    return row_ids // (1 << SHEET_SHIFT)


def source_row_of(row_ids: pl.Expr) -> pl.Expr:
    """The physical row of a column of row ids."""
    return row_ids & _ROW_MASK
