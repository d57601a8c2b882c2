"""The flow of patients, drawn as STROBE asks.

Belongs here: drawing boxes and arrows. Does not belong here: counting (mart.attrition does).
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from registry_pipeline.reporting.figures.base import INK, MUTED, WIDTH, drawing, svg_text
from registry_pipeline.reporting.figures.drawing_cache import drawn_once

_LINE = 0.155  # inches, height of a line of text
_GAP = 0.16
_SPLIT = 0.46  # right edge of the boxes of those who stay


@dataclass(frozen=True)
class Step:
    """Patients who left at a step: why, and how many, in words; and how many stayed."""

    reason: str
    excluded: str
    after: str


@drawn_once
def flow_figure(first: str, steps: Sequence[Step], last: str) -> str:
    """Boxes of patients from top to bottom, those who left on the right."""
    lines = [[*textwrap.wrap(step.reason, 38)[:4], step.excluded] for step in steps]
    heights = [max(len(line) * _LINE + 0.12, 0.34) for line in lines]
    height = 0.42 + sum(heights) + (len(steps) + 1) * _GAP + 0.55
    with drawing(height) as canvas:
        axes = canvas.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(0, height)
        y = height - 0.05
        y = _box(axes, y, 0.36, [first], left=0.04, right=_SPLIT * WIDTH)
        centre = (_SPLIT * WIDTH + 0.04) / 2
        for text, box in zip(lines, heights, strict=True):
            top = y - _GAP / 2
            _arrow(axes, (centre, top - box / 2), (_SPLIT * WIDTH + 0.17, top - box / 2))
            below = _box(axes, top, box, text, left=_SPLIT * WIDTH + 0.17, right=WIDTH - 0.04)
            axes.plot([centre, centre], [y, below - _GAP / 2], color=INK, linewidth=0.8)
            y = below - _GAP / 2
        _arrow(axes, (centre, y), (centre, y - _GAP))
        _box(axes, y - _GAP, 0.4, [last], left=0.04, right=_SPLIT * WIDTH, is_strong=True)
        return svg_text(canvas)


def _box(
    axes: Any,
    top: float,
    height: float,
    lines: Sequence[str],
    *,
    left: float,
    right: float,
    is_strong: bool = False,
) -> float:
    from matplotlib.patches import Rectangle

    face = "#E8F0F8" if is_strong else "white"
    axes.add_patch(
        Rectangle(
            (left, top - height), right - left, height, facecolor=face, edgecolor=INK, linewidth=0.8, zorder=2
        )
    )
    step = _LINE
    y = top - height / 2 + step * (len(lines) - 1) / 2
    for position, line in enumerate(lines):
        is_last = position == len(lines) - 1
        axes.text(
            left + 0.08,
            y - position * step,
            line,
            va="center",
            fontsize=8,
            color=INK if is_last else MUTED,
            fontweight="bold" if is_last else "normal",
            zorder=3,
        )
    return top - height


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0},
    )
