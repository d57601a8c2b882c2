"""Study report: how far each headline number could move while questions are open.

Belongs here: bounds beside confidence intervals. Does not belong here: the readings of the records.
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Row, Section, Table, Text, missing
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    clean,
    count,
    interval,
    is_given,
    number,
    ratio,
    remark,
    upper_first,
)
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.record import ReportSection


def bounds_section(context: Context) -> Section:
    """The readings, and what each does to the headline numbers."""
    section = Section("bounds", "What open questions could change")
    rows = context.tables.table("result.bounds")
    estimates = rows[rows["lowest"].notna()] if len(rows) else rows
    if estimates.empty:
        return section.add(missing(f"Bounds: not given. {context.why_empty('result.bounds')}"))
    moved = estimates[estimates["highest"] > estimates["lowest"]]
    section.add(
        Text(
            "A confidence interval holds the play of chance. It does not hold what is not known of the records: dates of which "
            "only the month or the year is known, records in quarantine, patients of whom nothing has been heard. Here "
            "each question is answered one way and then the other, and the headline numbers are computed again.",
        ),
        _scenarios(context),
        _bounds(context, moved, "Headline numbers that move")
        if len(moved)
        else missing("No headline number moves under any of these readings."),
    )
    if len(moved) < len(estimates) and len(moved):
        section.add(
            Text(
                f"The other {len(estimates) - len(moved)} of {len(estimates)} numbers are the same under every reading.",
                "result.bounds",
            )
        )
    return section


def _scenarios(context: Context) -> Block | None:
    rows = context.tables.in_order("result.bounds_scenario")
    if rows.empty:
        return None
    result = [
        Row(
            upper_first(clean(scenario["scenario"])),
            (
                count(scenario["n_open"])
                if is_given(scenario["n_patients"]) and scenario["n_open"]
                else NOT_GIVEN,
                count(scenario["n_patients"]),
                remark(scenario["note"]),
            ),
        )
        for scenario in rows.to_dict("records")
    ]
    return Table(
        "The readings",
        "Reading",
        (Column("Open"), Column("Patients analysed"), Column("Remark", is_number=False)),
        tuple(result),
        "result.bounds_scenario",
        (
            "Open: dates, or patients, that the reading answers for. One question at a time, for all patients at once: the extremes "
            "of single patients combined could lie further out, and nobody expects all lost patients to have died. Lost: alive, and "
            f"not heard of in the last {context.tables.parameters.get('study.lost_after_months', '12')} months before the end.",
        ),
    )


def _bounds(context: Context, rows: pd.DataFrame, caption: str) -> Table:
    card = context.tables.table("result.scorecard")
    of_item = {(int(entry["item"]), str(entry["part"])): entry for entry in card.to_dict("records")}
    result = []
    for row in rows.sort_values(["item", "part"]).to_dict("records"):
        mine = of_item.get((int(row["item"]), str(row["part"])), {}) if is_given(row["item"]) else {}
        has_interval = is_given(mine.get("ci_lower")) or is_given(mine.get("ci_upper"))
        result.append(
            Row(
                clean(row["description"])
                + (f", {row['unit']}" if is_given(row["unit"]) and row["unit"] else ""),
                (
                    _value(row["computed_value"]),
                    interval(mine["ci_lower"], mine["ci_upper"]) if has_interval else NOT_GIVEN,
                    f"{_value(row['lowest'])} to {_value(row['highest'])}",
                    clean(row["lowest_scenario"]),
                    clean(row["highest_scenario"]),
                ),
            )
        )
    return Table(
        caption,
        "Number",
        (
            Column("As recorded"),
            Column("95 % CI"),
            Column("Lowest to highest"),
            Column("Lowest when", is_number=False),
            Column("Highest when", is_number=False),
        ),
        tuple(result),
        "result.bounds, result.scorecard",
        ("The interval and the bounds answer different questions; neither holds the other.",),
        is_wide=True,
    )


def _value(value: object) -> str:
    if not is_given(value):
        return NOT_GIVEN
    size = abs(float(value))  # type: ignore[arg-type]
    return "<0.001" if 0 < size < 0.001 else number(value, 3 if size < 1 else 1)


def bound_of(context: Context, headline: str) -> str:
    """Lowest to highest of one number, for its line on the first page."""
    rows = context.tables.table("result.bounds", {"headline": headline})
    if rows.empty or not is_given(rows["lowest"].iloc[0]):
        return NOT_GIVEN
    if isinstance(rows["lowest"].iloc[0], Hidden) or isinstance(rows["highest"].iloc[0], Hidden):
        return Hidden().word
    low, high = float(rows["lowest"].iloc[0]), float(rows["highest"].iloc[0])
    write = (
        ratio if headline.startswith("hazard_ratio") else _value
    )  # with the digits of the number beside it
    return "does not move" if low == high else f"{write(low)} to {write(high)}"


SECTIONS = (ReportSection("bounds", 150, bounds_section, is_folded=True),)
