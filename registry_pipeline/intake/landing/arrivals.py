"""Which files of an inbox are a submission, and which were received before.

Belongs here: comparing what lies in the inbox with what has landed. Does not belong here: copying, the ledger
(``landing.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing.inbox import InboxFile
from registry_pipeline.intake.landing.ledger import LandedFile

SourceName = Callable[[str], str | None]
"""File name -> name of the source that takes it, or None."""


class Arrivals:
    """The files of a facility's inbox, divided into those to be landed and those that were received before.

    The same bytes twice are one submission, until the facility sends something else of the same source: whoever
    then sends the earlier bytes again means them. Files that lie in the inbox since they landed mean nothing, also
    where a copying job lays them there anew every night: they have the same name and the same bytes.
    The same bytes for two sources are two files.

    Args:
        ledger: what the facility ever sent.
        knows_inbox: whether it is remembered what lay in the inbox before; if not, nothing counts as sent again.
    """

    def __init__(self, ledger: Sequence[LandedFile], knows_inbox: bool) -> None:
        self._ledger, self._knows_inbox = ledger, knows_inbox
        self._files: list[tuple[InboxFile, str, bool]] = []

    def add(self, file: InboxFile, sha256: str, is_arrival: bool) -> None:
        """A file whose bytes lie in the landing; it is an arrival when no file of that name held these bytes before."""
        self._files.append((file, sha256, is_arrival))

    def divided(
        self, source_name: Callable[[], SourceName]
    ) -> tuple[list[tuple[str, InboxFile]], list[InboxFile]]:
        """Hash and file of those to be landed, and the others. The mapping is read only if it is needed."""
        landed = {file.sha256 for file in self._ledger}
        if not any(is_arrival or sha256 not in landed for _, sha256, is_arrival in self._files):
            return [], [file for file, _, _ in self._files]
        of = source_name()
        new = self._new(of)
        pending, chosen, others = new | self._again(of, new), [], []
        for file, sha256, is_arrival in self._files:
            key = (sha256, of(file.shown_name))
            if key in pending and (is_arrival or key in new):
                pending.discard(key)
                chosen.append((sha256, file))
            else:
                others.append(file)
        return chosen, others

    def _new(self, of: SourceName) -> set[tuple[str, str | None]]:
        """Bytes that no file of their source had; a file that no source takes needs bytes that are new altogether."""
        seen = {(file.sha256, of(file.source_file)) for file in self._ledger}
        landed = {sha256 for sha256, _ in seen}
        keys = {(sha256, of(file.shown_name)) for file, sha256, _ in self._files}
        taken = {sha256 for sha256, source in keys if source is not None} | landed
        return {
            (sha256, source) for sha256, source in keys - seen if source is not None or sha256 not in taken
        }

    def _again(self, of: SourceName, new: set[tuple[str, str | None]]) -> set[tuple[str, str | None]]:
        """Bytes that arrived once more after, or together with, other bytes of their source."""
        if not self._knows_inbox:
            return set()
        last: dict[tuple[str, str | None], int] = {}
        newest: dict[str | None, int] = {}
        for file in self._ledger:
            source = of(file.source_file)
            last[file.sha256, source] = newest[source] = file.submission_no
        changed = {source for _, source in new}
        keys = {(sha256, of(file.shown_name)) for file, sha256, is_arrival in self._files if is_arrival}
        return {
            key
            for key in keys & set(last)
            if key[1] is not None and (key[1] in changed or last[key] < newest[key[1]])
        }


def source_names(home: Home, facility_id: str) -> SourceName:
    """Which source takes a file of a name; none for every name while the mapping cannot be read."""
    from registry_pipeline.intake.mapping.facility import (
        read_facility,  # here: it loads the readers, which cost time
    )

    try:
        facility = read_facility(home.facilities / f"{facility_id}.toml")
    except ConfigurationError:
        return lambda _: None

    def name_of(file_name: str) -> str | None:
        source = facility.source_of(file_name)
        return None if source is None else source.name

    return name_of
