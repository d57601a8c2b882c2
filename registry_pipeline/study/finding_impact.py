"""Which findings matter first: how far each can move three-year survival.

Belongs here: from findings to patients, and from patients to the shift of the study's number.
Does not belong here: the estimate (``analysis/survival/leave_one_out.py``).

A finding on a patient who is analysed could, corrected, change her time or take her out: the number without her is
shown. A finding that keeps a patient out could, corrected, let her in: with an event at the worst moment or none at
all, whichever moves the number farther. Other findings move nothing here and have no row. The hazard ratio of size and
the time to the cut-off need a fit per patient and are not ranked by.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from registry_pipeline.analysis.survival.leave_one_out import survival_with_one_more, survival_without_each
from registry_pipeline.core.units import DAYS_PER_MONTH
from schemas.codes import OPEN_STATUSES
from schemas.study import LRT_START, OS

HORIZON_MONTHS = 36
MEASURE = f"os_{HORIZON_MONTHS}_months"
IMPACT = {
    "finding_id": pl.String,
    "measure": pl.String,
    "value_now": pl.Float64,
    "value_if_corrected": pl.Float64,
    "value_if_confirmed": pl.Float64,
    "rank": pl.Int64,
}


def finding_impact(
    findings: pl.DataFrame, survival_time: pl.DataFrame, quarantine: pl.DataFrame
) -> pl.DataFrame:
    """Rows of ``quality.finding_impact``.

    Args:
        findings: rows of ``quality.finding``.
        survival_time: rows of ``mart.survival_time``.
        quarantine: rows of ``quality.quarantine``.
    """
    analysed = survival_time.filter(
        pl.col("endpoint") == OS.name,
        pl.col("origin") == LRT_START.name,
        pl.col("duration_days").is_not_null(),
    )
    open_ones = findings.filter(
        pl.col("status").is_in(list(OPEN_STATUSES)),
        pl.col("severity") != "info",
        pl.col("patient_id").is_not_null(),
    )
    if analysed.is_empty() or open_ones.is_empty():
        return pl.DataFrame(schema=IMPACT)
    now, shifted = _shifted(analysed, quarantine)
    ranked = open_ones.select("finding_id", "patient_id").join(shifted, on="patient_id")
    shift = (pl.col("value_if_corrected") - now).abs()
    return ranked.with_columns(
        pl.lit(MEASURE).alias("measure"),
        pl.lit(now).alias("value_now"),
        pl.lit(now).alias("value_if_confirmed"),
        # Shifts that differ only by rounding are equal.
        shift.round(12).rank("min", descending=True).cast(pl.Int64).alias("rank"),
    ).select(list(IMPACT))


def _shifted(analysed: pl.DataFrame, quarantine: pl.DataFrame) -> tuple[float, pl.DataFrame]:
    """The number now, and ``patient_id, value_if_corrected``."""
    durations = analysed["duration_days"].cast(pl.Float64).to_numpy()
    events = (analysed["event"] == 1).cast(pl.Float64).to_numpy()
    at = HORIZON_MONTHS * DAYS_PER_MONTH
    now, without = survival_without_each(durations, events, at)
    low, high = survival_with_one_more(durations, events, at)
    farther = low if abs(low - now) >= abs(high - now) else high
    inside = pl.DataFrame({"patient_id": analysed["patient_id"], "value_if_corrected": np.asarray(without)})
    outside = (
        quarantine.select("patient_id").drop_nulls().unique().join(inside, on="patient_id", how="anti")
    ).with_columns(pl.lit(farther).alias("value_if_corrected"))
    return now, pl.concat([inside, outside]).filter(pl.col("value_if_corrected").is_not_nan())
