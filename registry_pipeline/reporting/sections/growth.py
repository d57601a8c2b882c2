"""Study report: how fast lesions grow, and what that says about scan intervals.

Belongs here: growth figures and tables. Does not belong here: fitting.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry_pipeline.reporting.document.blocks import (
    Block,
    Bullets,
    Column,
    Heading,
    Row,
    Section,
    Table,
    missing,
)
from registry_pipeline.reporting.document.wording import (
    clean,
    count,
    is_given,
    number,
)
from registry_pipeline.reporting.figures.base import thinned
from registry_pipeline.reporting.figures.growth import GrowthCurve, scatter_figure
from registry_pipeline.reporting.release.disclosure.people import level_counts
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.growth_checks import (
    form_caution,
    influence_text,
    sensitivity_table,
    serial_table,
)
from registry_pipeline.reporting.sections.growth_tables import share_table, threshold_figure, threshold_table
from registry_pipeline.reporting.sections.record import ReportSection
from registry_pipeline.reporting.sections.surveillance import surveillance_blocks
from schemas.disease.wording import MAIN_SITES
from schemas.study import GROWTH_ERRORS, GROWTH_MODELS

MOST_POINTS = 1500
_COLUMNS = (
    "patient_id",
    "lesion_site",
    "months_since_negative_ct",
    "diameter_mm",
    "is_included",
    "exclusion_reason",
)
BIASES = (
    "A lesion did not start to grow at the last negative CT. The plain regression counts the time before it started as "
    "growth, so its interval is not a growth time.",
    "A negative CT does not mean 0 mm. It means smaller than CT shows with that slice thickness (1 to 5 mm).",
    "Slow lesions stay detectable for longer and are over-represented (length bias). Fast ones appear between scans.",
    "Scans brought forward by symptoms tie the interval to growth; both analyses assume that they are not tied.",
    "Lesions of one patient are alike. The bootstrap draws patients, not lesions; the profile intervals do not know of it.",
)
_LONG_AXIS = (
    "Here nodes too are measured by their longest diameter. RECIST measures nodes by the short axis: {cutpoint:g} mm here is "
    "not {cutpoint:g} mm there."
)


def growth_section(context: Context) -> Section:
    """Scatter, interval to the cutpoint by model, share of small lesions, planner."""
    section = Section("growth", "Growth of lesions and scan intervals")
    if not context.tables.n_rows("mart.lesion_growth"):
        if not context.tables.n_rows("curated.measurement"):
            return section.add(
                missing("Not estimable: no lesion sizes in this registry (curated.measurement has no row).")
            )
        return section.add(missing(context.why_empty("mart.lesion_growth")))
    lesions = context.tables.table("mart.lesion_growth", columns=_COLUMNS)
    included = lesions[lesions["is_included"].fillna(False).astype(bool)]
    return section.add(
        _used_table(context),
        _scatter(context, included),
        threshold_figure(context),
        threshold_table(context),
        form_caution(context),
        sensitivity_table(context),
        influence_text(context),
        Heading("What biases these numbers"),
        Bullets(_biases(context)),
        share_table(context),
        Heading("Lesions measured more than once"),
        serial_table(context),
        Heading("Scan intervals: a computation, not advice"),
        *surveillance_blocks(context),
    )


def _used_table(context: Context) -> Table:
    counts = level_counts(context.tables, "mart.lesion_growth", "exclusion_reason", used="is_included")
    rows = [
        Row(
            f"Not used: {clean(line.Index)}" if line.Index else "Used",
            (count(line.n_rows), count(line.n_people)),
        )
        for line in counts.itertuples()
    ]
    return Table(
        "Lesions for the growth models",
        "Lesions of the cohort",
        (Column("Lesions"), Column("Patients")),
        tuple(rows),
        "mart.lesion_growth",
        (
            "One reading per lesion: largest diameter at detection, against months since the last negative CT of the region.",
        ),
    )


def _scatter(context: Context, lesions: pd.DataFrame) -> Block:
    title = "Diameter at detection against months since the last negative CT"
    if not context.tables.shows_people("mart.lesion_growth"):
        return missing(f"{title}: not drawn. {context.why_empty('mart.lesion_growth')}")
    if lesions.empty:
        return missing(f"{title}: not drawn, because no lesion has both a size and a negative CT before it.")
    curves = _curves(context)
    groups = _by_site(context, lesions)
    metric = context.size_axis
    crossing = _crossing(context)
    return context.figures.add(
        "growth",
        scatter_figure(
            groups,
            curves,
            context.cutpoint_mm,
            context.tables.number("study.detection_limit_mm", 4.0),
            crossing,
            f"Diameter at detection ({metric}), mm",
        ),
        _scatter_data(lesions, curves),
        title=title
        + (f" ({MOST_POINTS} of {len(lesions)} lesions drawn)" if len(lesions) > MOST_POINTS else ""),
        description=f"{len(lesions)} lesions. "
        + (
            f"The chosen curve reaches {context.cutpoint_mm:g} mm at {number(crossing[0])} months."
            if crossing
            else "No curve is shown."
        ),
        meaning="The black curve is the fitted mean size by interval; the dark band is where that curve may lie with 95 % "
        "confidence, the pale one holds about 95 % of lesions around it; "
        f"the diamond is the interval at which it reaches {context.cutpoint_mm:g} mm, the bar its 95 % confidence interval.",
        limits="It is not the growth of any lesion: each point is another lesion, seen once, and the time before it began to "
        "grow is unknown.",
        source="mart.lesion_growth, result.growth_curve, result.growth_threshold",
    )


def _by_site(context: Context, lesions: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    drawn = lesions.sort_values(["months_since_negative_ct", "diameter_mm"], kind="stable")
    drawn = drawn.iloc[thinned(len(drawn), MOST_POINTS)]
    groups = [
        (context.words.level("lesion_site", site), drawn[drawn["lesion_site"] == site]) for site in MAIN_SITES
    ]
    return [*groups, ("other sites", drawn[~drawn["lesion_site"].isin(MAIN_SITES)])]


def _scatter_data(lesions: pd.DataFrame, curves: list[GrowthCurve]) -> pd.DataFrame:
    """Points and curves in one table, without identifiers."""
    columns = ["lesion_site", "months_since_negative_ct", "diameter_mm"]
    points = lesions[columns].assign(kind="lesion").sort_values(columns, ignore_index=True)
    parts = [points]
    for curve in curves:
        part = pd.DataFrame(
            {"months_since_negative_ct": curve.months, "diameter_mm": curve.diameter_mm}
        ).assign(kind=curve.label)
        if curve.lower is not None:
            part = part.assign(
                ci_lower=curve.lower,
                ci_upper=curve.upper,
                scatter_lower=curve.scatter_lower,
                scatter_upper=curve.scatter_upper,
            )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _curves(context: Context) -> list[GrowthCurve]:
    """The chosen curve first, with its bands, then the other certified forms under the same error model."""
    chosen = context.growth_model
    error = context.growth_error
    rows = context.tables.table("result.growth_curve", {"error_model": error})
    rows = rows[rows["diameter_mm"].notna()].sort_values("months_since_negative_ct") if len(rows) else rows
    names = [chosen, *(growth_model for growth_model in GROWTH_MODELS if growth_model != chosen)]
    result = []
    for name in names:
        part = rows[rows["model"] == name]
        if len(part):
            label = GROWTH_MODELS[name] + (f", {GROWTH_ERRORS.get(error, error)}" if name == chosen else "")
            result.append(_curve(label, part, has_bands=name == chosen))
    return result


def _curve(label: str, rows: pd.DataFrame, *, has_bands: bool) -> GrowthCurve:
    """One curve; a diameter below zero cannot be drawn."""
    columns = ("diameter_mm", "ci_lower", "ci_upper", "scatter_lower", "scatter_upper")
    values = [np.maximum(rows[column].to_numpy(float), 0) for column in columns]
    months = rows["months_since_negative_ct"].to_numpy(float)
    return GrowthCurve(label, months, *values) if has_bands else GrowthCurve(label, months, values[0])


def _crossing(context: Context) -> tuple[float, float, float] | None:
    rows = context.tables.table(
        "result.growth_threshold",
        {
            "model": context.growth_model,
            "error_model": context.growth_error,
            "ci_method": "profile",
        },
    )
    if rows.empty or not is_given(rows["months"].iloc[0]):
        return None
    threshold = rows.iloc[0]
    ends = [
        float(threshold[name]) if is_given(threshold[name]) else float("nan")
        for name in ("ci_lower", "ci_upper")
    ]
    return float(threshold["months"]), ends[0], ends[1]


def _biases(context: Context) -> tuple[str, ...]:
    """What keeps a number of growth from being over-read; of the axis only where it is the long one."""
    is_long = context.size_axis == "long axis"
    return (*BIASES, _LONG_AXIS.format(cutpoint=context.cutpoint_mm)) if is_long else BIASES


SECTIONS = (ReportSection("growth", 110, growth_section),)
