"""Whether a number differs between facilities more than chance makes it, and what it is without each of them.

Belongs here: Cochran's Q, the variance between facilities with exact limits, leave one facility out.
Does not belong here: the number itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.distributions import chi_square_quantile, student_quantile
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Floats, Frame, as_pandas
from registry_pipeline.analysis.times import check_groups

COLUMNS = [
    "n_facilities", "pooled", "ci_lower", "ci_upper", "q_statistic", "degrees_of_freedom", "p_value", "i_squared",
    "between_sd", "between_sd_lower", "between_sd_upper", "prediction_lower", "prediction_upper", "status", "note",
]  # fmt: skip
FEWEST = 3
N_DRAWS, N_GRID, SEED = 10_000, 200, 20_221_105  # of the predictive distribution
Estimate = Callable[[pd.DataFrame], Mapping[str, float]]


@checked
def heterogeneity(
    values: Sequence[float], standard_errors: Sequence[float], level: float = 0.95
) -> pd.DataFrame:
    """Pool a number of several facilities and judge how much it differs between them; one row.

    values, standard_errors: of each facility, on a scale on which they are about normal (log hazard ratio, log-log
    survival); NaN is left out. Q tests equality (Cochran 1954); between_sd: of the facilities' true values, by Paule and
    Mandel's method, its limits by the Q profile (Viechtbauer 2007), exact for known errors. pooled: random effects with
    Hartung and Knapp's limits by t; prediction limits: of the true value of another facility, by its predictive
    distribution over what is not known of the spread (Nagashima, Noma & Furukawa 2019; Higgins' t limits cover 89 % at
    12 facilities). Fewer than three
    facilities: not_estimable.
    """
    from scipy.special import chdtrc

    value, error = np.asarray(values, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    if len(value) != len(error):
        raise ValueError("heterogeneity: standard_errors needs one error for each value")
    is_estimated = np.isfinite(value) & (error > 0) & np.isfinite(error)
    value, variance = value[is_estimated], error[is_estimated] ** 2
    k = len(value)
    if k < FEWEST:
        note = f"Differences between facilities need an estimate from at least {FEWEST} of them."
        return pd.DataFrame([{"n_facilities": k, "status": NOT_ESTIMABLE, "note": note}], columns=COLUMNS)
    q, freedom = _q(value, variance, 0.0), k - 1
    tails = [chi_square_quantile(share, freedom) for share in ((1 + level) / 2, (1 - level) / 2)]
    between = _solve(value, variance, float(freedom))
    weight = 1 / (variance + between)
    pooled = float(weight @ value / weight.sum())
    spread = float(np.sqrt(max(_q(value, variance, between) / freedom, 0.0) / weight.sum()))
    half = float(student_quantile(level, freedom)) * spread
    another = np.quantile(_another(value, variance), [(1 - level) / 2, (1 + level) / 2])
    row = {
        "n_facilities": k, "pooled": pooled, "ci_lower": pooled - half, "ci_upper": pooled + half,
        "q_statistic": q, "degrees_of_freedom": freedom, "p_value": float(chdtrc(freedom, q)),
        "i_squared": max(0.0, 1 - freedom / q) if q > 0 else 0.0, "between_sd": float(np.sqrt(between)),
        "between_sd_lower": float(np.sqrt(_solve(value, variance, tails[0]))),
        "between_sd_upper": float(np.sqrt(_solve(value, variance, tails[1]))),
        "prediction_lower": float(another[0]), "prediction_upper": float(another[1]), "status": OK, "note": "",
    }  # fmt: skip
    return pd.DataFrame([row], columns=COLUMNS)


def _q(value: Floats, variance: Floats, between: float) -> float:
    """Weighted squared distances from the weighted mean."""
    weight = 1 / (variance + between)
    return float(weight @ (value - weight @ value / weight.sum()) ** 2)


def _another(value: Floats, variance: Floats) -> Floats:
    """Draws of another facility's true value: over the confidence distribution of the spread, the mean, and chance."""
    generator, freedom = np.random.default_rng(SEED), len(value) - 1
    targets = generator.chisquare(freedom, N_DRAWS)
    highest = _solve(value, variance, float(targets.min()))
    grid = np.concatenate(([0.0], np.geomspace(1e-6, 1.0, N_GRID) * highest)) if highest > 0 else np.zeros(1)
    heights = np.array([_q(value, variance, float(at)) for at in grid])
    between = np.interp(targets, heights[::-1], grid[::-1])
    weight = 1 / (variance + between[:, None])
    total = weight.sum(axis=1)
    mean = weight @ value / total
    spread = np.sqrt((weight * (value - mean[:, None]) ** 2).sum(axis=1) / freedom / total)
    draws: Floats = mean + spread * generator.standard_t(freedom, N_DRAWS)
    return draws + np.sqrt(between) * generator.normal(size=N_DRAWS)


def _solve(value: Floats, variance: Floats, target: float) -> float:
    """The variance between facilities at which Q is `target`; 0 where it is below that already."""
    from scipy.optimize import brentq

    if _q(value, variance, 0.0) <= target:
        return 0.0
    high = float(variance.max())
    while _q(value, variance, high) > target:
        high *= 4
    return float(brentq(lambda between: _q(value, variance, between) - target, 0.0, high, xtol=1e-14))


@checked
def leave_one_facility_out(frame: Frame, facility: str, estimate: Estimate) -> pd.DataFrame:
    """A number with everybody and without each facility: columns of `estimate` and its change, one row per facility.

    estimate: gives named numbers of a pandas frame; what it cannot give is NaN. The first row, of no facility, is with
    everybody; rows without a facility stay in. The largest change says on which facility the answer hangs.
    """
    data = as_pandas(frame)
    groups = check_groups(data, facility, len(data))
    whole = estimate(data)
    rows: list[dict[str, object]] = [{"left_out": None, "n": len(data), "n_left_out": 0, **whole}]
    for code, name in enumerate(groups.labels):
        is_other = groups.code != code
        estimates = estimate(data[is_other].reset_index(drop=True))
        change = {f"{key}_change": estimates[key] - whole[key] for key in whole}
        counts = {"left_out": name, "n": int(is_other.sum()), "n_left_out": int((~is_other).sum())}
        rows.append({**counts, **estimates, **change})
    return pd.DataFrame(rows)
