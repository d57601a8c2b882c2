"""Which findings matter first: how far each can move the study's numbers.

Belongs here: from findings to patients, and from patients to the shift of each number.
Does not belong here: what a patient does to a number (``patient_influence.py``).

A finding on a patient who is analysed could, corrected, change her values or take her out: the number without her is
shown. A finding that keeps a patient out could, corrected, let her in: with the record that moves the number farther. Into
the cohort comes only who has oligometastatic disease on record, in quarantine or not. Other findings move nothing and have
no row. The cost is that of a join, whatever the number of findings; that of refits is bounded where they are made.
"""

from __future__ import annotations

import polars as pl

from schemas.codes import OPEN_STATUSES
from schemas.study import MEASURES, OS_36_MONTHS_REGISTRY

IMPACT = {
    "finding_id": pl.String,
    "measure": pl.String,
    "value_now": pl.Float64,
    "value_if_corrected": pl.Float64,
    "value_if_confirmed": pl.Float64,
    "standardised_shift": pl.Float64,
    "method": pl.String,
    "rank": pl.Int64,
}
COHORT_TABLES = ("omd_episode", "lesion", "lrt_course")
"""Tables whose records say that a patient has oligometastatic disease."""
_SHIFT = {
    "patient_id": pl.String,
    "measure": pl.String,
    "value_if_corrected": pl.Float64,
    "method": pl.String,
}


def finding_impact(
    findings: pl.DataFrame,
    influence: pl.DataFrame,
    one_more: pl.DataFrame,
    quarantine: pl.DataFrame,
    episodes: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of ``quality.finding_impact``.

    Args:
        findings: rows of ``quality.finding``.
        influence: rows of ``result.patient_influence``.
        one_more: rows of ``result.one_more_patient``.
        quarantine: rows of ``quality.quarantine``.
        episodes: rows of ``curated.omd_episode``.
    """
    open_findings = findings.filter(
        pl.col("status").is_in(list(OPEN_STATUSES)),
        pl.col("severity") != "info",
        pl.col("patient_id").is_not_null(),
    ).select("finding_id", "patient_id")
    numbers = one_more.filter(pl.col("value_now").is_not_null())
    if open_findings.is_empty() or numbers.is_empty():
        return pl.DataFrame(schema=IMPACT)
    inside = influence.select(pl.col("value_without").alias("value_if_corrected"), *_but(_SHIFT))
    outside = _outside(numbers, influence, quarantine, episodes)
    shifts = pl.concat([inside.select(list(_SHIFT)).cast(_SHIFT), outside.cast(_SHIFT)])  # type: ignore[arg-type]
    ranked = open_findings.join(shifts, on="patient_id").join(
        numbers.select("measure", "value_now", "standard_error"), on="measure"
    )
    shift = _standardised_shift()
    farthest = shift.fill_null(float("inf")).round(9)  # shifts that differ only by rounding are equal
    return ranked.with_columns(
        pl.col("value_now").alias("value_if_confirmed"),
        shift.alias("standardised_shift"),
        farthest.rank("min", descending=True).over("measure").cast(pl.Int64).alias("rank"),
    ).select(list(IMPACT))


def _but(columns: dict[str, type[pl.DataType]]) -> list[str]:
    return [name for name in columns if name != "value_if_corrected"]


def _standardised_shift() -> pl.Expr:
    """Distance of the corrected number in standard errors; on the scale of its logarithm for a ratio."""
    ratios = [name for name, measure in MEASURES.items() if measure.is_ratio]
    now, then = pl.col("value_now"), pl.col("value_if_corrected")
    on_scale = pl.when(pl.col("measure").is_in(ratios)).then(then.log() - now.log()).otherwise(then - now)
    error = pl.col("standard_error")
    return pl.when(error > 0).then(on_scale.abs() / error).otherwise(on_scale.abs()).fill_nan(None)


def _outside(
    numbers: pl.DataFrame, influence: pl.DataFrame, quarantine: pl.DataFrame, episodes: pl.DataFrame
) -> pl.DataFrame:
    """The bound of each number for the patients whom a quarantined record keeps out of it."""
    kept_out = quarantine.drop_nulls("patient_id")
    of_cohort = pl.col("table_name").cast(pl.String).str.strip_prefix("curated.").is_in(list(COHORT_TABLES))
    has_episode = pl.concat([kept_out.filter(of_cohort).select("patient_id"), episodes.select("patient_id")])
    kept_out_patients = kept_out.select("patient_id").unique()
    possible = kept_out_patients.join(has_episode.unique(), on="patient_id", how="semi")
    now, low, high = pl.col("value_now"), pl.col("lowest"), pl.col("highest")
    farther = pl.when((low - now).abs() >= (high - now).abs()).then(low).otherwise(high)
    bounds = numbers.select("measure", farther.alias("value_if_corrected"), pl.lit("bound").alias("method"))
    is_registry = pl.col("measure") == OS_36_MONTHS_REGISTRY.name
    pairs = pl.concat(
        [
            kept_out_patients.join(bounds.filter(is_registry), how="cross"),
            possible.join(bounds.filter(~is_registry), how="cross"),
        ]
    )
    return pairs.join(influence, on=["patient_id", "measure"], how="anti").select(list(_SHIFT))
