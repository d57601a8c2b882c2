"""How good predicted risks are at fixed times: Brier score, its integral, and discrimination, corrected for optimism.

Belongs here: scores with censoring weights, and their bootstrap. Does not belong here: predictions (baseline.py).

Who is censored before a time is left out of its score, and the others stand for them with the inverse probability of
being uncensored (Graf et al. 1999; Gerds & Schumacher 2006; Uno et al. 2007). The weights are right where censoring does
not depend on what the model knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.cox.fit import fit_cox
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Floats, Frame
from registry_pipeline.analysis.prediction.resampling import Refit, refit, refits
from registry_pipeline.analysis.product_limit import censoring_survival, curve_of, step_value
from registry_pipeline.analysis.tidy import BEYOND
from registry_pipeline.analysis.times import Times
from registry_pipeline.core.units import DAYS_PER_MONTH

COLUMNS = [
    "landmark", "landmark_months", "n", "n_event_before", "n_at_risk", "brier", "brier_corrected", "brier_null",
    "scaled_brier_corrected", "integrated_brier", "integrated_brier_corrected", "auc", "auc_corrected", "n_bootstrap",
    "n_used", "status", "note",
]  # fmt: skip
SCORES = ("brier", "auc", "integrated_brier")


@dataclass(frozen=True)
class Scores:
    """Brier score and area under the curve at each time (m,), and the Brier score's mean up to each time (m,)."""

    brier: Floats
    auc: Floats
    integrated_brier: Floats


def weights_at(times: Times, mark: float) -> Floats:
    """Weight (n,) of each row in a score at a time: 0 for who is censored before it."""
    died = (times.duration <= mark) & (times.event > 0)
    watched = times.duration > mark
    at_own = censoring_survival(times, np.minimum(times.duration, mark))
    at_mark = censoring_survival(times, np.array([np.nextafter(mark, np.inf)]))
    with np.errstate(divide="ignore"):
        inverse = np.where(watched, 1 / at_mark, 1 / at_own)
    return np.where(died | watched, inverse, 0.0)


def brier_score(times: Times, survival: Floats, mark: float, weight: Floats) -> float:
    """Mean weighted squared distance of the predicted survival (n,) from what became of each row."""
    outcome = (times.duration > mark).astype(np.float64)
    return float((weight * (outcome - survival) ** 2).sum() / len(times))


def area_under_curve(times: Times, score: Floats, mark: float, weight: Floats) -> float:
    """Probability that who dies up to a time had the higher score (n,) than who outlives it; NaN without both.

    Cumulative cases, dynamic controls, both weighted (Uno et al. 2007; Hung & Chiang 2010).
    """
    case, control = (times.duration <= mark) & (weight > 0), times.duration > mark
    if not case.any() or not control.any():
        return float("nan")
    order = np.argsort(score[control], kind="stable")
    controls, total = score[control][order], np.concatenate(([0.0], np.cumsum(weight[control][order])))
    below = total[np.searchsorted(controls, score[case], side="left")]
    upto = total[np.searchsorted(controls, score[case], side="right")]
    won = weight[case] @ (below + (upto - below) / 2)
    return float(won / (weight[case].sum() * total[-1]))


def scores_at(times: Times, score: Floats, grid: Floats, cumulative: Floats, marks: Floats) -> Scores:
    """Judge predictions exp(-H(t) exp(score)) at the marks; grid, cumulative (k,): the baseline's steps."""
    risk = np.exp(score)

    def survival(mark: float) -> Floats:
        upto = int(np.searchsorted(grid, mark, side="right"))
        return np.asarray(np.exp(-risk * (cumulative[upto - 1] if upto else 0.0)), dtype=np.float64)

    weights = [weights_at(times, float(mark)) for mark in marks]
    brier = [brier_score(times, survival(float(m)), float(m), w) for m, w in zip(marks, weights, strict=True)]
    auc = [area_under_curve(times, score, float(m), w) for m, w in zip(marks, weights, strict=True)]
    steps = grid[grid <= marks.max()]
    steps = steps[np.unique(np.linspace(0, len(steps) - 1, 60).astype(int))] if len(steps) else steps
    points = np.unique(np.concatenate([steps, marks]))
    height = np.array(
        [brier_score(times, survival(float(t)), float(t), weights_at(times, float(t))) for t in points]
    )
    return Scores(np.array(brier), np.array(auc), _mean_up_to(points, height, marks))


def _mean_up_to(points: Floats, height: Floats, marks: Floats) -> Floats:
    """The mean of a curve from 0, where it is 0, to each mark, by trapezoids."""
    at, value = np.concatenate(([0.0], points)), np.concatenate(([0.0], height))
    area = np.concatenate(([0.0], np.cumsum(np.diff(at) * (value[1:] + value[:-1]) / 2)))
    return np.asarray(area[np.searchsorted(at, marks)] / marks, dtype=np.float64)


@checked
def prediction_accuracy(
    frame: Frame,
    duration: str,
    event: str,
    covariates: Sequence[str],
    at: float | Sequence[float],
    n_bootstrap: int = 100,
    seed: int = 0,
) -> pd.DataFrame:
    """How well a Cox model predicts survival at each time (unit of the frame); one row per time.

    brier: mean squared error of the predicted survival, 0 is perfect; brier_null: that of Kaplan-Meier, which knows no
    covariate; integrated_brier: its mean from 0 to the time; auc: discrimination at the time. *_corrected: less the
    optimism by Harrell's bootstrap, in which each model fitted to resampled patients is judged on them and on the
    patients themselves. scaled_brier_corrected: 1 - corrected / null, the share of the error that the model takes away.
    A time later than the last observation, and a refused model: not_estimable.
    """
    fit = fit_cox(frame, duration, event, covariates, cross_check=False)
    marks = np.unique(np.atleast_1d(np.asarray(at, dtype=np.float64)))
    marks = marks[marks > 0]
    last = float(fit.data.times.duration.max()) if fit.data.n else 0.0
    usable = marks[marks < last]
    apparent, corrected, n_used = _judged(fit, usable, n_bootstrap, seed)
    rows = []
    for mark in marks:
        row: dict[str, object] = {**_counts(fit.data.times, float(mark))}
        row |= {"n_bootstrap": n_bootstrap, "n_used": n_used}

        reason = fit.note if apparent is None else "" if mark < last else BEYOND
        row |= {"status": NOT_ESTIMABLE if reason else OK, "note": reason}
        if apparent is not None and corrected is not None and not reason:
            place = int(np.searchsorted(usable, mark))
            row |= _cells(fit.data.times, apparent, corrected, place, float(mark))
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _counts(times: Times, mark: float) -> dict[str, float]:
    """How many patients a time's scores rest on."""
    return {
        "landmark": mark, "landmark_months": mark / DAYS_PER_MONTH, "n": len(times),
        "n_event_before": int(((times.duration <= mark) & (times.event > 0)).sum()),
        "n_at_risk": int((times.duration >= mark).sum()),
    }  # fmt: skip


def _cells(times: Times, apparent: Scores, corrected: Scores, place: int, mark: float) -> dict[str, float]:
    """The scores of one time."""
    null = step_value(curve_of(times), np.array([mark]))[0][0]
    height = brier_score(times, np.full(len(times), null), mark, weights_at(times, mark))
    cells = {name: float(getattr(apparent, name)[place]) for name in SCORES}
    cells |= {f"{name}_corrected": float(getattr(corrected, name)[place]) for name in SCORES}
    share = 1 - cells["brier_corrected"] / height if height > 0 else float("nan")
    return cells | {"brier_null": height, "scaled_brier_corrected": share}


def _judged(
    fit: CoxFit, marks: Floats, n_bootstrap: int, seed: int
) -> tuple[Scores | None, Scores | None, int]:
    """Apparent and corrected scores, and how many samples the correction rests on."""
    if fit.model is None or not len(marks):
        return None, None, 0
    own = refit(fit.data.times, fit.model.x, np.arange(len(fit.data.times)), float(marks.max()))
    if own is None:
        return None, None, 0
    apparent, gaps = _judge(own, own.sample, own.sample_score, marks), []
    for other in refits(fit, n_bootstrap, seed, float(marks.max())):
        flattering = _judge(other, other.sample, other.sample_score, marks)
        honest = _judge(other, fit.data.times, other.score, marks)
        gaps.append([getattr(flattering, name) - getattr(honest, name) for name in SCORES])
    stacked = np.array(gaps).reshape(-1, len(SCORES), len(marks))
    optimism = np.nansum(stacked, axis=0) / np.sum(
        ~np.isnan(stacked), axis=0
    )  # NaN where no sample has a score
    corrected = [getattr(apparent, name) - gap for name, gap in zip(SCORES, optimism, strict=True)]
    return apparent, Scores(*corrected), len(gaps)


def _judge(model: Refit, times: Times, score: Floats, marks: Floats) -> Scores:
    return scores_at(times, score, model.time, model.cumulative, marks)
