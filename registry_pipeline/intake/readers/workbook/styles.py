"""Number formats of a workbook: which show a date, and which show less than a day.

Belongs here: the formats part (``xl/styles.xml``). Does not belong here: cells (``scan.py``), values (``read.py``).

Patterns never look across a ``<``, so that scanning takes time in proportion to the bytes whatever they are.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Literal

Precision = Literal["month", "year"]

# East Asian built-in formats (ECMA-376 part 1, 18.8.30): Excel keeps them unwritten, and readers that know
# only the Western built-ins give such a date as its serial number.
_EAST_ASIAN_DATES = {27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58}
_EAST_ASIAN_TIMES = {32, 33, 34, 35, 55, 56}
_MONTH_ONLY_BUILT_IN = {17, 27, 36, 50, 52, 57}
_DATE_FORMAT, _TIME_FORMAT = 14, 21
_LONGEST_CODE = 255  # Excel allows no longer one

_BEGIN = re.compile(rb"<(?:\w+:)?cellXfs\b[^<>]*>")
_END = re.compile(rb"</(?:\w+:)?cellXfs>")
_FORMAT = re.compile(rb"<(?:\w+:)?xf\b[^<>]*>")
_FORMAT_ID = re.compile(rb'(\bnumFmtId=")([0-9]{1,9})(")')
_CUSTOM = re.compile(r"<(?:\w+:)?numFmt\b([^<>]*)>")
_ATTRIBUTE = re.compile(r'(?<![\w:])([\w:]++)="([^"<]*+)"')
_NO_LETTERS = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|general|e[+-]')


def attributes_of(tag: str) -> dict[str, str]:
    """The attributes of one tag, entities resolved."""
    return {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(tag)}


def western(styles: bytes) -> bytes:
    """The part with East Asian built-in formats replaced by the Western ones that readers know."""
    begin, end = _cell_formats(styles)
    return styles[:begin] + _FORMAT_ID.sub(_western_id, styles[begin:end]) + styles[end:]


def precisions(styles: bytes) -> dict[int, Precision]:
    """Numbers of the cell formats that show a month without a day, or a year alone."""
    begin, end = _cell_formats(styles)
    codes = dict(_custom_codes(styles))
    shown: dict[int, Precision] = {}
    for number, tag in enumerate(_FORMAT.findall(styles[begin:end])):
        match = _FORMAT_ID.search(tag)
        format_id = int(match[2]) if match else 0
        precision: Precision | None = "month" if format_id in _MONTH_ONLY_BUILT_IN else None
        if format_id in codes:
            precision = precision_of(codes[format_id])
        if precision is not None:
            shown[number] = precision
    return shown


def precision_of(code: str) -> Precision | None:
    """How much of a date a format code shows, where it is less than a day; None for every other code."""
    letters = _NO_LETTERS.sub("", code[:_LONGEST_CODE].casefold().partition(";")[0])
    has_year = any(mark in letters for mark in "yeg") or "bb" in letters
    if not has_year or any(mark in letters for mark in "dhs0#?"):
        return None
    return "month" if "m" in letters else "year"


def _custom_codes(styles: bytes) -> Iterator[tuple[int, str]]:
    for tag in _CUSTOM.findall(styles.decode("utf-8", "ignore")):
        attributes = attributes_of(tag)
        number = attributes.get("numFmtId", "")
        if number.isascii() and number.isdigit() and len(number) < 10:
            yield int(number), attributes.get("formatCode", "")


def _cell_formats(styles: bytes) -> tuple[int, int]:
    """Where the formats of cells begin and end; an empty place where there are none."""
    begin = _BEGIN.search(styles)
    end = _END.search(styles, begin.end()) if begin else None
    return (begin.end(), end.start()) if begin and end else (0, 0)


def _western_id(match: re.Match[bytes]) -> bytes:
    number = int(match[2])
    if number in _EAST_ASIAN_DATES:
        number = _DATE_FORMAT
    elif number in _EAST_ASIAN_TIMES:
        number = _TIME_FORMAT
    return match[1] + str(number).encode() + match[3]
