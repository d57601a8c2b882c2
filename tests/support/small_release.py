"""A small release made of drawn tables, for tests of building, checking and looking at releases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

import schemas
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.store.release import Versions, build_release
from tests.sql.drawn import ELIGIBLE
from tests.support.ascii_table import Mart, frame_of

VERSIONS = Versions("0.1.0+test", "rules", "parameters", "input", "key", "SYNTHETIC: made for a test.")
RULES = """
rule_id | table_name | severity | message
V02     | patient    | error    | Sex must be F
M01     | measurement| warning  | Size between 3 and 100 mm
"""
FINDINGS = """
finding_id | rule_id | severity | source_file | source_row | table_name  | record_key | items        | value_text | message              | status
F1         | M01     | warning  | ct.csv      | 3          | measurement | M1         | long_axis_mm | =1+1       | Size between 3 and 100 mm | open
F2         | V02     | error    | his.csv     | 2          | patient     | P9         | sex          | male       | Sex must be F        | open
F3         | V02     | error    | his.csv     | 5          | patient     | P8         | sex          | male       | Sex must be F        | corrected
"""
ACCOUNT = """
submission_id | source_file | sheet | n_read | n_curated | n_quarantined | n_duplicate | n_superseded | n_blank | n_rejected | n_unrouted
S1            | his.csv     | -     | 10     | 6         | 1             | 1           | 1            | 1       | 0          | 0
"""
SUBMISSIONS = """
submission_id | source_file | sha256
S1            | his.csv     | 00
"""


def small_tables(folder: Path, **redrawn: str) -> dict[str, Any]:
    """Every table of a small, consistent release: files for curated and mart, frames for the rest."""
    Mart(folder, {**ELIGIBLE, **redrawn})
    tables: dict[str, Any] = {
        name: folder / layer / f"{name.partition('.')[2]}.parquet"
        for layer in ("curated", "mart")
        for name in schemas.tables_of(layer)
    }
    drawings = {
        "quality.rule": RULES,
        "quality.finding": FINDINGS,
        "quality.row_account": ACCOUNT,
        "meta.submission": SUBMISSIONS,
    }
    return tables | {name: frame_of(name, drawing) for name, drawing in drawings.items()}


def small_release(root: Path, **redrawn: str) -> tuple[Home, str]:
    """A home with one release."""
    home = make_home(root / "home")
    return home, build_release(home, small_tables(root / "work", **redrawn), VERSIONS, memory_limit="500MB")


def changed(source: Path | pl.DataFrame, **columns: Any) -> pl.DataFrame:
    """A table with some columns replaced."""
    frame = pl.read_parquet(source) if isinstance(source, Path) else source
    return frame.with_columns(**columns)
