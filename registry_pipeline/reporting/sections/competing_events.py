"""Study report: what competes, tested and modelled; lesion by lesion; recurrences by group and course.

Belongs here: tables beside the incidence curves. Does not belong here: the curves (study_events).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Row, Table, missing
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    clean,
    count,
    count_of,
    is_given,
    lower_first,
    number,
    remark,
    upper_first,
)
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.cox_terms import ratio_cells
from registry_pipeline.reporting.sections.survival_tables import PERMUTED, rate_text, test_cells
from schemas.study import IS_SMALL, LESION_AT_SITE, OVERALL, SIZE_GROUP, Endpoint

_METHODS = {"efron": "", "firth": ", Firth penalty"}


def gray_table(context: Context, endpoint: Endpoint) -> Block | None:
    """Gray's test for the event and for what competes with it."""
    rows = context.tables.table("result.gray_test", {"endpoint": endpoint.name, "origin": context.origin})
    estimates = rows.dropna(subset="stratum_variable")
    if estimates.empty:
        return None
    result = []
    for test in estimates.sort_values(["cause", "stratum_variable"]).to_dict("records"):
        what = endpoint.title if test["cause"] == 1 else "What competes with it"
        head = f"{what}, by {lower_first(context.words.variable(str(test['stratum_variable'])))}"
        events = count(test["n_event"])
        p_text, remark_text = test_cells(test)
        result.append(Row(head, (number(test["chi_square"], 2), p_text, events, remark_text)))
    return Table(
        "Gray’s test: is the incidence equal in the groups?",
        "Comparison",
        (Column("χ²"), Column("p"), Column("Events"), Column("Remark", is_number=False)),
        tuple(result),
        "result.gray_test",
        (
            "A group may have fewer recurrences because more of its patients die first: the lines on what competes say so.",
            PERMUTED,
        ),
    )


def hazards_compared(context: Context, endpoint: Endpoint) -> Block | None:
    """Cause-specific beside subdistribution hazard ratios."""
    where = {"endpoint": endpoint.name, "origin": context.origin}
    cause_specific = context.tables.table("result.cause_specific_cox", where)
    subdistribution = context.tables.table("result.fine_gray", where)
    if cause_specific.empty or not cause_specific["term"].notna().any():
        return None
    result: list[Row] = []
    for cause, head in ((1, endpoint.title), (2, "What competes with it")):
        own = cause_specific[cause_specific["cause"] == cause]
        if own.empty:
            continue
        result.append(Row(head, ("",) * 4, "group"))
        other = subdistribution[subdistribution["cause"] == cause]
        by_term = {str(other_estimate["term"]): other_estimate for other_estimate in other.to_dict("records")}
        for term, part in own.groupby("term", sort=False):
            ranked = part.sort_values("status", key=lambda status: status != "ok", kind="stable")
            estimate = ranked.iloc[0].to_dict()
            variable, contrast = context.words.term(str(term), estimate["reference_level"])
            label = f"{variable}: {contrast}{_METHODS.get(str(estimate['method']), '')}"
            result.append(Row(label, (*ratio_cells(estimate), *ratio_cells(by_term.get(str(term)))), "level"))
    return Table(
        f"{endpoint.title} and what competes with it: two kinds of hazard ratio",
        "Event and factor",
        (
            Column("HR (95 % CI)", "Cause-specific"),
            Column("p", "Cause-specific"),
            Column("HR (95 % CI)", "Subdistribution (Fine-Gray)"),
            Column("p", "Subdistribution (Fine-Gray)"),
        ),
        tuple(result),
        "result.cause_specific_cox, result.fine_gray",
        (
            "Cause-specific: how fast the event comes among those still free of anything; the one to ask about causes. "
            "Subdistribution: how many will have had it, those who died first included; the one to ask about risk.",
            "A ratio without p rests on fewer than 5 events in a group, where its own p would err too often: read the test "
            "between the groups.",
        ),
    )


def lesion_table(context: Context) -> Block:
    """Local control lesion by lesion."""
    rows = context.tables.in_order("result.lesion_local_control")
    estimates = rows.dropna(subset="landmark_months")
    if estimates.empty:
        note = remark(rows["note"].iloc[0]) if len(rows) else ""
        return missing(
            f"Local control lesion by lesion: not given. {note or context.why_empty('result.lesion_local_control')}"
        )
    marks = sorted(estimates["landmark_months"].unique())
    result: list[Row] = []
    for estimator, head in (
        ("kaplan_meier", "Free of recurrence (deaths censored)"),
        ("aalen_johansen", "Recurred (deaths competing)"),
    ):
        part = estimates[estimates["estimator"] == estimator]
        if len(part):
            result += [Row(head, ("",) * (2 * len(marks) + 1), "group"), *_lesion_rows(context, part, marks)]
    columns = [Column(title, f"{mark:g} months") for mark in marks for title in ("% (95 % CI)", "At risk")]
    return Table(
        "Local control lesion by lesion",
        "Lesions",
        (Column("Recurred of lesions in patients"), *columns),
        tuple(result),
        "result.lesion_local_control",
        (
            "% of treated lesions. At risk: lesions still under observation just before that time. Lesions of one patient are alike and share her death, so the intervals take the "
            "patient, not the lesion, as the unit that is drawn. A recurrence that names no lesion counts against each of her "
            "treated lesions.",
        ),
        is_wide=True,
    )


def _lesion_rows(context: Context, part: pd.DataFrame, marks: list[float]) -> list[Row]:
    """One line per group."""
    rows: list[Row] = []
    for variable, groups in part.groupby("stratum_variable", sort=False):
        for stratum, own in groups.groupby("stratum", sort=False):
            first = own.iloc[0]
            n = f"{count_of(first['n_event'], first['n'])} in {count(first['n_cluster'])}"
            by_mark = {mark["landmark_months"]: mark for mark in own.to_dict("records")}
            cells = [cell for mark in marks for cell in _lesion_cells(by_mark.get(mark))]
            rows.append(Row(_lesion_group(context, str(variable), stratum), (n, *cells), "level"))
    return rows


def lesion_hazards(context: Context) -> Block | None:
    """Hazard ratios of recurrence per lesion."""
    rows = context.tables.in_order("result.lesion_cox")
    estimates = rows.dropna(subset="term")
    if estimates.empty:
        return None
    names = {
        IS_SMALL.name: f"Lesion {context.words.small} vs {context.words.large}",
        LESION_AT_SITE.name: LESION_AT_SITE.label,
    }
    result = []
    for estimate in estimates.to_dict("records"):
        label = names.get(str(estimate["term"]), clean(estimate["term"])) + _METHODS.get(
            str(estimate["method"]), ""
        )
        result.append(Row(label, (count_of(estimate["n_event"], estimate["n"]), *ratio_cells(estimate))))
    return Table(
        "Hazard ratios of recurrence, lesion by lesion",
        "Factor",
        (Column("Recurred of lesions"), Column("HR (95 % CI)"), Column("p")),
        tuple(result),
        "result.lesion_cox",
        (
            "Cause-specific, deaths censored. Robust standard errors with patients as clusters; the fit with Firth’s penalty does "
            "not know that lesions of one patient are alike.",
        ),
    )


def _lesion_group(context: Context, variable: str, stratum: object) -> str:
    if variable == OVERALL.name:
        return "All treated lesions"
    if variable == SIZE_GROUP.name:
        return f"Lesion {context.words.level(variable, stratum)}"
    return upper_first(context.words.level(variable, stratum))


def _lesion_cells(estimate: dict[str, object] | None) -> tuple[str, str]:
    if estimate is None or not is_given(estimate["estimate"]):
        return NOT_GIVEN, NOT_GIVEN
    at_risk = count(estimate["n_at_risk"])
    of_nobody = 1 if estimate["estimator"] == "kaplan_meier" else 0
    return rate_text(estimate, "estimate", of_nobody), at_risk
