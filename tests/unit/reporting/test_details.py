"""What stands behind a fold: details, with the heading that speaks of them only; nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from markupsafe import Markup

from registry_pipeline.reporting.document.blocks import (
    Block,
    Column,
    Folded,
    Heading,
    Row,
    Section,
    Table,
    Text,
)
from registry_pipeline.reporting.document.details import FIGURES, TABLES, is_detail, with_details_folded
from registry_pipeline.reporting.document.html import body
from registry_pipeline.reporting.figures.base import FigureFolder
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.report import study_sections
from registry_pipeline.reporting.sections.context import Context
from tests.unit.reporting.toy_release import make_release


def table(source: str) -> Table:
    return Table(source, "", (), (), source)


MAIN, DETAIL = table("result.km_landmark"), table("result.gray_test")


def flat(blocks: list[Block] | tuple[Block, ...]) -> list[Block]:
    return [
        inner for block in blocks for inner in (flat(block.blocks) if isinstance(block, Folded) else [block])
    ]


@pytest.mark.parametrize(("blocks", "expected"), [
    ([MAIN, DETAIL, Text("after")], [MAIN, Folded("result.gray_test", (DETAIL,)), Text("after")]),
    ([MAIN, Heading("More"), Text("why"), DETAIL, MAIN], [MAIN, Folded("More", (Text("why"), DETAIL, MAIN))]),
    ([Heading("Main"), MAIN, DETAIL], [Heading("Main"), MAIN, Folded("result.gray_test", (DETAIL,))]),
    ([Folded("own", (DETAIL,)), MAIN], [Folded("own", (DETAIL,)), MAIN]),
    ([Heading("Words"), Text("only")], [Heading("Words"), Text("only")]),
])  # fmt: skip
def test_a_heading_goes_with_what_it_opens(blocks: list[Block], expected: list[Block]) -> None:
    assert with_details_folded(Section("a", "A", list(blocks))).blocks == expected
    assert with_details_folded(Section("a", "A", list(blocks), is_folded=True)).blocks == blocks


def test_every_detail_is_one_of_a_report_and_none_is_in_its_main_part(tmp_path: Path) -> None:
    """Otherwise a renamed source would come back onto paper without a word."""
    with DisclosedTables(make_release(tmp_path / "registry.duckdb")) as tables:
        sections = study_sections(Context(tables, FigureFolder(tmp_path / "figures")))
    every = [block for section in sections for block in flat(section.blocks)]
    only_in_whole_releases = {"result.cox_term, result.cox_fit"}  # models of the other endpoints
    assert {block.source for block in every if isinstance(block, Table)} >= TABLES - only_in_whole_releases
    assert {getattr(block, "name", "") for block in every} >= FIGURES
    for section in sections:
        assert section.is_folded or not any(map(is_detail, section.blocks)), section.anchor


def test_a_cell_is_escaped_whatever_stood_in_another_one() -> None:
    columns = (Column("a"), Column("b", is_number=False), Column("c"))
    rows = (
        Row("<i>", (Markup("<i>"), "<i>"), trace='"x'),
        Row("group", ("", "", ""), kind="group"),
    )
    assert str(body(Table("", "", columns, rows, ""))).splitlines() == [
        '<tr class="plain"><th scope="row" data-trace="&#34;x" title="registry trace &#34;x">&lt;i&gt;</th>'
        '<td class="n"><i></td><td>&lt;i&gt;</td><td class="n"></td></tr>',
        '<tr class="group"><th scope="rowgroup" colspan="4">group</th></tr>',
    ]
