"""Study report: the interval to the cutpoint by growth model, and the share of small lesions.

Belongs here: growth estimates side by side. Does not belong here: the scatter (study_growth), fitting.
"""

from __future__ import annotations

from typing import Any

from registry_pipeline.reporting.document.blocks import (
    Block,
    Column,
    Row,
    Table,
    missing,
)
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    clean,
    count,
    count_of,
    interval,
    is_given,
    number,
    remark,
    share,
)
from registry_pipeline.reporting.figures.forest import Line, forest_figure
from registry_pipeline.reporting.sections.context import Context
from schemas.study import GROWTH_MODELS, ONSET_MODEL


def threshold_figure(context: Context) -> Block:
    """Months to the cutpoint, every certified reading of the same lesions on one axis."""
    rows = context.tables.in_order("result.growth_threshold")
    thresholds = rows[rows["months"].notna() & (rows["status"] == "ok")] if len(rows) else rows
    title = f"Months to {context.cutpoint_mm:g} mm by growth model"
    if thresholds.empty:
        return missing(f"{title}: not drawn. {context.why_empty('result.growth_threshold')}")
    lines: list[Line] = []
    for is_onset, head in (
        (False, "Since the last negative CT (naive)"),
        (True, "Since the detection limit (onset censored)"),
    ):
        part = thresholds[(thresholds["model"] == ONSET_MODEL) == is_onset]
        if len(part):
            lines.append(Line(head, is_head=True))
        for threshold in part.to_dict("records"):
            name = GROWTH_MODELS.get(str(threshold["model"]), clean(threshold["model"])).split(",")[0]
            is_bootstrap = threshold["ci_method"] == "cluster_bootstrap"
            label = f"{name}, {threshold['error_model']}" + ("" if not is_bootstrap else ", bootstrap")
            words = (
                f"{number(threshold['months'])} ({interval(threshold['ci_lower'], threshold['ci_upper'])})"
            )
            lines.append(
                Line(
                    clean(label),
                    words,
                    value=threshold["months"],
                    lower=threshold["ci_lower"],
                    upper=threshold["ci_upper"],
                    is_hollow=is_bootstrap,
                )
            )
    return context.figures.add(
        "growth_threshold",
        forest_figure(
            lines, "Months", ("Model and error", "Months (95 % CI)"), is_ratio=False, reference=None
        ),
        thresholds.drop(columns=["note"]),
        title=title,
        description="; ".join(f"{line.label}: {line.words}" for line in lines if line.words),
        meaning="Each line is one reading of the same lesions; filled with profile-likelihood, hollow with patient-bootstrap "
        "intervals. How far the lines lie apart is uncertainty that no single interval shows. Forms whose plateau these "
        "data do not show stand in the table only.",
        limits="The two kinds of estimate answer different questions: the naive one starts the clock at a scan, the other when "
        "the lesion becomes visible. Neither is how long a given lesion takes.",
        source="result.growth_threshold",
    )


def threshold_table(context: Context) -> Block:
    """Months to the cutpoint and the quality of the fit, all models."""
    rows = context.tables.in_order("result.growth_threshold")
    if rows.empty:
        return missing(f"Interval to the cutpoint: not given. {context.why_empty('result.growth_threshold')}")
    fits = context.tables.in_order("result.growth_fit").drop_duplicates(["model", "error_model"])
    quality = {
        (growth_fit["model"], growth_fit["error_model"]): growth_fit for growth_fit in fits.to_dict("records")
    }
    result: list[Row] = []
    remarks: dict[str, str] = {}
    for (model, error), part in rows.groupby(["model", "error_model"], sort=False):
        by_method = {str(threshold["ci_method"]): threshold for threshold in part.to_dict("records")}
        first = by_method.get("profile") or next(iter(by_method.values()))
        fit = quality.get((model, error), {})
        remark = _threshold_remark(first)
        mark = remarks.setdefault(remark, chr(ord("a") + len(remarks))) if remark else ""
        cells = (*_threshold_cells(first, by_method.get("cluster_bootstrap"), fit), mark)
        trace = context.trace("result.growth_threshold", first, ("model", "error_model", "ci_method"))
        result.append(
            Row(f"{GROWTH_MODELS.get(str(model), clean(model))}, {clean(error)}", cells, trace=trace)
        )
    return Table(
        f"Predicted months to {context.cutpoint_mm:g} mm, all growth models",
        "Model, error model",
        (
            Column("Lesions", origin="result.growth_fit.n_lesions"),
            Column("Months", origin="result.growth_threshold.months"),
            Column("95 % CI, profile", origin="result.growth_threshold.ci_lower, ci_upper"),
            Column("95 % CI, bootstrap", origin="result.growth_threshold.ci_lower, ci_upper"),
            Column("Volume doubling, days", origin="result.growth_threshold.implied_doubling_days"),
            Column("AICc", origin="result.growth_fit.aicc"),
            Column("Residual SD", origin="result.growth_fit.residual_sd"),
            Column("R²", origin="result.growth_fit.r_squared"),
            Column("Remark"),
        ),
        tuple(result),
        "result.growth_threshold, result.growth_fit",
        (
            *(f"{mark}: {remark}." for remark, mark in remarks.items()),
            "AICc is comparable between the plain regressions, also between error models; the interval-censored model "
            "speaks of other data and is not comparable. Residual SD is in mm for additive error and in log mm for log "
            "error. Bootstrap: patients are drawn, with all their lesions.",
        ),
        is_wide=True,
    )


def _threshold_cells(
    first: dict[Any, Any], bootstrap: dict[Any, Any] | None, fit: dict[Any, Any]
) -> tuple[str, ...]:
    return (
        count(fit.get("n_lesions")),
        number(first["months"]),
        _ends(first),
        _ends(bootstrap),
        number(first["implied_doubling_days"], 0),
        number(fit.get("aicc")),
        number(fit.get("residual_sd"), 2),
        number(fit.get("r_squared"), 2),
    )


def _ends(threshold: dict[Any, Any] | None) -> str:
    if threshold is None or not (is_given(threshold["ci_lower"]) or is_given(threshold["ci_upper"])):
        return "–"
    return interval(threshold["ci_lower"], threshold["ci_upper"], open_end="open")


def _threshold_remark(threshold: dict[Any, Any]) -> str:
    parts = [remark(threshold["note"])] if is_given(threshold["note"]) and threshold["note"] else []
    if is_given(threshold["is_extrapolated"]) and bool(threshold["is_extrapolated"]):
        parts.append("outside the observed intervals")
    return "; ".join(parts)


def _clustered(share_row: dict[Any, Any]) -> str:
    """The interval that knows patients, and how many there are."""
    if not is_given(share_row.get("cluster_ci_lower")):
        return NOT_GIVEN
    ends = interval(share_row["cluster_ci_lower"], share_row["cluster_ci_upper"], 1, 100.0)
    return f"{ends} ({count(share_row['n_patients'])} patients)"


def share_table(context: Context) -> Block:
    """Lesions still small at detection, by interval."""
    rows = context.tables.in_order("result.growth_share")
    if rows.empty:
        return missing(
            f"Share of small lesions by interval: not given. {context.why_empty('result.growth_share')}"
        )
    result = []
    for share_row in rows.sort_values("interval_months").to_dict("records"):
        result.append(
            Row(
                f"within {share_row['interval_months']:g} months",
                (
                    count_of(share_row["n_small"], share_row["n_lesions"]),
                    share(share_row["share"]),
                    interval(share_row["ci_lower"], share_row["ci_upper"], 1, 100.0),
                    _clustered(share_row),
                ),
            )
        )
    return Table(
        f"Lesions still {context.words.small} at detection, by interval since the last negative CT",
        "Detected",
        (
            Column("Small of all", origin="result.growth_share.n_small, n_lesions"),
            Column("Share", origin="result.growth_share.share"),
            Column("95 % CI, exact", origin="result.growth_share.ci_lower, ci_upper"),
            Column(
                "95 % CI, patients as clusters",
                origin="result.growth_share.cluster_ci_lower, cluster_ci_upper",
            ),
        ),
        tuple(result),
        "result.growth_share",
        (
            "The rows overlap: lesions detected within 3 months are also within 6. Lesions are counted, not patients. The exact interval "
            "takes lesions as unrelated; the other one knows that those of one patient are alike.",
        ),
    )
