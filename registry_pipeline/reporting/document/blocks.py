"""What a report is made of: sections of paragraphs, tables and figures.

Belongs here: the pieces that a page template can draw. Does not belong here: what they say, HTML.
Every piece that shows a number names the table of the release that the number comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        text: plain text.
        source: table of the release behind its numbers; empty when there are none.
        kind: "plain", "missing" (says why something is not shown) or "caution".
    """

    text: str
    source: str = ""
    kind: str = "plain"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Column:
    """Head of a column; columns that share a group stand under one common head.

    Attributes:
        origin: schema.table.column of the release behind the cells, shown when the pointer rests on the head.
    """

    label: str
    group: str = ""
    is_number: bool = True
    origin: str = ""


@dataclass(frozen=True)
class Row:
    """A row: its head, its cells, and whether it opens a group ("group") or belongs to one ("level").

    Attributes:
        trace: what ``registry trace`` is told to follow the row's numbers to their patients; empty where it cannot, and
            where pages show no single people.
    """

    head: str
    cells: tuple[str, ...] = ()
    kind: str = "plain"
    trace: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption, its source, and notes below it."""

    caption: str
    head: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    source: str
    notes: tuple[str, ...] = ()
    is_wide: bool = False


@dataclass(frozen=True)
class Figure:
    """A drawing with what it means and what it does not.

    Attributes:
        name: file name without extension.
        drawing: the SVG, safe to put into a page.
        caption: what is drawn.
        meaning, limits: one sentence each.
        source: tables of the release behind it.
    """

    name: str
    drawing: Markup
    caption: str
    meaning: str
    limits: str
    source: str


@dataclass(frozen=True)
class Folded:
    """Blocks behind a heading that opens them; left out on paper.

    Attributes:
        title: what is behind it.
        blocks: the blocks.
    """

    title: str
    blocks: tuple[Block, ...]


Block = Text | Bullets | Heading | Table | Figure | Folded


@dataclass
class Section:
    """A section with its anchor.

    Attributes:
        is_folded: whether its blocks are opened by the reader, and left out on paper.
    """

    anchor: str
    title: str
    blocks: list[Block] = field(default_factory=list)
    is_folded: bool = False

    def add(self, *blocks: Block | None) -> Section:
        """Append what there is; None is nothing."""
        self.blocks += [block for block in blocks if block is not None]
        return self


def missing(text: str) -> Text:
    """A sentence in the place of something that the data cannot give."""
    return Text(text, kind="missing")


def caution(text: str, source: str = "") -> Text:
    """A sentence that keeps a number from being over-read."""
    return Text(text, source, "caution")


def kind_of(block: Block) -> str:
    """Name by which the template knows a block."""
    return type(block).__name__.lower()
