"""Study report: how facilities differ, which of them stand out, and which number hangs on which of them.

Belongs here: the section on facilities. Does not belong here: drawing (``figures/funnel.py``), estimates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from registry_pipeline.analysis.facilities.funnel import ALARM, WARNING
from registry_pipeline.reporting.document.blocks import (
    Block,
    Column,
    Folded,
    Row,
    Section,
    Table,
    Text,
    caution,
    missing,
)
from registry_pipeline.reporting.document.wording import clean, count, is_given, number, p_phrase
from registry_pipeline.reporting.figures.funnel import funnel_figure
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.record import ReportSection
from registry_pipeline.reporting.sections.result_table import (
    Cell,
    Shown,
    folded_table,
    probability,
    text,
    value,
    with_interval,
)

FUNNEL, FRAILTY = "result.facility_funnel", "result.facility_frailty"
DIFFERENCE, LEFT_OUT = "result.facility_difference", "result.facility_left_out"


def _adjusted(row: Mapping[str, Any]) -> str:
    return "as they are" if row["adjustment"] == "none" else "case mix"


def _in_unit(cell: Any) -> Cell:
    """The cell that `cell(digits)` makes, with the digits that the row's unit asks for: a ratio has two."""
    return lambda row: cell(1 if row["unit"] else 2)(row)


TABLES = (
    Shown(
        FUNNEL,
        "Observed against expected deaths",
        "Deaths of a facility's patients by those expected if the facility made no difference, without and with their case "
        "mix. A facility outside the limits is a question, not a verdict: case mix is adjusted for what is recorded.",
        lambda row: f"{row['facility']} ({_adjusted(row)})",
        {
            "Patients": value("n", 0),
            "Deaths": value("n_event", 0),
            "Expected": value("expected"),
            "Ratio (95 % CI)": with_interval("ratio", 2),
            "p, adjusted": probability("p_value_adjusted"),
            "In the funnel": text("position"),
        },
    ),
    Shown(
        FRAILTY,
        "How much facilities differ as a whole",
        "The variance of the facilities' hazards. Median hazard ratio: the worse of two facilities drawn at random against "
        "the better. With few facilities the interval is wide, and a variance of 0 is no proof that they are alike.",
        lambda row: "As they are" if row["adjustment"] == "none" else "Adjusted for case mix",
        {
            "Facilities": value("n_facilities", 0),
            "Variance (95 % CI)": with_interval("variance", 3),
            "Median hazard ratio": value("median_hazard_ratio", 2),
            "p": probability("p_value"),
        },
    ),
    Shown(
        DIFFERENCE,
        "Each headline number: does it differ between facilities",
        "The mean over facilities with its interval, the test that all are equal, and where the true value of another "
        "facility would lie. Facilities of fewer than 5 patients have no estimate of their own. Case mix is not adjusted "
        "for, so a difference may be one of patients.",
        lambda row: f"{clean(row['description'])}{_unit(row)}",
        {
            "Everybody": _in_unit(lambda digits: value("computed_value", digits)),
            "Facilities": value("n_facilities", 0),
            "Mean (95 % CI)": _in_unit(lambda digits: with_interval("pooled", digits)),
            "p, all equal": probability("p_value"),
            "Beyond chance, %": value("i_squared", 0, 100.0),
            "Another facility": _in_unit(
                lambda digits: with_interval("pooled", digits, 1.0, ("prediction_lower", "prediction_upper"))
            ),
        },
    ),
)


def _unit(row: Mapping[str, Any]) -> str:
    return f", {clean(row['unit'])}" if row["unit"] else ""


def facilities_section(context: Context) -> Section:
    """How facilities differ."""
    section = Section("facilities", "Facilities")
    rows = comparable(context)
    if len(rows) > 1:
        section.add(_figure(context, rows), *_sentences(context, rows))
    section.add(*(folded_table(context, shown) for shown in TABLES), _left_out(context))
    return section if section.blocks else section.add(missing(context.why_empty(FUNNEL)))


def by_number(name: object) -> list[tuple[int, str]]:
    """Sorts facility-2 before facility-10."""
    return [(int(part or 0), letters) for letters, part in re.findall(r"(\D*)(\d*)", str(name))]


def comparable(context: Context) -> pd.DataFrame:
    """The facilities with expected deaths, by case mix where that is known."""
    if not context.tables.has(FUNNEL):
        return pd.DataFrame()
    rows = context.tables.table(FUNNEL)
    rows = rows[(rows["status"] == "ok") & rows["expected"].notna()]
    adjusted = rows[rows["adjustment"] != "none"]
    return adjusted if len(adjusted) else rows


def _figure(context: Context, rows: pd.DataFrame) -> Block:
    outside = rows[rows["position"] != "inside"]
    words = ", ".join(f"{clean(row.facility)} {row.position}" for row in outside.itertuples()) or "none"
    return context.figures.add(
        "facilities-funnel",
        funnel_figure(rows),
        rows[["facility", "n", "n_event", "expected", "ratio", "ci_lower", "ci_upper", "position"]],
        title="Observed by expected deaths of each facility",
        description=f"Facilities outside the limits: {words}.",
        meaning="Each point is a facility. Between the inner lines lie 95, between the outer 99.8 of 100 facilities that make "
        "no difference, by the exact Poisson distribution of the deaths expected of their patients.",
        limits="Expected deaths are adjusted for the recorded case mix only. A facility outside is a question, not a verdict.",
        source=FUNNEL,
    )


def _sentences(context: Context, rows: pd.DataFrame) -> list[Block]:
    """Who lies outside, what chance alone would do, and how much facilities differ as a whole."""
    n = len(rows)
    alarming = rows[rows["position"].str.endswith("alarm")]
    warned = rows[rows["position"].str.endswith("warning")]
    whom = "expected of their case mix" if (rows["adjustment"] != "none").all() else "expected of them"
    outside = [
        f"{clean(row['facility'])} lies {'above' if str(row['position']).startswith('above') else 'below'} the {limits} limits: "
        f"{count(row['n_event'])} deaths where {number(row['expected'])} were {whom}; ratio {with_interval('ratio', 2)(row)}."
        for part, limits in ((alarming, "99.8 %"), (warned, "95 %"))
        for row in part.to_dict("records")
    ] or [f"None of {n} facilities lies outside the limits."]
    rare = n * (1 - ALARM)
    chance = (
        f"Of {n} facilities without any difference {number(n * (1 - WARNING))} would lie outside the inner limits by chance, "
        f"{number(rare, 1 if rare >= 0.1 else 3)} outside the outer ones."
    )
    blocks: list[Block] = [Text(" ".join([*outside, chance]), FUNNEL)]
    if len(alarming):
        blocks.append(
            caution(
                "Look first for what would explain it without a worse treatment: deaths that other facilities do not hear of, "
                "patients whom nobody else takes, dates and stages that are recorded in another way."
            )
        )
    frailty = context.tables.table(FRAILTY) if context.tables.has(FRAILTY) else pd.DataFrame()
    frailty = frailty[frailty["status"] == "ok"].tail(1) if len(frailty) else frailty
    return blocks + [
        Text(
            f"As a whole: the worse of two facilities drawn at random has {number(row['median_hazard_ratio'], 2)} times the hazard of "
            f"the better, {'' if row['adjustment'] == 'none' else 'at the same case mix; '}variance {with_interval('variance', 3)(row)}, "
            f"{p_phrase(row['p_value'])}.",
            FRAILTY,
        )
        for row in frailty.to_dict("records")
        if is_given(row["median_hazard_ratio"])
    ]


def _left_out(context: Context) -> Folded | None:
    """Each headline number without each facility, a row for each facility."""
    if not context.tables.has(LEFT_OUT):
        return None
    rows = context.tables.table(LEFT_OUT)
    rows = rows[rows["status"] == "ok"] if len(rows) else rows
    if rows.empty:
        return None
    heads = rows.drop_duplicates("headline").to_dict("records")
    cells = {
        (row["left_out"], row["headline"]): (
            f"{_in_unit(lambda digits: value('computed_value', digits))(row)} "
            f"({_in_unit(lambda digits: value('change', digits))(row)})"
        )
        for row in rows.to_dict("records")
    }
    names = sorted(rows["left_out"].unique(), key=by_number)
    title = "Each headline number without one facility"
    body = tuple(
        Row(clean(name), tuple(cells.get((name, head["headline"]), "–") for head in heads)) for name in names
    )
    columns = tuple(Column(f"{clean(head['description'])}{_unit(head)}") for head in heads)
    meaning = (
        "On which facility a number hangs: what it is without each, and by how much that differs from the number of everybody. "
        "Patients of the facility that is left out are in none of the row's numbers."
    )
    return Folded(title, (Text(meaning), Table(title, "Without", columns, body, LEFT_OUT, is_wide=True)))


SECTIONS = (ReportSection("facilities", 120, facilities_section),)
