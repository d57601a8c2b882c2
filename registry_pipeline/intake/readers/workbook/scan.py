"""What a workbook's XML says that the cell reader does not tell, and whether it may be loaded at all.

Belongs here: bounded scans of an .xlsx archive's parts with regular expressions (no XML parser, hence no
entity expansion): size of the used range, length of shared texts, formulas, hidden and merged cells.
Does not belong here: formats (``styles.py``), cells' values (``read.py``).

Every scan is linear in the bytes: no pattern looks across a ``<``, and none has two ways to match one text.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from registry_pipeline.intake.readers.archive import iter_member
from registry_pipeline.intake.readers.model import ReadError
from registry_pipeline.intake.readers.workbook.styles import Precision, attributes_of, precisions

_FREE_CELLS = 10_000_000
"""A used range of so many cells is always loaded; a larger one only if its file has a byte for each."""
_FREE_TEXT_BYTES = 64 * 2**20
_TEXT_PER_BYTE = 8
"""Shared texts are bounded by so many times the worksheet's own bytes."""
_MOST_PLACES = 100_000

_SHEET = re.compile(r"<(?:\w+:)?sheet\b([^<>]*)>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\b([^<>]*)>")
_PREFIX = re.compile(rb"<(\w{1,20}):worksheet\b")
_ERROR_CELL = re.compile(rb'<c\b[^<>]*\bt="e"')
_NO_RESULT = re.compile(
    rb"<c\b([^<>]*)>\s*+(?:<f\b[^<>]*/>|<f\b[^<>]*>[^<]*</f>)\s*+(?:<v>\s*+</v>|<v\s*+/>)?+\s*+</c>"
)
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_ROW_NUMBER = re.compile(rb'\A[^<>]*?\br="([0-9]{1,7})"')
_HIDDEN_ROW = re.compile(rb'\A[^<>]*\bhidden="(?:1|true)"')
_HIDDEN_COLUMNS = re.compile(rb'<col\b[^<>]*\bhidden="(?:1|true)"')
_CELL = re.compile(rb"<c\b([^<>]*)>")
_STYLE = re.compile(rb'\bs="([0-9]{1,9})"')
_SHARED = re.compile(rb"<c\b([^<>]*)>\s*+<v>([0-9]{1,9})</v>")
_MERGED = re.compile(rb'<mergeCell\b[^<>]*\bref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_EPOCH_1904 = re.compile(r'<(?:\w+:)?workbookPr\b[^<>]*\bdate1904="(?:1|true)"')
_LONG_NUMBER = re.compile(rb"<v>(?:[0-9]{16,}|[0-9.]{1,40}E\+(?:1[5-9]|[2-9][0-9]))</v>")


@dataclass
class SheetFacts:
    """What was found in one worksheet.

    Attributes:
        n_rows, n_columns: the used range, from A1. n_bytes: of its XML. n_shared: cells with a shared text.
        hidden_rows: rows with content that the workbook hides.
        merged: first and last row and the reference of merged cells over several rows.
        short_dates: row, column (from 0) and precision of cells whose format shows less than a day.
    """

    n_errors: int = 0
    n_without_result: int = 0
    n_long_numbers: int = 0
    n_hidden_columns: int = 0
    first_without_result: str = ""
    n_rows: int = 0
    n_columns: int = 0
    n_bytes: int = 0
    n_shared: int = 0
    hidden_rows: list[int] = field(default_factory=list)
    merged: list[tuple[int, int, str]] = field(default_factory=list)
    short_dates: list[tuple[int, int, Precision]] = field(default_factory=list)
    epoch: Literal["1900", "1904"] | None = None

    def as_warnings(self, first_data_row: int) -> list[str]:
        """One sentence for each thing by which values were lost or may have been, or that a reader does not see."""
        first = f" (the first in {self.first_without_result})" if self.first_without_result else ""
        hidden = [row for row in self.hidden_rows if row >= first_data_row]
        merged = [reference for _, last, reference in self.merged if last >= first_data_row]
        sentences = (
            (self.n_errors, "cells hold a formula error and were read as empty"),
            (
                self.n_without_result,
                f"formulas have no stored result{first} and were read as empty; open and save it in Excel",
            ),
            (
                self.n_long_numbers,
                "numbers have more than 15 digits, of which Excel keeps only 15; format the column as text",
            ),
            (self.n_hidden_columns, "ranges of columns are hidden in the workbook and were read too"),
            (
                len(hidden),
                f"rows are hidden in the workbook and were read too (the first is row {min(hidden, default=0)});"
                " delete them if they do not count",
            ),
            (
                len(merged),
                "merged cells reach over several rows, of which only the first has the value (the first merge is"
                f" {merged[0] if merged else ''}); unmerge them and fill in every row",
            ),
        )
        return [f"{n} {text}" for n, text in sentences if n]


def scan_workbook(archive: zipfile.ZipFile) -> dict[str, SheetFacts]:
    """Facts by worksheet name; reading every part also proves that sizes and check sums are true.

    Raises:
        ReadError: too_large for a worksheet that would not fit into memory, whatever the size of its file.
    """
    members = {member.filename: member for member in archive.infolist()}
    short = precisions(_part(archive, members, "xl/styles.xml"))
    is_1904 = _EPOCH_1904.search(_text_of(archive, members, "xl/workbook.xml"))
    lengths = [len(text) for text in _part(archive, members, "xl/sharedStrings.xml").split(b"</si>")[:-1]]
    facts: dict[str, SheetFacts] = {}
    scanned = {"xl/sharedStrings.xml"}
    by_part: dict[str, SheetFacts] = {}
    for name, part in _sheet_parts(archive, members):
        scan = _SheetScan(short)
        if part in by_part:
            scan.facts = by_part[part]
        elif part in members:
            scan.read(iter_member(archive, members[part]))
            _refuse_sparse(scan.facts)
            if scan.facts.n_shared * max(lengths, default=0) > _text_bound(scan.facts):
                _refuse_long_texts(iter_member(archive, members[part]), scan.facts, lengths)
        facts[name] = by_part[part] = scan.facts
        facts[name].epoch = "1904" if is_1904 else "1900"
        scanned.add(part)
    for filename, member in members.items():
        if filename not in scanned:
            for _ in iter_member(archive, member):
                pass
    return facts


def _refuse_sparse(facts: SheetFacts) -> None:
    n_cells = facts.n_rows * facts.n_columns
    if n_cells > _FREE_CELLS + facts.n_bytes:
        raise ReadError(
            "too_large",
            f"cells are filled as far as row {facts.n_rows:,} and column {facts.n_columns:,}, a range of"
            f" {n_cells:,} cells of which nearly all are empty; delete the stray cells and save it anew",
        )


def _refuse_long_texts(pieces: Iterator[bytes], facts: SheetFacts, lengths: list[int]) -> None:
    """The same long texts in thousands of cells: a few bytes in the file, gigabytes in memory."""
    n_bytes = 0
    for block in _blocks(pieces):
        places = (int(place) for tag, place in _SHARED.findall(block) if b't="s"' in tag)
        n_bytes += sum(lengths[place] for place in places if place < len(lengths))
        if n_bytes > _text_bound(facts):
            n_mb = _text_bound(facts) // 2**20
            raise ReadError(
                "too_large",
                f"its cells repeat the same long texts, more than {n_mb:,} MB in all; shorten or split it",
            )


def _text_bound(facts: SheetFacts) -> int:
    return _FREE_TEXT_BYTES + _TEXT_PER_BYTE * facts.n_bytes


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The XML in blocks that end before a row begins, without the prefix that some programs put before names."""
    rest, prefix = b"", b""
    for piece in pieces:
        block = rest + piece
        if not prefix and not rest and (match := _PREFIX.search(block[:4096])):
            prefix = match[1]
        cut = block.rfind(b"<" + prefix + b":row" if prefix else b"<row")
        if cut > 0:
            yield _without(block[:cut], prefix)
            rest = block[cut:]
        elif len(block) > 16 * 2**20:  # a single row of this size
            yield _without(block, prefix)
            rest = b""
        else:
            rest = block
    yield _without(rest, prefix)


def _without(block: bytes, prefix: bytes) -> bytes:
    if not prefix:
        return block
    return block.replace(b"<" + prefix + b":", b"<").replace(b"</" + prefix + b":", b"</")


class _SheetScan:
    """One pass over one worksheet's XML."""

    def __init__(self, short: dict[int, Precision]) -> None:
        self.facts = SheetFacts()
        self._short = short
        self._row = 0

    def read(self, pieces: Iterator[bytes]) -> None:
        """Take the whole part in."""
        for block in _blocks(pieces):
            self._count(block)
            if self._short:
                self._find_short_dates(block)
            for row in block.split(b"<row")[1:]:
                self._look_at(row)

    def _count(self, block: bytes) -> None:
        facts = self.facts
        facts.n_bytes += len(block)
        facts.n_shared += block.count(b't="s"')
        if b't="e"' in block:
            facts.n_errors += len(_ERROR_CELL.findall(block))
        if b"<f" in block:
            self._count_without_result(block)
        facts.n_long_numbers += len(_LONG_NUMBER.findall(block))
        if b"hidden=" in block:
            facts.n_hidden_columns += len(_HIDDEN_COLUMNS.findall(block))
        if b"<mergeCell" in block:
            for left, top, right, bottom in _MERGED.findall(block):
                if top != bottom and len(facts.merged) < _MOST_PLACES:
                    reference = f"{left.decode()}{top.decode()}:{right.decode()}{bottom.decode()}"
                    facts.merged.append((int(top), int(bottom), reference))

    def _count_without_result(self, block: bytes) -> None:
        """Formulas that were never counted; an empty text (``t="str"``) is a result."""
        for match in _NO_RESULT.finditer(block):
            if b't="str"' in match[1]:
                continue
            self.facts.n_without_result += 1
            place = _PLACE.search(match[1])
            if place and not self.facts.first_without_result:
                self.facts.first_without_result = (place[1] + place[2]).decode("ascii")

    def _find_short_dates(self, block: bytes) -> None:
        for tag in _CELL.findall(block):
            style = _STYLE.search(tag)
            precision = self._short.get(int(style[1])) if style else None
            place = _PLACE.search(tag) if precision else None
            if precision and place:
                self.facts.short_dates.append((int(place[2]), column_number(place[1]) - 1, precision))

    def _look_at(self, row: bytes) -> None:
        """The used range grows by a row that has content."""
        number = _ROW_NUMBER.match(row)
        self._row = int(number[1]) if number else self._row + 1
        content = max(row.rfind(b"<v"), row.rfind(b"<is"), row.rfind(b"<f"))
        if content < 0:
            return
        facts = self.facts
        cell = row.rfind(b"<c", 0, content)
        place = _PLACE.search(row, max(cell, 0), content)
        width = column_number(place[1]) if place else row.count(b"<c ") + row.count(b"<c>")
        facts.n_columns = max(facts.n_columns, width)
        facts.n_rows = max(facts.n_rows, int(place[2]) if place else self._row)
        if b"hidden=" in row[:400] and _HIDDEN_ROW.match(row) and len(facts.hidden_rows) < _MOST_PLACES:
            facts.hidden_rows.append(self._row)


def column_number(letters: bytes) -> int:
    """The number of a column from 1: A is 1, XFD is 16,384."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _sheet_parts(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> list[tuple[str, str]]:
    """Worksheet names with the archive member that holds each."""
    relations = {}
    for tag in _RELATION.findall(_text_of(archive, members, "xl/_rels/workbook.xml.rels")):
        attributes = attributes_of(tag)
        target = attributes.get("Target", "")
        relations[attributes.get("Id", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    sheets = map(attributes_of, _SHEET.findall(_text_of(archive, members, "xl/workbook.xml")))
    return [(sheet.get("name", ""), relations.get(sheet.get("r:id", ""), "")) for sheet in sheets]


def _part(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> bytes:
    return b"".join(iter_member(archive, members[name])) if name in members else b""


def _text_of(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> str:
    return _part(archive, members, name).decode("utf-8", errors="ignore")
