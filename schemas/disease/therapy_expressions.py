"""Judgements of courses of locoregional therapy: doses, fractions, technique, duration.

Belongs here: boolean polars expressions over a course (True passes, False breaks the rule, null does not apply) and
what a course's doses should be. Does not belong here: the rules (``curated/lrt_course.py``), other tables
(``judge.py``).
"""

from collections.abc import Mapping
from typing import Any

import polars as pl


def of_radiotherapy(judgement: pl.Expr) -> pl.Expr:
    """The judgement, applied to courses of radiotherapy only."""
    return pl.when(pl.col("lrt_modality") == "rt").then(judgement)


def is_fractionation_possible(thresholds: Mapping[str, Any]) -> pl.Expr:
    """Fractions 1 to 45, dose per fraction within limits, total = fractions x dose within 1 %."""
    count, dose, total = (
        pl.col("n_fractions_delivered"),
        pl.col("dose_per_fraction_gy"),
        pl.col("total_dose_gy"),
    )
    count_fine = count.is_between(1, 45).fill_null(True)
    dose_fine = dose.is_between(thresholds["minimum_gy"], thresholds["maximum_gy"]).fill_null(True)
    total_fine = ((total - count * dose).abs() <= 0.01 * count * dose + 1e-9).fill_null(True)
    is_given = count.is_not_null() | dose.is_not_null()
    return of_radiotherapy(pl.when(is_given).then(count_fine & dose_fine & total_fine))


def total_dose() -> pl.Expr:
    """Fractions times dose per fraction, as text; null unless both can be."""
    count, dose = pl.col("n_fractions_delivered"), pl.col("dose_per_fraction_gy")
    total = pl.when(count.is_between(1, 45) & dose.is_between(0.5, 34.0)).then((count * dose).round(2))
    return pl.format("{} Gy", total)


def dose_from_cgy(thresholds: Mapping[str, Any]) -> pl.Expr:
    """The total dose that was entered in cGy, in Gy, as text: where it is then a usual one."""
    total = (pl.col("total_dose_gy") / 100).round(2)
    is_usual = (pl.col("total_dose_gy") > thresholds["impossible_gy"]) & total.is_between(
        thresholds["low_gy"], thresholds["high_gy"]
    )
    return pl.when(is_usual).then(pl.format("{} Gy", total))


def derived_doses() -> pl.Expr:
    """BED10 and EQD2 of the course, as text."""
    dose = pl.col("dose_per_fraction_gy")
    total = pl.col("n_fractions_delivered") * dose
    bed, eqd2 = (total * (1 + dose / 10)).round(2), (total * (dose + 10) / 12).round(2)
    return pl.format("BED10 {} Gy, EQD2 {} Gy", bed, eqd2)


def are_derived_doses_right(tolerance_gy: float) -> pl.Expr:
    """Stored BED10 and EQD2 against n*d*(1 + d/10) and n*d*(d + 10)/12 (alpha/beta 10 Gy)."""
    dose = pl.col("dose_per_fraction_gy")
    total = pl.col("n_fractions_delivered") * dose
    bed_gap = (pl.col("bed10_gy") - total * (1 + dose / 10)).abs()
    eqd2_gap = (pl.col("eqd2_gy") - total * (dose + 10) / 12).abs()
    limit = tolerance_gy + 1e-9
    judged = (bed_gap <= limit).fill_null(True) & (eqd2_gap <= limit).fill_null(True)
    is_given = total.is_not_null() & (pl.col("bed10_gy").is_not_null() | pl.col("eqd2_gy").is_not_null())
    return pl.when(is_given).then(judged)


def does_technique_fit_dose() -> pl.Expr:
    """Stereotactic, conventional and definitive courses against their fractionation."""
    dose, count, technique = (
        pl.col("dose_per_fraction_gy"),
        pl.col("n_fractions_delivered"),
        pl.col("lrt_technique"),
    )
    stereotactic = (technique != "sbrt") | ((dose >= 5) & (count <= 10))
    conventional = ~technique.is_in(["imrt", "3dcrt"]) | (dose <= 5)
    bed10 = count * dose * (1 + dose / 10)
    definitive = (pl.col("intent") != "definitive") | (bed10 >= 50)
    judged = stereotactic.fill_null(True) & conventional.fill_null(True) & definitive.fill_null(True)
    return pl.when(dose.is_not_null() & count.is_not_null()).then(judged)


def is_shortfall_explained() -> pl.Expr:
    """A course cut short by more than a tenth carries a reason other than completion."""
    is_short = pl.col("n_fractions_delivered") < 0.9 * pl.col("n_fractions_planned")
    is_explained = (pl.col("termination_reason") != "completed").fill_null(False)
    return ~is_short | is_explained


def does_span_fit_fractions(tolerance_days: int) -> pl.Expr:
    """Calendar days of a course against one fraction per weekday."""
    count = pl.col("n_fractions_delivered")
    expected = count - 1 + 2 * ((count - 1) // 5)
    span = (pl.col("end_date") - pl.col("start_date")).dt.total_days()
    is_exact = pl.lit(True)
    for name in ("start_date_precision", "end_date_precision"):
        is_exact = is_exact & (pl.col(name).fill_null("day") == "day")
    return of_radiotherapy(pl.when(is_exact).then((span - expected).abs() <= tolerance_days))


def is_dose_absent_without_radiotherapy() -> pl.Expr:
    """Surgery and ablation carry no dose and no fractions."""
    is_other = pl.col("lrt_modality").is_in(["surgery", "ablation"])
    has_dose = pl.any_horizontal(
        (pl.col(name) > 0).fill_null(False)
        for name in ("total_dose_gy", "dose_per_fraction_gy", "n_fractions_delivered")
    )
    return pl.when(is_other).then(~has_dose)
