"""Study report: what competes, tested and modelled; lesion by lesion; recurrences by group and course.

Belongs here: tables beside the incidence curves. Does not belong here: the curves (study_events).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.blocks import Block, Column, Row, Table, missing
from registry_pipeline.reporting.cox_words import ratio_cells
from registry_pipeline.reporting.report_context import Context
from registry_pipeline.reporting.wording import (
    NOT_GIVEN,
    PATTERNS,
    clean,
    interval,
    is_given,
    lower_first,
    number,
    p_value,
    share,
    upper_first,
)

_METHODS = {"efron": "", "firth": ", Firth penalty"}
_STEPS = {"death": "death", "alive": "alive at last contact"}


def gray_table(context: Context, endpoint: str, event: str) -> Block | None:
    """Gray's test for the event and for what competes with it."""
    rows = context.tables.table("result.gray_test", {"endpoint": endpoint, "origin": context.origin})
    known = rows[rows["stratum_variable"].notna()] if len(rows) else rows
    if known.empty:
        return None
    made = []
    for one in known.sort_values(["cause", "stratum_variable"]).to_dict("records"):
        what = event if one["cause"] == 1 else "what competes with it"
        head = f"{upper_first(what)}, by {lower_first(context.words.variable(str(one['stratum_variable'])))}"
        remark = clean(one["note"]) if is_given(one["note"]) else ""
        cells = (number(one["chi_square"], 2), p_value(one["p_value"]), context.count(one["n_event"]), remark)
        made.append(Row(head, cells))
    return Table(
        "Gray’s test: is the incidence equal in the groups?",
        "Comparison",
        (Column("χ²"), Column("p"), Column("Events"), Column("Remark", is_number=False)),
        tuple(made),
        "result.gray_test",
        (
            "A group may have fewer recurrences because more of its patients die first: the lines on what competes say so.",
        ),
    )


def hazards_compared(context: Context, endpoint: str, event: str) -> Block | None:
    """Cause-specific beside subdistribution hazard ratios."""
    where = {"endpoint": endpoint, "origin": context.origin}
    cause_specific = context.tables.table("result.cause_specific_cox", where)
    subdistribution = context.tables.table("result.fine_gray", where)
    if cause_specific.empty or not cause_specific["term"].notna().any():
        return None
    made: list[Row] = []
    for cause, head in ((1, upper_first(event)), (2, "What competes with it")):
        own = cause_specific[cause_specific["cause"] == cause]
        if own.empty:
            continue
        made.append(Row(head, ("",) * 4, "group"))
        other = subdistribution[subdistribution["cause"] == cause]
        by_term = {str(one["term"]): one for one in other.to_dict("records")}
        for term, part in own.groupby("term", sort=False):
            ranked = part.sort_values("status", key=lambda one: one != "ok", kind="stable")
            one = ranked.iloc[0].to_dict()
            variable, contrast = context.words.term(str(term), one["reference_level"])
            label = f"{variable}: {contrast}{_METHODS.get(str(one['method']), '')}"
            made.append(Row(label, (*ratio_cells(one), *ratio_cells(by_term.get(str(term)))), "level"))
    return Table(
        f"{upper_first(event)} and what competes with it: two kinds of hazard ratio",
        "Event and factor",
        (
            Column("HR (95 % CI)", "Cause-specific"),
            Column("p", "Cause-specific"),
            Column("HR (95 % CI)", "Subdistribution (Fine-Gray)"),
            Column("p", "Subdistribution (Fine-Gray)"),
        ),
        tuple(made),
        "result.cause_specific_cox, result.fine_gray",
        (
            "Cause-specific: how fast the event comes among those still free of anything; the one to ask about causes. "
            "Subdistribution: how many will have had it, those who died first included; the one to ask about risk.",
        ),
    )


def lesion_table(context: Context) -> Block:
    """Local control lesion by lesion."""
    rows = context.tables.in_order("result.lesion_local_control")
    known = rows[rows["landmark_months"].notna()] if len(rows) else rows
    if known.empty:
        note = clean(rows["note"].iloc[0]) if len(rows) and is_given(rows["note"].iloc[0]) else ""
        return missing(
            f"Local control lesion by lesion: not given. {note or context.why_empty('result.lesion_local_control')}"
        )
    marks = sorted(known["landmark_months"].unique())
    made: list[Row] = []
    for estimator, head in (
        ("kaplan_meier", "Free of recurrence (deaths censored)"),
        ("aalen_johansen", "Recurred (deaths competing)"),
    ):
        part = known[known["estimator"] == estimator]
        if part.empty:
            continue
        made.append(Row(head, ("",) * (len(marks) + 1), "group"))
        for (variable, stratum), own in part.groupby(["stratum_variable", "stratum"], sort=False):
            by_mark = {one["landmark_months"]: one for one in own.to_dict("records")}
            first = own.iloc[0]
            n = f"{context.count(first['n_event'])} of {context.count(first['n'])} in {context.count(first['n_cluster'])}"
            cells = tuple(_lesion_cell(context, by_mark.get(mark)) for mark in marks)
            made.append(Row(_lesion_group(context, str(variable), stratum), (n, *cells), "level"))
    return Table(
        "Local control lesion by lesion",
        "Lesions",
        (Column("Recurred of lesions in patients"), *(Column(f"{mark:g} months") for mark in marks)),
        tuple(made),
        "result.lesion_local_control",
        (
            "% of treated lesions (95 % CI). Lesions of one patient are alike and share her death, so the intervals take the "
            "patient, not the lesion, as the unit that is drawn. A recurrence that names no lesion counts against each of her "
            "treated lesions.",
        ),
        is_wide=True,
    )


def lesion_hazards(context: Context) -> Block | None:
    """Hazard ratios of recurrence per lesion."""
    rows = context.tables.in_order("result.lesion_cox")
    known = rows[rows["term"].notna()] if len(rows) else rows
    if known.empty:
        return None
    names = {
        "is_small": f"Lesion {context.words.small} vs {context.words.large}",
        "is_scf": "Supraclavicular vs other sites",
    }
    made = []
    for one in known.to_dict("records"):
        label = names.get(str(one["term"]), clean(one["term"])) + _METHODS.get(str(one["method"]), "")
        made.append(
            Row(label, (f"{context.count(one['n_event'])} of {context.count(one['n'])}", *ratio_cells(one)))
        )
    return Table(
        "Hazard ratios of recurrence, lesion by lesion",
        "Factor",
        (Column("Recurred of lesions"), Column("HR (95 % CI)"), Column("p")),
        tuple(made),
        "result.lesion_cox",
        (
            "Cause-specific, deaths censored. Robust standard errors with patients as clusters; the fit with Firth’s penalty does "
            "not know that lesions of one patient are alike.",
        ),
    )


def _lesion_group(context: Context, variable: str, stratum: object) -> str:
    if variable == "overall":
        return "All treated lesions"
    if variable == "size_group":
        return f"Lesion {context.words.level(variable, stratum)}"
    return upper_first(context.words.level(variable, stratum))


def _lesion_cell(context: Context, one: dict[str, object] | None) -> str:
    if one is None or not is_given(one["estimate"]):
        return "–"
    if context.is_small(one["n_at_risk"]):
        return "hidden"
    value = number(100 * float(one["estimate"]))  # type: ignore[arg-type]
    if not is_given(one["ci_lower"]) and not is_given(one["ci_upper"]):
        return f"{value} (no interval)"
    return f"{value} ({interval(one['ci_lower'], one['ci_upper'], 1, 100.0, '–')})"


def recurrence_groups(context: Context) -> Block | None:
    """First recurrences by site, size and class of the disease."""
    rows = context.tables.table("result.recurrence_by_group", {"counting": "first_overall"})
    known = rows[(rows["stratum_variable"] != "overall") & (rows["pattern"] != "any")] if len(rows) else rows
    if known.empty:
        return None
    patterns = [one for one in PATTERNS if (known["pattern"] == one).any()]
    patterns += sorted(set(known["pattern"]) - set(patterns))
    made: list[Row] = []
    for variable, part in known.groupby("stratum_variable", sort=True):
        made.append(Row(context.words.variable(str(variable)), ("",) * (len(patterns) + 1), "group"))
        for stratum, own in part.groupby("stratum", sort=True):
            n = own["n_patients"].iloc[0]
            cells = [_counted(context, own[own["pattern"] == one]) for one in patterns]
            label = upper_first(context.words.level(str(variable), stratum))
            made.append(Row(label, (context.count(n), *cells), "level"))
    heads = [Column(PATTERNS.get(one, clean(one)).split(" (")[0]) for one in patterns]
    return Table(
        "First recurrence by group: patients, and exact 95 % interval of the share in %",
        "Group",
        (Column("n"), *heads),
        tuple(made),
        "result.recurrence_by_group",
        ("Shares of all patients of the group, however long they were watched: a description, not a risk.",),
        is_wide=True,
    )


def _counted(context: Context, rows: pd.DataFrame) -> str:
    if rows.empty:
        return NOT_GIVEN
    one = rows.iloc[0]
    if context.is_small(one["n_event"]) or context.is_small(one["n_patients"]):
        return "hidden"
    return f"{context.count(one['n_event'])} ({interval(one['ci_lower'], one['ci_upper'], 0, 100.0)})"


def course_table(context: Context) -> Block | None:
    """What happened to patients one after the other."""
    rows = context.tables.in_order("result.recurrence_course")
    known = rows[rows["course"].notna()] if len(rows) else rows
    if known.empty:
        return None
    made = [
        Row(
            _course(clean(one["course"])),
            (
                context.count(one["n"]),
                "hidden" if context.is_small(one["n"]) else share(one["share"]),
                "hidden"
                if context.is_small(one["n"])
                else number(one["median_days"] / context.days_per_month),
            ),
        )
        for one in known.head(20).to_dict("records")
    ]
    return Table(
        "The courses that occur",
        "From local therapy on",
        (Column("Patients"), Column("Share"), Column("Median time to the end, months")),
        tuple(made),
        "result.recurrence_course",
        (
            "The end is death or the last contact; the median mixes both and is no survival time."
            + (f" The 20 most frequent of {len(known)} courses." if len(known) > 20 else ""),
        ),
    )


def _course(course: str) -> str:
    """ "new_oligomet > death" in words."""
    steps = [
        _STEPS.get(step)
        or " and ".join(lower_first(PATTERNS.get(one, one).split(" (")[0]) for one in step.split(" + "))
        for step in course.split(" > ")
    ]
    return upper_first(", then ".join(steps))
