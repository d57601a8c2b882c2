"""Blocks to HTML.

Belongs here: the template engine and its escaping. Does not belong here: what a report says.

Every value is cleaned and escaped; only drawings made by this package are put in as they are. The page
forbids scripts and outside resources by its own content security policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from registry_pipeline.reporting.document.blocks import Block, Column, Section, Table, kind_of
from registry_pipeline.reporting.document.wording import clean
from schemas.disease.wording import DISEASE

_TEMPLATES = Path(__file__).parents[1] / "templates"


@dataclass(frozen=True)
class RenderedSection:
    """A section as HTML, with what the table of contents says of it."""

    anchor: str
    title: str
    html: Markup


def render_section(section: Section) -> RenderedSection:
    """A section as it stands on any page."""
    blocks = _environment().get_template("_blocks.html").module
    return RenderedSection(section.anchor, section.title, blocks.section(section))  # type: ignore[attr-defined]


def render_page(template: str, sections: Sequence[Section | RenderedSection], **values: Any) -> str:
    """A page from its sections."""
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    rendered = [part if isinstance(part, RenderedSection) else render_section(part) for part in sections]
    page = _environment().get_template(template)
    return page.render(sections=rendered, style=Markup(style), **values)


@cache
def templates_digest() -> str:
    """Digest of the templates and of what fills them in."""
    digest = hashlib.sha256(version("jinja2").encode())
    for path in sorted(_TEMPLATES.glob("*.html")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def head_groups(columns: Sequence[Column]) -> list[tuple[str, list[Column]]]:
    """Common heads of columns with the columns below them; an empty text stands for no common head."""
    return [(group, list(members)) for group, members in groupby(columns, key=lambda column: column.group)]


def runs(blocks: Sequence[Block]) -> list[tuple[str, list[Block]]]:
    """Neighbours of one kind together, so that figures can stand side by side."""
    return [(kind, list(members)) for kind, members in groupby(blocks, key=kind_of)]


def body(table: Table) -> Markup:
    """The rows of a table. A rule table has ten thousands of cells of few texts: the template took ten times as long."""
    kinds = [' class="n"' if column.is_number else "" for column in table.columns]
    shown: dict[str, str] = {}

    def show(text: str) -> str:
        if type(text) is not str:  # Markup is equal to the text that it must not be taken for
            return str(escape(_finalised(text)))
        if text not in shown:
            shown[text] = str(escape(clean_long(text)))
        return shown[text]

    lines = []
    for row in table.rows:
        head = show(row.head)
        if row.kind == "group" and not any(row.cells):
            lines.append(
                f'<tr class="group"><th scope="rowgroup" colspan="{len(kinds) + 1}">{head}</th></tr>\n'
            )
            continue
        trace = show(row.trace)
        origin = f' data-trace="{trace}" title="registry trace {trace}"' if trace else ""
        cells = [
            f"<td{kind}>{show(text)}</td>"
            for kind, text in zip_longest(kinds, row.cells[: len(kinds)], fillvalue="")
        ]
        lines.append(
            f'<tr class="{show(row.kind)}"><th scope="row"{origin}>{head}</th>{"".join(cells)}</tr>\n'
        )
    return Markup("".join(lines))


def page_environment(folder: Path, finalize: Callable[[Any], Any] | None = None) -> Environment:
    """Jinja for the pages of a folder: every value is escaped, a name that no page was given is an error."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _environment() -> Environment:
    result = page_environment(_TEMPLATES, _finalised)
    result.globals["disease"] = DISEASE[0].upper() + DISEASE[1:]
    result.filters["runs"] = runs
    result.filters["head_groups"] = head_groups
    result.filters["body"] = body
    return result


def _finalised(value: Any) -> Any:
    return value if isinstance(value, Markup | int | float) or callable(value) else clean_long(value)


def clean_long(value: object) -> str:
    """Text without characters that act; sentences are longer than labels and are not cut."""
    text = str(value)
    return "".join(clean(text[start : start + 200]) for start in range(0, len(text), 200))
