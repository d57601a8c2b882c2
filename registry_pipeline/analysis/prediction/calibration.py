"""Whether predicted risks come true: observed against predicted in groups of predicted risk.

Belongs here: calibration at fixed times. Does not belong here: predictions, scores of accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Floats, Ints
from registry_pipeline.analysis.prediction.baseline import hazards_at
from registry_pipeline.analysis.prediction.resampling import Refit, refit, refits
from registry_pipeline.analysis.product_limit import curve_of, step_value
from registry_pipeline.analysis.survival.kaplan_meier import survival_at
from registry_pipeline.analysis.tidy import tidy
from registry_pipeline.analysis.times import Times
from registry_pipeline.core.units import DAYS_PER_MONTH

COLUMNS = [
    "landmark", "landmark_months", "risk_group", "n", "n_at_risk", "predicted", "observed", "ci_lower", "ci_upper",
    "difference", "is_inside", "difference_corrected", "slope_corrected", "n_bootstrap", "n_used", "status", "note",
]  # fmt: skip
FEWEST = 5


@checked
def calibration(
    fit: CoxFit,
    at: float | Sequence[float],
    n_groups: int = 4,
    level: float = 0.95,
    n_bootstrap: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Predicted and observed survival at each time in groups of predicted risk, lowest risk first.

    Groups are quantiles of the predicted survival at the time; observed: Kaplan-Meier of the group with its limits;
    is_inside: whether they hold the mean predicted survival. On the patients who made the model this is apparent
    calibration, which is flattering; large differences all the same say that the model's form is wrong.
    difference_corrected: the difference less its optimism by Harrell's bootstrap of n_bootstrap samples, of which n_used
    had that group's survival at that time; slope_corrected: how far log hazards of new patients would lie
    apart for each unit predicted (van Houwelingen & le Cessie 1990): below 1 the model exaggerates. Both NaN without.
    Groups of fewer than 5 patients, or times beyond a group's follow-up: not_estimable. The model has one stratum.
    """
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    if fit.model is None or fit.status != OK:
        return pd.DataFrame([{"status": NOT_ESTIMABLE, "note": fit.note}], columns=COLUMNS)
    if len(fit.model.shift):
        raise ValueError("calibration: the model must not have strata")
    score = fit.linear_predictor
    group = risk_groups(score, n_groups)
    optimism, n_used, slope = _optimism(fit, marks, n_groups, n_bootstrap, seed)
    rows: list[dict[str, object]] = []
    for m, mark in enumerate(marks):
        hazard = hazards_at(fit, np.array([mark]), 0).cumulative[0]
        predicted = np.exp(-hazard * np.exp(score))
        for number in range(n_groups):
            members = np.flatnonzero(group == number)
            mean = float(predicted[members].mean()) if len(members) else np.nan
            row = _row(fit, members, float(mark), mean) | _observed(fit, members, float(mark), mean, level)
            corrected = float(row["difference"]) - optimism[m, number]  # type: ignore[arg-type]
            row |= {"risk_group": number + 1, "difference_corrected": corrected, "n_bootstrap": n_bootstrap}
            rows.append(row | {"n_used": int(n_used[m, number]), "slope_corrected": slope})
    return tidy([{name: row.get(name) for name in COLUMNS} for row in rows], COLUMNS, fit.data.n_missing)


def risk_groups(score: Floats, n_groups: int) -> Ints:
    """The group 0..n_groups-1 of each row by its log hazard (n,), groups of equal size as near as can be."""
    group = np.empty(len(score), dtype=np.int64)
    group[np.argsort(score, kind="stable")] = np.arange(len(score)) * n_groups // len(score)
    return group


def _optimism(
    fit: CoxFit, marks: Floats, n_groups: int, n_bootstrap: int, seed: int
) -> tuple[Floats, Ints, float]:
    """Mean optimism of the differences (times, groups), the samples it rests on, and the slope in the patients."""
    gaps, slopes = [np.full((len(marks), n_groups), np.nan)], []
    for other in refits(fit, n_bootstrap, seed, 0.0):
        flattering = _differences(other, other.sample, other.sample_score, marks, n_groups)
        gaps.append(flattering - _differences(other, fit.data.times, other.score, marks, n_groups))
        slopes.append(_slope(fit.data.times, other.score))
    is_estimated = np.isfinite(np.array(gaps))
    total = np.where(is_estimated, np.array(gaps), 0.0).sum(axis=0)
    n_used = is_estimated.sum(axis=0)
    mean = np.divide(total, n_used, out=np.full(total.shape, np.nan), where=n_used > 0)
    usable = [slope for slope in slopes if np.isfinite(slope)]
    return mean, n_used, float(np.mean(usable)) if usable else float("nan")


def _differences(model: Refit, times: Times, score: Floats, marks: Floats, n_groups: int) -> Floats:
    """Observed less mean predicted survival, (times, groups); NaN beyond a group's follow-up."""
    out, group = np.full((len(marks), n_groups), np.nan), risk_groups(score, n_groups)
    for number in range(n_groups):
        members = np.flatnonzero(group == number)
        if not len(members):
            continue
        curve = curve_of(times.take(members))
        observed = np.where(marks <= curve.last, step_value(curve, marks)[0], np.nan)
        out[:, number] = observed - [model.survival(score[members], float(m)).mean() for m in marks]
    return out


def _slope(times: Times, score: Floats) -> float:
    """The Cox coefficient of a log hazard (n,) in the patients; NaN where there is none."""
    refitted, centred = refit(times, score[:, None], np.arange(len(times)), 0.0), score - score.mean()
    spread = float(score @ centred)
    return float(refitted.score @ centred) / spread if refitted is not None and spread > 0 else float("nan")


def _row(fit: CoxFit, members: np.ndarray, mark: float, predicted: float) -> dict[str, object]:
    at_risk = int((fit.data.times.duration[members] >= mark).sum())
    return {
        "landmark": mark, "landmark_months": mark / DAYS_PER_MONTH, "n": len(members), "n_at_risk": at_risk,
        "predicted": predicted,
    }  # fmt: skip


def _observed(fit: CoxFit, members: np.ndarray, mark: float, value: float, level: float) -> dict[str, object]:
    """Kaplan-Meier of a group at a time, and how far the prediction is from it."""
    blank: dict[str, object] = dict.fromkeys(("observed", "ci_lower", "ci_upper", "difference"), float("nan"))
    blank |= {"predicted": float("nan"), "is_inside": None, "status": NOT_ESTIMABLE}
    if len(members) < FEWEST:
        return blank | {"note": f"Fewer than {FEWEST} patients."}
    (observed,) = survival_at(fit.data.times.take(members), np.array([mark]), "log-log", level)
    if observed["status"] != OK:
        return blank | {"note": observed["note"]}
    lower, upper = observed["ci_lower"], observed["ci_upper"]
    is_inside = bool(lower <= value <= upper) if np.isfinite(lower) else None
    return {
        "observed": observed["survival"], "ci_lower": lower, "ci_upper": upper, "predicted": value,
        "difference": observed["survival"] - value, "is_inside": is_inside, "status": OK, "note": observed["note"],
    }  # fmt: skip
