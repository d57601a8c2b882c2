"""Where values are missing: counts per variable, and which variables are missing together.

Belongs here: describing what is not there.
Does not belong here: filling it in (cox/imputed.py), complete-case fits (cox/fit.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.inputs import Flags, Frame, series

COUNT_COLUMNS = ["variable", "n", "n_missing", "share_missing"]
PATTERN_COLUMNS = ["pattern", "n", "share", "n_missing_variables", "missing_variables", "is_complete"]


@checked
def missing_counts(frame: Frame, variables: Sequence[str]) -> pd.DataFrame:
    """Count missing values per variable: one row each, in the order given.

    n is the number of rows of the frame; share_missing is NaN when there are none. NULL, NaN and NaT are
    missing. Raises ValueError for an absent column.
    """
    missing = _missing(frame, variables)
    n = len(missing)
    counts = missing.sum(axis=0) if n else np.zeros(missing.shape[1], dtype=np.int64)
    rows = [
        (name, n, int(k), k / n if n else float("nan")) for name, k in zip(variables, counts, strict=True)
    ]
    return pd.DataFrame(rows, columns=COUNT_COLUMNS)


@checked
def missing_patterns(frame: Frame, variables: Sequence[str]) -> pd.DataFrame:
    """Count which variables are missing together: one row per pattern that occurs, the most frequent first.

    missing_variables names the missing ones in the order given ("" for complete rows); n adds up to the
    rows of the frame. The row that `is_complete` is what a complete-case analysis keeps.
    """
    missing = _missing(frame, variables)
    if not len(missing):
        return pd.DataFrame(columns=PATTERN_COLUMNS)
    code = np.zeros(len(missing), dtype=np.int64)
    for column in missing.T:
        code = pd.factorize(code * 2 + column)[0].astype(np.int64)
    _, first, counts = np.unique(code, return_index=True, return_counts=True)
    patterns = missing[first]
    order = sorted(range(len(patterns)), key=lambda i: (-counts[i], patterns[i].sum(), tuple(~patterns[i])))
    rows = []
    for number, i in enumerate(order, start=1):
        absent = [name for name, gone in zip(variables, patterns[i], strict=True) if gone]
        values = [number, int(counts[i]), counts[i] / len(missing), len(absent), ", ".join(absent)]
        rows.append([*values, not absent])
    return pd.DataFrame(rows, columns=PATTERN_COLUMNS)


def _missing(frame: Frame, variables: Sequence[str]) -> Flags:
    """Which values are missing, (n, number of variables)."""
    columns = [series(frame, name).isna().to_numpy(dtype=bool) for name in variables]
    if not columns:
        return np.zeros((len(frame), 0), dtype=bool)
    return np.column_stack(columns)
