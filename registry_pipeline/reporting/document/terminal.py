"""Tables for the terminal.

Belongs here: plain tables of rows, cells made harmless for a terminal.
Does not belong here: which rows are shown (``cli/main.py``), files (``export.py``). Imports rich only when a
table is drawn.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_WIDEST = 60
_PIPE_WIDTH = 200


def harmless(value: object) -> str:
    """A value as one line of text that cannot move the cursor, recolour or reorder what stands there.

    Free text comes from hospitals' files: control characters, escape sequences and bidirectional
    overrides are shown as ``·``.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    if text.isprintable():  # most are, and a page shows thousands
        return text
    return "".join(
        "·" if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") else character
        for character in text
    )


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None, is_wrapped: bool = True
) -> None:
    """Draw rows under their column names; numbers to the right.

    Args:
        is_wrapped: fold long cells; False cuts them after 60 characters with ``…``.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    lines = [list(row) for row in rows]
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for position, name in enumerate(columns):
        is_number = any(isinstance(row[position], int | float) for row in lines) and not any(
            isinstance(row[position], str | bool) for row in lines
        )
        table.add_column(
            Text(name),
            justify="right" if is_number else "left",
            overflow="fold" if is_wrapped else "ellipsis",
        )
    for row in lines:
        cells = [harmless(value) for value in row]
        table.add_row(*(Text(cell if is_wrapped else cell[:_WIDEST]) for cell in cells))
    console = Console(highlight=False, markup=False, emoji=False, width=_width())
    console.print(table if lines else Text(f"{title or 'rows'}: none"))


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """Draw rows as a table; each as a list of its cells where a table would break words to fit."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [list(row) for row in rows]
    lines = [[harmless(value) for value in row] for row in shown]
    width = _width()
    words = [
        max((cell_len(word) for row in lines for word in row[at].split()), default=0)
        for at in range(len(columns))
    ]
    needed = [max(cell_len(name), min(word, _WIDEST)) + 3 for name, word in zip(columns, words, strict=True)]
    if not lines or sum(needed) <= width:
        print_table(columns, shown, title)
        return
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    for number, row in enumerate(lines, start=1):
        console.print(Text(f"{title or 'row'} {number}"))
        table = Table.grid(padding=(0, 2, 0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, cell in zip(columns, row, strict=True):
            table.add_row(Text(harmless(name)), Text(cell))
        console.print(table)


def _width() -> int:
    """Columns of the terminal. A pipe has none: 80 would break what scripts read."""
    import shutil

    return shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns if sys.stdout.isatty() else _PIPE_WIDTH


def print_findings(findings: Iterable[Mapping[str, Any]]) -> None:
    """Findings for reading: ids and places on one line that is never broken, then what was seen and what is wrong.

    Args:
        findings: rows of ``quality.finding``.
    """
    import textwrap

    width = max(60, _width())
    for finding in findings:
        place = ":".join(
            harmless(finding[name]) for name in ("source_file", "sheet", "source_row") if finding[name]
        )
        head = ("finding_id", "severity", "status", "facility_id", "rule_id")
        print("  ".join(harmless(finding[name]) for name in head), place, sep="  ")
        column = harmless(finding["source_column"] or finding["items"])
        value = "blank" if finding["value_text"] is None else f"'{harmless(finding['value_text'])}'"
        text = f"{column}: {value[: 2 * _WIDEST]}. {harmless(finding['message'])}"
        if finding["suggestion"]:
            text += f" Suggested: {harmless(finding['suggestion'])}"
        print(textwrap.fill(text, width, initial_indent="    ", subsequent_indent="    "))
