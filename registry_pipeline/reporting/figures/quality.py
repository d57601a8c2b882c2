"""Pictures of data quality: stacked bars, lines over releases, and shares as a grid.

Belongs here: drawing. Does not belong here: what is counted, wording.

They are rectangles, lines and texts, written as SVG: every facility has a page with up to four of them, matplotlib
takes a twelfth of a second for each, and as long to load as for ten: nothing here asks it for anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from markupsafe import escape

from registry_pipeline.reporting.figures.base import (
    COLOURS,
    INK,
    MUTED,
    WIDTH,
    Drawing,
    styles,
)
from registry_pipeline.reporting.figures.drawing_cache import drawn_once

_POINTS = 72  # to an inch
_WIDE = WIDTH * _POINTS
_LINE = 1.5  # width of a line
_ROW = 0.24 * _POINTS  # height of a bar or of a row of the grid
_HATCHES = (
    "",
    "M0 6L6 0M-1 1L1-1M5 7L7 5",
    "M3 3h.01",
    "M0 0L6 6M0 6L6 0",
    "M0 3H6",
    "M0 3H6M3 0V6",
    "M3 1.5a1.5 1.5 0 1 0 .01 0",
    "M0 0L6 6M-1 5L1 7M5-1L7 1",
)
"""Lines within a square of six points."""
_BLUES = ("f7fbff", "deebf7", "c6dbef", "9ecae1", "6baed6", "4292c6", "2171b5", "08519c", "08306b")
"""ColorBrewer's sequence of that name."""
FEW_HEADS = 4
"""Columns of a grid whose heads have room beside one another."""


@drawn_once
def stacked_bars(rows: Mapping[str, Mapping[str, int]], label: str) -> str:
    """One bar per row, of parts in the order of the first row; parts differ by hatching as well as by colour."""
    parts = [name for name in next(iter(rows.values())) if any(row[name] for row in rows.values())]
    left, right, top = 0.36 * _WIDE, 0.97 * _WIDE, 24 + 12 * ((len(parts) + 1) // 2)
    bottom, most = top + _ROW * len(rows), max(max(sum(row.values()) for row in rows.values()), 1)
    scale = (right - left) / most
    shapes = ["<defs>", *(_hatching(at) for at in range(len(parts))), "</defs>"]
    for at, name in enumerate(parts):
        x, y = (8.0, left)[at % 2], 14.0 + 12 * (at // 2)
        shapes += [_part(at, x, y - 4, 16, 8), _text(x + 21, y, name)]
    for number, (name, row) in enumerate(rows.items()):
        x, y = left, top + _ROW * number
        shapes.append(_text(left - 5, y + _ROW / 2, name[:34], anchor="end"))
        for at, part in enumerate(parts):
            shapes.append(_part(at, x, y + 0.14 * _ROW, scale * row[part], 0.72 * _ROW))
            x += scale * row[part]
    shapes.append(_axes(left, top, bottom, right))
    for tick in _ticks(most):
        shapes.append(_text(left + scale * tick, bottom + 9, f"{tick}", anchor="middle", size=8))
    shapes.append(_text((left + right) / 2, bottom + 21, label, anchor="middle", size=8.5))
    return _svg(bottom + 28, shapes)


@drawn_once
def release_lines(releases: Sequence[str], series: Mapping[str, Sequence[int]], label: str) -> str:
    """Counts over releases, a line each, with its last value written at its end."""
    left, right, top, bottom = 0.12 * _WIDE, 0.84 * _WIDE, 12.0, 125.0
    most = max(1, *(max(values) for values in series.values()))
    across = (right - left) / max(1, len(releases) - 1)
    shapes = [_axes(left, top, bottom, right)]
    for tick in _ticks(most):
        y = bottom - (bottom - top) * tick / most
        shapes.append(_text(left - 4, y, f"{tick}", anchor="end", size=8))
    step = max(1, len(releases) // 4)
    for at in range(0, len(releases), step):
        shapes.append(_text(left + across * at, bottom + 9, releases[at][:10], anchor="middle", size=8))
    turn = f' transform="rotate(-90 9 {(top + bottom) / 2:.1f})"'
    shapes.append(_text(9, (top + bottom) / 2, label, anchor="middle", size=8.5, more=turn))
    for (name, values), (colour, dash) in zip(series.items(), styles(len(series)), strict=True):
        points = [(left + across * at, bottom - (bottom - top) * n / most) for at, n in enumerate(values)]
        shapes += _line(points, colour, dash)
        shapes.append(_text(points[-1][0] + 5, points[-1][1], f"{values[-1]} {name}", colour=colour))
    return _svg(bottom + 18, shapes)


@drawn_once
def share_grid(
    rows: Sequence[str],
    columns: Sequence[str],
    shares: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
) -> str:
    """Shares from 0 to 1 as shades with their text; what is not there stays empty."""
    left, (top, angle) = 0.36 * _WIDE, (43.0, -18) if len(columns) <= FEW_HEADS else (64.0, -55)
    width = 0.62 * _WIDE / len(columns)
    shapes = []
    for number, name in enumerate(columns):
        x, y = left + width * (number + 0.5), top - 6
        turn = f' transform="rotate({angle} {x:.1f} {y:.1f})"'
        shapes.append(_text(x, y, name[:16], colour=MUTED, more=turn))
    for at, name in enumerate(rows):
        y = top + _ROW * at
        shapes.append(_text(left - 5, y + _ROW / 2, name[:38], anchor="end", colour=MUTED))
        for number, (share, text) in enumerate(zip(shares[at], texts[at], strict=True)):
            x = left + width * number
            if share is not None:
                shapes.append(_rectangle(x, y, width, _ROW, f'fill="{_shade(share)}"'))
            colour = "white" if share is not None and share > 0.8 else INK
            shapes.append(
                _text(x + width / 2, y + _ROW / 2, text, anchor="middle", size=7, colour=colour)
                if text
                else ""
            )
    return _svg(top + _ROW * len(rows) + 6, shapes)


def _svg(height: float, shapes: Iterable[str]) -> Drawing:
    """A drawing of shapes, in points."""
    box = f'viewBox="0 0 {_WIDE:.1f} {height:.1f}"'
    return Drawing(
        f"""<svg {box}><g font-family="'DejaVu Sans'" stroke-width="0.7">{"".join(shapes)}</g></svg>"""
    )


def _shade(share: float) -> str:
    """The colour of a share, fuller ones darker, never so dark that nothing can be read on it."""
    at = share / 1.3 * (len(_BLUES) - 1)
    low = min(int(at), len(_BLUES) - 2)
    one, other = (bytes.fromhex(colour) for colour in _BLUES[low : low + 2])
    return "#" + "".join(f"{round(a + (at - low) * (b - a)):02x}" for a, b in zip(one, other, strict=True))


def _ticks(most: int) -> range:
    """Round counts from 0 to the largest one, at most five steps."""
    step = next(size * 10**power for power in count() for size in (1, 2, 5) if 5 * size * 10**power >= most)
    return range(0, most + 1, step)


def _axes(left: float, top: float, bottom: float, right: float) -> str:
    """The axis on the left and the one below."""
    return f'<path d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}" fill="none" stroke="{INK}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: float = 7.5,
    colour: str = INK,
    more: str = "",
) -> str:
    """A text whose middle is at a height."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" dy="0.35em" font-size="{size}" text-anchor="{anchor}" fill="{colour}"{more}>'
        f"{escape(text)}</text>"
    )


def _rectangle(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.2f}" height="{height:.1f}" {fill}/>'


def _line(points: Sequence[tuple[float, float]], colour: str, dash: Any) -> Iterator[str]:
    """A line with a dot at each of its points; dashes are given in widths of the line."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    pattern = "" if dash == "-" else " ".join(f"{_LINE * length:.1f}" for length in dash[1])
    dashes = f' stroke-dasharray="{pattern}"' if pattern else ""
    yield f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{_LINE}"{dashes}/>'
    for x, y in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.5" fill="{colour}"/>'


def _part(at: int, x: float, y: float, width: float, height: float) -> str:
    """A piece of a bar in the look of its part."""
    look = f'fill="url(#hatch{at})" stroke="{COLOURS[at % len(COLOURS)]}"'
    return _rectangle(x, y, width, height, look) if width else ""


def _hatching(at: int) -> str:
    """The look of a part of the bars: its colour, fainter under its lines."""
    colour, lines = COLOURS[at % len(COLOURS)], _HATCHES[at % len(_HATCHES)]
    ground = "white" if at >= len(COLOURS) else colour
    opacity = 0.6 if lines else 1
    return (
        f'<pattern id="hatch{at}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect width="6" height="6" fill="{ground}" fill-opacity="{opacity}"/>'
        f'<path d="{lines}" fill="none" stroke="{colour}" stroke-linecap="round"/></pattern>'
    )
