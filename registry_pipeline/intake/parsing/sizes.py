"""A lesion's size out of a sentence of an imaging report, or a query where a guess would be needed.

Belongs here: the grammar of one size in one text. Does not belong here: the words (size_words.py), whether
a size is plausible (rules M01 to M07).

The text is understood only when it states exactly one size. Everything known to be no size (series and image
numbers, SUV) is taken out first; any digit or any word left over that is not known to change nothing
(``neutral_words.py``), a second size, a prior study, a change, a date or a missing unit makes a query. A text without digits that negates ('no lesion', '未见') is blank with the reason
``negative_finding``: the examination stated nothing to measure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from registry_pipeline.intake.parsing import size_words as words
from registry_pipeline.intake.parsing.neutral_words import is_neutral
from registry_pipeline.intake.parsing.result import ParsedSize, SizeQualifier
from registry_pipeline.intake.parsing.text import normalise_text

MAX_SIZE_CHARS = 500
Unit = Literal["mm", "cm"]
Axis = Literal["long", "short"]

_N = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_U = r"(?: ?(?:mm|cm)(?![a-z0-9²³^/]))?"
_SIZE = re.compile(
    rf"(?P<mark>(?:[<>]=|=[<>]|[<>≤≥≦≧⩽⩾~=]) ?)?(?<![0-9.,-])(?P<body>{_N}{_U} \.\. {_N}{_U}|{_N}{_U}(?: x {_N}{_U}){{0,2}})"
    r"(?P<after> ?[↓↑≈])?(?![0-9.,]*[0-9])"
)
_PART = re.compile(rf"({_N}) ?(mm|cm)?")
_MARKS: dict[str, SizeQualifier] = {
    **dict.fromkeys(("<", "<=", "=<", "≤", "≦", "⩽", "↓"), "<"),
    **dict.fromkeys((">", ">=", "=>", "≥", "≧", "⩾", "↑"), ">"), "~": "~", "≈": "~", "": "=", "=": "=",
}  # fmt: skip
_SIGNS = (
    (words.AT_MOST_AFTER, "↓"),
    (words.AT_LEAST_AFTER, "↑"),
    (words.ABOUT_AFTER, "≈"),
    (words.AT_MOST, "<"),
    (words.AT_LEAST, ">"),
    (words.ABOUT, "~"),
)
_TO_MM = {"mm": Decimal(1), "cm": Decimal(10)}
_UNKNOWN_UNIT = re.compile(
    r"[0-9] ?(?:(?:mm|cm)[0-9²³^/]|ml|cc|dm|inch|in(?![a-z])|µm|um(?![a-z])|m(?![a-z]))"
)
_EMPTY = ParsedSize(None, None, None, None, None, None, None, None, "blank")


@dataclass(frozen=True)
class _Context:
    """What the words around the number say."""

    axis: Axis | None
    suvmax: float | None
    is_multiple: bool


def parse_size(text: str | None, unit: Unit | None = None, decimal: Literal[".", ","] = ".") -> ParsedSize:
    """Read the one size that a text states.

    Args:
        text: as received; at most ``MAX_SIZE_CHARS`` characters are taken for the statement of a size.
        unit: the declared unit of a bare number; undeclared, a bare number is a query (rule S13).
        decimal: the decimal mark of the source.

    Returns:
        A ``ParsedSize``. With only an SUVmax stated the status is ok, the reason ``suv_only``, the axes None.
        Reasons of a query: text_too_long, comparison_text, change_text, doubtful, date_in_text, other_length, negated_with_number, several_suv,
        no_size, several_sizes, other_numbers, unit_missing, unknown_unit, undeclared_comma, range_reversed,
        zero_size, negative_number, both_axes_named, conflicting_qualifiers, unknown_words.
    """
    if text is not None and len(text) > MAX_SIZE_CHARS:
        return _query("text_too_long")
    plain = normalise_text(text).casefold()
    if not plain:
        return _EMPTY
    if not re.search("[0-9]", plain):
        negative = words.NEGATIVE.search(plain)
        return replace(_EMPTY, reason="negative_finding") if negative else _query("no_size")
    if reason := _refusal(plain):
        return _query(reason)
    return _read(plain, unit, decimal)


def _refusal(plain: str) -> str | None:
    """What makes the sentence say more than one thing."""
    if words.DATE.search(_without_suv(words.SERIES.sub(" ", plain))):
        return "date_in_text"
    if words.COMPARISON.search(plain):
        return "comparison_text"
    if words.CHANGE.search(plain) or words.CHANGE_AFTER.search(plain):
        return "change_text"
    if words.DOUBT.search(plain):
        return "doubtful"
    if words.OTHER_LENGTH.search(plain):
        return "other_length"
    denied = words.NEGATIVE.search(words.AT_MOST.sub("", words.AT_LEAST.sub("", plain)))
    return "negated_with_number" if denied else None


def _without_suv(plain: str) -> str:
    return words.OTHER_SUV.sub(" ", words.SUVMAX.sub(" ", plain))


def _read(plain: str, unit: Unit | None, decimal: str) -> ParsedSize:
    suv = words.SUVMAX.findall(plain)
    rest = words.SERIES.sub(" ", _without_suv(plain))
    if len(suv) > 1 or words.ANY_SUV.search(rest):
        return _query("several_suv")
    suvmax = float(suv[0].replace(",", ".")) if suv else None
    if not re.search("[0-9]", rest):
        return replace(_EMPTY, status="ok", reason="suv_only", suvmax=suvmax)
    long, short = words.LONG_AXIS.search(rest), words.SHORT_AXIS.search(rest)
    axis: Axis | None = "long" if long else "short" if short else None
    context = _Context(axis, suvmax, words.MULTIPLE.search(rest) is not None)
    if long and short:
        return _two_axes(rest, max(long.start(), short.start()), unit, decimal, context)
    return _only_size(_plain_signs(rest, decimal), unit, context)


def _two_axes(rest: str, cut: int, unit: Unit | None, decimal: str, context: _Context) -> ParsedSize:
    """'long axis 12 mm, short axis 9 mm' in either order: one plain size on each side."""
    by_axis: dict[Axis, ParsedSize] = {}
    for side in (rest[:cut], rest[cut:]):
        axis: Axis = "long" if words.LONG_AXIS.search(side) else "short"
        by_axis[axis] = _only_size(_plain_signs(side, decimal), unit, replace(context, axis=axis))
    long, short = by_axis.get("long"), by_axis.get("short")
    if long is None or short is None or {long.qualifier, short.qualifier} - {"=", "~"}:
        return _query("both_axes_named")
    qualifier: SizeQualifier = "~" if "~" in (long.qualifier, short.qualifier) else "="
    return replace(long, short_axis_mm=short.short_axis_mm, qualifier=qualifier)


def _plain_signs(rest: str, decimal: str) -> str:
    """Words for units, 'by', 'to' and qualifiers to one sign each."""
    rest = words.CENTIMETRE.sub("cm", words.MILLIMETRE.sub("mm", rest))
    if decimal == ",":
        rest = re.sub(r"(?<=[0-9]),(?=[0-9])", ".", rest.replace(".", "·"))
    rest = words.BETWEEN.sub(lambda match: f"{match.group(1)} .. " if match.group(1) else " ", rest)
    for pattern, sign in _SIGNS:
        rest = pattern.sub(sign, rest)
    rest = words.TILDE_AT_START.sub("~", rest)
    rest = words.LARGEST.sub(" ", words.MULTIPLE.sub(" ", rest))
    rest = words.LONG_AXIS.sub(" ", words.SHORT_AXIS.sub(" ", rest))
    rest = words.TO.sub(" .. ", words.BY.sub(" x ", rest))
    return re.sub(r"\s+", " ", re.sub(r"([<>~])[ :]*", r"\1", rest)).strip()


def _only_size(rest: str, unit: Unit | None, context: _Context) -> ParsedSize:
    if re.search(r"[0-9],[0-9]", rest) or "·" in rest:
        return _query("undeclared_comma")
    if re.search(r"(?<![0-9a-z])-[0-9]", rest):
        return _query("negative_number")
    if _UNKNOWN_UNIT.search(rest):
        return _query("unknown_unit")
    sizes = list(_SIZE.finditer(rest))
    if not sizes:
        return _query("no_size")
    with_unit = [match for match in sizes if re.search("mm|cm", match["body"])]
    if len(sizes) > 1:
        return _query("several_sizes" if len(with_unit) != 1 else "other_numbers")
    remainder = rest[: sizes[0].start()] + rest[sizes[0].end() :]
    if re.search("[0-9<>~↓↑≈]", remainder):
        return _query("conflicting_qualifiers" if not re.search("[0-9]", remainder) else "other_numbers")
    return _measured(sizes[0], unit, context) if is_neutral(remainder) else _query("unknown_words")


def _measured(match: re.Match[str], unit: Unit | None, context: _Context) -> ParsedSize:
    marks = [_MARKS[(match[name] or "").strip()] for name in ("mark", "after")]
    stated = list(dict.fromkeys(mark for mark in marks if mark != "="))
    if len(stated) > 1:
        return _query("conflicting_qualifiers")
    lengths = _in_mm(match["body"], unit)
    if lengths is None:
        return _query("unit_missing")
    if min(lengths) <= 0:
        return _query("zero_size")
    if " .. " in match["body"]:
        return _range(lengths, stated[0] if stated else "=", context)
    return _axis_values(lengths, stated[0] if stated else "=", context)


def _in_mm(body: str, unit: Unit | None) -> list[float] | None:
    """Every length in mm; a unit given once holds for all of them, a missing one needs the declared unit."""
    parts = _PART.findall(body)
    stated = list(dict.fromkeys(name for _, name in parts if name))
    default = stated[0] if len(stated) == 1 else unit
    if any(not name for _, name in parts) and default is None:
        return None
    return [float(Decimal(number) * _TO_MM[name or default or "mm"]) for number, name in parts]


def _range(lengths: list[float], stated: SizeQualifier, context: _Context) -> ParsedSize:
    if stated not in "=~":
        return _query("conflicting_qualifiers")
    if lengths[0] >= lengths[1]:
        return _query("range_reversed")
    return _answer(context, "range", lower_mm=lengths[0], upper_mm=lengths[1])


def _axis_values(lengths: list[float], qualifier: SizeQualifier, context: _Context) -> ParsedSize:
    longest, *others = sorted(lengths, reverse=True)
    if others and (context.axis is not None or qualifier in "<>"):
        return _query("both_axes_named" if context.axis else "conflicting_qualifiers")
    if qualifier == "<":
        return _answer(context, qualifier, lower_mm=0.0, upper_mm=longest)
    if qualifier == ">":
        return _answer(context, qualifier, lower_mm=longest)
    bounds = {"lower_mm": longest, "upper_mm": longest}
    if context.axis == "short":
        return _answer(context, qualifier, short_axis_mm=longest, **bounds)
    axes = zip(("short_axis_mm", "third_mm"), others, strict=False)
    return _answer(context, qualifier, long_axis_mm=longest, **dict(axes), **bounds)


def _answer(context: _Context, qualifier: SizeQualifier, **lengths: float) -> ParsedSize:
    return ParsedSize(
        long_axis_mm=lengths.get("long_axis_mm"),
        short_axis_mm=lengths.get("short_axis_mm"),
        third_mm=lengths.get("third_mm"),
        lower_mm=lengths.get("lower_mm"),
        upper_mm=lengths.get("upper_mm"),
        qualifier=qualifier,
        axis_reported=context.axis,
        suvmax=context.suvmax,
        status="ok",
        is_multiple=context.is_multiple,
    )


def _query(reason: str) -> ParsedSize:
    return replace(_EMPTY, status="query", reason=reason)
