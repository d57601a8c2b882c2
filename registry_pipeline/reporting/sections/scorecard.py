"""Study report: published and computed numbers side by side.

Belongs here: the scorecard. Does not belong here: computing them.
"""

from __future__ import annotations

from registry_pipeline.reporting.document.blocks import Column, Folded, Row, Section, Table, Text, missing
from registry_pipeline.reporting.document.wording import NOT_GIVEN, clean, count, interval, is_given, singular
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.provenance import data_statement
from registry_pipeline.reporting.sections.record import ReportSection

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
    rows = [_scorecard_row(item, is_synthetic) for item in card.to_dict("records")]
    compared = "Agrees" if is_synthetic else "For comparison only"
    table = Table(
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
    # Of other patients the numbers answer no question of theirs: they do not belong on the printed pages.
    return section.add(table if is_synthetic else Folded("The scorecard", (table,)))


def _scorecard_row(row: dict[str, object], is_synthetic: bool) -> Row:
    computed = singular(clean(row["computed"])) if is_given(row["computed"]) else "not estimable"
    agrees = row["agrees"]
    words = (
        NOT_GIVEN
        if not is_given(agrees)
        else ("yes" if bool(agrees) else "no")
        if is_synthetic
        else "see both columns"
    )
    has_interval = is_given(row["ci_lower"]) or is_given(row["ci_upper"])
    return Row(
        f"{row['item']}{clean(row['part'])}. {clean(row['description'])}",
        (
            singular(clean(row["published"])) if is_given(row["published"]) else NOT_GIVEN,
            computed,
            interval(row["ci_lower"], row["ci_upper"]) if has_interval else NOT_GIVEN,
            count(row["n"]),
            words,
            clean(row["assumption"]) if is_given(row["assumption"]) else "",
        ),
    )


SECTIONS = (ReportSection("scorecard", 140, scorecard_section),)
