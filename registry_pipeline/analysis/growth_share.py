"""Share of lesions still small at detection, by interval since the last negative CT.

Belongs here: counts, shares and their exact and Wilson intervals. Does not belong here: growth curves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from registry_pipeline.analysis.growth_data import Frame, usable_lesions


def share_by_interval(
    frame: Frame,
    interval_months: str = "months_since_negative_ct",
    diameter_mm: str = "diameter_mm",
    cutoffs: Sequence[float] = (3, 6, 12),
    cutpoint: float = 15.0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Of the lesions detected within 0 < interval <= cutoff months, the share of at most cutpoint mm.

    One row per cutoff (result.growth_share): interval_months, cutpoint_mm, n_lesions, n_small, share,
    ci_lower, ci_upper (Clopper-Pearson), wilson_lower, wilson_upper. A cutoff without lesions has no share
    (NaN). Lesions without a positive interval and diameter are not counted. The intervals treat lesions as
    independent; those of one patient are not, so they are narrower than they should be.
    """
    lesions = usable_lesions(frame, interval_months, diameter_mm)
    rows = []
    for cutoff in cutoffs:
        within = lesions.diameter[lesions.months <= cutoff]
        n, small = len(within), int((within <= cutpoint).sum())
        lower, upper = exact_interval(small, n, level)
        wilson_lower, wilson_upper = wilson_interval(small, n, level)
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
            }
        )
    return pd.DataFrame(rows)


def exact_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval of a share (Biometrika 1934); NaN for n = 0."""
    from scipy.stats import beta

    if n == 0:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    lower = float(beta.ppf(tail, successes, n - successes + 1)) if successes else 0.0
    upper = float(beta.ppf(1 - tail, successes + 1, n - successes)) if successes < n else 1.0
    return lower, upper


def wilson_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a share (JASA 1927); NaN for n = 0."""
    from scipy.stats import norm

    if n == 0:
        return float("nan"), float("nan")
    z2 = float(norm.ppf((1 + level) / 2)) ** 2
    share = successes / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = float(np.sqrt(z2 * share * (1 - share) / n + z2 * z2 / (4 * n * n)) / (1 + z2 / n))
    return max(centre - half, 0.0), min(centre + half, 1.0)
