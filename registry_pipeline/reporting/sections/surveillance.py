"""Study report: what a CT schedule would find if growth is as fitted.

Belongs here: the planner as figure and table. Does not belong here: its computation, advice.
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import (
    Block,
    Bullets,
    Column,
    Row,
    Table,
    caution,
    missing,
)
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import (
    clean,
    count_of,
    interval,
    is_given,
    number,
    share,
)
from registry_pipeline.reporting.figures.growth import surveillance_figure
from registry_pipeline.reporting.sections.context import Context
from schemas.study import GROWTH_ERRORS, GROWTH_MODELS, ONSET_MODEL


def surveillance_blocks(context: Context) -> list[Block | None]:
    """The planner as a figure, a table and its assumptions, or why it is not shown."""
    rows = context.tables.in_order("result.surveillance")
    estimates = rows.dropna(subset="share_small")
    if estimates.empty:
        return [missing(f"Planner: not shown. {context.why_empty('result.surveillance')}")]
    groups = []
    for (model, error), part in estimates.groupby(["model", "error_model"], sort=False):
        name = GROWTH_MODELS.get(str(model), clean(model))
        label = (
            name if model == ONSET_MODEL else f"{name}, {GROWTH_ERRORS.get(str(error), clean(error))} (naive)"
        )
        groups.append((label, part.sort_values("ct_interval_months")))
    figure = context.figures.add(
        "surveillance",
        surveillance_figure(groups, "Months between CT scans", f"Lesions {context.words.small} at detection"),
        estimates,
        title=f"Expected share of lesions still {context.words.small} when found, by interval between CT scans",
        description="; ".join(
            f"{label}: "
            + ", ".join(
                f"{row.ct_interval_months:g} months {share(row.share_small, 0)}" for row in part.itertuples()
            )
            for label, part in groups
        ),
        meaning="If growth is as fitted, a CT every so many months would find this share of lesions at or below the cutpoint.",
        limits="It does not say that anybody lives longer with more scans: no patient was given a schedule by chance, and the "
        "bands hold the uncertainty of the fit, not of its assumptions.",
        source="result.surveillance",
    )
    return [figure, _planner_table(context, groups), _reconciled(context, groups), _assumptions(estimates)]


def _reconciled(context: Context, groups: list[tuple[str, pd.DataFrame]]) -> Block | None:
    """Why the readings differ from each other, and from what was seen, at one interval."""
    months = context.tables.number("study.interval_months", 6)
    seen = context.tables.table("result.growth_share", {"interval_months": months}).to_dict("records")
    parts = [
        f"{label} {share(part.loc[part['ct_interval_months'] == months, 'share_small'].iloc[0], 0)}"
        for label, part in groups
        if (part["ct_interval_months"] == months).any()
    ]
    if not seen or not parts or isinstance(seen[0]["n_small"], Hidden):
        return None
    growth_share = seen[0]
    return caution(
        f"At {months:g} months the readings say: {'; '.join(parts)}. Seen were {count_of(growth_share['n_small'], growth_share['n_lesions'])} "
        f"({share(growth_share['share'], 0)}) among lesions found within {months:g} months of a negative CT. These are shares of different "
        f"lesions: the naive ones speak of lesions found exactly {months:g} months after it, the interval-censored one of lesions "
        f"that became visible at any time between two CTs, and the observed one counts those found earlier too, in patients who "
        "were scanned when they were, not by a schedule. None corrects the other.",
        "result.surveillance, result.growth_share",
    )


def _planner_table(context: Context, groups: list[tuple[str, pd.DataFrame]]) -> Table:
    rows: list[Row] = []
    for label, part in groups:
        rows.append(Row(label[:1].upper() + label[1:], ("",) * 5, "group"))
        for estimate in part.to_dict("records"):
            outside = is_given(estimate["is_extrapolated"]) and bool(estimate["is_extrapolated"])
            rows.append(
                Row(
                    f"every {estimate['ct_interval_months']:g} months",
                    (
                        share(estimate["share_small"], 0),
                        interval(estimate["share_lower"], estimate["share_upper"], 0, 100.0),
                        number(estimate["median_diameter_mm"]),
                        interval(estimate["median_lower"], estimate["median_upper"]),
                        "outside the observed intervals" if outside else "",
                    ),
                    "level",
                )
            )
    return Table(
        "The planner in numbers",
        "CT",
        (
            Column(f"Share {context.words.small}"),
            Column("95 % band"),
            Column("Median size, mm"),
            Column("95 % band"),
            Column("Remark", is_number=False),
        ),
        tuple(rows),
        "result.surveillance",
    )


def _assumptions(rows: pd.DataFrame) -> Block | None:
    pairs = rows[["model", "assumption"]].dropna().drop_duplicates().to_dict("records")
    assumptions = [
        f" ({GROWTH_MODELS.get(str(pair['model']), clean(pair['model']))}): {pair['assumption']}."
        for pair in pairs
    ]
    return (
        Bullets(tuple(f"What has to hold{assumption}" for assumption in assumptions), "result.surveillance")
        if assumptions
        else None
    )
