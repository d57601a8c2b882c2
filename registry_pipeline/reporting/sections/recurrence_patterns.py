"""Study report: what recurs first, by kind, by group and by course.

Belongs here: counts of first recurrences. Does not belong here: what competes over
time (study_competing), curves (study_events).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Row, Table, missing
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    clean,
    count,
    count_of,
    interval,
    is_given,
    lower_first,
    number,
    share,
    upper_first,
)
from registry_pipeline.reporting.sections.context import Context
from schemas.study import OVERALL, RECURRENCE_PATTERNS

_STEPS = {"death": "death", "alive": "alive at last contact"}


def pattern_table(context: Context) -> Block:
    """What recurred first, with exact intervals."""
    patterns = context.tables.in_order("result.recurrence_pattern")
    if patterns.empty:
        return missing(f"Patterns: not given. {context.why_empty('result.recurrence_pattern')}")
    rows = []
    for pattern in patterns.to_dict("records"):
        rows.append(
            Row(
                RECURRENCE_PATTERNS.get(str(pattern["pattern"]), clean(pattern["pattern"])),
                (
                    count_of(pattern["n_event"], pattern["n_patients"]),
                    share(pattern["share"]),
                    interval(pattern["ci_lower"], pattern["ci_upper"], 1, 100.0),
                    number(pattern["median_months_observed"]),
                    interval(pattern["min_months"], pattern["max_months"])
                    if is_given(pattern["min_months"])
                    else NOT_GIVEN,
                ),
                trace=context.trace("result.recurrence_pattern", pattern, ("pattern",)),
            )
        )
    return Table(
        "First recurrence after local therapy",
        "Kind",
        (
            Column("Patients", origin="result.recurrence_pattern.n_event, n_patients"),
            Column("Share", origin="result.recurrence_pattern.share"),
            Column("95 % CI, exact", origin="result.recurrence_pattern.ci_lower, ci_upper"),
            Column(
                "Median time of those with it, months",
                origin="result.recurrence_pattern.median_months_observed",
            ),
            Column("Range", origin="result.recurrence_pattern.min_months, max_months"),
        ),
        tuple(rows),
        "result.recurrence_pattern",
        (
            "The median is of the observed times of the patients who had the event. It is not a median time to the event: "
            "patients who have not had it yet, or died, are not in it.",
        ),
    )


def recurrence_groups(context: Context) -> Block | None:
    """First recurrences by site, size and class of the disease."""
    rows = context.tables.table("result.recurrence_by_group", {"counting": "first_overall"})
    patients = (
        rows[(rows["stratum_variable"] != OVERALL.name) & (rows["pattern"] != "any")] if len(rows) else rows
    )
    if patients.empty:
        return None
    patterns = [
        recurrence_pattern
        for recurrence_pattern in RECURRENCE_PATTERNS
        if (patients["pattern"] == recurrence_pattern).any()
    ]
    patterns += sorted(set(patients["pattern"]) - set(patterns))
    result: list[Row] = []
    for variable, part in patients.groupby("stratum_variable", sort=True):
        result.append(Row(context.words.variable(str(variable)), ("",) * (len(patterns) + 1), "group"))
        cells = {pattern: _counted(part[part["pattern"] == pattern]) for pattern in patterns}
        for stratum, own in part.groupby("stratum", sort=True):
            n = count(own["n_patients"].iloc[0])
            label = upper_first(context.words.level(str(variable), stratum))
            result.append(
                Row(label, (n, *(cells[pattern].get(stratum, NOT_GIVEN) for pattern in patterns)), "level")
            )
    if not result:
        return None
    heads = [Column(RECURRENCE_PATTERNS.get(pattern, clean(pattern)).split(" (")[0]) for pattern in patterns]
    return Table(
        "First recurrence by group: patients, and exact 95 % interval of the share in %",
        "Group",
        (Column("n"), *heads),
        tuple(result),
        "result.recurrence_by_group",
        ("Shares of all patients of the group, however long they were watched: a description, not a risk.",),
        is_wide=True,
    )


def _counted(rows: pd.DataFrame) -> dict[object, str]:
    """Patients of each group with one kind of recurrence."""
    return {
        row.stratum: count(row.n_event)
        if isinstance(row.n_event, Hidden)
        else f"{count(row.n_event)} ({interval(row.ci_lower, row.ci_upper, 0, 100.0)})"
        for row in rows.itertuples()
    }


def course_table(context: Context) -> Block | None:
    """What happened to patients one after the other."""
    rows = context.tables.in_order("result.recurrence_course")
    courses = rows[rows["course"].notna()] if len(rows) else rows
    if courses.empty:
        return None
    result = []
    for course in courses.head(20).to_dict("records"):
        months = number(course["median_days"] / context.days_per_month)
        result.append(
            Row(_course(clean(course["course"])), (count(course["n"]), share(course["share"]), months))
        )
    return Table(
        "The courses that occur",
        "From local therapy on",
        (Column("Patients"), Column("Share"), Column("Median time to the end, months")),
        tuple(result),
        "result.recurrence_course",
        (
            "The end is death or the last contact; the median mixes both and is no survival time."
            + (f" The 20 most frequent of {len(courses)} courses." if len(courses) > 20 else ""),
        ),
    )


def _course(course: str) -> str:
    """ "new_oligomet > death" in words."""
    steps = [
        _STEPS.get(step)
        or " and ".join(
            lower_first(RECURRENCE_PATTERNS.get(part, part).split(" (")[0]) for part in step.split(" + ")
        )
        for step in course.split(" > ")
    ]
    return upper_first(", then ".join(steps))
