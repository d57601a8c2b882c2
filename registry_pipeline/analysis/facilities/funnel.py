"""Events of each facility against those expected from its patients, with exact limits.

Belongs here: case-mix adjusted ratios and the funnel they are judged by. Does not belong here: the variance between
facilities (frailty.py), which facilities may be shown (disclosure control).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.cox.fit import fit_cox
from registry_pipeline.analysis.cox.risk_sets import build_risk_sets, cumulate
from registry_pipeline.analysis.distributions import (
    exact_rate_ci,
    false_discovery_p,
    poisson_p,
    poisson_quantile,
)
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Floats, Frame, as_pandas
from registry_pipeline.analysis.times import Times, check_groups, check_times

COLUMNS = [
    "facility_variable", "facility", "n", "n_missing", "n_event", "expected", "ratio", "ci_lower", "ci_upper",
    "p_value", "p_value_adjusted", "warning_lower", "warning_upper", "alarm_lower", "alarm_upper", "position",
    "status", "note",
]  # fmt: skip
WARNING, ALARM = 0.95, 0.998


@checked
def facility_funnel(
    frame: Frame,
    duration: str,
    event: str,
    facility: str,
    covariates: Sequence[str] = (),
    level: float = 0.95,
) -> pd.DataFrame:
    """Observed over expected events of each facility, one row each, and where that lies in a funnel about 1.

    expected: the sum over the facility's patients of the cumulative hazard that a Cox model of the covariates, without
    the facility, gives them over their own follow-up (indirect standardisation); without covariates Nelson-Aalen's. All
    expected events together are the observed ones. ratio with exact Poisson limits (Garwood 1936); warning (95 %) and
    alarm (99.8 %) limits are those between which a facility without a difference lies, exact for its expected events
    (Spiegelhalter 2005), the expected events taken as known. p_value: exact, two-sided (doubled); adjusted among the
    facilities (false discovery rate). Case mix is adjusted for what the covariates hold; a facility outside is a
    question, not a verdict. Patients with a missing covariate are counted and left out.
    """
    owner = check_groups(frame, facility, len(as_pandas(frame)))
    expected, times, row, reason = _expected_events(frame, duration, event, list(covariates))
    code = owner.code[row]
    used = code >= 0
    n = np.bincount(code[used], minlength=len(owner.labels))
    n_all = np.bincount(owner.code[owner.code >= 0], minlength=len(owner.labels))
    deaths = binned(code[used], times.event[used] > 0, len(owner.labels))
    sums = binned(code[used], expected[used], len(owner.labels))
    rows = []
    for k, name in enumerate(owner.labels):
        head = {
            "facility_variable": facility,
            "facility": name,
            "n": int(n[k]),
            "n_missing": int(n_all[k] - n[k]),
        }
        rows.append(head | _judged(int(deaths[k]), float(sums[k]), reason, level))
    table = pd.DataFrame(rows, columns=COLUMNS)
    if len(table) and not reason:
        table["p_value_adjusted"] = false_discovery_p(table["p_value"].to_numpy(dtype=np.float64))
    return table


def _expected_events(
    frame: Frame, duration: str, event: str, covariates: list[str]
) -> tuple[Floats, Times, np.ndarray, str]:
    """Each used row's expected events, its times, its position in the frame; and why there are none."""
    if not covariates:
        times = check_times(frame, duration, event)
        sets = build_risk_sets(times, np.zeros(len(times), dtype=np.int64), np.ones(len(times)), "breslow")
        at_risk = np.array([(times.duration >= t).sum() for t in sets.time], dtype=np.float64)
        rate = np.bincount(sets.tie_index, minlength=sets.n_time) / np.maximum(at_risk, 1)
        reason = "" if times.event.any() else "There are no events."
        return cumulate(sets, rate), times, np.arange(len(times)), reason
    fit = fit_cox(frame, duration, event, covariates, cross_check=False, ties="breslow")
    if fit.model is None:
        return np.full(fit.data.n, np.nan), fit.data.times, fit.data.row, fit.note
    hazard = cumulate(fit.model.sets, fit.model.evaluation.steps.hazard)
    return hazard * np.exp(fit.linear_predictor), fit.data.times, fit.data.row, ""


def funnel_limits(expected: Floats, share: float) -> tuple[Floats, Floats]:
    """Ratios of observed by expected events (n,) between which that share of facilities without a difference lies, at least."""
    lower, upper = (
        poisson_quantile(tail, expected) / expected for tail in ((1 - share) / 2, (1 + share) / 2)
    )
    return lower, upper


def _judged(n_event: int, expected: float, reason: str, level: float) -> dict[str, object]:
    """A facility's ratio and its place in the funnel."""
    row: dict[str, object] = dict.fromkeys(COLUMNS[5:15], float("nan"))
    row |= {"n_event": n_event, "position": None, "status": NOT_ESTIMABLE}
    if reason or not expected > 0:
        return row | {"note": reason or "No patient of this facility was ever at risk when somebody died."}
    lower, upper = exact_rate_ci(n_event, expected, level)
    bounds = {
        name: np.concatenate(funnel_limits(np.array([expected]), share))
        for name, share in (("warning", WARNING), ("alarm", ALARM))
    }
    ratio = n_event / expected
    row |= {
        "expected": expected,
        "ratio": ratio,
        "ci_lower": lower,
        "ci_upper": upper,
        "p_value": poisson_p(n_event, expected),
    }
    for name, (low, high) in bounds.items():
        row |= {f"{name}_lower": float(low), f"{name}_upper": float(high)}
    return row | {"position": _position(ratio, bounds), "status": OK, "note": ""}


def _position(ratio: float, bounds: dict[str, np.ndarray]) -> str:
    for name in ("alarm", "warning"):
        if ratio > bounds[name][1]:
            return f"above {name}"
        if ratio < bounds[name][0]:
            return f"below {name}"
    return "inside"
