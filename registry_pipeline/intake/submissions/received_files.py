"""The files that a facility sent, as rows: what became of each, how many rows its sheets have.

Belongs here: ``meta.submission`` and the counts of sheets. Does not belong here: rows of the files (``rows_in_force.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from registry_pipeline.intake.submissions.file_use import FileUse
from schemas import tables_of
from schemas.table import columns_of


def file_rows(uses: Sequence[FileUse]) -> pl.DataFrame:
    """Rows of ``meta.submission``, one for each file."""
    model = columns_of(tables_of("meta")["meta.submission"])
    rows = [
        {
            **vars(use.landed),
            "source_name": use.source.name if use.source else None,
            "encoding": use.raw.encoding if use.raw else None,
            "reader": use.raw.reader if use.raw else None,
            "status": use.status,
        }
        for use in uses
    ]
    schema = {
        column.name: pl.String if column.kind == "timestamp" else column.polars_type for column in model
    }
    files = pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)
    received = (
        pl.col("received_at").str.to_datetime(time_unit="us", time_zone="UTC").dt.replace_time_zone(None)
    )
    return files.with_columns(received)


def sheet_counts(uses: Sequence[FileUse]) -> pl.DataFrame:
    """How many rows were read of every file and sheet, also of those without rows."""
    rows = []
    for use in uses:
        place = (use.landed.submission_id, use.landed.source_file)
        rows += [
            (*place, sheet.sheet, sheet.n_rows + len(sheet.blank_rows) + len(sheet.rejects))
            for sheet in use.sheets
        ]
        rows += [] if use.sheets else [(*place, "", 0)]
    names = {"submission_id": pl.String, "source_file": pl.String, "sheet": pl.String, "n_read": pl.Int64}
    return pl.DataFrame(rows, schema=names, orient="row")
