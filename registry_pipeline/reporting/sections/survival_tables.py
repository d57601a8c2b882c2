"""Study report: rates at fixed times, medians, restricted means and tests as tables and phrases.

Belongs here: Kaplan-Meier results in words. Does not belong here: curves and sections (study_survival).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Row, Table, missing
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    count,
    interval,
    is_given,
    lower_first,
    number,
    p_phrase,
    p_value,
    remark,
    share,
    upper_first,
)
from registry_pipeline.reporting.figures.survival import (
    AtRisk,
    AtRiskAtLandmarks,
    AtRiskOfCurves,
)
from registry_pipeline.reporting.sections.context import Context
from schemas.disease.wording import LEVEL_ORDER
from schemas.study import ENDPOINTS, ORIGINS, OVERALL

PERMUTED = (
    "Where a group expects fewer than 5 events p is that of permutations, not of the chi-square approximation; it assumes "
    "that censoring does not depend on the group."
)

GROUP = ("endpoint", "origin", "stratum_variable", "stratum")
"""Columns that tell a group of patients and what became of them."""


def ordered(strata: Sequence[object]) -> list[object]:
    """Strata in a fixed order: named ones first, then by text."""
    return sorted(
        strata,
        key=lambda stratum: (
            LEVEL_ORDER.index(str(stratum)) if str(stratum) in LEVEL_ORDER else len(LEVEL_ORDER),
            str(stratum),
        ),
    )


def rows_of(context: Context, table: str, endpoint: str, origin: str, variable: str) -> pd.DataFrame:
    """Rows of a result table for one endpoint, origin and grouping."""
    return context.tables.table(table, {"endpoint": endpoint, "origin": origin, "stratum_variable": variable})


def shown_events(
    context: Context, endpoint: str, variable: str, origin: str
) -> dict[object, tuple[str, str]]:
    """Events and patients of each group."""
    summary = rows_of(context, "result.km_summary", endpoint, origin, variable)
    return {
        stratum: (count(n_event), count(n))
        for stratum, n_event, n in zip(summary["stratum"], summary["n_event"], summary["n"], strict=True)
    }


def at_risk_words(
    context: Context, endpoint: str, variable: str, origin: str, curves: pd.DataFrame
) -> AtRisk:
    """Numbers at risk under a figure: of every tick, or of those that the release gives where small counts are hidden."""
    if not context.tables.hides:
        return AtRiskOfCurves(curves[["stratum", "duration_days", "n_at_risk"]])
    landmarks = landmark_at_risk(context, endpoint, variable, origin)
    starts = {group: n for group, (_, n) in shown_events(context, endpoint, variable, origin).items()}
    return AtRiskAtLandmarks(landmarks, starts, context.days_per_month)


def test_text(context: Context, endpoint: str, variable: str, origin: str) -> str:
    """The log-rank test in one phrase, or why there is none."""
    tests = rows_of(context, "result.logrank_test", endpoint, origin, variable)
    if variable == OVERALL.name or tests.empty:
        return ""
    row = tests.iloc[0]
    if not is_given(row["p_value"]):
        return "log-rank test: not estimable"
    is_one_of_many = row["is_primary"] is not True and is_given(row["adjusted_p_value"])
    among = f", exploratory: adjusted {p_phrase(row['adjusted_p_value'])}" if is_one_of_many else ""
    return f"log-rank {p_phrase(row['p_value'])}{among}"


def rate_text(estimate: Mapping[Any, Any], column: str, of_nobody: int = 1) -> str:
    """A rate in % with its limits, or in words why it has none.

    Args:
        estimate: with ``ci_lower`` and ``ci_upper``; the rate is there, or hidden.
        of_nobody: the rate where nobody had the event.
    """
    rate = estimate[column]
    if isinstance(rate, Hidden):
        return number(rate)
    limits = "no event" if rate == of_nobody else "no interval"
    if is_given(estimate["ci_lower"]) or is_given(estimate["ci_upper"]):
        limits = interval(estimate["ci_lower"], estimate["ci_upper"], 1, 100.0, "–")
    return f"{number(100 * rate)} ({limits})"


def test_cells(test: Mapping[Hashable, Any]) -> tuple[str, str]:
    """The p value of a test between groups with what made it, and a remark; no code of a group."""
    if "permutation" not in str(test["p_value_method"]):
        return p_value(test["p_value"]), remark(test["note"])
    few = f"a group expects only {number(test['least_expected'])} events"
    return f"{p_value(test['p_value'])} (permutation)", few


def rates_text(context: Context, endpoint: str, variable: str, origin: str) -> str:
    """Rates at the headline time in words, for the description of a figure."""
    months = context.headline_months
    landmarks = rows_of(context, "result.km_landmark", endpoint, origin, variable)
    landmarks = landmarks[landmarks["landmark_months"] == months] if len(landmarks) else landmarks
    return "; ".join(
        f"{context.words.level(variable, row.stratum)}: {share(row.survival)} at {months:g} months"
        for row in landmarks.itertuples()
        if is_given(row.survival) and not isinstance(row.survival, Hidden)
    )


def landmark_at_risk(
    context: Context, endpoint: str, variable: str, origin: str
) -> dict[tuple[float, object], str]:
    """Numbers at risk by landmark and group, as they may be written."""
    rows = rows_of(context, "result.km_landmark", endpoint, origin, variable)
    cells = zip(rows["landmark_months"], rows["stratum"], rows["n_at_risk"], strict=True)
    return {(float(months), stratum): count(n) for months, stratum, n in cells}


def landmark_table(context: Context, endpoint: str, variables: Sequence[str], origin: str) -> Block:
    """Rates at fixed times with intervals and numbers at risk."""
    by_variable = {
        variable: rows_of(context, "result.km_landmark", endpoint, origin, variable) for variable in variables
    }
    marks = sorted({float(row) for rows in by_variable.values() for row in rows["landmark_months"]})
    rows: list[Row] = []
    for variable, part in by_variable.items():
        at_risk = landmark_at_risk(context, endpoint, variable, origin)
        for stratum in ordered(part["stratum"].unique().tolist()):
            by_mark = _by_mark(part[part["stratum"] == stratum])
            cells = [
                cell
                for mark in marks
                for cell in _landmark_cells(by_mark.get(mark), at_risk.get((mark, stratum), NOT_GIVEN))
            ]
            first = part[part["stratum"] == stratum].iloc[0]
            trace = context.trace("result.km_landmark", first, (*GROUP, "landmark_months"))
            rows.append(Row(upper_first(context.words.group(variable, stratum)), tuple(cells), trace=trace))
    if not rows:
        return missing(
            f"Rates at fixed times: not given. {context.why_empty('result.km_landmark', not ORIGINS[origin].is_registry)}"
        )
    columns = [
        Column(label, f"{mark:g} months", origin=f"result.km_landmark.{name}")
        for mark in marks
        for label, name in (("% (95 % CI)", "survival, ci_lower, ci_upper"), ("At risk", "n_at_risk"))
    ]
    return Table(
        f"{ENDPOINTS[endpoint].label} at fixed times, from {ORIGINS[origin].label}",
        "Patients",
        tuple(columns),
        tuple(rows),
        "result.km_landmark",
        (
            "Kaplan-Meier with log-log confidence intervals. At risk: patients still under observation just before that "
            "time. “Beyond”: later than the last observation of the group, so there is no estimate. “No event”: nobody "
            "had it so far, and the method gives no interval.",
        ),
        is_wide=True,
    )


def _by_mark(rows: pd.DataFrame) -> dict[float, dict[Any, Any]]:
    return {float(landmark["landmark_months"]): landmark for landmark in rows.to_dict("records")}


def _landmark_cells(landmark: dict[Any, Any] | None, at_risk: str) -> tuple[str, str]:
    if landmark is None:
        return "–", "–"
    if is_given(landmark["is_beyond_follow_up"]) and bool(landmark["is_beyond_follow_up"]):
        return "beyond", at_risk
    if not is_given(landmark["survival"]):
        return "–", at_risk
    return rate_text(landmark, "survival"), at_risk


def summary_table(context: Context, endpoint: str, variables: Sequence[str], origin: str) -> Block | None:
    """Medians, restricted means and tests side by side."""
    rows: list[Row] = []
    taus: set[float] = set()
    for variable in variables:
        summary = rows_of(context, "result.km_summary", endpoint, origin, variable)
        events = shown_events(context, endpoint, variable, origin)
        means = rows_of(context, "result.rmst", endpoint, origin, variable).set_index("stratum")
        for stratum in ordered(summary["stratum"].unique().tolist()):
            group = summary[summary["stratum"] == stratum].iloc[0]
            mean = means.loc[stratum] if stratum in means.index else None
            if mean is not None and is_given(mean["tau_months"]):
                taus.add(float(mean["tau_months"]))
            rows.append(
                Row(
                    upper_first(context.words.group(variable, stratum)),
                    _summary_cells(events[stratum], group, mean),
                    trace=context.trace("result.km_summary", group, GROUP),
                )
            )
    if not rows:
        return None
    tau = f"{max(taus):.0f}" if taus else "the horizon"
    return Table(
        f"{ENDPOINTS[endpoint].label}: medians and restricted means, months from {ORIGINS[origin].label}",
        "Patients",
        (
            Column("Events of n", origin="result.km_summary.n_event, n"),
            Column("Median", origin="result.km_summary.median_months"),
            Column("95 % CI", origin="result.km_summary.median_ci_lower, median_ci_upper"),
            Column(f"Mean to {tau} months", origin="result.rmst.estimate_months"),
            Column("95 % CI", origin="result.rmst.ci_lower, ci_upper"),
        ),
        tuple(rows),
        "result.km_summary, result.rmst",
        (
            "Median: the first time at which the curve is at or below one half. Mean: restricted mean survival time, "
            f"the area under the curve up to {tau} months, which needs no proportional hazards.",
        ),
    )


def _summary_cells(events: tuple[str, str], group: pd.Series, mean: pd.Series | None) -> tuple[str, ...]:
    reached = is_given(group["median_months"])
    return (
        " of ".join(events),
        number(group["median_months"]) if reached else "not reached",
        interval(group["median_ci_lower"], group["median_ci_upper"]),
        number(mean["estimate_months"]) if mean is not None else "–",
        interval(mean["ci_lower"], mean["ci_upper"]) if mean is not None else "–",
    )


def logrank_table(
    context: Context, endpoints: Sequence[str], variables: Sequence[str], origin: str
) -> Block | None:
    """Every log-rank test of the chosen endpoints and groupings."""
    rows = []
    for endpoint in endpoints:
        for variable in variables:
            tests = rows_of(context, "result.logrank_test", endpoint, origin, variable)
            for test in tests.to_dict("records"):
                p_text, remark_text = test_cells(test)
                rows.append(
                    Row(
                        f"{ENDPOINTS[endpoint].label} by {lower_first(context.words.variable(variable))}",
                        (
                            number(test["chi_square"], 2),
                            number(test["degrees_of_freedom"], 0),
                            p_text,
                            "primary" if test["is_primary"] is True else p_value(test["adjusted_p_value"]),
                            remark_text,
                        ),
                    )
                )
    if not rows:
        return None
    return Table(
        "Log-rank tests",
        "Comparison",
        (
            *(
                Column(label, origin=f"result.logrank_test.{name}")
                for label, name in (("χ²", "chi_square"), ("df", "degrees_of_freedom"), ("p", "p_value"))
            ),
            Column("p, adjusted", origin="result.logrank_test.adjusted_p_value"),
            Column("Remark", is_number=False, origin="result.logrank_test.note"),
        ),
        tuple(rows),
        "result.logrank_test",
        (
            "Two-sided, over the whole curves. One comparison per endpoint is primary; the others are exploratory, and their "
            "adjusted p keeps the share of false ones among them (false discovery rate).",
            PERMUTED,
        ),
    )
