"""Study report: published and computed numbers side by side.

Belongs here: the scorecard, and which of its items are hidden. Does not belong here: computing them.
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Column, Row, Section, Table, Text, missing
from registry_pipeline.reporting.document.wording import NOT_GIVEN, clean, interval, is_given, singular
from registry_pipeline.reporting.sections.context import HIDDEN, Context
from registry_pipeline.reporting.sections.provenance import data_statement

COUNTS = {1, 3, 4, 5, 9, 12}  # items that count patients or lesions; 2 and 10 count other things
EXTREMES = {(6, "b"), (6, "c"), (9, "d"), (9, "e")}
AGREES = (
    "Agrees: rounds to the published figure, or for a p value or the first and last month of treatment lies within "
    "what was published."
)


def scorecard_section(context: Context) -> Section:
    """Published and computed numbers side by side."""
    section = Section("scorecard", "Published and computed numbers")
    card = context.tables.in_order("result.scorecard")
    _, is_synthetic = data_statement(context)
    section.add(
        Text(
            "The figures that the study's abstract publishes (Gao and others, Int J Gynecol Cancer 2023;33:198-207) beside the same "
            "figures computed from this release. "
            + (
                "The data are synthetic: agreement shows that the arithmetic is right, and says nothing about patients."
                if is_synthetic
                else "This is another set of patients: a difference is no error and an agreement no confirmation. No agreement is claimed."
            ),
        )
    )
    if card.empty:
        return section.add(missing(context.why_empty("result.scorecard", of_cohort=False)))
    if not card["computed"].notna().any():
        words = f"None of the {len(card)} published figures can be computed from this release. {context.no_cohort}"
        return section.add(missing(words.strip()))
    hidden = hidden_items(context, card)
    rows = [_scorecard_row(context, item, is_synthetic, hidden) for item in card.to_dict("records")]
    compared = "Agrees" if is_synthetic else "For comparison only"
    return section.add(
        Table(
            "The scorecard",
            "Item",
            (
                Column("Published", origin="result.scorecard.published"),
                Column("Computed", origin="result.scorecard.computed"),
                Column("95 % CI", origin="result.scorecard.ci_lower, ci_upper"),
                Column("n", origin="result.scorecard.n"),
                Column(compared, is_number=False, origin="result.scorecard.agrees"),
                Column("Computed how", is_number=False, origin="result.scorecard.assumption"),
            ),
            tuple(rows),
            "result.scorecard",
            (AGREES,) if is_synthetic else (),
            is_wide=True,
        )
    )


def hidden_items(context: Context, card: pd.DataFrame) -> set[tuple[int, str]]:
    """Items that are not shown because their count, or that of the other patients, is small.

    A share is hidden with the count before it; the shortest and longest time, because they are of one patient.
    """
    hidden: set[tuple[int, str]] = set()
    last = False
    for row in card.to_dict("records") if context.small_cell else []:
        item, text = (int(row["item"]), str(row["part"])), str(row["computed"])
        if text.isdigit() and item[0] in COUNTS:
            last = context.is_telling(int(text), row["n"])
        if (item[0] in COUNTS and last and (text.isdigit() or text.endswith("%"))) or item in EXTREMES:
            hidden.add(item)
    if {(3, "b"), (3, "c")} & hidden:  # their sum is the group of other sites than supraclavicular
        hidden |= {(3, "b"), (3, "c")}
    return hidden


def _scorecard_row(
    context: Context, row: dict[str, object], is_synthetic: bool, hidden: set[tuple[int, str]]
) -> Row:
    is_hidden = (int(row["item"]), str(row["part"])) in hidden  # type: ignore[call-overload]
    computed = singular(clean(row["computed"])) if is_given(row["computed"]) else "not estimable"
    if is_hidden:
        computed = context.count(int(computed), True) if computed.isdigit() else HIDDEN
    agrees = None if is_hidden else row["agrees"]  # agreement with a published count would tell it
    words = (
        NOT_GIVEN
        if not is_given(agrees)
        else ("yes" if bool(agrees) else "no")
        if is_synthetic
        else "see both columns"
    )
    has_interval = not is_hidden and (is_given(row["ci_lower"]) or is_given(row["ci_upper"]))
    return Row(
        f"{row['item']}{clean(row['part'])}. {clean(row['description'])}",
        (
            singular(clean(row["published"])) if is_given(row["published"]) else NOT_GIVEN,
            computed,
            interval(row["ci_lower"], row["ci_upper"]) if has_interval else NOT_GIVEN,
            context.count(row["n"]),
            words,
            clean(row["assumption"]) if is_given(row["assumption"]) else "",
        ),
    )
