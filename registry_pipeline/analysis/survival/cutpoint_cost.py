"""What searching a cutpoint costs at this cohort's own size, censoring and values.

Belongs here: the permutation distribution of the maximally selected statistic.
Does not belong here: the search and its approximate corrections (cutpoint.py).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.distributions import Z95
from registry_pipeline.analysis.inputs import Floats, Frame, numbers
from registry_pipeline.analysis.survival.cutpoint import logrank_rank_scores, search, select_cutpoint
from registry_pipeline.analysis.times import check_times

COLUMNS = [
    "variable", "cutpoint", "statistic", "n", "n_event", "n_missing", "n_candidates", "min_share",
    "n_permutations", "naive_p_value", "permutation_p_value", "naive_false_positive_share", "status", "note",
]  # fmt: skip
CELLS = 4_000_000  # permutations are drawn in blocks of this many values


@checked
def search_cost(
    frame: Frame,
    duration: str,
    event: str,
    variable: str,
    min_share: float = 0.1,
    n_permutations: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """How often the search finds something "significant" when `variable` has nothing to do with survival; one row.

    The variable is dealt out at random n_permutations times and searched each time, with min_share on either
    side. naive_false_positive_share: permutations in which the best split is significant at a nominal 5 %.
    permutation_p_value: (1 + permutations with a statistic at least as large) / (1 + permutations), exact up to
    the drawing, whatever the size (Hothorn & Lausen 2003). Where no cutpoint can be searched: not_estimable.
    """
    row = select_cutpoint(frame, duration, event, variable, min_share).iloc[0]
    columns = ["variable", "cutpoint", "statistic", "n", "n_event", "n_missing", "n_candidates", "min_share"]
    out = {name: row[name] for name in [*columns, "naive_p_value", "status", "note"]}
    out |= {"n_permutations": 0, "permutation_p_value": np.nan, "naive_false_positive_share": np.nan}
    if row["status"] == "ok":
        drawn = _largest(frame, duration, event, variable, min_share, n_permutations, seed)
        beyond = int((drawn >= row["statistic"] * (1 - 1e-12)).sum())
        out |= {
            "n_permutations": n_permutations,
            "permutation_p_value": (1 + beyond) / (1 + n_permutations),
            "naive_false_positive_share": float((drawn > Z95).mean()),
        }
    return pd.DataFrame([out], columns=COLUMNS)


def _largest(
    frame: Frame, duration: str, event: str, variable: str, min_share: float, n: int, seed: int
) -> Floats:
    """The largest standardised statistic of each permutation, (n,)."""
    values = numbers(frame, variable)
    is_measured = ~np.isnan(values)
    times = check_times(frame, duration, event).take(is_measured)
    result, scores = search(times, values[is_measured], min_share), logrank_rank_scores(times)
    size, total, square = len(scores), scores.sum(), scores @ scores
    below = result.n_below.astype(np.float64)
    spread = np.sqrt(below * (size - below) / (size**2 * (size - 1.0)) * (size * square - total**2))
    generator, parts = np.random.default_rng(seed), []
    block = max(1, CELLS // size)
    for start in range(0, n, block):
        dealt = generator.permuted(np.tile(scores, (min(block, n - start), 1)), axis=1)
        sums = np.cumsum(dealt, axis=1)[:, result.n_below - 1]
        parts.append(np.max(np.abs(sums - below / size * total) / spread, axis=1))
    return np.concatenate(parts)
