"""How figures look, and how they become files.

Belongs here: palette, typography, deterministic SVG and CSV, the accessible SVG for a page.
Does not belong here: what is drawn.

The colours are taken from Okabe and Ito (2008) and darkened so that lines keep a contrast of 3:1 on white;
groups differ by dash as well as by colour.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from markupsafe import Markup, escape

from registry_pipeline.reporting.document.blocks import Figure
from registry_pipeline.reporting.document.rows import inert
from registry_pipeline.reporting.document.wording import clean

COLOURS = ("#0B5FA5", "#C24A00", "#00795A", "#8A3B8F", "#5A5A5A", "#8C6D00")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.6)),
    (0, (1.4, 1.4)),
    (0, (7, 1.6, 1.4, 1.6)),
    (0, (3, 1, 1, 1)),
    "-",
)
INK, MUTED, RULE = "#1A1A1A", "#595959", "#BDBDBD"
WIDTH = 5.2  # inches; small enough to be read on a telephone, where a figure is as wide as the screen
_WANTS_PDF: ContextVar[bool] = ContextVar("figures_as_pdf", default=False)
_FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "axes.titlesize": 9,
    "axes.linewidth": 0.7,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "registry",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a dollar sign in a label is a dollar sign
    "path.simplify": True,
}


@contextmanager
def drawing(height: float, width: float = WIDTH) -> Iterator[Any]:
    """A matplotlib figure in the style of the reports; nothing global is left changed."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(_STYLE):
        canvas = Canvas(figsize=(width, height))
        FigureCanvasSVG(canvas)
        yield canvas


class Drawing(str):
    """A figure as SVG; `pdf` holds the same as PDF where that was asked for."""

    pdf: bytes = b""


@contextmanager
def also_as_pdf() -> Iterator[None]:
    """Figures drawn inside are kept as PDF too: more work than the SVG, for journals only."""
    before = _WANTS_PDF.set(True)
    try:
        yield
    finally:
        _WANTS_PDF.reset(before)


def svg_text(canvas: Any) -> Drawing:
    """The figure as SVG: no date, no program name, text as text."""
    out = io.StringIO()
    canvas.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    result = Drawing(out.getvalue())
    if _WANTS_PDF.get():
        page = io.BytesIO()
        canvas.savefig(page, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
        result.pdf = page.getvalue()
    return result


@dataclass
class FigureFolder:
    """Where figures and the data behind them are written.

    Attributes:
        folder: the folder; made when the first figure comes.
        written: files so far, in order.
    """

    folder: Path
    written: list[Path] = field(default_factory=list)

    def add(
        self,
        name: str,
        svg: str,
        data: pd.DataFrame,
        *,
        title: str,
        description: str,
        meaning: str,
        limits: str,
        source: str,
    ) -> Figure:
        """Write ``name.svg`` and ``name.csv`` and give the figure for the page."""
        return Figure(
            name, self._write_figure(name, svg, data, title, description), title, meaning, limits, source
        )

    def _write_figure(self, name: str, svg: str, data: pd.DataFrame, title: str, description: str) -> Markup:
        """Write the files of a figure; gives its drawing for the page."""
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = accessible(svg, name, title, description)
        self._write(f"{name}.svg", '<?xml version="1.0" encoding="utf-8"?>\n' + whole + "\n")
        self._write(f"{name}.csv", csv_text(data))
        return Markup(whole)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, encoding="utf-8", newline="")
        self.written.append(path)


def accessible(svg: str, name: str, title: str, description: str) -> str:
    """The ``<svg>`` element alone, scaling with its box, with title, description and ids of its own."""
    name = f"drawing-{name}"
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'<style type="text/css">.*?</style>', "", body, flags=re.DOTALL)
    body = re.sub(r"<defs>\s*</defs>\s*", "", body)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = body.replace("'DejaVu Sans'", _FONTS)
    opening = body[: body.index(">")]
    box = re.search(r'viewBox="([^"]+)"', opening)
    words = (
        f'<title id="{name}-title">{escape(clean(title))}</title>'
        f'<desc id="{name}-desc">{escape(clean(description))}</desc>'
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box[1] if box else ""}" role="img" aria-labelledby="{name}-title {name}-desc" '
        f'stroke-linejoin="round" preserveAspectRatio="xMidYMid meet">'
    )
    return head + words + body[len(opening) + 1 :]


def csv_text(data: pd.DataFrame) -> str:
    """RFC 4180 with a header row, missing values empty, numbers to their last digit."""
    columns = {str(name): _cells(data.iloc[:, at]) for at, name in enumerate(data.columns)}
    return pl.DataFrame(columns).write_csv()


def _cells(column: pd.Series) -> pl.Series:
    """The cells of a column: numbers as they are, since nothing in them can act, everything else as text."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "if":
        return pl.Series(column.to_numpy(), nan_to_null=True)
    values = column.astype(object).where(column.notna(), None).tolist()
    texts: dict[object, str | None] = {
        value: str(inert(value)) or None for value in set(values) if isinstance(value, str)
    }
    cells = [
        texts[value] if isinstance(value, str) else None if value is None else str(value) for value in values
    ]
    return pl.Series(cells, dtype=pl.String)


def months_axis(axes: Any, last: float, label: str) -> list[int]:
    """A time axis in months with ticks at whole years; gives the ticks."""
    step = next((months for months in (3, 6, 12, 24, 36, 60) if last / months <= 8.5), 120)
    ticks = list(range(0, int(last) + 1, step))
    axes.set_xlim(0, max(last * 1.02, 1))
    axes.set_xticks(ticks)
    axes.set_xlabel(label)
    return ticks


def percent_axis(axes: Any, label: str, top: float = 1.0) -> None:
    """A probability axis from 0 to at most 100 %."""
    step = 0.25 if top > 0.5 else 0.1 if top > 0.25 else 0.05
    ticks = [step * number for number in range(round(top / step) + 1)]
    axes.set_ylim(0, top * 1.02)
    axes.set_yticks(ticks, [f"{round(100 * tick)} %" for tick in ticks])
    axes.set_ylabel(label)


def styles(n: int) -> list[tuple[str, Any]]:
    """Colour and dash for each of n groups."""
    return [(COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)]) for i in range(n)]


def thinned(n: int, most: int = 600) -> list[int]:
    """Positions of at most about `most` of n points, first and last included, evenly spread."""
    if n <= most:
        return list(range(n))
    step = (n - 1) / (most - 1)
    return sorted({round(position * step) for position in range(most)})
