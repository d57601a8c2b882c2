"""Pictures of data quality: stacked bars, lines over releases, and shares as a grid.

Belongs here: drawing. Does not belong here: what is counted, wording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from registry_pipeline.reporting.figures.base import COLOURS, INK, MUTED, drawing, styles, svg_text
from registry_pipeline.reporting.figures.drawing_cache import drawn_once

_ROW = 0.24  # inches, height of a bar or of a row of the grid
_HATCHES = ("", "////", "....", "xxxx", "----", "++++", "oooo", "\\\\\\\\")


@drawn_once
def stacked_bars(rows: Mapping[str, Mapping[str, int]], label: str) -> str:
    """One bar per row, of parts in the order of the first row; parts differ by hatching as well as by colour."""
    parts = [name for name in next(iter(rows.values())) if any(row[name] for row in rows.values())]
    height = 0.9 + _ROW * len(rows) + 0.17 * ((len(parts) + 1) // 2)
    with drawing(height) as canvas:
        axes = canvas.add_axes((0.3, 0.42 / height, 0.67, _ROW * len(rows) / height))
        place = np.arange(len(rows))[::-1]
        start = np.zeros(len(rows))
        for at, name in enumerate(parts):
            width = np.array([float(row[name]) for row in rows.values()])
            axes.barh(
                place,
                width,
                left=start,
                height=0.72,
                label=name,
                color="white" if at >= len(COLOURS) else COLOURS[at] + ("" if at == 0 else "99"),
                edgecolor=COLOURS[at % len(COLOURS)],
                hatch=_HATCHES[at % len(_HATCHES)],
                linewidth=0.5,
            )
            start += width
        axes.set_yticks(place, [name[:34] for name in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel(label)
        canvas.legend(loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=7.5)
        return svg_text(canvas)


@drawn_once
def release_lines(releases: Sequence[str], series: Mapping[str, Sequence[int]], label: str) -> str:
    """Counts over releases, a line each, with its last value written at its end."""
    with drawing(2.3) as canvas:
        axes = canvas.add_axes((0.12, 0.24, 0.72, 0.68))
        at = np.arange(len(releases))
        for (name, values), (colour, dash) in zip(series.items(), styles(len(series)), strict=True):
            axes.plot(at, values, color=colour, linestyle=dash, marker="o", markersize=3)
            axes.annotate(
                f"{values[-1]} {name}",
                (at[-1], values[-1]),
                (4, 0),
                textcoords="offset points",
                color=colour,
                va="center",
            )
        axes.set_ylim(bottom=0)
        step = max(1, len(releases) // 4)
        axes.set_xticks(at[::step], [release[:10] for release in releases[::step]])
        axes.set_ylabel(label)
        return svg_text(canvas)


@drawn_once
def share_grid(
    rows: Sequence[str],
    columns: Sequence[str],
    shares: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
) -> str:
    """Shares from 0 to 1 as shades with their text; what is not there stays empty."""
    height = 0.75 + _ROW * len(rows)
    with drawing(height) as canvas:
        axes = canvas.add_axes((0.36, 0.02, 0.62, _ROW * len(rows) / height))
        values = np.array(
            [[np.nan if share is None else share for share in row] for row in shares], dtype=float
        )
        axes.imshow(np.ma.masked_invalid(values), cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
        for i, row in enumerate(texts):
            for j, text in enumerate(row):
                colour = "white" if np.isfinite(values[i, j]) and values[i, j] > 0.8 else INK
                axes.text(j, i, text, ha="center", va="center", fontsize=7, color=colour)
        axes.set_yticks(range(len(rows)), [row[:38] for row in rows], fontsize=7.5)
        axes.xaxis.tick_top()
        axes.set_xticks(
            range(len(columns)), [column[:16] for column in columns], fontsize=7.5, rotation=18, ha="left"
        )
        axes.tick_params(length=0, colors=MUTED)
        axes.spines[:].set_visible(False)
        return svg_text(canvas)
