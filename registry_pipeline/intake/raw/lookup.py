"""A cell as received: what stood in a source column of a source row.

Belongs here: looking single cells up in the raw layer, for findings.
Does not belong here: reading whole files (``raw.py``), what a cell means (``stage.py``).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from registry_pipeline.core.files import read_hashed_json
from registry_pipeline.core.home import Home
from registry_pipeline.core.row_id import LINEAGE, SHEET_SHIFT, sheet_number_of
from registry_pipeline.core.working_files import check_digest
from registry_pipeline.intake.raw.sheet_file import note_path, read_sheet, sheet_path

LONGEST = 500


def raw_values(home: Home, facility_id: str, items: pl.DataFrame) -> pl.DataFrame:
    """The cells of ``_row_id`` and ``source_column``, as received.

    Args:
        home: the registry home.
        facility_id: whose rows the ids number.
        items: columns ``_row_id`` (Int64) and ``source_column``; others are kept.

    Returns:
        ``items`` with ``value_text``: at most 500 characters; NULL for a cell that is blank or that
        no file has.
    """
    cells = items.select("_row_id", "source_column").unique().drop_nulls()
    by_sheet = cells.with_columns(sheet_number_of(pl.col("_row_id")).alias("_sheet")).partition_by("_sheet")
    schema = {"_row_id": pl.Int64, "source_column": pl.String, "value_text": pl.String}
    parts = pl.collect_all(
        texts.lazy().unpivot(index="_row_id", variable_name="source_column", value_name="value_text")
        for sheet in by_sheet
        for texts in _asked_cells(home, facility_id, sheet)
    )
    values = pl.concat([pl.DataFrame(schema=schema), *parts])
    return items.join(values, on=["_row_id", "source_column"], how="left", maintain_order="left")


def is_in_raw(home: Home, facility_id: str, sheet_no: int) -> bool:
    """Whether the rows of a sheet are in the raw layer; ``sheet_no`` as of ``core.row_id.sheet_number``."""
    return _sheet_path(home, facility_id, sheet_no).is_file()


def _sheet_path(home: Home, facility_id: str, sheet_no: int) -> Path:
    return sheet_path(home, facility_id, sheet_no >> 8, sheet_no & 255)


def _kept_columns(home: Home, facility_id: str, sheet_no: int) -> list[str]:
    """Names of the source columns of a sheet whose rows are there; none of another one.

    Raises:
        DamagedFile: they are not what was written.
    """
    path = _sheet_path(home, facility_id, sheet_no)
    note = note_path(home, facility_id, sheet_no >> 8)
    if not path.is_file() and not note.is_file():
        return []
    sheet = _noted_sheet(note, sheet_no & 255)
    check_digest(path, str(sheet.get("sha256", "")))
    return list(sheet["columns"])


def _noted_sheet(note: Path, sheet_no: int) -> dict[str, Any]:
    """What the note of a file says of a sheet; nothing where it does not say."""
    try:
        sheets: list[dict[str, Any]] = read_hashed_json(note)["file"]["sheets"]
        return next((sheet for sheet in sheets if sheet["sheet_no"] == sheet_no), {})
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _asked_cells(home: Home, facility_id: str, cells: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows and columns of a sheet that are asked for, where it has any of them."""
    sheet_no = int(cells["_sheet"][0])
    asked = set(cells["source_column"].to_list())
    names = [name for name in _kept_columns(home, facility_id, sheet_no) if name in asked]
    if names:
        texts = read_sheet(_sheet_path(home, facility_id, sheet_no), ["_row_id", *names])
        is_asked = np.isin(texts["_row_id"].to_numpy(), cells["_row_id"].to_numpy())
        yield texts.filter(pl.Series(is_asked)).with_columns(pl.col(names).str.slice(0, LONGEST))


def raw_row(home: Home, facility_id: str, row_id: int) -> dict[str, str | None]:
    """One source row as received: column -> text; empty where no file has it."""
    sheet_no = row_id >> SHEET_SHIFT
    if not _kept_columns(home, facility_id, sheet_no):
        return {}
    rows = read_sheet(_sheet_path(home, facility_id, sheet_no)).filter(pl.col("_row_id") == row_id)
    cells = rows.select(name for name in rows.columns if name not in LINEAGE)
    return (
        {name: None if value is None else str(value) for name, value in cells.row(0, named=True).items()}
        if rows.height
        else {}
    )
