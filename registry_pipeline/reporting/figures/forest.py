"""Forest plots: estimates with intervals on a line, in words beside it.

Belongs here: drawing. Does not belong here: which estimates are shown, wording.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from registry_pipeline.reporting.document.wording import is_given
from registry_pipeline.reporting.figures.base import COLOURS, INK, MUTED, RULE, drawing, svg_text
from registry_pipeline.reporting.figures.drawing_cache import drawn_once

_ROW = 0.205  # inches
_LEFT, _RIGHT, _FAR = -1.32, 1.05, 1.92  # in widths of the plot


@dataclass(frozen=True)
class Line:
    """One line of the plot.

    Attributes:
        label: text on the left; words, more: texts on the right, in two columns.
        value, lower, upper: estimate and interval; None where there is none.
        is_head: a heading without an estimate.
        is_hollow: drawn hollow, to set a second kind of interval apart.
    """

    label: str
    words: str = ""
    more: str = ""
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    is_head: bool = False
    is_hollow: bool = False


@drawn_once
def forest_figure(
    lines: Sequence[Line],
    x_label: str,
    heads: tuple[str, ...],
    *,
    is_ratio: bool = True,
    reference: float | None = 1.0,
) -> str:
    """Estimates and intervals; arrows where an interval leaves what is drawn."""
    height = _ROW * (len(lines) + 1.4) + 0.55
    low, high = _window(lines, is_ratio)
    with drawing(height, 5.6) as canvas:
        axes = canvas.add_axes((0.375, 0.5 / height, 0.28, _ROW * (len(lines) + 1.4) / height))
        if is_ratio:
            axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(-len(lines) + 0.4, 1.8)
        _ticks(axes, low, high, is_ratio)
        axes.set_xlabel(x_label)
        axes.spines["left"].set_visible(False)
        if reference is not None:
            axes.axvline(reference, color=RULE, linewidth=0.9, zorder=0)
        for x, head in zip((_LEFT, _RIGHT, _FAR), heads, strict=False):
            _text(axes, x, 1.1, head, MUTED)
        for position, line in enumerate(lines):
            _line(axes, line, -position, low, high)
        return svg_text(canvas)


def _line(axes: Any, line: Line, y: float, low: float, high: float) -> None:
    _text(
        axes,
        _LEFT if line.is_head else _LEFT + 0.05,
        y,
        line.label,
        INK,
        "bold" if line.is_head else "normal",
    )
    _text(axes, _RIGHT, y, line.words, INK)
    _text(axes, _FAR, y, line.more, INK)
    if line.value is None or not is_given(line.value):
        return
    colour = COLOURS[1] if line.is_hollow else COLOURS[0]
    if is_given(line.lower) and is_given(line.upper):
        left, right = max(float(line.lower or low), low), min(float(line.upper or high), high)
        axes.plot([left, right], [y, y], color=colour, linewidth=1.3, solid_capstyle="butt")
        if float(line.lower or 0) < low:
            axes.plot([low], [y], marker="<", color=colour, markersize=4.5, clip_on=False)
        if float(line.upper or 0) > high:
            axes.plot([high], [y], marker=">", color=colour, markersize=4.5, clip_on=False)
    if low <= line.value <= high:
        face = "white" if line.is_hollow else colour
        axes.plot([line.value], [y], marker="s", color=colour, markerfacecolor=face, markersize=5)


def _text(axes: Any, x: float, y: float, text: str, colour: str, weight: str = "normal") -> None:
    axes.text(
        x,
        y,
        text,
        transform=axes.get_yaxis_transform(),
        ha="left",
        va="center",
        fontsize=8,
        color=colour,
        fontweight=weight,
    )


def _window(lines: Sequence[Line], is_ratio: bool) -> tuple[float, float]:
    """A window that holds the estimates and most of the intervals, and never runs to infinity."""
    ends = [
        float(value)
        for line in lines
        for value in (line.value, line.lower, line.upper)
        if value is not None and is_given(value) and math.isfinite(value)
    ]
    if not is_ratio:
        return (min([0.0, *ends]), max([1.0, *ends]) * 1.04)
    positive = [end for end in ends if end > 0] or [0.5, 2.0]
    reach = min(max(max(positive), 1 / min(positive), 2.0), 40.0)
    return (1 / reach / 1.05, reach * 1.05)


def _ticks(axes: Any, low: float, high: float, is_ratio: bool) -> None:
    axes.set_yticks([])
    if not is_ratio:
        return
    reach = max(high, 1 / low)
    ticks = [0.03, 0.1, 0.3, 1, 3, 10, 30] if reach > 4 else [0.25, 0.5, 1, 2, 4]
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.set_xticks([], minor=True)
    axes.minorticks_off()
