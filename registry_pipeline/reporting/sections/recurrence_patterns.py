"""Study report: what recurs first, by kind, by group and by course.

Belongs here: counts of first recurrences, and which of them are hidden. Does not belong here: what competes over
time (study_competing), curves (study_events).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Row, Table, missing
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    clean,
    interval,
    is_given,
    lower_first,
    number,
    share,
    upper_first,
)
from registry_pipeline.reporting.release.disclosure import Line, hidden_counts, hidden_shares
from registry_pipeline.reporting.sections.context import HIDDEN, Context
from schemas.study import RECURRENCE_PATTERNS

_STEPS = {"death": "death", "alive": "alive at last contact"}


def pattern_table(context: Context) -> Block:
    """What recurred first, with exact intervals."""
    patterns = context.tables.in_order("result.recurrence_pattern")
    if patterns.empty:
        return missing(f"Patterns: not given. {context.why_empty('result.recurrence_pattern')}")
    rows = []
    kinds = shown_patterns(context)
    for pattern in patterns.to_dict("records"):
        hidden = kinds[str(pattern["pattern"])]
        has_range = is_given(pattern["min_months"]) and not hidden and not context.small_cell
        rows.append(
            Row(
                RECURRENCE_PATTERNS.get(str(pattern["pattern"]), clean(pattern["pattern"])),
                (
                    context.count_of(pattern["n_event"], pattern["n_patients"], hidden),
                    HIDDEN if hidden else share(pattern["share"]),
                    HIDDEN if hidden else interval(pattern["ci_lower"], pattern["ci_upper"], 1, 100.0),
                    HIDDEN if hidden else number(pattern["median_months_observed"]),
                    f"{number(pattern['min_months'])} to {number(pattern['max_months'])}"
                    if has_range
                    else NOT_GIVEN,
                ),
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


def shown_patterns(context: Context) -> dict[str, bool]:
    """Kinds of first recurrence, and whether their count is hidden: the kinds add up to any recurrence."""
    patterns = context.tables.in_order("result.recurrence_pattern")
    names = patterns["pattern"].astype(str).tolist()
    k = [int(n_event) for n_event in patterns["n_event"]]
    counts = [*k, *(int(n) - n_event for n_event, n in zip(k, patterns["n_patients"], strict=True))]
    m = len(names)
    lines = [Line((i, m + i)) for i in range(m)]
    whole = names.index("any") if "any" in names else None
    kinds = tuple(i for i in range(m) if i != whole)
    if whole is not None and sum(k[i] for i in kinds) == k[whole]:
        lines.append(Line(kinds, whole))
    hidden = hidden_counts(counts, lines, context.small_cell, [] if whole is None else [whole])
    return dict(zip(names, hidden.tolist()[:m], strict=True))


def recurrence_groups(context: Context) -> Block | None:
    """First recurrences by site, size and class of the disease."""
    rows = context.tables.table("result.recurrence_by_group", {"counting": "first_overall"})
    groups = rows[(rows["stratum_variable"] != "overall") & (rows["pattern"] != "any")] if len(rows) else rows
    if groups.empty:
        return None
    patterns = [
        recurrence_pattern
        for recurrence_pattern in RECURRENCE_PATTERNS
        if (groups["pattern"] == recurrence_pattern).any()
    ]
    patterns += sorted(set(groups["pattern"]) - set(patterns))
    overall = rows[rows["stratum_variable"] == "overall"].set_index("pattern")
    result: list[Row] = []
    for variable, part in groups.groupby("stratum_variable", sort=True):
        if context.small_groups(part["n_patients"]):
            continue
        result.append(Row(context.words.variable(str(variable)), ("",) * (len(patterns) + 1), "group"))
        cells = {
            pattern: _counted(context, part[part["pattern"] == pattern], overall, pattern)
            for pattern in patterns
        }
        for stratum, own in part.groupby("stratum", sort=True):
            n = context.count(own["n_patients"].iloc[0])
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


def _counted(context: Context, rows: pd.DataFrame, overall: pd.DataFrame, pattern: str) -> dict[object, str]:
    """Patients of each group with one kind of recurrence."""
    pairs = [(int(row.n_event), int(row.n_patients)) for row in rows.itertuples()]
    whole = (sum(k for k, _ in pairs), sum(n for _, n in pairs))
    if pattern in overall.index:
        whole = (int(overall.loc[pattern, "n_event"]), int(overall.loc[pattern, "n_patients"]))
    hidden = hidden_shares(pairs, whole, context.small_cell)
    return {
        row.stratum: HIDDEN
        if is_hidden
        else f"{context.count(row.n_event)} ({interval(row.ci_lower, row.ci_upper, 0, 100.0)})"
        for row, is_hidden in zip(rows.itertuples(), hidden, strict=True)
    }


def course_table(context: Context) -> Block | None:
    """What happened to patients one after the other."""
    rows = context.tables.in_order("result.recurrence_course")
    courses = rows.dropna(subset="course")
    if courses.empty:
        return None
    result = []
    for course, hidden in zip(
        courses.head(20).to_dict("records"), _hidden_courses(context, courses), strict=False
    ):
        n = context.count(course["n"], hidden)
        ends = (share(course["share"]), number(course["median_days"] / context.days_per_month))
        result.append(Row(_course(clean(course["course"])), (n, *((HIDDEN, HIDDEN) if hidden else ends))))
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


def _hidden_courses(context: Context, rows: pd.DataFrame) -> list[bool]:
    """Courses whose count is hidden: all patients, the dead, and who had each first recurrence are known."""
    steps = [str(row).split(" > ") for row in rows["course"]]
    ends = [
        [i for i, step in enumerate(steps) if step[-1] == end] for end in sorted({step[-1] for step in steps})
    ]
    starts = [
        [i for i, step in enumerate(steps) if step[0] == start]
        for start in sorted({step[0] for step in steps})
    ]
    lines = [Line(tuple(cells)) for cells in ([*range(len(steps))], *ends, *starts) if len(cells) > 1]
    counts = rows["n"].astype("int64").tolist()
    return hidden_counts(counts, lines, context.small_cell).tolist()  # type: ignore[no-any-return]


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
