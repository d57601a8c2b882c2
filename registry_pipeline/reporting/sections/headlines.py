"""Study report: the headline numbers on one page, each with its interval, its n and its source.

Belongs here: choosing what stands on the first page. Does not belong here: new numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from registry_pipeline.reporting.document.blocks import Column, Row, Section, Table, Text, missing
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    count,
    count_of,
    interval,
    is_given,
    lower_first,
    number,
    p_phrase,
    ratio,
    ratio_interval,
    share,
)
from registry_pipeline.reporting.sections.bounds import bound_of
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.cox_terms import preferred
from registry_pipeline.reporting.sections.facilities import FUNNEL, comparable
from registry_pipeline.reporting.sections.growth_checks import forms_range, limits_text
from registry_pipeline.reporting.sections.record import ReportSection
from registry_pipeline.reporting.sections.survival_tables import GROUP, landmark_at_risk, ordered, test_text
from schemas.disease.wording import OTHER_SITES, SITE_OF_INTEREST
from schemas.study import (
    IS_SMALL,
    LOCAL_CONTROL,
    LRT_START,
    NEW_OLIGOMET,
    ONSET_MODEL,
    ORIGINS,
    OS,
    OVERALL,
    PRIMARY_DX,
    SITE_TWO,
    SIZE_GROUP,
)


class _Line(NamedTuple):
    """A headline number; headline: its key in result.bounds, whose bounds stand beside the interval."""

    what: str
    estimate: str
    ends: str
    n: str
    source: str
    headline: str = ""
    trace: str = ""


_HEADLINES = {
    (OS.name, "all"): "os_36_overall",
    (OS.name, SITE_OF_INTEREST): "item_8a",
    (OS.name, OTHER_SITES): "item_8b",
    (OS.name, "small"): "item_11a",
    (OS.name, "large"): "item_11b",
    (LOCAL_CONTROL.name, SITE_OF_INTEREST): "item_7a",
    (LOCAL_CONTROL.name, OTHER_SITES): "item_7b",
}
_FOLLOW_UP = {"reverse_km": "follow_up_reverse_km", "observed": "item_6a"}


def brief_section(context: Context) -> Section:
    """The headline numbers, or the sentence that there is no cohort."""
    section = Section("brief", "In brief")
    n_registry = context.tables.n_rows("mart.registry_patient") or context.tables.n_rows("curated.patient")
    if context.no_cohort:
        return section.add(
            missing(
                f"No patient of the {n_registry} in this registry is in the study cohort, so nothing can be said here of "
                "oligometastatic disease, local therapy or the growth of lesions. What follows describes the registry as far "
                "as its data go; sections without data say so in one sentence."
            ),
            _table(context, [*_registry_lines(context), *_follow_up_lines(context)]),
        )
    n = context.n_cohort
    section.add(
        Text(
            f"Of {n_registry} patients in the registry {n} were analysed. Unless said otherwise the clock starts at the "
            f"{ORIGINS[context.origin].label}. Intervals are 95 % confidence intervals; they hold the play of chance, not errors in "
            "records, choice of patients or a wrong model.",
            "mart.registry_patient, mart.cohort",
        )
    )
    lines = [
        *_follow_up_lines(context),
        *_rates(context, OS.name, "Alive", (OVERALL.name, SITE_TWO.name, SIZE_GROUP.name)),
        *_rates(context, LOCAL_CONTROL.name, "Free of local recurrence (deaths censored)", (SITE_TWO.name,)),
        *_pattern_lines(context),
        *_size_line(context),
        *_growth_lines(context),
        *_facility_line(context),
    ]
    return section.add(_table(context, lines))


def _table(context: Context, lines: list[_Line]) -> Table | None:
    if not lines:
        return None
    cells = [(line.estimate, line.ends, _bounds(context, line), line.n, line.source) for line in lines]
    rows = tuple(Row(line.what, cell, trace=line.trace) for line, cell in zip(lines, cells, strict=True))
    numbers = [Column(name) for name in ("Estimate", "95 % CI", "Bounds", "n or at risk")]
    columns = (*numbers, Column("Table", is_number=False))
    note = (
        "The interval holds the play of chance. Bounds: the lowest and highest value that open questions of the records allow "
        "(result.bounds; see “What open questions could change”)."
    )
    return Table(
        "Headline numbers", "What", columns, rows, "the table named in each line", (note,), is_wide=True
    )


def _bounds(context: Context, line: _Line) -> str:
    """Bounds of a number; those of the published ones are of their origin."""
    is_other = (
        line.headline.startswith("item_") and context.origin != LRT_START.name and not context.no_cohort
    )
    return bound_of(context, line.headline) if line.headline and not is_other else NOT_GIVEN


def _registry_lines(context: Context) -> list[_Line]:
    landmarks = context.tables.table(
        "result.km_landmark",
        {"endpoint": OS.name, "origin": PRIMARY_DX.name, "stratum_variable": OVERALL.name},
    )
    return [
        _Line(
            f"Alive {number(landmark['landmark_months'], 0)} months after diagnosis of the primary",
            share(landmark["survival"]),
            interval(landmark["ci_lower"], landmark["ci_upper"], 1, 100.0),
            f"{count(landmark['n_at_risk'])} at risk",
            "result.km_landmark",
            f"registry_os_{landmark['landmark_months']:g}",
            context.trace("result.km_landmark", landmark, (*GROUP, "landmark_months")),
        )
        for landmark in landmarks.sort_values("landmark_months").to_dict("records")
        if is_given(landmark["survival"]) and not isinstance(landmark["survival"], Hidden)
    ]


def _follow_up_lines(context: Context) -> list[_Line]:
    names = {"reverse_km": "Median follow-up, reverse Kaplan-Meier", "observed": "Median follow-up, observed"}
    return [
        _Line(
            names.get(str(follow_up["definition"]), "Median follow-up"),
            f"{number(follow_up['median_months'])} months",
            interval(follow_up["ci_lower"], follow_up["ci_upper"]),
            count(follow_up["n"]),
            "result.follow_up",
            f"registry_follow_up_{follow_up['definition']}"
            if context.no_cohort
            else _FOLLOW_UP.get(str(follow_up["definition"]), ""),
        )
        for follow_up in context.tables.in_order("result.follow_up").to_dict("records")
    ]


def _rates(context: Context, endpoint: str, what: str, variables: tuple[str, ...]) -> list[_Line]:
    lines: list[_Line] = []
    for variable in variables:
        landmarks = _landmark(context, endpoint, variable)
        test = test_text(context, endpoint, variable, context.origin)
        at_risk = landmark_at_risk(context, endpoint, variable, context.origin)
        for stratum in ordered(landmarks["stratum"].tolist()):
            landmark = landmarks[landmarks["stratum"] == stratum].iloc[0]
            whom = lower_first(context.words.group(variable, stratum))
            has_interval = is_given(landmark["ci_lower"]) or is_given(landmark["ci_upper"])
            lines.append(
                _Line(
                    f"{what} at {context.headline_months:g} months: {whom}" + (f" ({test})" if test else ""),
                    share(landmark["survival"]) if is_given(landmark["survival"]) else "beyond follow-up",
                    interval(landmark["ci_lower"], landmark["ci_upper"], 1, 100.0)
                    if has_interval
                    else "not estimable",
                    f"{at_risk[context.headline_months, stratum]} at risk",
                    "result.km_landmark",
                    _HEADLINES.get((endpoint, str(stratum)), ""),
                    context.trace("result.km_landmark", landmark, (*GROUP, "landmark_months")),
                )
            )
    return lines


def _landmark(context: Context, endpoint: str, variable: str) -> pd.DataFrame:
    return context.tables.table(
        "result.km_landmark",
        {
            "endpoint": endpoint,
            "origin": context.origin,
            "stratum_variable": variable,
            "landmark_months": context.headline_months,
        },
    )


def _pattern_lines(context: Context) -> list[_Line]:
    patterns = context.tables.table("result.recurrence_pattern", {"pattern": NEW_OLIGOMET.name})
    return [
        _Line(
            "New oligometastasis as first recurrence",
            share(pattern["share"]),
            interval(pattern["ci_lower"], pattern["ci_upper"], 1, 100.0),
            count_of(pattern["n_event"], pattern["n_patients"]),
            "result.recurrence_pattern",
            "item_9b",
        )
        for pattern in patterns.to_dict("records")
    ]


def _size_line(context: Context) -> list[_Line]:
    where = {"endpoint": OS.name, "origin": context.origin, "model": "multivariable"}
    fits = context.tables.table("result.cox_fit", where)
    if fits.empty:
        return []
    best = preferred(fits).iloc[0]
    terms = context.tables.table(
        "result.cox_term", {**where, "method": best["method"], "term": IS_SMALL.name}
    )
    return [
        _Line(
            f"Hazard ratio of death, {context.words.small} vs {context.words.large}, other factors held ({p_phrase(term['p_value'])})",
            ratio(term["hazard_ratio"]) if is_given(term["hazard_ratio"]) else "not estimable",
            ratio_interval(term["ci_lower"], term["ci_upper"]),
            f"{count(best['n_event'])} deaths",
            "result.cox_term",
            "hazard_ratio_size",
        )
        for term in terms.to_dict("records")
    ]


def _growth_lines(context: Context) -> list[_Line]:
    chosen = (context.growth_model, context.growth_error)
    span = forms_range(context)
    forms = f"; all forms and errors: {interval(*span)}" if span else ""
    lines: list[_Line] = []
    for model, error, what in (
        (
            *chosen,
            f"Months since the last negative CT at which the fitted size is {context.cutpoint_mm:g} mm (naive{forms})",
        ),
        (
            ONSET_MODEL,
            "log",
            f"Months from the detection limit to {context.cutpoint_mm:g} mm, onset interval-censored{limits_text(context)}",
        ),
    ):
        thresholds = context.tables.table("result.growth_threshold", {"model": model, "error_model": error})
        is_clustered = (thresholds["ci_method"] == "cluster_bootstrap") & thresholds["ci_lower"].notna()
        clustered = thresholds[is_clustered]
        shown = clustered if len(clustered) else thresholds[thresholds["ci_method"] == "profile"]
        kind = "" if len(clustered) else "; the interval takes lesions as independent and is too narrow"
        fits = context.tables.table("result.growth_fit", {"model": model, "error_model": error}, limit=1)
        for growth_share in shown.to_dict("records"):
            if is_given(growth_share["months"]):
                n = f"{count(fits['n_lesions'].iloc[0])} lesions" if len(fits) else NOT_GIVEN
                ends = interval(growth_share["ci_lower"], growth_share["ci_upper"], open_end="open")
                headline = "growth_onset" if model == ONSET_MODEL else "item_13a"
                months = number(growth_share["months"])
                lines.append(_Line(what + kind, months, ends, n, "result.growth_threshold", headline))
    within = context.tables.number("study.interval_months", 6)
    shares = context.tables.table("result.growth_share", {"interval_months": within})
    for growth_share in shares.to_dict("records"):
        lines.append(
            _Line(
                f"Lesions {context.words.small} among those found within {within:g} months of a negative CT",
                share(growth_share["share"]),
                interval(growth_share["ci_lower"], growth_share["ci_upper"], 1, 100.0),
                count_of(growth_share["n_small"], growth_share["n_lesions"]),
                "result.growth_share",
                "item_12c" if within == 6 else "",
            )
        )
    return lines


def _facility_line(context: Context) -> list[_Line]:
    positions = [str(position) for position in comparable(context).get("position", [])]
    n = f"{sum(position.endswith('alarm') for position in positions)} of {len(positions)}"
    what = "Facilities with more or fewer deaths than their patients explain (outside the 99.8 % limits)"
    return [_Line(what, n, NOT_GIVEN, NOT_GIVEN, FUNNEL)] if len(positions) > 1 else []


SECTIONS = (ReportSection("brief", 10, brief_section),)
