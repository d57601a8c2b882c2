"""How far a finding can move the study's numbers, as the served release says.

Belongs here: reading it, and one order over all numbers. Does not belong here: computing it (``study/finding_impact.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.store.releases import current_release, open_release

IMPACT = {
    "finding_id": pl.String,
    "description": pl.String,
    "unit": pl.String,
    "value_now": pl.Float64,
    "value_if_corrected": pl.Float64,
    "standardised_shift": pl.Float64,
    "method": pl.String,
}
_TABLES = {"quality.finding_impact", "result.one_more_patient"}
_QUERY = f"""
    SELECT {", ".join(IMPACT)} FROM quality.finding_impact
    JOIN (SELECT measure, description, unit FROM result.one_more_patient) USING (measure)
    ORDER BY standardised_shift DESC NULLS FIRST, measure"""


def read_impacts(home: Home) -> pl.DataFrame:
    """Rows of ``quality.finding_impact`` of the served release with what each number is, the largest shift first."""
    if current_release(home) is None:
        return pl.DataFrame(schema=IMPACT)
    with open_release(home) as connection:
        rows = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
        if not {name for (name,) in rows} >= _TABLES:  # a release of before the table
            return pl.DataFrame(schema=IMPACT)
        return connection.execute(_QUERY).pl().cast(IMPACT)  # type: ignore[arg-type]


def impact_ranks(impacts: pl.DataFrame) -> pl.DataFrame:
    """``finding_id, impact_rank``: 1 for the finding that moves one of the numbers by most of its standard errors."""
    farthest = pl.col("standardised_shift").fill_null(float("inf")).max().round(9).alias("_shift")
    rank = pl.col("_shift").rank("min", descending=True).cast(pl.Int64).alias("impact_rank")
    return impacts.group_by("finding_id").agg(farthest).select("finding_id", rank)


def impacts_of(impacts: pl.DataFrame, finding_id: str) -> Sequence[Mapping[str, Any]]:
    """What a finding can do to each number, the largest shift first."""
    return impacts.filter(pl.col("finding_id") == finding_id).to_dicts()
