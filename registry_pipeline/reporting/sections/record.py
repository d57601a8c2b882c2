"""What a section of the study report is: its place, and what is folded under it.

Belongs here: the records by which the report finds sections. Does not belong here: any particular section.
A module of this room that declares ``SECTIONS`` or ``ADDITIONS`` is in the report; no list names it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry_pipeline.reporting.document.blocks import Block, Section
from registry_pipeline.reporting.sections.context import Context


@dataclass(frozen=True)
class ReportSection:
    """A section of the study report.

    Attributes:
        name: by which additions and the order of a registry without a cohort refer to it.
        place: sections stand in this order; tens leave room between them.
        make: from the release to the section; None leaves it out.
        is_folded: behind a fold, which keeps the printed main part short.
    """

    name: str
    place: int
    make: Callable[[Context], Section | None]
    is_folded: bool = False


@dataclass(frozen=True)
class Addition:
    """Blocks at the end of a section, where there is a cohort to speak of.

    Attributes:
        to: name of the section.
        make: from the release to the blocks.
    """

    to: str
    make: Callable[[Context], Sequence[Block | None]]
