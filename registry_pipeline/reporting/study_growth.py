"""Study report: how fast lesions grow, and what that says about scan intervals.

Belongs here: growth figures and tables. Does not belong here: fitting.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.growth_forms import FORMS, diameter
from registry_pipeline.reporting.blocks import (
    Block,
    Bullets,
    Column,
    Heading,
    Row,
    Section,
    Table,
    missing,
)
from registry_pipeline.reporting.figure_base import thinned
from registry_pipeline.reporting.figure_forest import Line, forest_figure
from registry_pipeline.reporting.figure_growth import GrowthCurve, scatter_figure, surveillance_figure
from registry_pipeline.reporting.report_context import Context
from registry_pipeline.reporting.wording import GROWTH_MODELS, clean, count, interval, is_given, number, share

ONSET = "exponential_interval_onset"
MOST_POINTS = 1500
_SITES = (("scf", ("scf",)), ("lung", ("lung",)))
_ERRORS = {"additive": "additive error", "log": "error on the log scale"}
BIASES = (
    "A lesion did not start to grow at the last negative CT. The plain regression counts the time before it started as "
    "growth, so its interval is not a growth time.",
    "A negative CT does not mean 0 mm. It means smaller than CT shows with that slice thickness (1 to 5 mm).",
    "Slow lesions stay detectable for longer and are over-represented (length bias). Fast ones appear between scans.",
    "Scans brought forward by symptoms tie the interval to growth; both analyses assume that they are not tied.",
    "Lesions of one patient are alike. The bootstrap draws patients, not lesions; the profile intervals do not know of it.",
    "Here nodes too are measured by their longest diameter. RECIST measures nodes by the short axis: 15 mm here is not "
    "15 mm there.",
)


def growth_section(context: Context) -> Section:
    """Scatter, interval to the cutpoint by model, share of small lesions, planner."""
    section = Section("growth", "Growth of lesions and scan intervals")
    lesions = context.tables.table("mart.lesion_growth")
    if lesions.empty:
        return section.add(missing(context.why_empty("mart.lesion_growth")))
    included = lesions[lesions["is_included"].fillna(False).astype(bool)]
    return section.add(
        _used_table(context, lesions),
        _scatter(context, included),
        _threshold_figure(context),
        _threshold_table(context),
        Heading("What biases these numbers"),
        Bullets(BIASES),
        _share_table(context),
        Heading("Scan intervals: a computation, not advice"),
        *_surveillance(context),
    )


def _used_table(context: Context, lesions: pd.DataFrame) -> Table:
    reasons = lesions["exclusion_reason"].where(lesions["exclusion_reason"].notna(), None)
    is_used = lesions["is_included"].fillna(False).astype(bool)
    rows = [Row("Used", (count(is_used.sum()), count(lesions.loc[is_used, "patient_id"].nunique())))]
    for reason, part in lesions[~is_used].groupby(reasons[~is_used].fillna("no reason on record"), sort=True):
        rows.append(
            Row(
                f"Not used: {clean(reason)}",
                (context.count(len(part)), context.count(part["patient_id"].nunique())),
            )
        )
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
    if context.small_cell:
        return missing(f"{title}: it shows single lesions and is left out because small counts are hidden.")
    if lesions.empty:
        return missing(f"{title}: not drawn, because no lesion has both a size and a negative CT before it.")
    curves = _curves(context, float(lesions["months_since_negative_ct"].max()))
    groups = _by_site(context, lesions)
    metric = context.tables.parameters.get("study.size_metric", "long_axis").replace("_", " ")
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
        meaning=f"The black curve is the fitted mean size by interval, the grey area holds about 95 % of lesions around it; "
        f"the diamond is the interval at which it reaches {context.cutpoint_mm:g} mm, the bar its 95 % confidence interval.",
        limits="It is not the growth of any lesion: each point is another lesion, seen once, and the time before it began to "
        "grow is unknown.",
        source="mart.lesion_growth, result.growth_fit, result.growth_threshold",
    )


def _by_site(context: Context, lesions: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    drawn = lesions.sort_values(["months_since_negative_ct", "diameter_mm"], kind="stable")
    drawn = drawn.iloc[thinned(len(drawn), MOST_POINTS)]
    groups = [
        (context.words.level("lesion_site", name), drawn[drawn["lesion_site"].isin(codes)])
        for name, codes in _SITES
    ]
    known = [code for _, codes in _SITES for code in codes]
    return [*groups, ("other sites", drawn[~drawn["lesion_site"].isin(known)])]


def _scatter_data(lesions: pd.DataFrame, curves: list[GrowthCurve]) -> pd.DataFrame:
    """Points and curves in one table, without identifiers."""
    columns = ["lesion_site", "months_since_negative_ct", "diameter_mm"]
    points = lesions[columns].assign(kind="lesion").sort_values(columns, ignore_index=True)
    parts = [points]
    for one in curves:
        part = pd.DataFrame({"months_since_negative_ct": one.months, "diameter_mm": one.diameter_mm}).assign(
            kind=one.label
        )
        if one.lower is not None:
            part = part.assign(band_lower_mm=one.lower, band_upper_mm=one.upper)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _curves(context: Context, last: float) -> list[GrowthCurve]:
    """The chosen curve first, with its scatter band, then the other certified forms under the same error model."""
    fits = context.tables.in_order("result.growth_fit")
    chosen = context.tables.parameters.get("study.growth_model", "exponential")
    error = context.tables.parameters.get("study.growth_error_model", "additive")
    names = [chosen, *(one for one in FORMS if one != chosen)]
    made = [_curve(context, fits, name, error, last, is_first=name == chosen) for name in names]
    return [one for one in made if one is not None]


def _curve(
    context: Context, fits: pd.DataFrame, model: str, error: str, last: float, *, is_first: bool
) -> GrowthCurve | None:
    rows = fits[(fits["model"] == model) & (fits["error_model"] == error) & (fits["status"] == "ok")]
    form = FORMS.get(model)
    values = dict(zip(rows["parameter"], rows["estimate"], strict=True))
    if (
        form is None
        or not is_given(values.get("threshold_months"))
        or not is_given(values.get(form.rate_name))
    ):
        return None
    crossing = float(values["threshold_months"])
    if form.log_time and crossing <= 0:
        return None
    parameters = [np.log(crossing) if form.log_time else crossing, float(values[form.rate_name])]
    if form.shape_name:
        if not is_given(values.get(form.shape_name)):
            return None
        parameters.append(float(values[form.shape_name]))
    months = np.linspace(last / 160, last, 160)
    size = diameter(form, months, np.array([parameters]), context.cutpoint_mm)[0][0]
    label = f"{GROWTH_MODELS[model]}, {_ERRORS.get(error, error)}" if is_first else GROWTH_MODELS[model]
    spread = rows["residual_sd"].iloc[0]
    if not is_first or not is_given(spread):
        return GrowthCurve(label, months, np.maximum(size, 0))
    lower, upper = _band(size, float(spread), error)
    return GrowthCurve(label, months, np.maximum(size, 0), lower, upper)


def _band(size: Any, spread: float, error: str) -> tuple[Any, Any]:
    """Where about 95 % of lesions lie if the curve is right: the residual scatter, not the curve's own error."""
    if error == "log":
        return size * np.exp(-1.96 * spread), size * np.exp(1.96 * spread)
    return np.maximum(size - 1.96 * spread, 0), size + 1.96 * spread


def _crossing(context: Context) -> tuple[float, float, float] | None:
    rows = context.tables.table(
        "result.growth_threshold",
        {
            "model": context.tables.parameters.get("study.growth_model", "exponential"),
            "error_model": context.tables.parameters.get("study.growth_error_model", "additive"),
            "ci_method": "profile",
        },
    )
    if rows.empty or not is_given(rows["months"].iloc[0]):
        return None
    one = rows.iloc[0]
    ends = [float(one[name]) if is_given(one[name]) else float("nan") for name in ("ci_lower", "ci_upper")]
    return float(one["months"]), ends[0], ends[1]


def _threshold_figure(context: Context) -> Block:
    rows = context.tables.in_order("result.growth_threshold")
    known = rows[rows["months"].notna() & (rows["status"] == "ok")] if len(rows) else rows
    title = f"Months to {context.cutpoint_mm:g} mm by growth model"
    if known.empty:
        return missing(f"{title}: not drawn. {context.why_empty('result.growth_threshold')}")
    lines: list[Line] = []
    for is_onset, head in (
        (False, "Since the last negative CT (naive)"),
        (True, "Since the detection limit (onset censored)"),
    ):
        part = known[(known["model"] == ONSET) == is_onset]
        if len(part):
            lines.append(Line(head, is_head=True))
        for one in part.to_dict("records"):
            name = GROWTH_MODELS.get(str(one["model"]), clean(one["model"])).split(",")[0]
            is_bootstrap = one["ci_method"] == "cluster_bootstrap"
            label = f"{name}, {one['error_model']}" + ("" if not is_bootstrap else ", bootstrap")
            words = f"{number(one['months'])} ({interval(one['ci_lower'], one['ci_upper'])})"
            lines.append(
                Line(
                    clean(label),
                    words,
                    value=one["months"],
                    lower=one["ci_lower"],
                    upper=one["ci_upper"],
                    is_hollow=is_bootstrap,
                )
            )
    return context.figures.add(
        "growth_threshold",
        forest_figure(
            lines, "Months", ("Model and error", "Months (95 % CI)"), is_ratio=False, reference=None
        ),
        known.drop(columns=["note"]),
        title=title,
        description="; ".join(f"{line.label}: {line.words}" for line in lines if line.words),
        meaning="Each line is one reading of the same lesions; filled with profile-likelihood, hollow with patient-bootstrap "
        "intervals. How far the lines lie apart is uncertainty that no single interval shows. Forms whose plateau these "
        "data do not show stand in the table only.",
        limits="The two kinds of estimate answer different questions: the naive one starts the clock at a scan, the other when "
        "the lesion becomes visible. Neither is how long a given lesion takes.",
        source="result.growth_threshold",
    )


def _threshold_table(context: Context) -> Block:
    rows = context.tables.in_order("result.growth_threshold")
    if rows.empty:
        return missing(f"Interval to the cutpoint: not given. {context.why_empty('result.growth_threshold')}")
    fits = context.tables.in_order("result.growth_fit").drop_duplicates(["model", "error_model"])
    quality = {(one["model"], one["error_model"]): one for one in fits.to_dict("records")}
    made: list[Row] = []
    remarks: dict[str, str] = {}
    for (model, error), part in rows.groupby(["model", "error_model"], sort=False):
        by_method = {str(one["ci_method"]): one for one in part.to_dict("records")}
        first = by_method.get("profile") or next(iter(by_method.values()))
        fit = quality.get((model, error), {})
        remark = _threshold_remark(first)
        mark = remarks.setdefault(remark, chr(ord("a") + len(remarks))) if remark else ""
        cells = (
            count(fit.get("n_lesions")),
            number(first["months"]),
            _ends(first),
            _ends(by_method.get("cluster_bootstrap")),
            number(first["implied_doubling_days"], 0),
            number(fit.get("aicc")),
            number(fit.get("residual_sd"), 2),
            number(fit.get("r_squared"), 2),
            mark,
        )
        made.append(Row(f"{GROWTH_MODELS.get(str(model), clean(model))}, {clean(error)}", cells))
    return Table(
        f"Predicted months to {context.cutpoint_mm:g} mm, all growth models",
        "Model, error model",
        (
            Column("Lesions"),
            Column("Months"),
            Column("95 % CI, profile"),
            Column("95 % CI, bootstrap"),
            Column("Volume doubling, days"),
            Column("AICc"),
            Column("Residual SD"),
            Column("R²"),
            Column("Remark"),
        ),
        tuple(made),
        "result.growth_threshold, result.growth_fit",
        (
            *(f"{mark}: {remark}." for remark, mark in remarks.items()),
            "AICc is comparable between the plain regressions, also between error models; the interval-censored model "
            "speaks of other data and is not comparable. Residual SD is in mm for additive error and in log mm for log "
            "error. Bootstrap: patients are drawn, with all their lesions.",
        ),
        is_wide=True,
    )


def _ends(one: dict[Any, Any] | None) -> str:
    if one is None or not (is_given(one["ci_lower"]) or is_given(one["ci_upper"])):
        return "–"
    return interval(one["ci_lower"], one["ci_upper"], open_end="open")


def _threshold_remark(one: dict[Any, Any]) -> str:
    parts = [clean(one["note"])] if is_given(one["note"]) and one["note"] else []
    if is_given(one["is_extrapolated"]) and bool(one["is_extrapolated"]):
        parts.append("outside the observed intervals")
    return "; ".join(parts)


def _share_table(context: Context) -> Block:
    rows = context.tables.in_order("result.growth_share")
    if rows.empty:
        return missing(
            f"Share of small lesions by interval: not given. {context.why_empty('result.growth_share')}"
        )
    made = []
    for one in rows.to_dict("records"):
        hidden = context.is_small(one["n_small"]) or context.is_small(one["n_lesions"])
        made.append(
            Row(
                f"within {one['interval_months']:g} months",
                (
                    "hidden" if hidden else f"{count(one['n_small'])} of {count(one['n_lesions'])}",
                    "hidden" if hidden else share(one["share"]),
                    "hidden" if hidden else interval(one["ci_lower"], one["ci_upper"], 1, 100.0),
                ),
            )
        )
    return Table(
        f"Lesions still {context.words.small} at detection, by interval since the last negative CT",
        "Detected",
        (Column("Small of all"), Column("Share"), Column("95 % CI, exact")),
        tuple(made),
        "result.growth_share",
        (
            "The rows overlap: lesions detected within 3 months are also within 6. Lesions are counted, not patients.",
        ),
    )


def _surveillance(context: Context) -> list[Block | None]:
    rows = context.tables.in_order("result.surveillance")
    known = rows[rows["share_small"].notna()] if len(rows) else rows
    if known.empty:
        return [missing(f"Planner: not shown. {context.why_empty('result.surveillance')}")]
    groups = []
    for (model, error), part in known.groupby(["model", "error_model"], sort=False):
        name = GROWTH_MODELS.get(str(model), clean(model))
        label = name if model == ONSET else f"{name}, {_ERRORS.get(str(error), clean(error))} (naive)"
        groups.append((label, part.sort_values("ct_interval_months")))
    figure = context.figures.add(
        "surveillance",
        surveillance_figure(groups, "Months between CT scans", f"Lesions {context.words.small} at detection"),
        known,
        title=f"Expected share of lesions still {context.words.small} when found, by interval between CT scans",
        description="; ".join(
            f"{label}: "
            + ", ".join(
                f"{one.ct_interval_months:g} months {share(one.share_small, 0)}" for one in part.itertuples()
            )
            for label, part in groups
        ),
        meaning="If growth is as fitted, a CT every so many months would find this share of lesions at or below the cutpoint.",
        limits="It does not say that anybody lives longer with more scans: no patient was given a schedule by chance, and the "
        "bands hold the uncertainty of the fit, not of its assumptions.",
        source="result.surveillance",
    )
    return [figure, _surveillance_table(context, groups), _assumptions(known)]


def _surveillance_table(context: Context, groups: list[tuple[str, pd.DataFrame]]) -> Table:
    rows: list[Row] = []
    for label, part in groups:
        rows.append(Row(label[:1].upper() + label[1:], ("",) * 5, "group"))
        for one in part.to_dict("records"):
            outside = is_given(one["is_extrapolated"]) and bool(one["is_extrapolated"])
            rows.append(
                Row(
                    f"every {one['ct_interval_months']:g} months",
                    (
                        share(one["share_small"], 0),
                        interval(one["share_lower"], one["share_upper"], 0, 100.0),
                        number(one["median_diameter_mm"]),
                        interval(one["median_lower"], one["median_upper"]),
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
    found = [
        f" ({GROWTH_MODELS.get(str(one['model']), clean(one['model']))}): {one['assumption']}."
        for one in pairs
    ]
    return Bullets(tuple(f"What has to hold{one}" for one in found), "result.surveillance") if found else None
