"""Lesion frames to arrays for the growth models, with every row that was left out counted.

Belongs here: reading columns of pandas or polars frames, and the reasons a lesion cannot be used.
Does not belong here: model forms, fitting, result tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from registry_pipeline.analysis.inputs import counted

DAYS_PER_MONTH = 30.4375

MANY_LESIONS = 5_000  # from here on equal readings are pooled before anything is fitted
Floats: TypeAlias = npt.NDArray[np.float64]
Frame: TypeAlias = Any  # pandas or polars; both answer to `columns` and `__getitem__`

EXCLUSION_REASONS = (
    "interval missing",
    "interval not positive",
    "diameter missing",
    "diameter not positive",
    "patient missing",
)


@dataclass(frozen=True)
class Lesions:
    """Usable lesions.

    months: interval since the last negative CT, > 0; diameter: mm, > 0; patient: 0..n_patients-1 or
    None when the frame names no patient; excluded: one row per reason with n_lesions.
    """

    months: Floats
    diameter: Floats
    patient: npt.NDArray[np.intp] | None
    excluded: pd.DataFrame

    @property
    def n(self) -> int:
        """Number of usable lesions."""
        return len(self.months)

    @property
    def n_patients(self) -> int | None:
        """Number of patients with a usable lesion; None when patients are unknown."""
        return None if self.patient is None else int(self.patient.max(initial=-1)) + 1

    @property
    def n_excluded(self) -> int:
        """Number of lesions left out."""
        return int(self.excluded["n_lesions"].sum())


def as_pandas(frame: Frame) -> pd.DataFrame:
    """Give a pandas frame of whatever frame came in (pandas, polars eager or lazy), rows numbered from 0.

    It may be the very frame that came in: nobody changes it.
    """
    if isinstance(frame, pd.DataFrame):
        is_numbered = frame.index.equals(pd.RangeIndex(len(frame)))
        return frame if is_numbered else frame.reset_index(drop=True)
    if hasattr(frame, "collect"):
        frame = frame.collect()
    if hasattr(frame, "to_pandas"):
        return pd.DataFrame(frame.to_pandas())
    return pd.DataFrame(frame)


def numbers(column: Any) -> Floats:
    """Give a float array; what is not a finite number becomes NaN."""
    values = np.asarray(pd.to_numeric(pd.Series(column), errors="coerce"), dtype=float)
    return np.where(np.isfinite(values), values, np.nan)


def require_columns(data: pd.DataFrame, columns: list[str]) -> None:
    """Raise KeyError naming the columns that are absent (names only, never values)."""
    absent = [name for name in columns if name not in data.columns]
    if absent:
        raise KeyError(f"the frame has no column {', '.join(absent)}")


def usable_lesions(
    frame: Frame, interval_months: str, diameter_mm: str, patient: str | None = None
) -> Lesions:
    """Keep the lesions with a positive interval and diameter; count the others by the first reason that holds.

    Raises KeyError when a named column is absent.
    """
    data = as_pandas(frame)
    require_columns(data, [interval_months, diameter_mm, *([patient] if patient else [])])
    months, diameter = numbers(data[interval_months]), numbers(data[diameter_mm])
    unknown = np.asarray(data[patient].isna()) if patient else np.zeros(len(data), dtype=bool)
    with np.errstate(invalid="ignore"):
        tests = [np.isnan(months), months <= 0, np.isnan(diameter), diameter <= 0, unknown]
    first = np.select(tests, list(range(len(tests))), default=len(tests))
    keep = first == len(tests)
    counts = [int((first == i).sum()) for i in range(len(tests))]
    excluded = pd.DataFrame({"reason": list(EXCLUSION_REASONS), "n_lesions": counts})
    codes = None
    if patient:
        codes = np.asarray(pd.factorize(data.loc[keep, patient])[0], dtype=np.intp)
    return Lesions(
        months[keep], diameter[keep], codes, excluded[excluded["n_lesions"] > 0].reset_index(drop=True)
    )


def exclusion_note(lesions: Lesions) -> str:
    """Say in one clause how many lesions were left out, and why."""
    if not lesions.n_excluded:
        return ""
    parts = [f"{n} {reason}" for reason, n in lesions.excluded.itertuples(index=False)]
    return f"{counted(lesions.n_excluded, 'lesion')} left out ({', '.join(parts)})"


def pooled_values(values: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Of many values, each distinct one once with the sum of its weights; of few, the values themselves."""
    if len(values) < MANY_LESIONS:
        return values, weight
    distinct, at = np.unique(values, return_inverse=True)
    return distinct, np.bincount(at, weights=weight).astype(np.float64)
