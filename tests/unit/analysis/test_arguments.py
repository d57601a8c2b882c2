"""Every argument of every public function, with values that mean nothing there: a sentence of ours, or a result.

A refusal is a ValueError that our own code raised, that says what to give, and that shows nothing of a record.
"""

from __future__ import annotations

import inspect
import math
import re
import traceback
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from registry_pipeline import analysis
from registry_pipeline.analysis.arguments import CHECKS
from registry_pipeline.analysis.times import Times
from tests.unit.analysis.test_bad_input import usual

ROOM = str(Path(analysis.__file__).parent)
RESULTS = {"CoxFit", "PreparedFrame"}
HOSTILE = {
    "None": None, "NaN": math.nan, "infinite": math.inf, "minus one": -1, "zero": 0, "half": 0.5,
    "text": "365", "a tuple": ("x", "y"), "an empty list": [], "a list of texts": ["x"], "an object": object(),
    "a flag": True, "a date": pd.Timestamp("2020-01-01"), "complex": 1 + 1j, "ninety-five": 95,
    "a list with NaN": [100.0, math.nan], "a huge number": 1e200, "a decimal": Decimal("3"), "a matrix": np.ones((2, 2)),
    "a frame": pd.DataFrame({"secret-value": [1]}),
}  # fmt: skip
FRAME = usual(3, 40).assign(weight=1.5, node=False, who=range(40), half=lambda f: np.floor(f["time"] / 2))
GIVEN = {
    "frame": FRAME, "duration": "time", "event": "event", "covariates": ["x"], "by": "group", "at": [300], "tau": 300,
    "cluster": "patient", "entry": "entry", "variable": "x", "variables": ["x"], "landmarks": [100], "horizon": 100,
    "interval_months": "gap", "diameter_mm": "size", "patient": "patient", "lesion": "lesion", "months": "month",
    "count": 3, "n": 10, "exposure": 4.0, "n_patients": 40, "event_type": "kind", "time": "time",
    "events_per_variable": 8.0, "p_values": [0.1, 0.2], "estimates": np.ones((3, 2)), "variances": np.ones((3, 2)),
    "standard_errors": np.full(5, 0.5), "estimate": lambda f: {"mean": float(f["x"].mean())},
    "states": {"recurred": "half"}, "initial": "treated", "knots": [1, 2, 3], "values": np.arange(5.0), "last_months": 12.0, "facility": "stratum",
}  # fmt: skip
QUICK = {
    "n_bootstrap": 3,
    "n_permutations": 20,
    "n_imputations": 2,
    "n_cycles": 1,
    "n_draws": 20,
    "models": ["power"],
}


def functions() -> list[str]:
    return sorted(set(analysis.__all__) - RESULTS)


@cache
def growth_fit() -> object:
    return analysis.fit_growth(FRAME, "gap", "size", "power", n_bootstrap=0)


@cache
def cox_fit(covariate: str) -> object:
    return analysis.fit_cox(FRAME, "time", "event", [covariate], cross_check=False)


def arguments(name: str) -> dict[str, object]:
    """What the function needs, and less work where it can be had."""
    parameters = inspect.signature(getattr(analysis, name)).parameters
    is_ours = {"interval_months", "diameter_mm", "patient", "lesion", "months", "event_type", "time"}
    needed = {
        p: GIVEN[p]
        for p, one in parameters.items()
        if p in GIVEN and (one.default is one.empty or p in is_ours)
    }
    needed |= {p: QUICK[p] for p in parameters if p in QUICK}
    if "fit" in parameters:
        needed["fit"] = growth_fit() if name in {"growth_curve", "plan_surveillance"} else cox_fit("x")
    if name in {"state_occupation", "time_in_state", "course_intervals"}:
        needed["patient"] = "who"
    if name in {"state_occupation", "time_in_state"}:
        intervals = analysis.course_intervals(FRAME, "who", "time", "event", GIVEN["states"], "treated")
        needed |= {
            "frame": intervals,
            "patient": "patient",
            "entry": "start",
            "duration": "stop",
            "state": "state",
        }
        needed["event"] = "next_state"
    if name == "standardised_survival":
        needed |= {"fit": cox_fit("group"), "variable": "group"}
    if name == "concordance":
        needed |= {
            "times": Times(FRAME["time"].to_numpy(float), FRAME["event"].to_numpy()),
            "score": FRAME["x"].to_numpy(),
        }
    if name == "influence_by_patient":
        needed["patients"] = list(FRAME["patient"])
    if "event" in needed and name in {
        "gray_test",
        "cumulative_incidence",
        "landmark_incidence",
        "fit_fine_gray",
    }:
        needed["event"] = "code"
    return needed


CASES = [
    (name, argument)
    for name in functions()
    for argument in inspect.signature(getattr(analysis, name)).parameters
]


def test_every_function_can_be_called_with_what_the_table_gives():
    """Otherwise every call below would be refused for another reason."""
    for name in functions():
        getattr(analysis, name)(**arguments(name))


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_hostile_arguments_end_in_a_sentence_or_a_result(name, argument):
    call, usually = getattr(analysis, name), arguments(name)
    for value in HOSTILE.values():
        try:
            call(**(usually | {argument: value}))
        except ValueError as refusal:
            last = traceback.extract_tb(refusal.__traceback__)[-1].filename
            assert last.startswith(ROOM), f"{argument}={value!r}: {last}: {refusal}"
            assert len(str(refusal)) < 300 and "\n" not in str(refusal)


@pytest.mark.parametrize("name", functions())
def test_every_argument_has_a_check(name):
    assert set(inspect.signature(getattr(analysis, name)).parameters) <= set(CHECKS)
    assert hasattr(getattr(analysis, name), "__wrapped__"), "not a checked function"


@pytest.mark.parametrize("make", [pl.from_pandas, lambda f: pl.from_pandas(f).lazy()])
@pytest.mark.parametrize("name", [name for name in functions() if "frame" in arguments(name)])
def test_polars_frames_lazy_or_not_give_what_pandas_gives(name, make):
    usually = arguments(name)
    frame = usually["frame"]
    expected, found = (getattr(analysis, name)(**(usually | {"frame": f})) for f in (frame, make(frame)))
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_categorical=False)


@pytest.mark.parametrize(
    "values",
    [pd.Timedelta(days=1) * np.arange(40), pd.date_range("2020-01-01", periods=40), np.arange(40) * 1j],
)
@pytest.mark.parametrize(
    "call",
    [
        lambda f: analysis.fit_cox(f, "time", "event", ["x"]),
        lambda f: analysis.fit_fine_gray(f, "time", "code", ["x"]),
        lambda f: analysis.fit_growth(f, "x", "size"),
        lambda f: analysis.fit_interval_onset(f, "x", "size"),
        lambda f: analysis.kaplan_meier(f, "x", "event"),
        lambda f: analysis.lesion_growth_rates(f, "lesion", "x", "size"),
        lambda f: analysis.recurrence_patterns(f, 40, patient="patient", event_type="kind", time="x"),
        lambda f: analysis.select_cutpoint(f, "time", "event", "x"),
    ],
)
def test_dates_durations_and_complex_numbers_are_no_measurements(call, values):
    with pytest.raises(ValueError, match="column 'x'"):
        call(FRAME.assign(x=values))


def test_text_among_numbers_is_counted_and_refused():
    mixed = FRAME.assign(x=[*FRAME["x"][:38], "unknown", "987654"])
    with pytest.raises(
        ValueError, match=r"column 'x': 2 rows are text among values of other types"
    ) as caught:
        analysis.fit_cox(mixed, "time", "event", ["x"])
    assert "987654" not in str(caught.value)


def test_a_column_that_occurs_twice_is_refused_everywhere():
    doubled = pd.concat([FRAME, FRAME[["size"]]], axis=1)
    for call in (
        lambda: analysis.fit_growth(doubled, "gap", "size"),
        lambda: analysis.lesion_growth_rates(doubled, "lesion", "month", "size"),
        lambda: analysis.fit_cox(doubled, "time", "event", ["size"]),
    ):
        with pytest.raises(ValueError, match="column 'size' occurs 2 times"):
            call()


def test_many_levels_are_said():
    frame = usual(1, 300).assign(hospital=[f"H{i % 12}" for i in range(300)])
    fit = analysis.fit_cox(frame, "time", "event", ["hospital"], cross_check=False)
    assert "hospital has 12 levels" in fit.note


@pytest.mark.parametrize("move", [lambda x: x + 1e12, lambda x: x * 1e99, lambda x: x * 1e-99])
def test_far_or_huge_covariates_keep_their_estimate_and_its_test(move):
    plain = analysis.fit_cox(FRAME, "time", "event", ["x"], cross_check=False)
    moved = analysis.fit_cox(FRAME.assign(x=move(FRAME["x"])), "time", "event", ["x"], cross_check=False)
    assert moved.status == "ok"
    for column in ("log_likelihood", "wald_p_value"):
        assert moved.summary.iloc[0][column] == pytest.approx(plain.summary.iloc[0][column], rel=1e-3)
    assert moved.terms["p_value"].iloc[0] == pytest.approx(plain.terms["p_value"].iloc[0], rel=1e-3)


@pytest.mark.parametrize(("scale", "says"), [(1e160, "beyond 1e+100"), (1e-160, "as large as 1e-100")])
def test_numbers_whose_squares_overflow_or_vanish_are_refused(scale, says):
    """A variance of zero made a covariate without effect significant (p = 0), with status ok."""
    with pytest.raises(ValueError, match=re.escape(says)):
        analysis.fit_cox(FRAME.assign(x=FRAME["x"] * scale), "time", "event", ["x"], cross_check=False)


def test_several_columns_group_together():
    table = analysis.median_survival(FRAME, "time", "event", ["group", "stratum"])
    assert set(table["stratum_variable"]) == {"group, stratum"}
    assert set(table["stratum"]) == {"a, s", "a, t", "b, s", "b, t"} and table["n"].sum() == len(FRAME)
    both = analysis.follow_up(FRAME, "time", "event", by=["group", "stratum"])
    assert set(both["stratum"]) == set(table["stratum"])


PARTS = ("terms", "summary", "curve", "threshold")


def limits(result: object) -> dict[str, np.ndarray]:
    """Every column of limits in a result: of a frame, of the frames of a fit, of a pair of numbers."""
    if isinstance(result, tuple) and all(isinstance(end, float) for end in result):
        return {"ci_lower": np.array(result[:1]), "ci_upper": np.array(result[1:])}
    if isinstance(result, list):
        result = result[0]
    parts = result if isinstance(result, tuple) else [getattr(result, name, None) for name in PARTS]
    frames = [part for part in (result, *parts) if isinstance(part, pd.DataFrame)]
    return {
        f"{at}.{name}": frame[name].to_numpy(dtype=float)
        for at, frame in enumerate(frames)
        for name in frame.columns
        if str(name).endswith(("_lower", "_upper"))
    }


@pytest.mark.parametrize("name", functions())
def test_whatever_has_limits_takes_their_level(name):
    """A lower level gives narrower limits, in every column that has any."""
    call, usually = getattr(analysis, name), arguments(name)
    usual_limits = limits(call(**usually))
    has_level = "level" in inspect.signature(call).parameters
    if not has_level:  # a fit that is handed on has its own level
        assert not usual_limits or "fit" in usually, name
        return
    narrow = limits(call(**(usually | {"level": 0.5})))
    assert usual_limits and set(narrow) == set(usual_limits)
    for column, wide in usual_limits.items():
        known = np.isfinite(wide) & np.isfinite(narrow[column])
        gap = (narrow[column] - wide)[known] * (1 if column.endswith("lower") else -1)
        assert np.all(gap >= -1e-9), column


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        (n, a)
        for n in functions()
        for a in ("by", "strata", "cluster")
        if a in inspect.signature(getattr(analysis, n)).parameters
    ],
)
def test_groups_strata_and_clusters_may_be_of_several_columns(name, argument):
    """Two columns say what one column of their combinations says."""
    call, usually = getattr(analysis, name), arguments(name)
    frame = usually["frame"]
    if "group" not in frame:
        n = np.arange(len(frame))
        frame = frame.assign(group=np.where(n % 3, "a", "b"), stratum=np.where(n % 2, "s", "t"))
    frame = frame.assign(both=frame["group"].astype(str) + ", " + frame["stratum"].astype(str))
    single = call(**(usually | {"frame": frame, argument: "both"}))
    several = call(**(usually | {"frame": frame, argument: ["group", "stratum"]}))
    for one, other in zip(tables(single), tables(several), strict=True):
        variable = [column for column in ("stratum_variable",) if column in one]
        pd.testing.assert_frame_equal(one.drop(columns=variable), other.drop(columns=variable))


def tables(result: object) -> list[pd.DataFrame]:
    """The frames of a result."""
    if isinstance(result, pd.DataFrame):
        return [result]
    if isinstance(result, list):
        return [frame for part in result for frame in tables(part)]
    return [result.terms, result.summary] if hasattr(result, "terms") else [result.parameters]


REFUSED = {
    "at": (None, math.nan, -1, math.inf, [], [100.0, math.nan]), "landmarks": (-1, math.nan), "tau": (math.inf, "365", 0, True),
    "horizon": (math.inf, 0), "level": (95, 0, 1, math.nan), "cause": (0, -1, 1.5), "n_permutations": (0, -5),
    "seed": (-1, 0.5), "min_share": (0, 0.5), "threshold_mm": (0, math.nan), "count": (-1, 0.5), "by": ([], 3),
    "covariates": (None, ["x", 3]), "duration": (("time",), None), "cluster": (3,), "n_bootstrap": (-1, 2.5),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name, argument in CASES if argument in REFUSED]
)
def test_what_means_nothing_is_refused_by_the_name_of_the_argument(name, argument):
    parameter = inspect.signature(getattr(analysis, name)).parameters[argument]
    for value in REFUSED[argument]:
        if value is None and parameter.default is None:
            continue
        with pytest.raises(ValueError, match=f"{name}: {argument} must be"):
            getattr(analysis, name)(**(arguments(name) | {argument: value}))
