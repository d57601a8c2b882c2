"""Whether predicted risks come true: observed against predicted in groups of predicted risk.

Belongs here: calibration at fixed times. Does not belong here: predictions, scores of accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK
from registry_pipeline.analysis.prediction.baseline import hazards_at
from registry_pipeline.analysis.survival.kaplan_meier import survival_at
from registry_pipeline.analysis.tidy import tidy
from registry_pipeline.core.units import DAYS_PER_MONTH

COLUMNS = [
    "landmark", "landmark_months", "risk_group", "n", "n_at_risk", "predicted", "observed", "ci_lower", "ci_upper",
    "difference", "is_inside", "status", "note",
]  # fmt: skip
FEWEST = 5


@checked
def calibration(
    fit: CoxFit, at: float | Sequence[float], n_groups: int = 4, level: float = 0.95
) -> pd.DataFrame:
    """Predicted and observed survival at each time in groups of predicted risk, lowest risk first.

    Groups are quantiles of the predicted survival at the time; observed: Kaplan-Meier of the group with its limits;
    is_inside: whether they hold the mean predicted survival. On the patients who made the model this is apparent
    calibration, which is flattering; large differences all the same say that the model's form is wrong.
    Groups of fewer than 5 patients, or times beyond a group's follow-up: not_estimable. The model has one stratum.
    """
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    if fit.model is None or fit.status != OK:
        return pd.DataFrame([{"status": NOT_ESTIMABLE, "note": fit.note}], columns=COLUMNS)
    if len(fit.model.shift):
        raise ValueError("calibration: the model must not have strata")
    score = fit.linear_predictor
    order = np.argsort(score, kind="stable")
    group = np.empty(len(score), dtype=np.int64)
    group[order] = np.arange(len(score)) * n_groups // len(score)
    rows = []
    for mark in marks:
        hazard = hazards_at(fit, np.array([mark]), 0).cumulative[0]
        predicted = np.exp(-hazard * np.exp(score))
        for number in range(n_groups):
            members = np.flatnonzero(group == number)
            rows.append(_row(fit, members, float(mark), float(predicted[members].mean()) if len(members) else np.nan)
                        | {"risk_group": number + 1, "level": level})  # fmt: skip
            rows[-1] |= _observed(fit, members, float(mark), rows[-1]["predicted"], level)
    return tidy([{name: row.get(name) for name in COLUMNS} for row in rows], COLUMNS, fit.data.n_missing)


def _row(fit: CoxFit, members: np.ndarray, mark: float, predicted: float) -> dict[str, object]:
    at_risk = int((fit.data.times.duration[members] >= mark).sum())
    return {
        "landmark": mark, "landmark_months": mark / DAYS_PER_MONTH, "n": len(members), "n_at_risk": at_risk,
        "predicted": predicted,
    }  # fmt: skip


def _observed(
    fit: CoxFit, members: np.ndarray, mark: float, predicted: object, level: float
) -> dict[str, object]:
    """Kaplan-Meier of a group at a time, and how far the prediction is from it."""
    blank: dict[str, object] = dict.fromkeys(("observed", "ci_lower", "ci_upper", "difference"), float("nan"))
    blank |= {"predicted": float("nan"), "is_inside": None, "status": NOT_ESTIMABLE}
    if len(members) < FEWEST:
        return blank | {"note": f"Fewer than {FEWEST} patients."}
    (found,) = survival_at(fit.data.times.take(members), np.array([mark]), "log-log", level)
    if found["status"] != OK:
        return blank | {"note": found["note"]}
    lower, upper, value = found["ci_lower"], found["ci_upper"], float(predicted)  # type: ignore[arg-type]
    is_inside = bool(lower <= value <= upper) if np.isfinite(lower) else None
    return {
        "observed": found["survival"], "ci_lower": lower, "ci_upper": upper, "predicted": value,
        "difference": found["survival"] - value, "is_inside": is_inside, "status": OK, "note": found["note"],
    }  # fmt: skip
