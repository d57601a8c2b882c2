"""Tables drawn in tests: an ASCII table in, a polars frame out, and the mart made of such tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

import schemas
from registry_pipeline.core.settings import Study
from registry_pipeline.store import layers, sql
from registry_pipeline.store.parquet import read_parquet, write_parquet
from schemas.columns import Column
from schemas.table import columns_of


def frame_of(name: str, drawing: str) -> pl.DataFrame:
    """A frame with all columns of a table; those that are not drawn, and cells left empty, are NULL.

    ``facility_id`` is ``west`` where it is not drawn; a date fills its bounds unless they are drawn.
    """
    columns = {one.name: one for one in columns_of(sql.model_of(name))}
    rows = [_complete(row, columns) for row in _cells(drawing)]
    schema = {one: column.polars_type for one, column in columns.items()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _cells(drawing: str) -> list[dict[str, str]]:
    lines = [[cell.strip() for cell in line.split("|")] for line in drawing.strip().splitlines()]
    head, body = lines[0], [line for line in lines[1:] if set("".join(line)) - set("-+ ")]
    assert all(len(line) == len(head) for line in body), f"ragged drawing: {drawing}"
    return [dict(zip(head, line, strict=True)) for line in body]


def _complete(cells: Mapping[str, str], columns: Mapping[str, Column]) -> dict[str, Any]:
    if unknown := set(cells) - set(columns):
        raise AssertionError(f"columns that the table does not have: {unknown}")
    row = {name: _value(column, cells.get(name, "")) for name, column in columns.items()}
    if "facility_id" in columns and row["facility_id"] is None:
        row["facility_id"] = "west"
    for name in columns:
        if name.endswith(("_lower", "_upper")) and name.rpartition("_")[0] in columns and row[name] is None:
            row[name] = row[name.rpartition("_")[0]]
    return row


def _value(column: Column, cell: str) -> Any:
    if not cell:
        return None
    readers = {
        "integer": int,
        "real": float,
        "date": date.fromisoformat,
        "boolean": {"yes": True, "no": False}.__getitem__,
    }
    return readers.get(column.kind, str)(cell)


class Mart:
    """The mart tables made of drawn curated tables."""

    def __init__(
        self,
        folder: Path,
        drawings: Mapping[str, str],
        study: Study | None = None,
        extract_date: date = date(2022, 12, 31),
    ) -> None:
        """Write the drawn tables (``lesion``, ``quarantine``) and run sql/mart over them."""
        for name in schemas.tables_of("curated"):
            table = name.partition(".")[2]
            write_parquet(
                frame_of(name, drawings.get(table, "patient_id")), folder / "curated" / f"{table}.parquet"
            )
        quarantine = frame_of("quality.quarantine", drawings.get("quarantine", "patient_id"))
        self.folder = folder
        self.counts = layers.build_mart(
            folder / "curated",
            quarantine,
            folder / "mart",
            sql.study_parameters(study or Study(), extract_date),
            memory_limit="500MB",
        )

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Rows of a mart table, sorted by its key: the given columns."""
        return read_parquet(self.folder / "mart" / f"{table}.parquet").select(columns).rows()
