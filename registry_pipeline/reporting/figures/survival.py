"""Kaplan-Meier and cumulative incidence curves with numbers at risk under the axis.

Belongs here: drawing curves that the release already holds. Does not belong here: estimation, wording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.reporting.document.wording import count
from registry_pipeline.reporting.figures.base import (
    INK,
    MUTED,
    drawing,
    months_axis,
    percent_axis,
    styles,
    svg_text,
    thinned,
)
from registry_pipeline.reporting.figures.drawing_cache import drawn_once


@dataclass(frozen=True)
class Curve:
    """One group's curve.

    Attributes:
        label: name of the group; short: name beside the numbers at risk.
        rows: the curve as drawn, by time; group: by which the numbers at risk are asked for.
    """

    label: str
    short: str
    rows: pd.DataFrame
    group: object = "all"


AtRisk = Callable[[object, float], str]
"""The number at risk of a group just before a time in days, as it may be written."""


@dataclass(frozen=True, eq=False)
class AtRiskOfCurves:
    """Numbers at risk of every tick; no function, for a drawing is kept by what it is made of."""

    curves: pd.DataFrame

    def __call__(self, group: object, days: float) -> str:
        """As it may be written."""
        return count(at_risk(self._groups.get(group, self.curves[:0]), days))

    @cached_property
    def _groups(self) -> dict[object, pd.DataFrame]:
        return dict(iter(self.curves.groupby("stratum", sort=False)))


@dataclass(frozen=True)
class AtRiskAtLandmarks:
    """Numbers at risk of the ticks that the release gives: by month and group, and at the start by group."""

    landmarks: Mapping[tuple[float, object], str]
    starts: Mapping[object, str]
    days_per_month: float

    def __call__(self, group: object, days: float) -> str:
        """As it may be written."""
        months = float(round(days / self.days_per_month))
        return self.landmarks.get((months, group), "") if months else self.starts[group]


@drawn_once
def km_figure(
    curves: Sequence[Curve], y_label: str, x_label: str, note: str, days_per_month: float, written: AtRisk
) -> str:
    """Step curves with 95 % bands, censoring ticks, numbers at risk and a note (the test) inside.

    Args:
        written: numbers at risk.
    """
    last = max(float(curve.rows["duration_days"].max()) for curve in curves) / days_per_month
    rows = len(curves)
    above = 0.165 * (rows + bool(note)) + 0.06 if rows > 1 else 0.0
    with drawing(2.95 + 0.19 * rows + above) as canvas:
        top, bottom = _frame(canvas, rows, above)
        for curve, (colour, dash) in zip(curves, styles(rows), strict=True):
            _steps(top, curve.rows, colour, dash, curve.label, days_per_month)
        ticks = months_axis(top, last, x_label)
        percent_axis(top, y_label)
        _legend(top, rows, note)
        _at_risk(bottom, top, curves, ticks, days_per_month, written)
        return svg_text(canvas)


def _frame(canvas: Any, rows: int, above: float) -> tuple[Any, Any]:
    """Names of the groups, the curve, numbers at risk under its axis; lengths in inches."""
    height = canvas.get_size_inches()[1]
    low = (0.19 * rows + 0.34) / height
    top = canvas.add_axes((0.155, low + 0.44 / height, 0.825, 1 - low - (0.44 + 0.1 + above) / height))
    bottom = canvas.add_axes((0.155, 0.04 / height, 0.825, low - 0.05 / height))
    bottom.axis("off")
    return top, bottom


def _steps(axes: Any, rows: pd.DataFrame, colour: str, dash: Any, label: str, days_per_month: float) -> None:
    time, level, lower, upper = _points(rows, days_per_month, "survival", 1.0)
    axes.step(time, level, where="post", color=colour, linestyle=dash, label=label, zorder=3)
    axes.fill_between(time, lower, upper, step="post", color=colour, alpha=0.13, linewidth=0, zorder=1)
    if "n_censored" not in rows:
        return
    censored = rows[rows["n_censored"] > 0]
    chosen = censored.iloc[thinned(len(censored), 120)]
    axes.plot(
        chosen["duration_days"] / days_per_month,
        chosen["survival"],
        linestyle="none",
        marker="|",
        markersize=4.5,
        markeredgewidth=0.8,
        color=colour,
        zorder=4,
    )


def _points(
    rows: pd.DataFrame, days_per_month: float, column: str, start: float
) -> tuple[Any, Any, Any, Any]:
    """Times in months and the curve with its band, from time 0, thinned for drawing only."""
    moved = rows[column].ne(rows[column].shift(fill_value=start)) | (np.arange(len(rows)) == len(rows) - 1)
    points = rows[moved]
    points = points.iloc[thinned(len(points))]
    time = np.concatenate([[0.0], points["duration_days"].to_numpy(float) / days_per_month])
    columns = (column, "ci_lower", "ci_upper")
    level, lower, upper = (np.concatenate([[start], points[column].to_numpy(float)]) for column in columns)
    return time, level, lower, upper


def _legend(axes: Any, rows: int, note: str) -> None:
    """Names of the groups, and the test, above the curves, where no curve can run through them."""
    if rows > 1:
        _above(axes, note)


def _above(axes: Any, note: str) -> None:
    legend = axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.01),
        handlelength=2.6,
        borderaxespad=0.0,
        borderpad=0.0,
        labelspacing=0.28,
        title=note or None,
    )
    legend.get_title().set_fontsize(8)
    legend.set_alignment("left")


def _at_risk(
    axes: Any, top: Any, curves: Sequence[Curve], ticks: Sequence[int], days_per_month: float, written: AtRisk
) -> None:
    """Numbers at risk, each under its tick; the head of a line in the colour of its curve."""
    axes.set_xlim(top.get_xlim())
    rows = len(curves)
    axes.set_ylim(-rows - 0.05, 0.75)
    left = top.get_xlim()[1] * -0.165
    axes.text(left, 0.2, "Number at risk", fontsize=7.5, color=MUTED, ha="left", va="center")
    for line, (curve, (colour, _)) in enumerate(zip(curves, styles(rows), strict=True)):
        axes.text(left, -line - 0.55, curve.short, fontsize=7.5, color=colour, ha="left", va="center")
    for tick in ticks:
        for line, curve in enumerate(curves):
            text = written(curve.group, tick * days_per_month)
            axes.text(tick, -line - 0.55, text, fontsize=7.5, ha="center", va="center", color=INK)


def at_risk(rows: pd.DataFrame, days: float) -> int:
    """Number under observation just before a time."""
    later = rows.loc[rows["duration_days"] >= days, "n_at_risk"]
    return int(later.iloc[0]) if len(later) else 0


@drawn_once
def incidence_figure(
    incidence: pd.DataFrame,
    competing: pd.DataFrame,
    one_minus_km: pd.DataFrame,
    labels: tuple[str, str, str],
    x_label: str,
    days_per_month: float,
    written: AtRisk,
) -> str:
    """Aalen-Johansen incidence with its band, the competing event, and 1 - KM for comparison."""
    last = float(one_minus_km["duration_days"].max()) / days_per_month
    with drawing(3.7) as canvas:
        top, bottom = _frame(canvas, 1, 0.56)
        (blue, _), (orange, dash), (green, dots) = styles(3)
        time, level, lower, upper = _points(incidence, days_per_month, "incidence", 0.0)
        top.step(time, level, where="post", color=blue, label=labels[0], zorder=3)
        top.fill_between(time, lower, upper, step="post", color=blue, alpha=0.13, linewidth=0)
        reverse = one_minus_km.assign(incidence=1 - one_minus_km["survival"])
        time, naive, _, _ = _points(reverse, days_per_month, "incidence", 0.0)
        top.step(time, naive, where="post", color=orange, linestyle=dash, label=labels[1], zorder=2)
        highest = max(float(np.nanmax(upper)), float(np.nanmax(naive)), 0.05)
        if len(competing):
            time, other, _, _ = _points(competing, days_per_month, "incidence", 0.0)
            top.step(time, other, where="post", color=green, linestyle=dots, label=labels[2], zorder=2)
            highest = max(highest, float(np.nanmax(other)))
        ticks = months_axis(top, last, x_label)
        percent_axis(top, "Cumulative incidence", 1.0 if highest > 0.5 else 0.5 if highest > 0.25 else 0.25)
        _above(top, "")
        _at_risk(bottom, top, [Curve("all", "All", incidence)], ticks, days_per_month, written)
        return svg_text(canvas)
