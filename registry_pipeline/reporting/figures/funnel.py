"""Funnel plots: each facility's observed by expected events against how many are expected of it.

Belongs here: drawing, with the limits between which a facility without a difference lies. Does not belong here: estimates.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry_pipeline.analysis.facilities.funnel import ALARM, WARNING, funnel_limits
from registry_pipeline.reporting.document.wording import clean
from registry_pipeline.reporting.figures.base import COLOURS, INK, RULE, drawing, svg_text
from registry_pipeline.reporting.figures.drawing_cache import drawn_once

_POINTS = 240
_MOST_NAMES = 4


@drawn_once
def funnel_figure(rows: pd.DataFrame) -> str:
    """One point per facility; those outside the inner limits are named, and all where they are few."""
    expected, ratio = rows["expected"].to_numpy(float), rows["ratio"].to_numpy(float)
    grid = np.linspace(max(expected.min() * 0.5, 0.5), expected.max() * 1.1, _POINTS)
    with drawing(3.1) as canvas:
        axes = canvas.add_axes((0.11, 0.155, 0.86, 0.74))
        for share, dash, label in ((WARNING, (0, (5, 2)), "95 %"), (ALARM, "-", "99.8 %")):
            lower, upper = funnel_limits(grid, share)
            for at, line in enumerate((lower, upper)):
                axes.step(grid, line, color=COLOURS[4], linestyle=dash, linewidth=0.9, where="mid",
                          label=f"exact {label} limits" if at == 0 else None)  # fmt: skip
        axes.axhline(1.0, color=RULE, linewidth=0.9, zorder=0)
        is_outside = (rows["position"] != "inside").to_numpy(dtype=bool)
        axes.plot(
            expected[~is_outside], ratio[~is_outside], "o", color=COLOURS[0], markersize=5, label="facility"
        )
        axes.plot(expected[is_outside], ratio[is_outside], "s", color=COLOURS[1], markersize=5.5,
                  label="outside" if is_outside.any() else None)  # fmt: skip
        for x, y, name, outside in zip(expected, ratio, rows["facility"], is_outside, strict=True):
            if outside or len(rows) <= _MOST_NAMES:
                is_right = x > 0.7 * grid[-1]  # a name must not leave the plot
                axes.annotate(
                    clean(name),
                    (x, y),
                    xytext=(-5 if is_right else 5, 3),
                    textcoords="offset points",
                    ha="right" if is_right else "left",
                    fontsize=7,
                    color=INK,
                )
        highest = float(
            funnel_limits(expected.min(keepdims=True), ALARM)[1][0]
        )  # the limits of the smallest are seen
        axes.set_ylim(0, 1.1 * max(2.0, float(ratio.max()), highest))
        axes.set_xlim(0, grid[-1])
        axes.set_xlabel("Deaths expected of its patients")
        axes.set_ylabel("Observed by expected deaths")
        axes.legend(
            fontsize=7.5,
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=4,
            borderaxespad=0.2,
            columnspacing=1.2,
        )
        return svg_text(canvas)
