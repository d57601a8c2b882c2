"""What a paper needs: Table 1 and the regression tables as DOCX and LaTeX, the figures as PDF.

Belongs here: which pieces of the study report go to a journal, and writing them in those formats.
Does not belong here: what the pieces say (the study report's sections); any number that is not in the release.

The same release gives the same bytes: no clock and no program version is written into a file.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from registry_pipeline.reporting.document.blocks import Row, Section, Table
from registry_pipeline.reporting.document.wording import clean
from registry_pipeline.reporting.figures.base import Drawing, FigureFolder, also_as_pdf
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.report import study_sections
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.provenance import release_row

DESCRIPTIVE, REGRESSION = ("mart.cohort", "mart.registry_patient"), ("result.cox_term", "result.cox_fit")
FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the first moment that a ZIP archive can hold
FIXED_DATE = datetime(1980, 1, 1)
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "\u2013": "--", "\u00a0": "~", "\u2264": r"$\leq$",
    "\u2265": r"$\geq$", "\u2212": "$-$", "\u00d7": r"$\times$", "\u201c": "``", "\u201d": "''", "\u2026": r"\ldots{}",
}  # fmt: skip


@dataclass
class PdfFolder(FigureFolder):
    """A folder of figures that writes each as PDF instead of SVG and CSV."""

    def _write_figure(self, name: str, svg: str, data: pd.DataFrame, title: str, description: str) -> Markup:
        """Write ``name.pdf``; a manuscript has no page to draw on."""
        if isinstance(svg, Drawing) and svg.pdf:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.written.append(_write(self.folder / f"{name}.pdf", svg.pdf))
        return Markup("")


def write_journal(database: Path, folder: Path) -> list[Path]:
    """Write a release's tables and figures for a manuscript; gives the files written.

    ``table_1.docx`` and ``.tex``: the patients (of the registry where there is no cohort); ``regression.docx`` and
    ``.tex``: hazard ratios and the models behind them; ``figures/*.pdf``. Small counts are hidden as in the
    reports. Tables that the release cannot fill are left out.

    Args:
        database: the sealed ``registry.duckdb``; opened read-only.
        folder: made if need be; files of the same name are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with DisclosedTables(database) as tables:
        context = Context(tables, PdfFolder(folder / "figures"))
        with also_as_pdf():
            sections = study_sections(context)
        tables_of_report = [
            block
            for section in sections
            if isinstance(section, Section)
            for block in section.blocks
            if isinstance(block, Table)
        ]
        origin = f"Release {clean(release_row(context).get('release_id') or 'unnamed')}"
    written: list[Path] = []
    for name, sources in (("table_1", DESCRIPTIVE), ("regression", REGRESSION)):
        chosen = [_signed(table, origin) for table in tables_of_report if table.source in sources]
        chosen = chosen[:1] if name == "table_1" else chosen
        if chosen:
            written += [_write(folder / f"{name}.docx", docx_bytes(chosen))]
            written += [_write(folder / f"{name}.tex", latex_text(chosen).encode())]
    return [*written, *context.figures.written]


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _signed(table: Table, origin: str) -> Table:
    """The table with the release and the release's table that its numbers come from."""
    return replace(table, notes=(*table.notes, f"{origin}, table {table.source}."))


def docx_bytes(tables: Sequence[Table]) -> bytes:
    """The tables as one Word document, one under the other."""
    from docx import Document

    document = Document()
    properties = document.core_properties
    properties.author, properties.title = "", clean(tables[0].caption)
    properties.created = properties.modified = FIXED_DATE
    properties.last_modified_by, properties.comments = "", ""
    for table in tables:
        _docx_table(document, table)
    out = io.BytesIO()
    document.save(out)
    return _without_clock(out.getvalue())


def _docx_table(document: Any, table: Table) -> None:
    """Caption above, notes below; heads that share a group stand under one cell."""
    from docx.shared import Pt

    document.add_paragraph(clean(table.caption), style="Caption")
    heads = _heads(table)
    grid = document.add_table(rows=len(heads) + len(table.rows), cols=len(table.columns) + 1)
    grid.style = "Light List"
    for place, cells in enumerate(heads):
        _fill(grid.rows[place], cells, bold=True)
        _mark_head(grid.rows[place])
    if len(heads) > 1:
        for first, last in _spans(table):
            merged = grid.cell(0, first).merge(grid.cell(0, last))
            merged.text = clean(heads[0][first])
    for place, row in enumerate(table.rows, start=len(heads)):
        _fill(grid.rows[place], _cells(row), bold=row.kind == "group")
    for note in table.notes:
        document.add_paragraph().add_run(clean(note)).font.size = Pt(8)


def _mark_head(row: Any) -> None:
    """A row of heads: read aloud as such, and repeated on every page."""
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _fill(row: Any, cells: Sequence[str], *, bold: bool) -> None:
    for cell, text in zip(row.cells, cells, strict=True):
        cell.text = ""
        cell.paragraphs[0].add_run(clean(text)).bold = bold


def _heads(table: Table) -> list[list[str]]:
    """One line of heads, or two where columns share a group."""
    labels = [table.head, *(column.label for column in table.columns)]
    groups = ["", *(column.group for column in table.columns)]
    return [groups, labels] if any(groups) else [labels]


def _spans(table: Table) -> Iterator[tuple[int, int]]:
    """First and last position of neighbouring columns that share a group."""
    for group, members in groupby(enumerate(table.columns, start=1), key=lambda place: place[1].group):
        places = [place for place, _ in members]
        if group and len(places) > 1:
            yield places[0], places[-1]


def _cells(row: Row) -> list[str]:
    """Head and cells; levels are set in under their group."""
    return [f"\u2003{row.head}" if row.kind == "level" else row.head, *row.cells]


def _without_clock(content: bytes) -> bytes:
    """The same archive with every member dated alike."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            entry = zipfile.ZipInfo(member.filename, FIXED_TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            new.writestr(entry, old.read(member))
    return out.getvalue()


def latex_text(tables: Sequence[Table]) -> str:
    """The tables in LaTeX, each a ``table`` with booktabs rules, for ``\\input`` in a manuscript."""
    head = "% Needs \\usepackage{booktabs} and UTF-8.\n"
    return head + "\n".join(_latex_table(table) for table in tables)


def _latex_table(table: Table) -> str:
    columns = "l" + "".join("r" if column.is_number else "l" for column in table.columns)
    heads = _heads(table)
    lines = [
        r"\begin{table}",
        rf"\caption{{{latex(table.caption)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
    ]
    if len(heads) > 1:
        lines += [" & ".join(["", *_latex_groups(table)]) + r" \\"]
    lines += [" & ".join(map(latex, heads[-1])) + r" \\", r"\midrule"]
    for row in table.rows:
        indent = r"\quad " if row.kind == "level" else ""
        lines.append(indent + " & ".join(map(latex, (row.head, *row.cells))) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\footnotesize {latex(note)}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}", ""])


def _latex_groups(table: Table) -> Iterator[str]:
    for group, members in groupby(table.columns, key=lambda column: column.group):
        yield rf"\multicolumn{{{len(list(members))}}}{{c}}{{{latex(group)}}}"


def latex(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return re.sub(".", lambda match: _LATEX.get(match[0], match[0]), clean(text).replace("\n", " "))
