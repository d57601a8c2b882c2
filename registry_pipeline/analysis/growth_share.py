"""Share of lesions still small at detection, by interval since the last negative CT.

Belongs here: counts, shares and their exact and Wilson intervals. Does not belong here: growth curves.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from registry_pipeline.analysis.descriptive import exact_proportion_ci, wilson_ci
from registry_pipeline.analysis.gate import NOT_ESTIMABLE, OK
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
    ci_lower, ci_upper (Clopper-Pearson), wilson_lower, wilson_upper, status, note. A cutoff without lesions has no share
    (NaN). Lesions without a positive interval and diameter are not counted. The intervals treat lesions as
    independent; those of one patient are not, so they are narrower than they should be.
    """
    lesions = usable_lesions(frame, interval_months, diameter_mm)
    rows = []
    for cutoff in cutoffs:
        within = lesions.diameter[lesions.months <= cutoff]
        n, small = len(within), int((within <= cutpoint).sum())
        lower, upper = exact_proportion_ci(small, n, level)
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
                "status": OK if n else NOT_ESTIMABLE,
                "note": "" if n else "No lesion was found within this interval after a negative CT.",
            }
        )
    return pd.DataFrame(rows)
