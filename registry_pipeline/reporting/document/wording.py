"""How numbers and codes are written on a page.

Belongs here: formats of numbers, labels of codes, cleaning of text that came from outside.
Does not belong here: what is shown, HTML escaping (the templates escape everything).
"""

from __future__ import annotations

import math
import re
from typing import Any

from registry_pipeline.reporting.document.hidden import Hidden
from schemas.columns import text
from schemas.study import SIZE_GROUP, VARIABLES, Variable

NOT_GIVEN = "–"
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff\ufffe\uffff]"
)
_LONGEST = 240
_UNKNOWN = Variable(text("", ""), "")
_VARIABLE = re.compile(
    rf"(?<![\w.])({'|'.join(sorted((name for name in VARIABLES if '_' in name), key=len, reverse=True))})\b(?:\[[^\]]*\])?"
)
_EVENT_CODE = re.compile(r"\bcause \d+\b")
_ONE = re.compile(r"\b(?<![.,])(1(?:\.0)?) (month|lesion|patient|event|death|recurrence|group)s\b")


def clean(value: object) -> str:
    """Text from outside without characters that act: controls, direction marks; cut when very long."""
    text = _UNSAFE.sub(" ", str(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def is_given(value: object) -> bool:
    """A value that is there, shown or hidden: not None, not NaN, not NA."""
    if value is None:
        return False
    if isinstance(value, Hidden):
        return True
    if isinstance(value, float):
        return not math.isnan(value)
    return bool(value == value) if not _is_na(value) else False


def _is_na(value: object) -> bool:
    return type(value).__name__ in ("NAType", "NaTType")


def number(value: Any, digits: int = 1) -> str:
    """A number with fixed decimals and a true minus sign, or a dash."""
    if isinstance(value, Hidden):
        return value.word
    if not is_given(value) or not math.isfinite(float(value)):
        return NOT_GIVEN
    text = f"{float(value):.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "\u2212")


def count(value: Any) -> str:
    """An integer with thin separators above 9,999."""
    if isinstance(value, Hidden):
        return value.word
    if not is_given(value):
        return NOT_GIVEN
    return f"{int(value):,}" if abs(int(value)) > 9999 else str(int(value))


def count_of(part: Any, whole: Any) -> str:
    """ "19 of 22"."""
    return f"{count(part)} of {count(whole)}"


def remark(value: object) -> str:
    """A remark of the release as a reader has it, or nothing: a variable by its label, an event not by its code."""
    if not is_given(value):
        return ""
    named = _VARIABLE.sub(lambda match: VARIABLES[match[1]].label, clean(value))
    return singular(_EVENT_CODE.sub("this kind", named))


def share(value: Any, digits: int = 1) -> str:
    """A probability as a percentage."""
    if isinstance(value, Hidden):
        return value.word
    return f"{100 * float(value):.{digits}f} %" if is_given(value) else NOT_GIVEN


def interval(
    lower: Any, upper: Any, digits: int = 1, scale: float = 1.0, open_end: str = "not reached"
) -> str:
    """A confidence interval; an end that is not there is said in words."""
    if isinstance(lower, Hidden) or isinstance(upper, Hidden):
        return Hidden().word
    if not is_given(lower) and not is_given(upper):
        return "not estimable"
    ends = [number(scale * float(end), digits) if is_given(end) else open_end for end in (lower, upper)]
    return " to ".join(ends)


def p_value(value: Any) -> str:
    """A p value as journals print it."""
    if isinstance(value, Hidden):
        return value.word
    if not is_given(value):
        return NOT_GIVEN
    if value < 0.001:
        return "<0.001"
    return ">0.99" if value > 0.99 else f"{value:.3f}" if value < 0.0995 else f"{value:.2f}"


def singular(text: str) -> str:
    """ "1 months" as "1 month"; of lesions, patients and events too."""
    return _ONE.sub(r"\1 \2", text)


def p_phrase(value: Any) -> str:
    """ "p = 0.039" or "p < 0.001"."""
    text = p_value(value)
    return f"p {text[0]} {text[1:]}" if text[0] in "<>" else f"p = {text}"


def ratio(value: Any) -> str:
    """A hazard ratio: two decimals, one above 10, none above 100."""
    if isinstance(value, Hidden):
        return value.word
    if not is_given(value):
        return NOT_GIVEN
    size = abs(float(value))
    return f"{float(value):.{2 if size < 10 else 1 if size < 100 else 0}f}"


def ratio_interval(lower: Any, upper: Any) -> str:
    """Interval of a hazard ratio."""
    if isinstance(lower, Hidden) or isinstance(upper, Hidden):
        return Hidden().word
    if not is_given(lower) or not is_given(upper):
        return "not estimable"
    return f"{ratio(lower)} to {ratio(upper)}"


def lower_first(text: str) -> str:
    """A label inside a sentence: its first letter small, unless it begins an abbreviation."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    """A label that begins a line."""
    return text[:1].upper() + text[1:]


class Words:
    """Labels that depend on the release's parameters.

    Args:
        cutpoint_mm: largest diameter that counts as small.
    """

    def __init__(self, cutpoint_mm: float) -> None:
        self._cutpoint_mm = cutpoint_mm
        self.small = SIZE_GROUP.level("small", cutpoint_mm)
        self.large = SIZE_GROUP.level("large", cutpoint_mm)

    def variable(self, name: str) -> str:
        """Label of a variable."""
        variable = VARIABLES.get(name)
        return variable.label if variable is not None else clean(name).replace("_", " ")

    def measure(self, name: str) -> str:
        """Label of a continuous variable with its unit."""
        unit = _unit(name)
        plural = f", {unit}s" if unit in ("year", "month") else f", {unit}" if unit in ("mm", "Gy") else ""
        return self.variable(name) + plural

    def level(self, variable: str, code: object) -> str:
        """Label of a level of a variable."""
        return VARIABLES.get(variable, _UNKNOWN).level(clean(code), self._cutpoint_mm)

    def group(self, variable: str, code: object) -> str:
        """A level as a phrase that stands alone: "largest diameter ≤ 15 mm", "age under 50 years"."""
        return VARIABLES.get(variable, _UNKNOWN).group(clean(code), self._cutpoint_mm)

    def term(self, term: str, reference: object) -> tuple[str, str]:
        """A model term as (variable, contrast)."""
        name, _, level = clean(term).partition("[")
        if level:
            other = f" vs {self.level(name, reference)}" if is_given(reference) else ""
            return self.variable(name), self.level(name, level.rstrip("]")) + other
        if name.startswith(("has_", "is_")):
            return self.variable(name), f"{self.level(name, 'True')} vs {self.level(name, 'False')}"
        return self.variable(name), f"per {_unit(name) or 'unit'}"


def _unit(name: str) -> str:
    return VARIABLES.get(name, _UNKNOWN).unit
