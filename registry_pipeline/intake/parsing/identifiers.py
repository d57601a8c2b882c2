"""Identifiers as spreadsheets, databases and people write them, to the identifier itself.

Belongs here: wrappers that keep a spreadsheet from counting, words that name nobody, digits that were rounded away.
Does not belong here: what becomes of an identifier (pseudonyms, templates).
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass

from registry_pipeline.intake.parsing.result import ParsedCode
from registry_pipeline.intake.parsing.text import comparison_key, is_too_long, normalise_text

MACHINE_NULLS = frozenset(
    [
        r"null",
        r"(null)",
        r"<null>",
        r"nan",
        r"-nan",
        r"nat",
        r"<na>",
        r"n/a",
        r"#n/a",
        r"#na",
        r"\n",
        r"#null!",
        r"#ref!",
        r"#value!",
        r"#name?",
        r"#div/0!",
        r"#num!",
    ]
)
"""What programs write where there is no value, as ``comparison_key`` gives it; no hospital means a word by it."""

_NOBODY = MACHINE_NULLS | frozenset(
    [
        "na",
        "none",
        "nil",
        "missing",
        "unknown",
        "unk",
        "not known",
        "not available",
        "anonymous",
        "tbd",
        "pending",
        "inconnu",
        "inconnue",
        "unbekannt",
        "keine",
        "desconocido",
        "desconocida",
        "#n/a n/a",
        "不详",
        "不明",
        "未知",
        "无",
        "無",
        "暂无",
        "空",
    ]
)
_FILLED_OUT = re.compile(r"[\W_]+|x{2,}|0{2,}|-9+")
_REPEATED = re.compile(r"9{4,}|8{5,}")
_WRAPPED = re.compile(r'=\s?(?:t\()?"([^"]*)"\)?|\'([^\']+)\'?', re.IGNORECASE)
_ROUNDED = re.compile(r"[0-9]\.[0-9]+[eE]\+?[0-9]+|[0-9][eE]\+[0-9]+")
_POINT_ZERO = re.compile(r"([0-9]{1,15})\.0+")


@dataclass(frozen=True)
class NumberedColumn:
    """What the other identifiers of a column say of one that could be two things.

    Attributes:
        is_person: it numbers people, so that ``0`` is no number of anybody.
        has_decimals: some have decimals, so that ``.0`` is a part of one that has it.
        running: those such as 9998, after which 9999 is the next number and no placeholder.
    """

    is_person: bool = True
    has_decimals: bool = False
    running: Set[str] = frozenset()


ANYBODY = NumberedColumn()
"""A number of a person in a column of which nothing else is known."""


def parse_identifier(text: str | None, column: NumberedColumn) -> ParsedCode:
    """Read one identifier: width and blanks folded, a spreadsheet's wrapper and ``.0`` taken off.

    Returns:
        Reasons of a query: rounded_identifier, placeholder_identifier, text_too_long.
    """
    if is_too_long(text):
        return ParsedCode(None, "query", "text_too_long")
    received = normalise_text(text)
    if not received:
        return ParsedCode(None, "blank")
    plain = _unwrapped(received)
    if _ROUNDED.fullmatch(plain):
        return ParsedCode(None, "query", "rounded_identifier")
    whole = None if column.has_decimals else _POINT_ZERO.fullmatch(plain)
    plain = whole[1] if whole else plain
    if is_placeholder(plain, column):
        return ParsedCode(None, "query", "placeholder_identifier")
    return ParsedCode(plain, "ok")


def _unwrapped(plain: str) -> str:
    match = _WRAPPED.fullmatch(plain)
    return plain if match is None else (match[1] or match[2] or "").strip()


def is_placeholder(text: str, column: NumberedColumn = ANYBODY) -> bool:
    """Whether a text stands where an identifier or a name should and names nobody."""
    key = comparison_key(text)
    if not key or key in _NOBODY or _FILLED_OUT.fullmatch(key) or (column.is_person and not key.strip("0.")):
        return True
    return _REPEATED.fullmatch(key) is not None and str(int(key) - 1) not in column.running
