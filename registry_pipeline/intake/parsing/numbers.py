"""Numbers, each with its unit made explicit.

Belongs here: decimal marks, qualifiers, units. Does not belong here: ranges of what is plausible (rules),
sizes of lesions (sizes.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Literal

from registry_pipeline.intake.parsing.result import ParsedNumber, Qualifier
from registry_pipeline.intake.parsing.text import is_too_long, normalise_text

DOSE_UNITS: Mapping[str, float] = {
    "Gy": 1.0, "cGy": 0.01, "rad": 0.01, "rads": 0.01, "戈瑞": 1.0, "厘戈瑞": 0.01, "gray": 1.0
}  # fmt: skip
"""Units of absorbed dose -> Gy. Biologically weighted doses (GyE, Gy RBE) are another quantity."""

_QUALIFIERS: tuple[tuple[str, Qualifier], ...] = (
    ("<=", "<"), (">=", ">"), ("<", "<"), (">", ">"), ("≤", "<"), ("≥", ">"), ("~", "~"), ("≈", "~"),
    ("approximately", "~"), ("approx.", "~"), ("approx", "~"), ("circa", "~"), ("ca.", "~"), ("about", "~"),
    ("environ", "~"), ("etwa", "~"), ("大约", "~"), ("约", "~"), ("=", "="),
)  # fmt: skip
_BODY = re.compile(
    r"(?P<sign>[+-]?)(?P<digits>[0-9][0-9.,' ]*|[.,][0-9]+)(?P<power>[eE][+-]?[0-9]{1,3})?(?P<rest>.*)"
)
_RANGE = re.compile(r"[0-9.,]+ ?(?:-|~|to|至|到|bis) ?[0-9.,]+.*")
_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,20})?")


def parse_number(
    text: str | None,
    decimal: Literal[".", ","] = ".",
    units: Mapping[str, float] | None = None,
    default_unit: str | None = None,
) -> ParsedNumber:
    """Read one number.

    Args:
        text: as received; ``<``, ``>``, ``~`` and their words become the qualifier (``≤`` counts as ``<``).
        decimal: the decimal mark in use; the other mark is then a query, never a guess.
        units: unit -> factor to the base unit. A unit outside it is a query.
        default_unit: the declared unit of a bare number; without it a bare number is a query where units
            are in play (rule S13).

    Returns:
        Reasons of a query: not_a_number, range, undeclared_comma, undeclared_point,
        unit_missing, unknown_unit, trailing_text, out_of_range, text_too_long.
    """
    if text and decimal == "." and not units and _PLAIN.fullmatch(text):
        return ParsedNumber(float(text), "=", "ok")
    if is_too_long(text):
        return _query("text_too_long")
    plain = normalise_text(text)
    if not plain:
        return ParsedNumber(None, None, "blank")
    qualifier, body = _split_qualifier(plain)
    match = _BODY.fullmatch(body)
    if match is None:
        return _query("not_a_number")
    if _RANGE.fullmatch(body):
        return _query("range")
    digits, reason = _plain_digits(match["digits"].strip(), decimal)
    if digits is None:
        return _query(reason)
    unit, factor, reason = _unit(match["rest"].strip(), units, default_unit)
    if reason:
        return _query(reason)
    return _scaled(f"{match['sign']}{digits}{match['power'] or ''}", factor, qualifier, unit)


def _split_qualifier(plain: str) -> tuple[Qualifier, str]:
    lowered = plain.casefold()
    for mark, qualifier in _QUALIFIERS:
        if lowered.startswith(mark):
            return qualifier, plain[len(mark) :].strip()
    return "=", plain


def _plain_digits(digits: str, decimal: str) -> tuple[str | None, str]:
    """The digits with a point as decimal mark, or the reason why they cannot be read."""
    other = "," if decimal == "." else "."
    if other in digits:
        return None, "undeclared_comma" if other == "," else "undeclared_point"
    plain = digits.replace(decimal, ".")
    if not re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", plain):
        return None, "not_a_number"
    return plain, ""


def _unit(
    rest: str, units: Mapping[str, float] | None, default_unit: str | None
) -> tuple[str | None, float, str]:
    """Unit, factor and the reason of a query ('' when there is none)."""
    if not units:
        return None, 1.0, "trailing_text" if rest else ""
    unit = rest or default_unit
    if not unit:
        return None, 1.0, "unit_missing"
    if unit in units:
        return unit, units[unit], ""
    same = [name for name in units if name.casefold() == unit.casefold()]
    return (same[0], units[same[0]], "") if len(same) == 1 else (None, 1.0, "unknown_unit")


def _scaled(digits: str, factor: float, qualifier: Qualifier, unit: str | None) -> ParsedNumber:
    """Decimal arithmetic, so that 5040 cGy is 50.4 Gy and not 50.400000000000006."""
    try:
        value = float(Decimal(digits) * Decimal(repr(factor)))
    except (InvalidOperation, OverflowError, ValueError):
        return _query("out_of_range")
    if not math.isfinite(value):
        return _query("out_of_range")
    return ParsedNumber(value, qualifier, "ok", None, unit)


def _query(reason: str) -> ParsedNumber:
    return ParsedNumber(None, None, "query", reason)
