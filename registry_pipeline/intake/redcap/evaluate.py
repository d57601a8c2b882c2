"""The value of a REDCap expression for given answers.

Belongs here: three-valued logic, arithmetic, dates. Does not belong here: reading an expression
(``intake/redcap/logic.py``), where the answers come from (``intake/redcap/values.py``).

A value is a text, a number, True, False, ``BLANK`` (nothing is entered) or ``UNKNOWN`` (what REDCap would say depends
on something that an export does not hold, or on one of its own conventions). Whoever judges has to leave alone what is
unknown: no finding rests on a guess.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from enum import Enum

from registry_pipeline.intake.redcap.logic import Node, Reference

DAYS = {"y": 365.2425, "M": 30.44, "d": 1.0, "h": 1 / 24, "m": 1 / 1440, "s": 1 / 86400}
"""Unit of ``datediff`` -> days. Source: REDCap's help on datediff."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?")
_LARGEST = 1e15


class Special(Enum):
    """What is no text, number or truth."""

    BLANK = "blank"
    UNKNOWN = "unknown"


BLANK, UNKNOWN = Special.BLANK, Special.UNKNOWN
Value = str | float | bool | Special
Answers = Mapping[Reference, str | Special | None]


def evaluate(node: Node, answers: Answers) -> Value:
    """The value of an expression.

    Args:
        node: what was read.
        answers: the text of every field that the expression names; None where nothing is entered.
    """
    if node.kind in ("number", "text"):
        return BLANK if node.value == "" else _plain(node.value)
    if node.kind == "field":
        assert isinstance(node.value, Reference)
        answer = answers.get(node.value)
        if isinstance(answer, Special):
            return answer
        return BLANK if answer is None or not answer.strip() else answer.strip()
    if node.kind in ("and", "or"):
        return _connected(node, answers)
    if node.kind == "not":
        truth = truth_of(evaluate(node.parts[0], answers))
        return UNKNOWN if truth is None else not truth
    if node.kind == "call":
        return _called(str(node.value), node.parts, answers)
    values = [evaluate(part, answers) for part in node.parts]
    return _ordered(node.kind, *values) if node.kind in _ORDER else _arithmetic(node.kind, values)


def truth_of(value: Value) -> bool | None:
    """Whether a value counts as true; None where that cannot be told."""
    if isinstance(value, bool):
        return value
    if value is UNKNOWN:
        return None
    if value is BLANK:
        return False
    number = number_of(value)
    return number != 0 if number is not None else None


def number_of(value: Value | None) -> float | None:
    """The number that a value is; None for text, blank and unknown."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str) or not value.isascii() or "_" in value:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def date_of(value: Value | None) -> datetime | None:
    """The date or time that a text is (REDCap exports years first); None for anything else."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _plain(value: object) -> Value:
    return value if isinstance(value, str) else float(value)  # type: ignore[arg-type]


def _connected(node: Node, answers: Answers) -> Value:
    """Kleene's and / or: a part that cannot be told only matters where the other does not settle it."""
    settles = node.kind == "or"
    truths = [truth_of(evaluate(part, answers)) for part in node.parts]
    if settles in truths:
        return settles
    return UNKNOWN if None in truths else not settles


_ORDER: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _ordered(kind: str, left: Value, right: Value) -> Value:
    if UNKNOWN in (left, right):
        return UNKNOWN
    is_equality = kind in ("=", "<>")
    if BLANK in (left, right):
        return _with_blank(kind, left, right) if is_equality else UNKNOWN
    numbers = number_of(left), number_of(right)
    if numbers[0] is not None and numbers[1] is not None:
        return _ORDER[kind](numbers[0], numbers[1])
    if is_equality:
        texts = str(left), str(right)
        if texts[0] != texts[1] and texts[0].casefold() == texts[1].casefold():
            return UNKNOWN
        return (texts[0] == texts[1]) == (kind == "=")
    days = date_of(left), date_of(right)
    if days[0] is None or days[1] is None:
        return UNKNOWN
    return _ORDER[kind](days[0].timestamp(), days[1].timestamp())


def _with_blank(kind: str, left: Value, right: Value) -> Value:
    """Nothing equals nothing and differs from every text; REDCap's versions differ over nothing and 0."""
    other = right if left is BLANK else left
    if other is not BLANK and number_of(other) == 0:
        return UNKNOWN
    return (other is BLANK) == (kind == "=")


def _arithmetic(kind: str, values: Sequence[Value]) -> Value:
    if UNKNOWN in values:
        return UNKNOWN
    numbers = [number_of(value) for value in values]
    if BLANK in values:
        return BLANK
    if None in numbers:
        return UNKNOWN
    return _bounded(lambda: _ARITHMETIC[kind](*numbers))


_ARITHMETIC: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "%": math.fmod, "^": lambda a, b: math.pow(a, b), "minus": lambda a: -a,
}  # fmt: skip


def _bounded(compute: Callable[[], float]) -> Value:
    """A result that is no number (division by zero, a root of a negative number) is no value."""
    try:
        result = compute()
    except (ArithmeticError, ValueError, InvalidOperation):
        return BLANK
    return result if math.isfinite(result) and abs(result) < _LARGEST else BLANK


def _called(name: str, parts: Sequence[Node], answers: Answers) -> Value:
    if name == "if":
        truth = truth_of(evaluate(parts[0], answers))
        return UNKNOWN if truth is None else evaluate(parts[1 if truth else 2], answers)
    values = [evaluate(part, answers) for part in parts]
    if UNKNOWN in values:
        return UNKNOWN
    if name == "datediff":
        return _datediff(values)
    if name in _OF_TEXTS:
        return _OF_TEXTS[name](*["" if value is BLANK else str(value) for value in values])
    if name in ("year", "month", "day"):
        day = date_of(values[0])
        return (BLANK if values[0] is BLANK else UNKNOWN) if day is None else float(getattr(day, name))
    if name in _OF_SEVERAL:
        return _of_several(name, values)
    return _of_numbers(name, values)


_OF_TEXTS: dict[str, Callable[..., Value]] = {
    "isnumber": lambda text: number_of(text) is not None,
    "isinteger": lambda text: (number_of(text) or 0.5).is_integer() or number_of(text) == 0,
    "isblank": lambda text: text == "",
    "length": lambda text: float(len(text)),
    "concat": lambda *texts: "".join(texts) or BLANK,
    "contains": lambda text, part: part.casefold() in text.casefold(),
    "not_contain": lambda text, part: part.casefold() not in text.casefold(),
    "starts_with": lambda text, part: text.casefold().startswith(part.casefold()),
    "ends_with": lambda text, part: text.casefold().endswith(part.casefold()),
}
_OF_SEVERAL: dict[str, Callable[[list[float]], float]] = {
    "min": min, "max": max, "sum": math.fsum, "mean": statistics.fmean, "median": statistics.median,
    "stdev": statistics.pstdev,
}  # fmt: skip


def _of_several(name: str, values: Sequence[Value]) -> Value:
    """Functions that pass over what is blank; of nothing at all they give nothing."""
    numbers = [number_of(value) for value in values if value is not BLANK]
    if None in numbers:
        return UNKNOWN
    finite = [number for number in numbers if number is not None]
    if not finite:
        return BLANK
    if name == "stdev" and len(finite) > 1:
        return UNKNOWN  # of a sample or of a population: REDCap's versions differ
    return _bounded(lambda: _OF_SEVERAL[name](finite))


def _of_numbers(name: str, values: Sequence[Value]) -> Value:
    if values[0] is BLANK:
        return BLANK
    numbers = [number_of(value) for value in values]
    if None in numbers:
        return UNKNOWN
    finite = [number for number in numbers if number is not None]
    return _bounded(lambda: _OF_NUMBERS[name](*finite))


_OF_NUMBERS: dict[str, Callable[..., float]] = {
    "round": lambda x, places=0.0: _rounded(x, places, ROUND_HALF_UP),
    "roundup": lambda x, places=0.0: _rounded(x, places, ROUND_CEILING),
    "rounddown": lambda x, places=0.0: _rounded(x, places, ROUND_FLOOR),
    "sqrt": math.sqrt, "abs": abs, "exp": math.exp, "mod": math.fmod,
    "log": lambda x, base=math.e: math.log(x) if base == math.e else math.log(x, base),
}  # fmt: skip


def _rounded(number: float, places: float, how: str) -> float:
    if not 0 <= places <= 12:
        raise ValueError("places")
    return float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-int(places)), rounding=how))


def _datediff(values: Sequence[Value]) -> Value:
    """Days between two dates in a unit; without a sign unless the last argument asks for one."""
    first, second, unit, *rest = values
    if BLANK in (first, second):
        return BLANK
    days = date_of(first), date_of(second)
    if days[0] is None or days[1] is None or unit not in DAYS:
        return UNKNOWN
    options = [str(option).lower() for option in rest]
    if set(options) - {"ymd", "mdy", "dmy", "true", "false"}:
        return UNKNOWN
    result = (days[1] - days[0]).total_seconds() / 86400 / DAYS[str(unit)]
    return result if "true" in options else abs(result)
