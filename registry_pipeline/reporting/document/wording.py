"""How numbers and codes are written on a page.

Belongs here: formats of numbers, labels of codes, cleaning of text that came from outside.
Does not belong here: what is shown, HTML escaping (the templates escape everything).
"""

from __future__ import annotations

import math
import re
from typing import Any

from schemas import codes

NOT_GIVEN = "–"
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff\ufffe\uffff]"
)
_LONGEST = 240
_ONE = re.compile(r"\b(?<![.,])(1(?:\.0)?) (month|lesion|patient|event|death|recurrence|group)s\b")
_LISTS = {
    "lesion_site_group": codes.LESION_SITE_GROUP,
    "lesion_site": codes.LESION_SITE,
    "figo_group": codes.FIGO_GROUP,
    "histology_group": codes.HISTOLOGY_GROUP,
    "lrt_modality": codes.LRT_MODALITY,
    "omd_class": codes.OMD_CLASS,
}
_VARIABLES = {
    "overall": "All patients",
    "lesion_site_group": "Site",
    "scf_vs_other": "Site, two groups",
    "size_group": "Largest diameter",
    "age_group": "Age group",
    "figo_group": "FIGO stage of the primary",
    "histology_group": "Histology",
    "lrt_modality": "Local therapy",
    "has_concurrent_regional": "Concurrent pelvic or para-aortic recurrence",
    "omd_class": "Class of oligometastatic disease (ESTRO-EORTC)",
    "age_years": "Age at diagnosis of the primary",
    "max_diameter_mm": "Largest diameter",
    "sum_diameter_mm": "Sum of diameters",
    "n_lesions": "Number of lesions",
    "months_primary_to_omd": "Interval from primary to oligometastases",
    "bed10_gy": "Highest biologically effective dose (BED)",
    "dx_year": "Year of diagnosis of the primary",
    "is_small": "Largest diameter, two groups",
    "is_dead": "Vital status",
    "is_in_cohort": "In the study",
}
_UNITS = {
    "age_years": "year",
    "max_diameter_mm": "mm",
    "sum_diameter_mm": "mm",
    "n_lesions": "lesion",
    "months_primary_to_omd": "month",
    "bed10_gy": "Gy",
}
ENDPOINTS = {
    "os": "Overall survival",
    "lrfs": "Local recurrence-free survival",
    "local_control": "Freedom from local recurrence",
    "pfs": "Progression-free survival",
    "new_oligomet": "Freedom from new oligometastasis",
}
ORIGINS = {
    "lrt_start": "start of local therapy",
    "omd_dx": "diagnosis of the oligometastases",
    "primary_dx": "diagnosis of the primary",
}
GROWTH_MODELS = {
    "exponential": "exponential",
    "power": "power",
    "linear": "linear",
    "gompertz": "Gompertz",
    "logistic": "logistic",
    "von_bertalanffy": "von Bertalanffy",
    "exponential_interval_onset": "exponential, interval-censored onset",
}
GROWTH_ERRORS = {"additive": "additive error", "log": "error on the log scale"}
PATTERNS = {
    "local_recurrence": "Recurrence in a treated lesion",
    "regional": "Regional recurrence (pelvic, vaginal, para-aortic)",
    "new_oligomet": "New oligometastasis",
    "polymet": "Polymetastatic progression",
    "biochemical": "Biochemical progression",
    "any": "Any recurrence",
}


def clean(value: object) -> str:
    """Text from outside without characters that act: controls, direction marks; cut when very long."""
    text = _UNSAFE.sub(" ", str(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def is_given(value: object) -> bool:
    """A value that is there: not None, not NaN, not NA."""
    if value is None:
        return False
    if isinstance(value, float):
        return not math.isnan(value)
    return bool(value == value) if not _is_na(value) else False


def _is_na(value: object) -> bool:
    return type(value).__name__ in ("NAType", "NaTType")


def number(value: Any, digits: int = 1) -> str:
    """A number with fixed decimals and a true minus sign, or a dash."""
    if not is_given(value) or not math.isfinite(float(value)):
        return NOT_GIVEN
    text = f"{float(value):.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "\u2212")


def count(value: Any) -> str:
    """An integer with thin separators above 9,999."""
    if not is_given(value):
        return NOT_GIVEN
    return f"{int(value):,}" if abs(int(value)) > 9999 else str(int(value))


def share(value: Any, digits: int = 1) -> str:
    """A probability as a percentage."""
    return f"{100 * float(value):.{digits}f} %" if is_given(value) else NOT_GIVEN


def interval(
    lower: Any, upper: Any, digits: int = 1, scale: float = 1.0, open_end: str = "not reached"
) -> str:
    """A confidence interval; an end that is not there is said in words."""
    if not is_given(lower) and not is_given(upper):
        return "not estimable"
    ends = [number(scale * float(one), digits) if is_given(one) else open_end for one in (lower, upper)]
    return " to ".join(ends)


def p_value(value: Any) -> str:
    """A p value as journals print it."""
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
    if not is_given(value):
        return NOT_GIVEN
    size = abs(float(value))
    return f"{float(value):.{2 if size < 10 else 1 if size < 100 else 0}f}"


def ratio_interval(lower: Any, upper: Any) -> str:
    """Interval of a hazard ratio."""
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
        self.small = f"≤ {cutpoint_mm:g} mm"
        self.large = f"> {cutpoint_mm:g} mm"

    def variable(self, name: str) -> str:
        """Label of a variable."""
        return _VARIABLES.get(name, clean(name).replace("_", " "))

    def measure(self, name: str) -> str:
        """Label of a continuous variable with its unit."""
        unit = _UNITS.get(name, "")
        return self.variable(name) + (
            f", {unit}s" if unit in ("year", "month") else f", {unit}" if unit in ("mm", "Gy") else ""
        )

    def level(self, variable: str, code: object) -> str:
        """Label of a level of a variable."""
        text = clean(code)
        if variable == "overall":
            return "All patients"
        if variable in ("size_group", "is_small"):
            return {"small": self.small, "large": self.large, "True": self.small, "False": self.large}.get(
                text, text
            )
        if variable == "is_in_cohort":
            return {"True": "in the study", "False": "not in the study"}.get(text, text)
        if variable == "scf_vs_other":
            return {"scf": "supraclavicular fossa", "non_scf": "other sites than supraclavicular"}.get(
                text, text
            )
        if text.lower() in ("true", "false"):
            return "yes" if text.lower() == "true" else "no"
        return _LISTS[variable].labels.get(text, text) if variable in _LISTS else text

    def group(self, variable: str, code: object) -> str:
        """A level as a phrase that stands alone: "largest diameter ≤ 15 mm", "FIGO stage III"."""
        level = self.level(variable, code)
        if variable in ("size_group", "is_small"):
            return f"largest diameter {level}"
        if variable == "age_group":
            return f"age {level} years"
        if variable == "has_concurrent_regional":
            return f"{'with' if level == 'yes' else 'without'} concurrent pelvic or para-aortic recurrence"
        return f"FIGO {level}" if variable == "figo_group" else level

    def term(self, term: str, reference: object) -> tuple[str, str]:
        """A model term as (variable, contrast)."""
        name, _, level = clean(term).partition("[")
        if level:
            other = f" vs {self.level(name, reference)}" if is_given(reference) else ""
            return self.variable(name), self.level(name, level.rstrip("]")) + other
        if name == "is_small":
            return self.variable(name), f"{self.small} vs {self.large}"
        if name.startswith(("has_", "is_")):
            return self.variable(name), "yes vs no"
        unit = _UNITS.get(name, "unit")
        return self.variable(name), f"per {unit}"
