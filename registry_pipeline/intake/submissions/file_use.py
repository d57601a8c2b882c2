"""A landed file with what it is used for.

Belongs here: the value object and what follows from it alone. Does not belong here: finding files, reading rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from registry_pipeline.core.units import noted_moment
from registry_pipeline.intake.landing.ledger import LandedFile
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.raw.store import RawFile, SheetInfo
from registry_pipeline.intake.redcap.project_file import RedcapFile

Fate = Literal["rejected", "superseded"]
NO_SOURCE = "no source takes this file"
FARTHEST_AHEAD = timedelta(hours=14)
"""Of universal time, in the time zone where a day begins first."""


@dataclass(frozen=True)
class FileUse:
    """A landed file with the source that takes it; ``raw`` is None where none does or it was withdrawn.

    Attributes:
        is_superseded: a newer submission of a ``full`` source has taken its place.
        redcap: what the file is to a REDCap project, for files of one.
    """

    landed: LandedFile
    source: Source | None
    raw: RawFile | None
    is_superseded: bool = False
    redcap: RedcapFile | None = None

    @property
    def is_usable(self) -> bool:
        """Whether nothing but its headers can stand in the way of using it."""
        return self.redcap is None or not self.redcap.problem

    @property
    def sheets(self) -> Sequence[SheetInfo]:
        """Its sheets, none for a file that was not read."""
        return self.raw.sheets if self.raw is not None else ()

    @property
    def status(self) -> str:
        """For ``meta.submission``."""
        if self.landed.is_withdrawn:
            return f"withdrawn on {self.landed.withdrawn_at[:10]}"
        return NO_SOURCE if self.raw is None else self.raw.status

    def fate_of(self, sheet: SheetInfo) -> Fate | None:
        """What becomes of all rows of a sheet; None when they are used."""
        assert self.source is not None
        if self.is_superseded:
            return "superseded"
        return None if self.is_usable and has_needed(self.source, sheet) else "rejected"


def last_day(uses: Sequence[FileUse]) -> date:
    """The last day that it was anywhere when the newest of a facility's files was received: what they report was no later.

    Any, where none was.
    """
    received = max((use.landed.received_at for use in uses), default=None)
    return date.max if received is None else (noted_moment(received) + FARTHEST_AHEAD).date()


def has_needed(source: Source, sheet: SheetInfo) -> bool:
    """Whether a sheet has every column without which it cannot be used."""
    return all(plain_name(name) in sheet.columns for name in source.needed_columns(sheet.sheet))


def is_used(source: Source, sheet: SheetInfo) -> bool:
    """Whether rows of a sheet become records: it has rows and what they need, and feeds a table."""
    feeds = bool(source.tables_of(sheet.sheet)) or not source.tables
    return bool(sheet.n_rows) and feeds and has_needed(source, sheet)


def plain_name(name: str) -> str:
    """A column's name as the readers give it: runs of blanks collapsed."""
    return " ".join(name.split())
