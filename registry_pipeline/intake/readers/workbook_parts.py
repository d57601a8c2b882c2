"""What a workbook's XML says that the cell reader does not tell: formats, formulas, hidden columns.

Belongs here: bounded scans of an .xlsx archive's parts with regular expressions (no XML parser, hence no
entity expansion). Does not belong here: cells' values (workbook.py).
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from registry_pipeline.intake.readers.archive import iter_member

# East Asian built-in formats (ECMA-376 part 1, 18.8.30): Excel keeps them unwritten, and readers that know
# only the Western built-ins give such a date as its serial number.
_EAST_ASIAN_DATES = {27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58}
_EAST_ASIAN_TIMES = {32, 33, 34, 35, 55, 56}
_MONTH_ONLY_BUILT_IN = {17, 27, 36, 50, 52, 57}
_DATE_FORMAT, _TIME_FORMAT = 14, 21

_CELL_FORMATS = re.compile(rb"(<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>)", re.S)
_FORMAT_ID = re.compile(rb'(\bnumFmtId=")([0-9]+)(")')
_CUSTOM = re.compile(rb'<(?:\w+:)?numFmt\b[^>]*?numFmtId="([0-9]+)"[^>]*?formatCode="([^"]*)"')
_SHEET = re.compile(r"<(?:\w+:)?sheet\b([^>]*)>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\b([^>]*)>")
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
_ERROR_CELL = re.compile(rb'<c\b[^>]*\bt="e"')
_NO_RESULT = re.compile(
    rb"<c\b([^>]*)>\s*(?:<f\b[^>]*/>|<f\b[^>]*>[^<]*</f>)\s*(?:<v>\s*</v>|<v\s*/>)?\s*</c>"
)
_PLACE = re.compile(rb'\br="([A-Z]{1,3}[0-9]{1,7})"')
_EPOCH_1904 = re.compile(r'<(?:\w+:)?workbookPr\b[^>]*\bdate1904="(?:1|true)"')
_LONG_NUMBER = re.compile(rb"<v>(?:[0-9.]+E\+(?:1[5-9]|[2-9][0-9])|[0-9]{16,})</v>")
_HIDDEN = re.compile(rb'<col\b[^>]*\bhidden="(?:1|true)"[^>]*>')


@dataclass
class SheetFacts:
    """Counts of one worksheet."""

    n_errors: int = 0
    n_without_result: int = 0
    n_long_numbers: int = 0
    n_hidden_columns: int = 0
    first_without_result: str = ""
    is_month_only: bool = False
    epoch: Literal["1900", "1904"] | None = None

    def as_notes(self) -> list[str]:
        """One sentence for each thing that was found and cost nothing."""
        hidden = f"{self.n_hidden_columns} column ranges are hidden in the workbook; they were read too"
        month = "a cell format shows year and month only; such cells are read as day 1"
        return [hidden] * bool(self.n_hidden_columns) + [month] * self.is_month_only

    def as_warnings(self) -> list[str]:
        """One sentence for each thing by which values were lost or may have been."""
        first = f" (the first in {self.first_without_result})" if self.first_without_result else ""
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
        )
        return [f"{n} {text}" for n, text in sentences if n]


def scan_workbook(archive: zipfile.ZipFile) -> dict[str, SheetFacts]:
    """Facts by worksheet name; reading every part also proves that sizes and check sums are true."""
    members = {member.filename: member for member in archive.infolist()}
    styles = _text_of(archive, members, "xl/styles.xml")
    month_only = has_month_only_format(styles.encode())
    is_1904 = _EPOCH_1904.search(_text_of(archive, members, "xl/workbook.xml"))
    epoch: Literal["1900", "1904"] = "1904" if is_1904 else "1900"
    facts: dict[str, SheetFacts] = {}
    scanned = set()
    for name, part in _sheet_parts(archive, members):
        facts[name] = _scan_sheet(iter_member(archive, members[part])) if part in members else SheetFacts()
        scanned.add(part)
        facts[name].is_month_only, facts[name].epoch = month_only, epoch
    for filename, member in members.items():
        if filename not in scanned:
            for _ in iter_member(archive, member):
                pass
    return facts


def _scan_sheet(pieces: Iterator[bytes]) -> SheetFacts:
    facts, rest = SheetFacts(), b""
    for piece in pieces:
        block = rest + piece
        cut = max(block.rfind(b"</row>"), block.rfind(b"<sheetData>"))
        if cut < 0:
            rest = block[-(2**20) :]
            continue
        _count(block[:cut], facts)
        rest = block[cut:]
    _count(rest, facts)
    return facts


def _count(block: bytes, facts: SheetFacts) -> None:
    if b't="e"' in block:
        facts.n_errors += len(_ERROR_CELL.findall(block))
    if b"<f" in block:
        _count_without_result(block, facts)
    facts.n_long_numbers += len(_LONG_NUMBER.findall(block))
    if b'hidden="' in block:
        facts.n_hidden_columns += len(_HIDDEN.findall(block))


def _count_without_result(block: bytes, facts: SheetFacts) -> None:
    """Formulas that were never counted; an empty text (``t="str"``) is a result."""
    for match in _NO_RESULT.finditer(block):
        if b't="str"' in match[1]:
            continue
        facts.n_without_result += 1
        place = _PLACE.search(match[1])
        if place and not facts.first_without_result:
            facts.first_without_result = place[1].decode("ascii")


def _sheet_parts(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> list[tuple[str, str]]:
    """Worksheet names with the archive member that holds each."""
    relations = {}
    for match in _RELATION.finditer(_text_of(archive, members, "xl/_rels/workbook.xml.rels")):
        attributes = dict(_ATTRIBUTE.findall(match[1]))
        target = attributes.get("Target", "")
        relations[attributes.get("Id", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    parts = []
    for match in _SHEET.finditer(_text_of(archive, members, "xl/workbook.xml")):
        attributes = dict(_ATTRIBUTE.findall(match[1]))
        parts.append(
            (html.unescape(attributes.get("name", "")), relations.get(attributes.get("r:id", ""), ""))
        )
    return parts


def _text_of(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> str:
    if name not in members:
        return ""
    return b"".join(iter_member(archive, members[name])).decode("utf-8", errors="ignore")


def has_month_only_format(styles: bytes) -> bool:
    """True when a cell format in use shows a year and a month but no day."""
    custom = {int(m[1]): html.unescape(m[2].decode("utf-8", "ignore")) for m in _CUSTOM.finditer(styles)}
    for block in _CELL_FORMATS.findall(styles):
        for used in {int(m[2]) for m in _FORMAT_ID.finditer(block)}:
            if used in custom and _is_month_only(custom[used]):
                return True
            if used in _MONTH_ONLY_BUILT_IN and used not in custom:
                return True
    return False


def _is_month_only(code: str) -> bool:
    letters = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", code.casefold())
    return "y" in letters and "m" in letters and "d" not in letters and "h" not in letters


def with_known_dates(archive: zipfile.ZipFile, data: bytes) -> bytes:
    """The workbook with East Asian built-in date formats replaced by the Western ones that readers know."""
    if "xl/styles.xml" not in archive.namelist():
        return data
    styles = archive.read("xl/styles.xml")
    changed = _CELL_FORMATS.sub(lambda match: _FORMAT_ID.sub(_western, match[0]), styles)
    if changed == styles:
        return data
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for member in archive.infolist():
            is_styles = member.filename == "xl/styles.xml"
            target.writestr(member.filename, changed if is_styles else archive.read(member))
    return copy.getvalue()


def _western(match: re.Match[bytes]) -> bytes:
    number = int(match[2])
    if number in _EAST_ASIAN_DATES:
        number = _DATE_FORMAT
    elif number in _EAST_ASIAN_TIMES:
        number = _TIME_FORMAT
    return match[1] + str(number).encode() + match[3]
