"""Study report: survival curves, rates at fixed times, medians, restricted means, tests.

Belongs here: how Kaplan-Meier results are shown. Does not belong here: competing risks (study_events), models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from registry_pipeline.reporting.blocks import (
    Block,
    Column,
    Figure,
    Row,
    Section,
    Table,
    Text,
    caution,
    missing,
)
from registry_pipeline.reporting.figure_survival import Curve, km_figure
from registry_pipeline.reporting.report_context import Context
from registry_pipeline.reporting.wording import (
    ENDPOINTS,
    ORIGINS,
    clean,
    interval,
    is_given,
    lower_first,
    number,
    p_phrase,
    p_value,
    share,
    upper_first,
)

GROUPINGS = ("overall", "scf_vs_other", "size_group")
SHORT = {
    "overall": {"all": "All"},
    "scf_vs_other": {"scf": "SCF", "non_scf": "Other"},
    "lesion_site_group": {"scf": "SCF", "lung": "Lung", "other": "Other"},
}
ORDER = ("scf", "non_scf", "lung", "other", "small", "large", "I", "II", "III", "IV")
_MEANINGS = {
    "os": "estimated to be alive at each time, had all been watched that long",
    "lrfs": "estimated to be alive without recurrence in a treated lesion",
    "pfs": "estimated to be alive without any progression",
    "local_control": "estimated to be free of recurrence in a treated lesion if nobody died before it",
    "new_oligomet": "estimated to be free of a new oligometastasis if nothing else came before it",
}


def km_rows(context: Context, endpoint: str, origin: str, variable: str) -> pd.DataFrame:
    """km_curve rows of one picture, by stratum and time; cut where few remain if small counts are hidden."""
    rows = context.tables.table(
        "result.km_curve", {"endpoint": endpoint, "origin": origin, "stratum_variable": variable}
    )
    if rows.empty:
        return rows
    rows = rows.sort_values(["stratum", "duration_days"], kind="stable")
    return rows[rows["n_at_risk"] >= context.small_cell] if context.small_cell else rows


def km_block(context: Context, endpoint: str, variable: str, origin: str | None = None) -> Block:
    """One Kaplan-Meier figure, or why there is none."""
    origin = origin or context.origin
    rows = km_rows(context, endpoint, origin, variable)
    title = f"{ENDPOINTS[endpoint]}{_by(context, variable)}, from {ORIGINS[origin]}"
    if rows.empty:
        of_cohort = origin != "primary_dx"
        return missing(f"{title}: not drawn. {context.why_empty('result.km_curve', of_cohort)}")
    return _km_figure(context, endpoint, variable, origin, title, rows)


def _km_figure(
    context: Context, endpoint: str, variable: str, origin: str, title: str, rows: pd.DataFrame
) -> Figure:
    summary = _chosen(context, "result.km_summary", endpoint, origin, variable).set_index("stratum")
    curves = []
    for stratum in ordered(rows["stratum"].unique().tolist()):
        part = rows[rows["stratum"] == stratum]
        label = context.words.level(variable, stratum)
        if stratum in summary.index:
            one = summary.loc[stratum]
            label += f" ({context.count(one['n_event'])}/{context.count(one['n'])} events)"
        short = SHORT.get(variable, {}).get(str(stratum)) or context.words.level(variable, stratum)
        curves.append(Curve(label, short[:9], part))
    drop = ["endpoint", "origin", "stratum_variable"]
    return context.figures.add(
        f"km_{endpoint}_{variable}" + ("" if origin == context.origin else f"_{origin}"),
        km_figure(
            curves,
            ENDPOINTS[endpoint],
            f"Months from {ORIGINS[origin]}",
            test_text(context, endpoint, variable, origin),
            context.days_per_month,
        ),
        rows.drop(columns=drop),
        title=title,
        description="Kaplan-Meier step curves with 95 % confidence bands and numbers at risk. "
        + rates_text(context, endpoint, variable, origin),
        meaning=f"The height of a curve is the share of patients {_MEANINGS[endpoint]}.",
        limits=_limits(endpoint, variable),
        source="result.km_curve, result.km_summary"
        + (", result.logrank_test" if variable != "overall" else ""),
    )


def _limits(endpoint: str, variable: str) -> str:
    if endpoint in ("local_control", "new_oligomet"):
        return "It is not the risk that a patient runs, because patients may die first; see the cumulative incidence."
    if variable == "overall":
        return "It is not what one patient can expect, and its right end rests on few patients, as the band shows."
    return (
        "That a gap between curves is caused by the site, the size or the stage: patients were not put into these "
        "groups by chance, and groups differ in other ways too."
    )


def _by(context: Context, variable: str) -> str:
    return (
        "" if variable == "overall" else f" by {lower_first(context.words.variable(variable).split(',')[0])}"
    )


def ordered(strata: Sequence[object]) -> list[object]:
    """Strata in a fixed order: named ones first, then by text."""
    return sorted(
        strata, key=lambda one: (ORDER.index(str(one)) if str(one) in ORDER else len(ORDER), str(one))
    )


def _chosen(context: Context, table: str, endpoint: str, origin: str, variable: str) -> pd.DataFrame:
    return context.tables.table(table, {"endpoint": endpoint, "origin": origin, "stratum_variable": variable})


def test_text(context: Context, endpoint: str, variable: str, origin: str) -> str:
    """The log-rank test in one phrase, or why there is none."""
    found = _chosen(context, "result.logrank_test", endpoint, origin, variable)
    if variable == "overall" or found.empty:
        return ""
    row = found.iloc[0]
    return (
        f"log-rank {p_phrase(row['p_value'])}" if is_given(row["p_value"]) else "log-rank test: not estimable"
    )


def rates_text(context: Context, endpoint: str, variable: str, origin: str) -> str:
    """Rates at 36 months in words, for the description of a figure."""
    found = _chosen(context, "result.km_landmark", endpoint, origin, variable)
    found = found[found["landmark_months"] == 36] if len(found) else found
    return "; ".join(
        f"{context.words.level(variable, row.stratum)}: {share(row.survival)} at 36 months"
        for row in found.itertuples()
        if is_given(row.survival)
    )


def landmark_table(context: Context, endpoint: str, variables: Sequence[str], origin: str) -> Block:
    """Rates at fixed times with intervals and numbers at risk."""
    found = {
        variable: _chosen(context, "result.km_landmark", endpoint, origin, variable) for variable in variables
    }
    marks = sorted({float(one) for rows in found.values() for one in rows["landmark_months"]})
    rows: list[Row] = []
    for variable, part in found.items():
        for stratum in ordered(part["stratum"].unique().tolist()):
            by_mark = {
                float(one["landmark_months"]): one
                for one in part.to_dict("records")
                if one["stratum"] == stratum
            }
            cells = [cell for mark in marks for cell in _landmark_cells(context, by_mark.get(mark))]
            rows.append(Row(upper_first(context.words.group(variable, stratum)), tuple(cells)))
    if not rows:
        return missing(
            f"Rates at fixed times: not given. {context.why_empty('result.km_landmark', origin != 'primary_dx')}"
        )
    columns = [Column(label, f"{mark:g} months") for mark in marks for label in ("% (95 % CI)", "At risk")]
    return Table(
        f"{ENDPOINTS[endpoint]} at fixed times, from {ORIGINS[origin]}",
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


def _landmark_cells(context: Context, one: dict[Any, Any] | None) -> tuple[str, str]:
    if one is None:
        return "–", "–"
    at_risk = context.count(one["n_at_risk"])
    if is_given(one["is_beyond_follow_up"]) and bool(one["is_beyond_follow_up"]):
        return "beyond", at_risk
    if context.is_small(one["n_at_risk"]):
        return "hidden", at_risk
    if not is_given(one["survival"]):
        return "–", at_risk
    rate = number(100 * one["survival"])
    if not is_given(one["ci_lower"]) and not is_given(one["ci_upper"]):
        return f"{rate} ({'no event' if one['survival'] == 1 else 'no interval'})", at_risk
    return f"{rate} ({interval(one['ci_lower'], one['ci_upper'], 1, 100.0, '–')})", at_risk


def summary_table(context: Context, endpoint: str, variables: Sequence[str], origin: str) -> Block | None:
    """Medians, restricted means and tests side by side."""
    rows: list[Row] = []
    taus: set[float] = set()
    for variable in variables:
        summary = _chosen(context, "result.km_summary", endpoint, origin, variable)
        means = _chosen(context, "result.rmst", endpoint, origin, variable).set_index("stratum")
        for stratum in ordered(summary["stratum"].unique().tolist()):
            one = summary[summary["stratum"] == stratum].iloc[0]
            mean = means.loc[stratum] if stratum in means.index else None
            if mean is not None and is_given(mean["tau_months"]):
                taus.add(float(mean["tau_months"]))
            rows.append(
                Row(upper_first(context.words.group(variable, stratum)), _summary_cells(context, one, mean))
            )
    if not rows:
        return None
    tau = f"{max(taus):.0f}" if taus else "the horizon"
    return Table(
        f"{ENDPOINTS[endpoint]}: medians and restricted means, months from {ORIGINS[origin]}",
        "Patients",
        (
            Column("Events of n"),
            Column("Median"),
            Column("95 % CI"),
            Column(f"Mean to {tau} months"),
            Column("95 % CI"),
        ),
        tuple(rows),
        "result.km_summary, result.rmst",
        (
            "Median: the first time at which the curve is at or below one half. Mean: restricted mean survival time, "
            f"the area under the curve up to {tau} months, which needs no proportional hazards.",
        ),
    )


def _summary_cells(context: Context, one: pd.Series, mean: pd.Series | None) -> tuple[str, ...]:
    reached = is_given(one["median_months"])
    return (
        f"{context.count(one['n_event'])} of {context.count(one['n'])}",
        number(one["median_months"]) if reached else "not reached",
        interval(one["median_ci_lower"], one["median_ci_upper"]),
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
            found = _chosen(context, "result.logrank_test", endpoint, origin, variable)
            for one in found.to_dict("records"):
                note = clean(one["note"]) if is_given(one["note"]) else ""
                rows.append(
                    Row(
                        f"{ENDPOINTS[endpoint]} by {lower_first(context.words.variable(variable))}",
                        (
                            number(one["chi_square"], 2),
                            number(one["degrees_of_freedom"], 0),
                            p_value(one["p_value"]),
                            note,
                        ),
                    )
                )
    if not rows:
        return None
    return Table(
        "Log-rank tests",
        "Comparison",
        (Column("χ²"), Column("df"), Column("p"), Column("Remark", is_number=False)),
        tuple(rows),
        "result.logrank_test",
        ("Two-sided, over the whole curves. No correction for the number of comparisons.",),
    )


def survival_section(context: Context) -> Section:
    """Overall survival of the cohort."""
    section = Section("survival", "Overall survival")
    if context.no_cohort:
        return section.add(missing(context.no_cohort))
    for variable in GROUPINGS:
        section.add(km_block(context, "os", variable))
    section.add(
        landmark_table(context, "os", GROUPINGS, context.origin),
        summary_table(context, "os", GROUPINGS, context.origin),
        logrank_table(context, ["os"], _tested(context), context.origin),
        caution(
            "Groups by size at detection are exposed to lead time: a lesion that is found small is found early, and "
            "survival counted from there is longer even if nothing else changes.",
        ),
    )
    if context.tables.table("result.km_landmark", {"origin": context.other_origin}, limit=1).shape[0]:
        section.add(
            Text(
                f"The same rates with the clock started at the {ORIGINS[context.other_origin]}, for comparison."
            ),
            landmark_table(context, "os", GROUPINGS, context.other_origin),
        )
    return section


def _tested(context: Context) -> list[str]:
    found = context.tables.table("result.logrank_test", {"endpoint": "os", "origin": context.origin})
    first = [one for one in GROUPINGS if one != "overall"]
    return [*first, *sorted(set(found["stratum_variable"]) - set(first))]


def registry_survival(context: Context) -> list[Block | None]:
    """Overall survival of everyone, from the diagnosis of the primary."""
    strata = ["overall", "figo_group"]
    return [
        *(km_block(context, "os", variable, "primary_dx") for variable in strata),
        landmark_table(context, "os", strata, "primary_dx"),
        summary_table(context, "os", strata, "primary_dx"),
        logrank_table(context, ["os"], ["figo_group", "age_group", "histology_group"], "primary_dx"),
    ]
