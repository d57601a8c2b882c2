"""Result rows as frames of fixed columns, with what a reader must know of them.

Belongs here: putting rows and curves under each other, status and note of an estimate.
Does not belong here: any estimate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK

NO_PATIENTS = "There are no patients."
BEYOND = "The time asked for is later than the last observation."


def tidy(rows: list[dict[str, Any]], columns: list[str], n_missing: int) -> pd.DataFrame:
    """Make a frame with fixed columns, also when there are no rows, and note how many rows were left out."""
    frame = pd.DataFrame(rows, columns=columns)
    frame.attrs |= {"n_missing": n_missing, "note": "" if rows else NO_PATIENTS}
    return frame


def about_estimate(estimate: float, reason: str, what: str) -> dict[str, str]:
    """Status and note of a curve read at one time; reason: why it says nothing there; what: survival or incidence."""
    if reason:
        return {"status": NOT_ESTIMABLE, "note": reason}
    if estimate in (0, 1):
        return {"status": OK, "note": f"The {what} is {estimate:.0f}; no limits exist there."}
    return {"status": OK, "note": ""}


def stack(curves: list[list[Any]], columns: list[str], n_missing: int) -> pd.DataFrame:
    """Put the curves of all groups under each other; durations in whole days become integers again.

    Each curve is a list of the values of its columns: arrays, or a single value for all its rows.
    """
    if not curves:
        return tidy([], columns, n_missing)
    lengths = [len(curve[columns.index("duration_days")]) for curve in curves]
    result = pd.DataFrame(
        {name: _under_each_other(parts, lengths) for name, *parts in zip(columns, *curves, strict=True)},
        copy=False,
    )
    days = result["duration_days"]
    if bool((days == np.floor(days)).all()):
        result["duration_days"] = days.astype(np.int64)
    result.attrs |= {"n_missing": n_missing, "note": ""}
    return result


def _under_each_other(parts: list[Any], lengths: list[int]) -> Any:
    """One column of all curves."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return np.repeat(np.array(parts, dtype=object if isinstance(parts[0], str) else None), lengths)
