"""Which blocks of a section are details: behind a fold on the screen, and left out on paper.

Belongs here: the tables and figures that check or repeat what the main part says. Does not belong here: making blocks.

The printed main part is what a clinician reads; a reviewer opens the rest. A heading goes behind the fold with all
that stands under it where the first thing under it is a detail.
"""

from __future__ import annotations

from collections.abc import Iterable

from registry_pipeline.reporting.document.blocks import Block, Figure, Folded, Heading, Section, Table

TABLES = {
    "mart.attrition", "result.logrank_test", "result.logrank_weighted", "result.rmst_difference",
    "result.landmark_analysis", "result.gray_test", "result.cause_specific_cox, result.fine_gray", "result.lesion_cox", "result.lesion_local_control",
    "result.recurrence_by_group", "result.recurrence_course", "result.cox_fit", "result.ph_test",
    "result.cox_term, result.cox_fit", "result.growth_sensitivity", "result.growth_serial, result.growth_mixed",
    "result.growth_threshold, result.growth_fit", "result.surveillance",
}  # fmt: skip
"""Sources of tables that are details."""
FIGURES = {"swimmer", "km_lrfs_scf_vs_other"}
"""Names of figures that are details."""


def is_detail(block: Block) -> bool:
    """Whether a table or figure is one."""
    return (isinstance(block, Table) and block.source in TABLES) or (
        isinstance(block, Figure) and block.name in FIGURES
    )


def with_details_folded(section: Section) -> Section:
    """The same section with its details behind folds of their own; a folded section stays as it is."""
    if not section.is_folded:
        section.blocks = [block for group in _groups(section.blocks) for block in _shown(group)]
    return section


def _groups(blocks: Iterable[Block]) -> list[list[Block]]:
    """What stands under each heading, the heading first; folds stand alone."""
    groups: list[list[Block]] = [[]]
    for block in blocks:
        if isinstance(block, Heading | Folded):
            groups.append([])
        groups[-1].append(block)
        if isinstance(block, Folded):
            groups.append([])
    return groups


def _shown(group: list[Block]) -> list[Block]:
    first = next((block for block in group if isinstance(block, Table | Figure)), None)
    if group and isinstance(group[0], Heading) and first is not None and is_detail(first):
        return [Folded(group[0].text, tuple(group[1:]))]
    return [_folded(block) for block in group]


def _folded(block: Block) -> Block:
    return (
        Folded(block.caption, (block,)) if isinstance(block, Table | Figure) and is_detail(block) else block
    )
