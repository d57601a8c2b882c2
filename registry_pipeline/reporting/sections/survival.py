"""Study report: survival curves, rates at fixed times, medians, restricted means, tests.

Belongs here: how Kaplan-Meier results are shown. Does not belong here: competing risks (study_events), models.
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import (
    Block,
    Figure,
    Section,
    Text,
    caution,
    missing,
)
from registry_pipeline.reporting.document.wording import (
    lower_first,
)
from registry_pipeline.reporting.figures.survival import Curve, km_figure
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.group_comparisons import compared_blocks
from registry_pipeline.reporting.sections.record import ReportSection
from registry_pipeline.reporting.sections.survival_tables import (
    at_risk_words,
    landmark_table,
    logrank_table,
    ordered,
    rates_text,
    shown_events,
    summary_table,
    test_text,
)
from schemas.disease.wording import SHORT_LEVELS
from schemas.study import (
    AGE_GROUP,
    ENDPOINTS,
    HISTOLOGY,
    LOCAL_CONTROL,
    NEW_OLIGOMET,
    ORIGINS,
    OS,
    OVERALL,
    PRIMARY_DX,
    SITE_TWO,
    SIZE_GROUP,
    STAGE_GROUP,
)

GROUPINGS = (OVERALL.name, SITE_TWO.name, SIZE_GROUP.name)
SHORT = {OVERALL.name: {"all": "All"}, **SHORT_LEVELS}


def km_rows(context: Context, endpoint: str, origin: str, variable: str) -> pd.DataFrame:
    """km_curve rows of one picture, by stratum and time."""
    rows = context.tables.table(
        "result.km_curve", {"endpoint": endpoint, "origin": origin, "stratum_variable": variable}
    )
    return rows.sort_values(["stratum", "duration_days"], kind="stable") if len(rows) else rows


def km_block(context: Context, endpoint: str, variable: str, origin: str | None = None) -> Block:
    """One Kaplan-Meier figure, or why there is none."""
    origin = origin or context.origin
    rows = km_rows(context, endpoint, origin, variable)
    title = f"{ENDPOINTS[endpoint].label}{_by(context, variable)}, from {ORIGINS[origin].label}"
    if rows.empty:
        return missing(f"{title}: not drawn. {context.why_no_groups(origin, variable, 'result.km_curve')}")
    return _km_figure(context, endpoint, variable, origin, title, rows)


def _curves(context: Context, endpoint: str, variable: str, origin: str, rows: pd.DataFrame) -> list[Curve]:
    """Curves in order; a group that is too small for one has none."""
    events = shown_events(context, endpoint, variable, origin)
    result = []
    for stratum in ordered(rows["stratum"].unique().tolist()):
        part = rows[rows["stratum"] == stratum]
        label = context.words.level(variable, stratum)
        if stratum in events:
            label += f" ({'/'.join(events[stratum])} events)"
        short = SHORT.get(variable, {}).get(str(stratum)) or context.words.level(variable, stratum)
        result.append(Curve(label, short[:9], part, stratum))
    return result


def _km_figure(
    context: Context, endpoint: str, variable: str, origin: str, title: str, rows: pd.DataFrame
) -> Figure:
    curves = _curves(context, endpoint, variable, origin, rows)
    drop = ["endpoint", "origin", "stratum_variable"]
    return context.figures.add(
        f"km_{endpoint}_{variable}" + ("" if origin == context.origin else f"_{origin}"),
        km_figure(
            curves,
            ENDPOINTS[endpoint].label,
            f"Months from {ORIGINS[origin].label}",
            test_text(context, endpoint, variable, origin),
            context.days_per_month,
            at_risk_words(context, endpoint, variable, origin, rows),
        ),
        pd.concat([curve.rows for curve in curves]).drop(columns=drop, errors="ignore"),
        title=title,
        description="Kaplan-Meier step curves with 95 % confidence bands and numbers at risk. "
        + rates_text(context, endpoint, variable, origin),
        meaning=f"The height of a curve is the share of patients {ENDPOINTS[endpoint].meaning}."
        + rounded_words(context),
        limits=_limits(endpoint, variable),
        source="result.km_curve, result.km_summary"
        + (", result.logrank_test" if variable != OVERALL.name else ""),
    )


def rounded_words(context: Context) -> str:
    """What a reader must know of a curve that hides small counts."""
    few = f"after {context.tables.limit} further events at the earliest"
    return f" Rounded: it steps at the end of a month and {few}." if context.tables.hides else ""


def _limits(endpoint: str, variable: str) -> str:
    if endpoint in (LOCAL_CONTROL.name, NEW_OLIGOMET.name):
        return "It is not the risk that a patient runs, because patients may die first; see the cumulative incidence."
    if variable == OVERALL.name:
        return "It is not what one patient can expect, and its right end rests on few patients, as the band shows."
    return (
        "That a gap between curves is caused by the site, the size or the stage: patients were not put into these "
        "groups by chance, and groups differ in other ways too."
    )


def _by(context: Context, variable: str) -> str:
    return (
        ""
        if variable == OVERALL.name
        else f" by {lower_first(context.words.variable(variable).split(',')[0])}"
    )


def survival_section(context: Context) -> Section:
    """Overall survival of the cohort."""
    section = Section("survival", "Overall survival")
    if context.no_cohort:
        return section.add(missing(context.no_cohort))
    for variable in GROUPINGS:
        section.add(km_block(context, OS.name, variable))
    section.add(
        landmark_table(context, OS.name, GROUPINGS, context.origin),
        summary_table(context, OS.name, GROUPINGS, context.origin),
        logrank_table(context, [OS.name], _tested(context), context.origin),
        caution(
            "Groups by size at detection are exposed to lead time: a lesion that is found small is found early, and "
            "survival counted from there is longer even if nothing else changes.",
        ),
    )
    section.add(*compared_blocks(context))
    if context.tables.table("result.km_landmark", {"origin": context.other_origin}, limit=1).shape[0]:
        section.add(
            Text(
                f"The same rates with the clock started at the {ORIGINS[context.other_origin].label}, for comparison."
            ),
            landmark_table(context, OS.name, GROUPINGS, context.other_origin),
        )
    return section


def _tested(context: Context) -> list[str]:
    tests = context.tables.table("result.logrank_test", {"endpoint": OS.name, "origin": context.origin})
    first = [grouping for grouping in GROUPINGS if grouping != OVERALL.name]
    return [*first, *sorted(set(tests["stratum_variable"]) - set(first))]


def registry_survival(context: Context) -> list[Block | None]:
    """Overall survival of everyone, from the diagnosis of the primary."""
    strata = [OVERALL.name, STAGE_GROUP.name]
    return [
        *(km_block(context, OS.name, variable, PRIMARY_DX.name) for variable in strata),
        landmark_table(context, OS.name, strata, PRIMARY_DX.name),
        summary_table(context, OS.name, strata, PRIMARY_DX.name),
        logrank_table(
            context, [OS.name], [STAGE_GROUP.name, AGE_GROUP.name, HISTOLOGY.name], PRIMARY_DX.name
        ),
    ]


SECTIONS = (ReportSection("survival", 50, survival_section),)
