"""Share of lesions still small at detection, by interval since the last negative CT.

Belongs here: counts, shares, their exact and Wilson intervals, and one that knows whose lesions they are. Does not belong here: growth curves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.distributions import exact_proportion_ci, student_quantile, wilson_ci
from registry_pipeline.analysis.growth.lesions import usable_lesions
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Frame, counted

NO_LESION = "No lesion was found within this interval after a negative CT."


@checked
def share_by_interval(
    frame: Frame,
    interval_months: str = "months_since_negative_ct",
    diameter_mm: str = "diameter_mm",
    cutoffs: Sequence[float] = (3, 6, 12),
    cutpoint: float = 15.0,
    level: float = 0.95,
    patient: str | None = None,
) -> pd.DataFrame:
    """Of the lesions detected within 0 < interval <= cutoff months, the share of at most cutpoint mm.

    One row per cutoff (result.growth_share): interval_months, cutpoint_mm, n_lesions, n_small, share,
    ci_lower, ci_upper (Clopper-Pearson), wilson_lower, wilson_upper, n_patients, cluster_ci_lower, cluster_ci_upper,
    status, note. A cutoff without lesions has no share (NaN). Lesions without a positive interval and diameter are not
    counted. The exact and Wilson intervals treat lesions as independent; those of one patient are not. With `patient`
    the cluster interval counts as many lesions as they are worth (`clustered_proportion_ci`).
    """
    lesions = usable_lesions(frame, interval_months, diameter_mm, patient)
    rows = []
    for cutoff in cutoffs:
        is_within = lesions.months <= cutoff
        within = lesions.diameter[is_within]
        owner = None if lesions.patient is None else lesions.patient[is_within]
        n, small = len(within), int((within <= cutpoint).sum())
        lower, upper = exact_proportion_ci(small, n, level)
        clustered = clustered_proportion_ci(within <= cutpoint, owner, level)
        wilson_lower, wilson_upper = wilson_ci(small, n, level)
        rows.append(
            {
                "interval_months": float(cutoff),
                "cutpoint_mm": float(cutpoint),
                "n_lesions": n,
                "n_small": small,
                "share": small / n if n else float("nan"),
                "ci_lower": lower,
                "ci_upper": upper,
                "wilson_lower": wilson_lower,
                "wilson_upper": wilson_upper,
                "n_patients": None if owner is None else len(np.unique(owner)),
                "cluster_ci_lower": clustered[0],
                "cluster_ci_upper": clustered[1],
                "status": OK if n else NOT_ESTIMABLE,
                "note": _note(n, owner),
            }
        )
    return pd.DataFrame(rows).astype({"n_patients": "Int64"})


def _note(n: int, owner: npt.NDArray[np.intp] | None) -> str:
    """What a reader must know of a share."""
    if not n:
        return NO_LESION
    n_patients = n if owner is None else len(np.unique(owner))
    if n_patients == n:
        return ""
    alike = f"{n} lesions of {counted(n_patients, 'patient')}: those of one patient are not independent"
    if n_patients < 2:
        return f"{alike}, and of one patient there is no other interval."
    return f"{alike}, as the exact interval takes them to be."


def clustered_proportion_ci(
    is_hit: npt.NDArray[np.bool_], owner: npt.NDArray[np.intp] | None, level: float = 0.95
) -> tuple[float, float]:
    """Clopper-Pearson limits of a share among lesions (n,) of the patients `owner` (n,), for their dependence.

    The number of lesions is divided by the design effect, the variance of the share between patients over that of
    independent lesions, and by the square of the ratio of t quantiles, patients being fewer (Korn and Graubard 1998,
    Survey Methodology 24, 193). A design effect below 1 counts as 1, and so does that of a share of 0 or 1, which
    says nothing. NaN for fewer than two patients or unknown ones.
    """
    from scipy.special import betaincinv

    n = len(is_hit)
    n_patients = 0 if owner is None else len(np.unique(owner))
    if owner is None or n_patients < 2:
        return float("nan"), float("nan")
    share = float(is_hit.mean())
    worth = n / _design_effect(is_hit, owner, share) / _quantile_ratio(n, n_patients, level)
    hits = share * worth
    lower = float(betaincinv(hits, worth - hits + 1, (1 - level) / 2)) if hits > 0 else 0.0
    upper = float(betaincinv(hits + 1, worth - hits, (1 + level) / 2)) if hits < worth else 1.0
    return lower, upper


def _design_effect(is_hit: npt.NDArray[np.bool_], owner: npt.NDArray[np.intp], share: float) -> float:
    """Variance of the share by patients (linearised ratio) over that of independent lesions, at least 1."""
    independent = share * (1 - share) / (len(is_hit) - 1)
    if independent == 0:
        return 1.0
    deviation = np.bincount(owner, weights=is_hit - share)
    size = np.bincount(owner)
    n_patients = int((size > 0).sum())
    variance = float((deviation**2).sum()) / len(is_hit) ** 2 * n_patients / (n_patients - 1)
    return max(variance / independent, 1.0)


def _quantile_ratio(n: int, n_patients: int, level: float) -> float:
    """Square of the t quantile of the patients over that of the lesions."""
    quantile = student_quantile(level, np.array([n_patients - 1, n - 1]))
    return float((quantile[0] / quantile[1]) ** 2)
