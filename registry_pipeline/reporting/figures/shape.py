"""Size without a cutpoint, where a search for one ends, and a coefficient over time.

Belongs here: drawing. Does not belong here: estimation, wording.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    svg_text,
)
from registry_pipeline.reporting.figures.drawing_cache import drawn_once

_RATIOS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


@drawn_once
def spline_figure(curve: pd.DataFrame, cutpoint: float, x_label: str, y_label: str) -> str:
    """Hazard ratio along size with its band, the reference value and the study's cutpoint."""
    with drawing(3.0) as canvas:
        axes = canvas.add_axes((0.13, 0.155, 0.83, 0.815))  # half a label of the last tick stands beyond
        x = curve["value"].to_numpy(float)
        axes.set_yscale("log")
        axes.fill_between(
            x,
            curve["ci_lower"].to_numpy(float),
            curve["ci_upper"].to_numpy(float),
            color=COLOURS[0],
            alpha=0.15,
            linewidth=0,
        )
        axes.plot(x, curve["hazard_ratio"].to_numpy(float), color=COLOURS[0], label="hazard ratio, 95 % band")
        axes.axhline(1.0, color=RULE, linewidth=0.9, zorder=0)
        axes.axvline(
            cutpoint, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), label=f"{cutpoint:g} mm, fixed"
        )
        reference = float(curve["reference_value"].iloc[0])
        axes.plot(
            [reference],
            [1.0],
            marker="o",
            color=COLOURS[1],
            label=f"reference, {reference:g} mm",
            linestyle="none",
        )
        low = max(float(np.nanmin(curve["ci_lower"])), _RATIOS[0])
        high = min(float(np.nanmax(curve["ci_upper"])), _RATIOS[-1])
        axes.set_ylim(low / 1.1, high * 1.1)
        ticks = [ratio for ratio in _RATIOS if low / 1.1 <= ratio <= high * 1.1]
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlim(float(x.min()), float(x.max()))
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.legend(loc="lower right")
        return svg_text(canvas)


@drawn_once
def search_figure(
    candidates: pd.DataFrame, chosen: pd.DataFrame, fixed: float, searched: float, x_label: str
) -> str:
    """The statistic at every candidate; under it how often bootstrap samples chose each."""
    with drawing(3.7) as canvas:
        top = canvas.add_axes((0.13, 0.49, 0.85, 0.48))
        bottom = canvas.add_axes((0.13, 0.125, 0.85, 0.27))
        ordered = candidates.sort_values("cutpoint")
        values = ordered["cutpoint"].to_numpy(float)
        top.step(values, ordered["statistic"].to_numpy(float), where="post", color=COLOURS[0])
        top.plot(values, ordered["statistic"].to_numpy(float), "o", markersize=3, color=COLOURS[0])
        top.axhline(1.96, color=RULE, linewidth=0.9)
        top.text(
            values[-1],
            2.0,
            "1.96, if nobody had searched",
            fontsize=7.5,
            ha="right",
            va="bottom",
            color=MUTED,
        )
        for value, dash, label in ((fixed, (0, (4, 2)), "fixed"), (searched, "-", "searched")):
            if np.isfinite(value):
                top.axvline(value, color=INK, linewidth=0.9, linestyle=dash, label=f"{label}: {value:g}")
        top.set_ylim(0, max(float(ordered["statistic"].max()), 2.0) * 1.1)
        top.set_ylabel("Log-rank statistic")
        top.legend(loc="lower right")
        if len(chosen):
            width = max(float(values[-1] - values[0]) / 60, 0.3)
            bottom.bar(
                chosen["cutpoint"].to_numpy(float),
                chosen["share"].to_numpy(float),
                width=width,
                color=COLOURS[1],
            )
        ends = [*values, *chosen["cutpoint"].astype(float)] if len(chosen) else values
        for axes in (top, bottom):
            axes.set_xlim(min(ends) - 1, max(ends) + 1)
        percent_axis(bottom, "Samples", 1.0 if not len(chosen) or chosen["share"].max() > 0.5 else 0.5)
        bottom.set_xlabel(x_label)
        return svg_text(canvas)


@drawn_once
def coefficient_figure(
    terms: Sequence[tuple[str, pd.DataFrame, float]], x_label: str, days_per_month: float
) -> str:
    """One panel per term: residuals, their smooth with its band, and the one coefficient of the model."""
    columns = 2
    rows = -(-len(terms) // columns)
    height = 1.55 * rows + 0.35
    with drawing(height) as canvas:
        for position, (label, part, overall) in enumerate(terms):
            row, column = divmod(position, columns)
            left, bottom = 0.085 + 0.5 * column, 1 - ((row + 1) * 1.55 - 0.3) / height
            axes = canvas.add_axes((left, bottom, 0.4, 1.0 / height))
            points = part[part["kind"] == "residual"]
            smooth = part[part["kind"] == "smooth"].sort_values("duration_days")
            axes.plot(
                points["duration_days"] / days_per_month,
                points["coefficient"],
                linestyle="none",
                marker="o",
                markersize=2,
                color=MUTED,
            )
            time = (smooth["duration_days"] / days_per_month).to_numpy(float)
            lower, upper = (smooth[name].to_numpy(float) for name in ("ci_lower", "ci_upper"))
            axes.fill_between(time, lower, upper, color=COLOURS[0], alpha=0.15, linewidth=0)
            axes.plot(time, smooth["coefficient"].to_numpy(float), color=COLOURS[0])
            axes.axhline(0, color=RULE, linewidth=0.8, zorder=0)
            axes.axhline(overall, color=COLOURS[1], linewidth=1.0, linestyle=(0, (4, 2)))
            axes.set_title(label, loc="left", fontsize=8)
            months_axis(axes, float(part["duration_days"].max()) / days_per_month, "")
            axes.tick_params(labelsize=7)
            if row == rows - 1 or position + columns >= len(terms):
                axes.set_xlabel(x_label, fontsize=7.5)
        return svg_text(canvas)
