"""Sections of the study report kept from one release to the next: what read the same by the same code says the same.

Belongs here: what a section read, as digests; keeping it as HTML with its figures, and finding it.
Does not belong here: making sections (``report.py``), single drawings (``figures/drawing_cache.py``).

A section is a function of what it reads of the release. So it is enough to note what it read: as long as that is there
unchanged, it would read the same again. Nobody declares what a section needs, and nobody can forget to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from markupsafe import Markup

from registry_pipeline.reporting.document.blocks import Section
from registry_pipeline.reporting.document.html import RenderedSection, render_section, templates_digest
from registry_pipeline.reporting.figures.drawing_cache import code_of, content_digest, read_text, write_text
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables

_CODE = ("registry_pipeline.reporting.document.details", "registry_pipeline.reporting.document.html")


@dataclass
class MadeSection:
    """A section, and what making it touched.

    Attributes:
        section: None where the release has nothing for it.
        written: files of its figures.
        asked: tables that it asked for by name.
        read: every table that it read rows of, in whatever way.
        counted: tables of which it read the number of rows only, with that number.
        drawings: names of kept drawings that it is made with.
    """

    section: Section | RenderedSection | None
    written: list[Path] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    counted: dict[str, int] = field(default_factory=dict)
    drawings: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class KeptSections:
    """Sections of earlier releases, in a folder.

    Attributes:
        folder: of kept texts.
        contents: table of the release that is reported -> digest of its rows.
        tables: the release.
        figures: where the figures of its report go.
    """

    folder: Path
    contents: Mapping[str, str]
    tables: DisclosedTables
    figures: Path

    def find_all(self, modules: Mapping[str, tuple[str, ...]]) -> dict[str, MadeSection]:
        """The sections that were made of the same, by name; their figures are written.

        Args:
            modules: section -> the modules that make it.
        """
        return {
            name: made
            for name, own in modules.items()
            if (made := self._find(self._path(name, own))) is not None
        }

    def _find(self, path: Path) -> MadeSection | None:
        text = read_text(path)
        if text is None:
            return None
        kept = json.loads(text)
        if kept["read"] != self._digests(kept["read"]) or kept["counted"] != self._counts(kept["counted"]):
            return None
        for drawing in kept["drawings"]:  # in use still, for who makes the section anew of the same numbers
            if (self.folder / drawing).exists():
                (self.folder / drawing).touch()
        part, written = kept["section"], [self.figures / file for file in kept["files"]]
        for place, content in zip(written, kept["files"].values(), strict=True):
            self.figures.mkdir(parents=True, exist_ok=True)
            place.write_text(content, encoding="utf-8", newline="")
        section = (
            None if part is None else RenderedSection(part["anchor"], part["title"], Markup(part["html"]))
        )
        return MadeSection(section, written, set(kept["asked"]))

    def keep(self, name: str, modules: tuple[str, ...], made: MadeSection) -> MadeSection:
        """The same section as HTML; kept unless it read what has no digest, such as the release's name."""
        section = render_section(made.section) if isinstance(made.section, Section) else made.section
        read = {*made.read, *(self._masks() if self.tables.hides else ())}
        digests = self._digests(read)
        if None not in digests.values() and "meta.release" not in read:
            text = {
                "read": digests,
                "counted": made.counted,
                "asked": sorted(made.asked),
                "drawings": sorted(made.drawings),
                "files": {path.name: path.read_bytes().decode() for path in made.written},
                "section": None if section is None else vars(section),
            }
            write_text(json.dumps(text, ensure_ascii=False), self._path(name, modules))
        return MadeSection(section, made.written, made.asked)

    def _masks(self) -> set[str]:
        """What small counts are hidden by: any count may follow from any other one."""
        return {*self.tables.names("result"), *self.tables.names("mart")}

    def _digests(self, names: Mapping[str, object] | set[str]) -> dict[str, str | None]:
        return {name: self.contents.get(name) for name in sorted(names)}

    def _counts(self, names: Mapping[str, int]) -> dict[str, int]:
        return {name: self.tables.count_rows(name) for name in names}

    @cached_property
    def _of_all(self) -> str:
        """What every section rests on: how counts are hidden, what tables have which columns, templates."""
        tables = self.tables
        about = [tables.limit, tables.smallest, self.contents.get("meta.parameter"), tables.columns]
        return content_digest([*about, templates_digest()])

    def _path(self, name: str, modules: tuple[str, ...]) -> Path:
        key = content_digest([name, self._of_all, code_of(*modules, *_CODE)])
        return self.folder / f"{key}.section.txt"
