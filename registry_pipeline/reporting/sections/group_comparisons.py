"""Study report: groups compared in other ways, and readings against immortal time.

Belongs here: weighted and stratified tests, differences of restricted means, landmarks, delayed entry.
Does not belong here: curves and plain tests (study_survival), what competes (study_competing).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Heading, Row, Table, missing
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    clean,
    count,
    interval,
    is_given,
    lower_first,
    number,
    p_value,
    upper_first,
)
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.survival_tables import rate_text
from schemas.study import LRT_START, OMD_DX, OS, OVERALL, SITE_TWO, SIZE_GROUP

RECURRED = "had_recurred"
_WEIGHTS = {
    "logrank": "unweighted",
    "peto": "early deaths weigh more (Peto)",
    "fleming-harrington(0, 1)": "late deaths weigh more (Fleming-Harrington 0, 1)",
}


def compared_blocks(context: Context) -> list[Block | None]:
    """What stands after the plain comparisons of overall survival."""
    return [
        Heading("The same comparisons in other ways"),
        _weighted(context),
        _differences(context),
        Heading("Survival of those who are still watched"),
        _landmarks(context),
        _immortal(context),
    ]


def _of(context: Context, name: str, **where: str) -> pd.DataFrame:
    return context.tables.table(f"result.{name}", {"endpoint": OS.name, **where})


def _weighted(context: Context) -> Block | None:
    rows = _of(context, "logrank_weighted", origin=context.origin)
    tests = rows.dropna(subset="chi_square")
    if tests.empty:
        return None
    result = []
    place = {name: position for position, name in enumerate(_WEIGHTS)}
    tests = tests.assign(place=tests["weighting"].map(place))
    by = ["stratum_variable", "strata", "place"]
    for test in tests.sort_values(by, na_position="first").to_dict("records"):
        weight = _WEIGHTS.get(str(test["weighting"]), clean(test["weighting"]))
        within = (
            f", within levels of {lower_first(context.words.variable(str(test['strata'])))}"
            if is_given(test["strata"])
            else ""
        )
        head = f"By {lower_first(context.words.variable(str(test['stratum_variable'])))}: {weight}{within}"
        cells = (
            number(test["chi_square"], 2),
            number(test["degrees_of_freedom"], 0),
            p_value(test["p_value"]),
        )
        result.append(Row(head, cells))
    return Table(
        "Weighted and stratified log-rank tests of overall survival",
        "Comparison",
        (Column("χ²"), Column("df"), Column("p")),
        tuple(result),
        "result.logrank_weighted",
        (
            "Where curves cross or part late, the unweighted test may miss what a weighted one sees; a test chosen because it is "
            "significant proves nothing. Stratified: groups are compared among patients who are alike in the other factor.",
        ),
    )


def _differences(context: Context) -> Block | None:
    rows = _of(context, "rmst_difference", origin=context.origin)
    estimates = rows.dropna(subset="stratum")
    if estimates.empty:
        return None
    result = []
    for estimate in estimates.to_dict("records"):
        variable = str(estimate["stratum_variable"])
        first, second = (
            context.words.level(variable, estimate[name]) for name in ("stratum", "reference_stratum")
        )
        is_known = is_given(estimate["estimate_months"])
        result.append(
            Row(
                f"{upper_first(first)} minus {second}",
                (
                    number(estimate["estimate_months"]) if is_known else "not estimable",
                    interval(estimate["ci_lower"], estimate["ci_upper"]) if is_known else NOT_GIVEN,
                    p_value(estimate["p_value"]),
                ),
            )
        )
    tau = number(estimates["tau_months"].iloc[0], 0)
    return Table(
        f"Months of life gained or lost within the first {tau} months (restricted means)",
        "Groups",
        (Column("Difference, months"), Column("95 % CI"), Column("p")),
        tuple(result),
        "result.rmst_difference",
        (
            "The area between the curves. Right also where hazards are not proportional, but only up to the horizon, "
            "and no more caused by the group than the curves are.",
        ),
    )


def _landmarks(context: Context) -> Block:
    rows = _of(context, "landmark_analysis")
    estimates = rows.dropna(subset="landmark_months")
    if estimates.empty:
        return missing(f"Landmarks: not given. {context.why_empty('result.landmark_analysis')}")
    order = {OVERALL.name: 0, SIZE_GROUP.name: 1, SITE_TWO.name: 2, RECURRED: 3}
    estimates = estimates.assign(place=estimates["stratum_variable"].map(order).fillna(9))
    result: list[Row] = []
    for months, part in estimates.sort_values(["landmark_months", "place", "stratum"]).groupby(
        "landmark_months"
    ):
        result.append(Row(f"Still watched {months:g} months after the start of therapy", ("",) * 4, "group"))
        result += [
            Row(_whom(context, estimate), _landmark_cells(estimate), "level")
            for estimate in part.to_dict("records")
        ]
    horizon = number(estimates["horizon_months"].iloc[0], 0)
    return Table(
        f"Overall survival in the {horizon} months after a landmark",
        "Patients",
        (
            Column("n at the landmark"),
            Column("Alive, % (95 % CI)"),
            Column("At risk at the end"),
            Column("p between groups"),
        ),
        tuple(result),
        "result.landmark_analysis",
        (
            "Groups are formed by what is known at the landmark, so that nobody owes her group to having lived longer (immortal "
            "time). Who died or was censored before it is left out.",
        ),
    )


def _whom(context: Context, estimate: dict[str, object]) -> str:
    variable, stratum = str(estimate["stratum_variable"]), estimate["stratum"]
    if variable == RECURRED:
        return "With a recurrence by then" if stratum == "yes" else "Without a recurrence by then"
    return upper_first(context.words.group(variable, stratum))


def _landmark_cells(estimate: dict[str, object]) -> tuple[str, ...]:
    rate = rate_text(estimate, "survival") if is_given(estimate["survival"]) else "beyond follow-up"
    return count(estimate["n"]), rate, count(estimate["n_at_risk"]), p_value(estimate["logrank_p_value"])


def _immortal(context: Context) -> Block | None:
    rows = _of(context, "immortal_time", stratum_variable=OVERALL.name)
    estimates = rows.dropna(subset="landmark_months")
    if estimates.empty:
        return None
    other = context.tables.table(
        "result.km_landmark",
        {"endpoint": OS.name, "origin": LRT_START.name, "stratum_variable": OVERALL.name},
    )
    result = []
    for months, part in estimates.groupby("landmark_months"):
        readings = {str(reading["reading"]): reading for reading in part.to_dict("records")}
        start = other[other["landmark_months"] == months].to_dict("records")
        shown = [
            start[0] if start else None,
            *(readings.get(name) for name in ("counted as at risk", "left truncated")),
        ]
        result.append(
            Row(f"{months:g} months", tuple(cell for estimate in shown for cell in _rate(estimate)))
        )
    waited = float(estimates["immortal_days"].iloc[0]) / max(float(estimates["n"].iloc[0]), 1)
    return Table(
        "Overall survival by where the clock starts, all patients",
        "Time",
        (
            *(
                Column(label, upper_first(head))
                for head in (
                    f"from {LRT_START.label}",
                    f"from {OMD_DX.label}, everybody at risk at once",
                    f"from {OMD_DX.label}, at risk from therapy on",
                )
                for label in ("% (95 % CI)", "At risk")
            ),
        ),
        tuple(result),
        "result.immortal_time, result.km_landmark",
        (
            f"% alive; at risk: under observation just before that time. Between diagnosis and therapy {number(waited, 0)} days pass on average, in which no patient of this "
            "study could have died: counted as time at risk they can only flatter survival. The last column lets a patient enter only with "
            "her therapy (left truncation).",
        ),
        is_wide=True,
    )


def _rate(estimate: dict[str, object] | None) -> tuple[str, str]:
    if estimate is None or not is_given(estimate["survival"]):
        return NOT_GIVEN, NOT_GIVEN
    at_risk = count(estimate["n_at_risk"])
    if isinstance(estimate["survival"], Hidden):
        return number(estimate["survival"]), at_risk
    value = number(100 * float(estimate["survival"]))  # type: ignore[arg-type]
    return f"{value} ({interval(estimate['ci_lower'], estimate['ci_upper'], 1, 100.0, '–')})", at_risk
