"""The boundary through which every argument but the columns of a frame enters a public function.

Belongs here: what an argument of a name may be; refusals that name the argument and what to give instead.
Does not belong here: reading columns (inputs.py).

An argument means the same in every function, so its check hangs on its name. A name without a check is refused when
the function is defined.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import wraps
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")
Check = Callable[[Any], str]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) and math.isfinite(value)


def _number(rule: Callable[[float], bool], what: str) -> Check:
    """A finite number for which the rule holds."""
    return lambda value: "" if _is_number(value) and rule(float(value)) else what


def _whole(least: int, what: str) -> Check:
    """A whole number from `least` on."""
    return lambda value: (
        ""
        if isinstance(value, Integral) and not isinstance(value, (bool, np.bool_)) and int(value) >= least
        else what
    )


def _values(value: Any) -> list[Any] | None:
    """The members of a list, tuple or one-dimensional array; None where it is none of these."""
    if isinstance(value, (list, tuple, range)):
        return list(value)
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    return list(value) if isinstance(value, np.ndarray) and value.ndim == 1 else None


def _numbers(rule: Callable[[float], bool], what: str, is_single_allowed: bool = True) -> Check:
    """One number or a sequence of numbers, for each of which the rule holds."""

    def check(value: Any) -> str:
        if is_single_allowed and _is_number(value):
            return "" if rule(float(value)) else what
        members = _values(value)
        is_good = bool(members) and all(_is_number(each) and rule(float(each)) for each in members or [])
        return "" if is_good else what

    return check


def _column(value: Any) -> str:
    return "" if isinstance(value, str) else "the name of a column"


def _columns(value: Any) -> str:
    members = [value] if isinstance(value, str) else _values(value)
    is_good = members is not None and all(isinstance(each, str) for each in members)
    return "" if is_good else "names of columns"


def _choice(*words: str) -> Check:
    return lambda value: "" if isinstance(value, str) and value in words else f"one of {', '.join(words)}"


def _word(value: Any) -> str:
    return "" if isinstance(value, str) else "a word"


def _flag(value: Any) -> str:
    return "" if isinstance(value, (bool, np.bool_)) else "True or False"


def _frame(value: Any) -> str:
    is_frame = hasattr(value, "collect_schema") or hasattr(value, "columns")
    return "" if is_frame else "a pandas or polars data frame"


def _weighting(value: Any) -> str:
    is_powers = isinstance(value, tuple) and len(value) == 3 and value[0] == "fleming-harrington"
    is_word = isinstance(value, str) and value == "peto"
    if is_word or (is_powers and all(_is_number(each) and each >= 0 for each in value[1:])):
        return ""
    return "None, 'peto' or ('fleming-harrington', p, q) with p and q of at least 0"


def _array(n_dimension: int) -> Check:
    """Numbers in so many dimensions."""

    def check(value: Any) -> str:
        shape = "a matrix of numbers" if n_dimension == 2 else "a sequence of numbers"
        if isinstance(value, (list, tuple)) or hasattr(value, "to_numpy"):
            try:
                value = np.asarray(value)
            except ValueError:
                return shape
        is_good = isinstance(value, np.ndarray) and value.ndim == n_dimension and value.dtype.kind in "iufb"
        return "" if is_good else shape

    return check


def _p_values(value: Any) -> str:
    what = "numbers between 0 and 1, NaN where there is no test"
    if _array(1)(value):
        return what
    numbers = np.asarray(value, dtype=np.float64)
    return "" if bool(np.all(np.isnan(numbers) | ((numbers >= 0) & (numbers <= 1)))) else what


def _with(attribute: str, what: str) -> Check:
    """An object of ours, known by what it has."""
    return lambda value: "" if hasattr(value, attribute) else what


def _labels(value: Any) -> str:
    return "" if _values(value) is not None else "a sequence of labels"


_POSITIVE = _number(lambda value: value > 0, "a finite number greater than 0")
_TIMES = _numbers(lambda value: value >= 0, "finite times of at least 0, one or more")
_COUNT = _whole(0, "a whole number of at least 0")
_DRAWS = _whole(1, "a whole number of at least 1")
CHECKS: dict[str, Check] = {
    "frame": _frame,
    **dict.fromkeys(
        (
            "duration", "event", "entry", "counts", "weights", "variable", "facility",
            "patient", "node", "lesion", "state", "months", "interval_months", "diameter_mm", "event_type", "time",
        ),
        _column,
    ),
    **dict.fromkeys(("by", "strata", "cluster"),
                    lambda value: _columns(value) or ("" if len(value) else "at least one column")),
    **dict.fromkeys(("covariates", "variables", "adjust"), _columns),
    **dict.fromkeys(("at", "landmarks"), _TIMES),
    **dict.fromkeys(("tau", "horizon", "threshold_mm", "detection_limit_mm", "cutpoint_mm", "cutpoint",
                     "last_months", "longest_interval"), _POSITIVE),
    "complete_freedom": lambda value: (
        "" if isinstance(value, Real) and not isinstance(value, bool) and float(value) > 0 else "a number above 0"
    ),
    **dict.fromkeys(("intervals", "thresholds", "detection_limits", "cutoffs"),
                    _numbers(lambda value: value > 0, "finite numbers greater than 0", is_single_allowed=False)),
    "level": _number(lambda value: 0 < value < 1, "a share between 0 and 1, such as 0.95"),
    "min_share": _number(lambda value: 0 < value < 0.5, "a share between 0 and 0.5"),
    "exposure": _number(lambda value: value >= 0, "a finite number of at least 0"),
    "reference": _number(lambda _: True, "a finite number"),
    "events_per_variable": lambda value: "" if isinstance(value, Real) else "a number",
    **dict.fromkeys(("count", "n", "n_patients", "n_bootstrap", "seed"), _COUNT),
    **dict.fromkeys(("n_permutations", "n_draws", "n_cycles", "cause", "most"), _DRAWS),
    **dict.fromkeys(("n_points", "n_imputations", "n_groups"), _whole(2, "a whole number of at least 2")),
    "n_knots": lambda value: "" if isinstance(value, Integral) and value in (3, 4, 5) else "3, 4 or 5",
    "ci_transform": _choice("log-log", "log", "plain"),
    "unit": _choice("frame", "days", "months"),
    "definition": _choice("reverse_km", "observed"),
    "ties": _choice("efron", "breslow"),
    "penalty": _choice("firth"),
    "counting": _choice("first_overall", "first_of_type"),
    "weighting": _weighting,
    **dict.fromkeys(("midpoint", "cross_check", "pool", "limits"), _flag),
    "knots": _numbers(lambda _: True, "finite increasing numbers", is_single_allowed=False),
    "states": lambda value: (
        "" if isinstance(value, Mapping) and all(isinstance(each, str) for each in (*value, *value.values()))
        else "names of states and the columns of their times"
    ),
    **dict.fromkeys(("initial", "final"), _word),
    "standard_errors": _array(1),
    "estimate": lambda value: "" if callable(value) else "a function of a frame",
    **dict.fromkeys(("values", "score", "stratum", "weight", "cluster_codes", "strata_codes"), _array(1)),
    "p_values": _p_values,
    **dict.fromkeys(("estimates", "variances"), _array(2)),
    **dict.fromkeys(("fit", "onset"), _with("status", "the result of a fit")),
    "fits": lambda value: "" if isinstance(value, Mapping) else "fits by model and error model",
    "times": _with("duration", "Times"),
    "observed": _frame,
    **dict.fromkeys(("patients", "patterns"), _labels),
    "models": lambda value: _labels(value) or ("" if _values(value) else "at least one model"),
    **dict.fromkeys(("model", "error_model"), _word),
}  # fmt: skip


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check the arguments of a public function by their names before it runs; a default is always allowed.

    A lazy frame is read here, once. Arithmetic that overflows or divides by zero ends as a status, a note or NaN in the
    result, not as numpy's warning. Raises ValueError that names function and argument, and what to give instead.
    """
    signature = inspect.signature(function)
    unknown = [name for name in signature.parameters if name not in CHECKS]
    if unknown:
        raise TypeError(f"{function.__name__}: no check is known for {', '.join(unknown)}")

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        _refuse_arguments(function.__name__, signature.parameters, bound.arguments)
        frame: Any = bound.arguments.get("frame")
        if hasattr(frame, "collect_schema") and hasattr(frame, "collect"):
            bound.arguments["frame"] = frame.collect()
        with np.errstate(all="ignore"):
            return function(*bound.args, **bound.kwargs)

    return call


def _refuse_arguments(
    name: str, parameters: Mapping[str, inspect.Parameter], arguments: Mapping[str, Any]
) -> None:
    """Raise ValueError for the first argument that its check refuses."""
    for argument, value in arguments.items():
        if value is None and parameters[argument].default is None:
            continue
        expected = CHECKS[argument](value)
        if expected:
            received = repr(value) if isinstance(value, (str, int, float)) else f"a {type(value).__name__}"
            raise ValueError(f"{name}: {argument} must be {expected}, not {received}")
