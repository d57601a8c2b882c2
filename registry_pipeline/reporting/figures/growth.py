"""Size at detection against the interval since the last negative CT, and what a CT schedule would find.

Belongs here: drawing. Does not belong here: fitting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.reporting.figures.base import (
    COLOURS,
    INK,
    MUTED,
    RULE,
    drawing,
    months_axis,
    percent_axis,
    styles,
    svg_text,
)
from registry_pipeline.reporting.figures.drawing_cache import drawn_once

_MARKERS = ("o", "^", "s")


@dataclass(frozen=True)
class GrowthCurve:
    """A fitted curve on a grid of months; bands of the curve and of lesions around it are None where none is drawn."""

    label: str
    months: Any
    diameter_mm: Any
    lower: Any = None
    upper: Any = None
    scatter_lower: Any = None
    scatter_upper: Any = None


@drawn_once
def scatter_figure(
    groups: Sequence[tuple[str, pd.DataFrame]],
    curves: Sequence[GrowthCurve],
    threshold_mm: float,
    detection_limit_mm: float,
    crossing: tuple[float, float, float] | None,
    y_label: str,
) -> str:
    """Lesions, curves, the cutpoint with the interval in which the first curve crosses it, the CT limit."""
    points = [rows for _, rows in groups if len(rows)]
    last = max(float(rows["months_since_negative_ct"].max()) for rows in points)
    high = max(float(rows["diameter_mm"].max()) for rows in points) * 1.08
    with drawing(3.75) as canvas:
        axes = canvas.add_axes((0.115, 0.12, 0.865, 0.85))
        for position, curve in enumerate(curves):
            _curve(axes, curve, position)
        for (label, rows), marker, colour in zip(groups, _MARKERS, COLOURS, strict=False):
            axes.plot(
                rows["months_since_negative_ct"],
                rows["diameter_mm"],
                linestyle="none",
                marker=marker,
                markersize=4,
                markerfacecolor=colour,
                markeredgecolor="white",
                markeredgewidth=0.4,
                alpha=0.85,
                label=label,
                zorder=5,
            )
        axes.axhline(threshold_mm, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2)
        axes.text(
            last * 1.03,
            threshold_mm + high * 0.008,
            f"{threshold_mm:g} mm",
            fontsize=7.5,
            ha="right",
            va="bottom",
        )
        axes.axhspan(0, detection_limit_mm, color=RULE, alpha=0.35, linewidth=0, zorder=0)
        axes.text(last * 1.03, detection_limit_mm / 2, f"below the CT detection limit ({detection_limit_mm:g} mm)",
                  fontsize=7, ha="right", va="center", color=MUTED)  # fmt: skip
        if crossing is not None:
            _crossing(axes, crossing, threshold_mm)
        months_axis(axes, last * 1.02, "Months since the last negative CT")
        axes.set_ylim(0, high)
        axes.set_ylabel(y_label)
        axes.legend(loc="upper left", handlelength=2.2, borderaxespad=0.2, labelspacing=0.3)
        return svg_text(canvas)


def _curve(axes: Any, curve: GrowthCurve, position: int) -> None:
    first = position == 0
    _, dash = styles(position + 1)[-1]
    axes.plot(
        curve.months,
        curve.diameter_mm,
        color=INK if first else MUTED,
        linewidth=1.8 if first else 1.0,
        linestyle=dash,
        label=curve.label,
        zorder=4,
    )
    for lower, upper, alpha in (
        (curve.scatter_lower, curve.scatter_upper, 0.06),
        (curve.lower, curve.upper, 0.16),
    ):
        if lower is not None:
            axes.fill_between(curve.months, lower, upper, color=INK, alpha=alpha, linewidth=0, zorder=1)


def _crossing(axes: Any, crossing: tuple[float, float, float], threshold_mm: float) -> None:
    months, lower, upper = crossing
    if np.isfinite(lower) and np.isfinite(upper):
        axes.plot(
            [lower, upper],
            [threshold_mm, threshold_mm],
            color=COLOURS[1],
            linewidth=4.5,
            alpha=0.85,
            zorder=3,
            solid_capstyle="butt",
        )
    axes.plot(
        [months],
        [threshold_mm],
        marker="D",
        color=COLOURS[1],
        markeredgecolor="white",
        markersize=6,
        zorder=7,
    )


@drawn_once
def surveillance_figure(groups: Sequence[tuple[str, pd.DataFrame]], x_label: str, y_label: str) -> str:
    """Expected share of small lesions at detection by interval between CTs, one line per growth estimate."""
    with drawing(2.9) as canvas:
        axes = canvas.add_axes((0.155, 0.16, 0.82, 0.81))
        for (label, rows), (colour, dash), marker in zip(
            groups, styles(len(groups)), _MARKERS * 3, strict=False
        ):
            months = rows["ct_interval_months"].to_numpy(float)
            axes.plot(
                months,
                rows["share_small"].to_numpy(float),
                color=colour,
                linestyle=dash,
                marker=marker,
                markersize=4,
                label=label,
            )
            axes.fill_between(
                months,
                rows["share_lower"].to_numpy(float),
                rows["share_upper"].to_numpy(float),
                color=colour,
                alpha=0.13,
                linewidth=0,
            )
        ticks = sorted({float(row) for _, rows in groups for row in rows["ct_interval_months"]})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xlim(0, max(ticks) * 1.04)
        axes.set_xlabel(x_label)
        percent_axis(axes, y_label)
        axes.legend(loc="lower left", handlelength=2.6, borderaxespad=0.3, labelspacing=0.3)
        return svg_text(canvas)
