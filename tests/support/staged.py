"""Staged frames from a few records written by hand: examples of rules, cases of consolidation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from registry_pipeline.core.settings import Settings
from registry_pipeline.validation.records import complete, curated
from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue, parameters_of
from registry_pipeline.validation.screening.screen import ScreenOptions, screen_facility
from registry_pipeline.validation.screening.screened import Screened

EXTRACT_DATE = date(2023, 6, 30)
ROWS = {
    "_row_id": pl.Int64,
    "submission_id": pl.String,
    "source_file": pl.String,
    "sheet": pl.String,
    "source_row": pl.Int64,
    "source_name": pl.String,
    "fate": pl.String,
}
ISSUES = {
    "table_name": pl.String,
    "_row_id": pl.Int64,
    "column_name": pl.String,
    "source_column": pl.String,
    "rule_id": pl.String,
    "reason": pl.String,
    "value_text": pl.String,
}
FILE_ISSUES = {
    "rule_id": pl.String,
    "severity": pl.String,
    "submission_id": pl.String,
    "source_file": pl.String,
    "sheet": pl.String,
    "source_row": pl.Int64,
    "column_name": pl.String,
    "reason": pl.String,
    "value_text": pl.String,
}


@dataclass
class Staged:
    """What staging hands over, for tests."""

    tables: dict[str, pl.DataFrame]
    issues: pl.DataFrame
    rows: pl.DataFrame
    file_issues: pl.DataFrame
    source_columns: dict[tuple[str, str, str], str] = field(default_factory=dict)
    judged: dict[str, int] = field(default_factory=dict)


def frame_of(name: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Staged rows of a table; ``_row_id`` counts from 1 where it is not given."""
    model = curated()[name]
    technical = {"_row_id": pl.Int64, "_source_no": pl.Int16, "_submission_no": pl.Int32}
    types = {**{key: column.dtype.type for key, column in model.columns.items()}, **technical}
    numbered = [
        {"_row_id": at, "_source_no": 0, "_submission_no": 0, **row} for at, row in enumerate(rows, 1)
    ]
    unknown = {key for row in numbered for key in row} - set(types)
    assert not unknown, f"{name} has no column {sorted(unknown)}"
    return pl.DataFrame(
        {key: pl.Series(key, [row.get(key) for row in numbered], dtype=kind) for key, kind in types.items()}
    )


def records_of(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, pl.DataFrame]:
    """Records of every table as they are judged, ``_row_id`` counting from 1 in each."""
    return {
        name: complete(name, frame_of(name, tables[name]) if name in tables else None).with_columns(
            pl.col("_row_id").alias("_origin")
        )
        for name in curated()
    }


def staged_of(
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    issues: Sequence[Mapping[str, Any]] = (),
    file_issues: Sequence[Mapping[str, Any]] = (),
    rows: Sequence[Mapping[str, Any]] = (),
    source_columns: Mapping[tuple[str, str, str], str] | None = None,
) -> Staged:
    """Staged frames; a source row is made up for every ``_row_id`` that ``rows`` does not describe."""
    frames = {name: frame_of(name, given) for name, given in tables.items()}
    known = {row["_row_id"]: dict(row) for row in rows}
    for frame in frames.values():
        for number, source in frame.select("_row_id", "_source_no").iter_rows():
            made = {"_row_id": number, "submission_id": "s1", "source_file": f"file{source}.csv", "sheet": ""}
            known.setdefault(number, {**made, "source_row": number + 1, "source_name": f"source{source}"})
    base = {"submission_id": "s1", "source_file": "file0.csv", "sheet": ""}
    return Staged(
        frames,
        pl.DataFrame([dict(one) for one in issues], schema=ISSUES),
        pl.DataFrame(list(known.values()), schema=ROWS),
        pl.DataFrame([base | dict(one) for one in file_issues], schema=FILE_ISSUES),
        dict(source_columns or {}),
    )


def screen(
    staged: Staged,
    rules: Catalogue | None = None,
    options: ScreenOptions | None = None,
    facility_id: str = "x",
) -> Screened:
    """Screen with the settings' defaults and a fixed day of extract."""
    return screen_facility(
        facility_id, staged, rules or catalogue(), parameters_of(Settings(), EXTRACT_DATE), options
    )
