"""The tables of a folder, each with a digest of all that it was made from: what did not change is kept.

Belongs here: whether a table is still what its inputs give, and is byte by byte what was written.
Does not belong here: what a table is made from (who makes it says that), making it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from registry_pipeline.core.files import read_hashed_json, write_hashed_json
from registry_pipeline.core.working_files import TABLE_NOTES, digest_of_file


@dataclass(frozen=True)
class TableNote:
    """What is known of a table that was written.

    Attributes:
        key: digest of all that it was made from.
        sha256: of its file; two tables of one content have one, so that what rests on it can be kept.
        n_rows: number of its rows.
        parts: digests of what of its inputs was read, by name, of a table whose inputs are looked at more closely.
        inputs: digests of what it is made from by facility, of a table of which one facility's rows can be made anew.
    """

    key: str
    sha256: str
    n_rows: int
    parts: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)


class KeyedTables:
    """The notes on the tables of a folder. A file that is not what its note says counts as not made.

    Notes are written by :meth:`save`; a process that is killed before leaves files that differ from their notes.
    """

    def __init__(self, folder: Path, force: bool = False) -> None:
        """Read the notes; lost or damaged ones only cost that everything is made again.

        Args:
            force: nothing is current that was not written since.
        """
        self.folder = folder
        self._seen: set[str] = set()
        self._force = force
        try:
            notes = read_hashed_json(folder / TABLE_NOTES)
            self._notes = {str(name): TableNote(**note) for name, note in notes.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            self._notes = {}

    def path(self, name: str) -> Path:
        """Where a table lies."""
        return self.folder / f"{name}.parquet"

    def is_current(self, name: str, key: str) -> bool:
        """Whether the table was made from just this, and its file is whole."""
        return name in self._notes and self._notes[name].key == key and self.is_whole(name)

    def is_whole(self, name: str) -> bool:
        """Whether a table's file is byte by byte what was written."""
        if name in self._seen:
            return True
        if name not in self._notes or self._force:
            return False
        try:
            if digest_of_file(self.path(name)) != self._notes[name].sha256:
                return False
        except OSError:
            return False
        self._seen.add(name)
        return True

    def remember(
        self,
        name: str,
        key: str,
        n_rows: int,
        parts: dict[str, str] | None = None,
        inputs: Mapping[str, str] | None = None,
    ) -> None:
        """Note what a table that was just written was made from."""
        sha256 = digest_of_file(self.path(name))
        self._notes[name] = TableNote(key, sha256, n_rows, parts or {}, dict(inputs or {}))
        self._seen.add(name)

    def renew(self, name: str, key: str, inputs: Mapping[str, str] | None = None) -> None:
        """Note that a table would be made the same from other inputs."""
        self._notes[name] = replace(self._notes[name], key=key, inputs=dict(inputs or {}))

    def note_parts(self, name: str, parts: dict[str, str]) -> None:
        """Note digests of parts of a table that was made."""
        self._notes[name] = replace(self._notes[name], parts=parts)

    def parts(self, name: str) -> dict[str, str]:
        """What of its inputs was read for a table; empty for one that was never made."""
        return self._notes[name].parts if name in self._notes else {}

    def inputs(self, name: str) -> dict[str, str]:
        """Digests of what a table is made from by facility; empty for one that was never made, or is made as a whole."""
        return self._notes[name].inputs if name in self._notes else {}

    def content(self, name: str) -> str:
        """SHA-256 of a table's file; empty for one that was never made."""
        return self._notes[name].sha256 if name in self._notes else ""

    def n_rows(self, name: str) -> int:
        """Rows of a table that was made."""
        return self._notes[name].n_rows

    def save(self) -> None:
        """Write the notes down."""
        notes = {name: asdict(note) for name, note in sorted(self._notes.items())}
        write_hashed_json(notes, self.folder / TABLE_NOTES)
