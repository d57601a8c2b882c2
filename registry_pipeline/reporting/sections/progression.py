"""Study report: local control, progression, what recurs, the course of each patient.

Belongs here: sections in which events compete. Does not belong here: overall survival, models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Heading, Row, Section, Table, missing
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    count,
    interval,
    number,
    share,
    upper_first,
)
from registry_pipeline.reporting.figures.survival import incidence_figure
from registry_pipeline.reporting.sections.competing_events import (
    gray_table,
    hazards_compared,
    lesion_hazards,
    lesion_table,
)
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.record import ReportSection
from registry_pipeline.reporting.sections.recurrence_patterns import (
    course_table,
    pattern_table,
    recurrence_groups,
)
from registry_pipeline.reporting.sections.survival import (
    GROUPINGS,
    km_block,
    km_rows,
    rounded_words,
)
from registry_pipeline.reporting.sections.survival_tables import (
    at_risk_words,
    landmark_at_risk,
    landmark_table,
    logrank_table,
    ordered,
    summary_table,
)
from registry_pipeline.reporting.sections.swimmer import swimmer_block
from schemas.study import (
    ENDPOINTS,
    LOCAL_CONTROL,
    LRFS,
    ORIGINS,
    OS,
    OVERALL,
    SITE_TWO,
    SIZE_GROUP,
    Endpoint,
)

_ELSEWHERE = (OS, LOCAL_CONTROL, LRFS)
"""Endpoints of other sections."""


def local_section(context: Context) -> Section:
    """Local control by site, both ways of counting, and the bound where nothing was seen."""
    section = Section("local", "Local control")
    if context.no_cohort:
        return section.add(missing(context.no_cohort))
    return section.add(
        km_block(context, LOCAL_CONTROL.name, SITE_TWO.name),
        incidence_block(context, LOCAL_CONTROL),
        incidence_table(context, LOCAL_CONTROL, GROUPINGS),
        landmark_table(context, LOCAL_CONTROL.name, GROUPINGS, context.origin),
        logrank_table(
            context, [LOCAL_CONTROL.name, LRFS.name], (SITE_TWO.name, SIZE_GROUP.name), context.origin
        ),
        zero_events_table(context),
        gray_table(context, LOCAL_CONTROL),
        hazards_compared(context, LOCAL_CONTROL),
        lesion_table(context),
        lesion_hazards(context),
        km_block(context, LRFS.name, SITE_TWO.name),
        summary_table(context, LRFS.name, GROUPINGS, context.origin),
    )


def progression_section(context: Context) -> Section:
    """Progression-free survival, new oligometastases and what else is waited for; patterns, the swimmer's plot."""
    section = Section("progression", "Progression and recurrence")
    if context.no_cohort:
        return section.add(missing(context.no_cohort))
    section.add(
        *(
            block
            for endpoint in ENDPOINTS.values()
            if endpoint not in _ELSEWHERE
            for block in _endpoint_blocks(context, endpoint)
        )
    )
    return section.add(
        Heading("Patterns of first recurrence"),
        pattern_table(context),
        recurrence_groups(context),
        course_table(context),
        Heading("The course of each patient"),
        swimmer_block(context),
    )


def _endpoint_blocks(context: Context, endpoint: Endpoint) -> Sequence[Block | None]:
    """Incidence where something competes with the event, else curves."""
    if endpoint.competing_event:
        return (
            Heading(endpoint.title),
            incidence_block(context, endpoint),
            incidence_table(context, endpoint, GROUPINGS),
            gray_table(context, endpoint),
            hazards_compared(context, endpoint),
        )
    return (
        km_block(context, endpoint.name, OVERALL.name),
        km_block(context, endpoint.name, SIZE_GROUP.name),
        landmark_table(context, endpoint.name, GROUPINGS, context.origin),
        summary_table(context, endpoint.name, GROUPINGS, context.origin),
    )


def incidence_rows(context: Context, endpoint: str, variable: str) -> pd.DataFrame:
    """cumulative_incidence rows of one picture, by stratum, cause and time."""
    rows = context.tables.table(
        "result.cumulative_incidence",
        {"endpoint": endpoint, "origin": context.origin, "stratum_variable": variable},
    )
    return rows.sort_values(["stratum", "cause", "duration_days"], kind="stable") if len(rows) else rows


def incidence_block(context: Context, endpoint: Endpoint) -> Block:
    """Cumulative incidence beside 1 - KM."""
    rows = incidence_rows(context, endpoint.name, OVERALL.name)
    curve = km_rows(context, endpoint.name, context.origin, OVERALL.name)
    title = f"{endpoint.title}: cumulative incidence beside 1 − Kaplan-Meier"
    own = rows[rows["cause"] == 1] if len(rows) else rows
    if own.empty or curve.empty:
        return missing(f"{title}: not drawn. {context.why_empty('result.cumulative_incidence')}")
    drawn = incidence_figure(
        own,
        rows[rows["cause"] == 2],
        curve,
        (
            f"{endpoint.title} (Aalen-Johansen)",
            "The same event, 1 − Kaplan-Meier",
            f"{upper_first(endpoint.competing_event)} before it",
        ),
        f"Months from {ORIGINS[context.origin].label}",
        context.days_per_month,
        at_risk_words(context, endpoint.name, OVERALL.name, context.origin, own),
    )
    data = rows.drop(columns=["endpoint", "origin", "stratum_variable"], errors="ignore").merge(
        curve.assign(one_minus_km=1 - curve["survival"])[["stratum", "duration_days", "one_minus_km"]],
        on=["stratum", "duration_days"],
        how="outer" if context.tables.hides else "left",
    )
    end = own.iloc[-1]
    return context.figures.add(
        f"incidence_{endpoint.name}",
        drawn,
        data,
        title=title,
        description=f"At the last observation the cumulative incidence is {share(end['incidence'])}, "
        f"1 − Kaplan-Meier {share(1 - curve.iloc[-1]['survival'])}.",
        meaning="The solid curve is the share of all patients who had the event by that time, deaths counted as deaths."
        + rounded_words(context),
        limits="1 − Kaplan-Meier is not the share of patients who have the event: it treats those who died as if they "
        "could still have it, and so lies higher.",
        source="result.cumulative_incidence, result.km_curve",
    )


def incidence_table(context: Context, endpoint: Endpoint, variables: Sequence[str]) -> Block | None:
    """Cumulative incidence at the landmarks, by group."""
    marks = context.landmark_months
    rows: list[Row] = []
    for variable in variables:
        where = {
            "endpoint": endpoint.name,
            "origin": context.origin,
            "stratum_variable": variable,
            "cause": 1,
        }
        texts = landmark_at_risk(context, endpoint.name, variable, context.origin)
        strata = context.tables.table("result.cumulative_incidence", where)["stratum"]
        for stratum in ordered(strata.unique().tolist()):
            cells = [
                cell
                for months in marks
                for cell in (
                    _incidence_words(context.tables.incidence_at({**where, "stratum": stratum}, months)),
                    texts.get((months, stratum), NOT_GIVEN),
                )
            ]
            rows.append(Row(upper_first(context.words.group(variable, stratum)), tuple(cells)))
    if not rows:
        return None
    columns = [
        Column(heading, f"{months:g} months", origin=name)
        for months in marks
        for heading, name in (
            ("% (95 % CI)", "result.cumulative_incidence.incidence, ci_lower, ci_upper"),
            ("At risk", "result.km_landmark.n_at_risk"),
        )
    ]
    return Table(
        f"{endpoint.title}: cumulative incidence at fixed times",
        "Patients",
        tuple(columns),
        tuple(rows),
        "result.cumulative_incidence, result.km_landmark",
        (
            "Aalen-Johansen. At risk: patients without any of the competing events and still under observation just "
            "before that time. A dash: later than the last observation of the group.",
        ),
        is_wide=True,
    )


def _incidence_words(level: Mapping[str, Any] | None) -> str:
    """Incidence at a time and its interval; a dash beyond the last observation."""
    if level is None:
        return NOT_GIVEN
    if not level["incidence"]:
        return "0.0 (no event)"
    return f"{number(100 * level['incidence'])} ({interval(level['ci_lower'], level['ci_upper'], 1, 100.0)})"


def zero_events_table(context: Context) -> Block | None:
    """Groups in which nobody had the event: what may still be true of them."""
    rows = []
    for variable in (SITE_TWO.name, SIZE_GROUP.name):
        results = context.tables.table(
            "result.km_summary",
            {
                "endpoint": LOCAL_CONTROL.name,
                "origin": context.origin,
                "stratum_variable": variable,
                "n_event": 0,
            },
        )
        for group in results.to_dict("records"):
            n = group["n"]
            if isinstance(n, Hidden):
                continue
            head = upper_first(context.words.group(variable, group["stratum"]))
            rows.append(Row(head, (count(n), "0", share(1 - 0.025 ** (1 / n)))))
    if not rows:
        return None
    return Table(
        "Groups without any local recurrence",
        "Patients",
        (Column("n"), Column("Events"), Column("Exact upper bound")),
        tuple(rows),
        "computed from the n of result.km_summary",
        (
            "Upper end of the exact two-sided 95 % interval of the crude share, 1 − 0.025^(1/n): nothing seen in few "
            "patients is not proof of nothing.",
        ),
    )


SECTIONS = (
    ReportSection("local", 60, local_section),
    ReportSection("progression", 70, progression_section),
)
