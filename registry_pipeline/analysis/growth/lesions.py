"""Lesion frames to arrays for the growth models, with every row that was left out counted.

Belongs here: reading columns of pandas or polars frames, and the reasons a lesion cannot be used.
Does not belong here: model forms, fitting, result tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from registry_pipeline.analysis.inputs import Floats, Frame, counted, numbers, require_columns, series

MANY_LESIONS = 5_000  # from here on equal readings are pooled before anything is fitted
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


def lesion_numbers(frame: Frame, name: str) -> Floats:
    """A numeric column of lesions; what is infinite counts as missing, as an absurd reading does."""
    return numbers(frame, name, is_infinite_missing=True)


def usable_lesions(
    frame: Frame, interval_months: str, diameter_mm: str, patient: str | None = None
) -> Lesions:
    """Keep the lesions with a positive interval and diameter; count the others by the first reason that holds.

    Raises ValueError when a named column is absent or not numeric.
    """
    require_columns(frame, [interval_months, diameter_mm, patient])
    months, diameter = lesion_numbers(frame, interval_months), lesion_numbers(frame, diameter_mm)
    owner = None if patient is None else series(frame, patient)
    unknown = np.zeros(len(months), dtype=bool) if owner is None else owner.isna().to_numpy(dtype=bool)
    with np.errstate(invalid="ignore"):
        tests = [np.isnan(months), months <= 0, np.isnan(diameter), diameter <= 0, unknown]
    first = np.select(tests, list(range(len(tests))), default=len(tests))
    keep = first == len(tests)
    counts = [int((first == i).sum()) for i in range(len(tests))]
    excluded = pd.DataFrame({"reason": list(EXCLUSION_REASONS), "n_lesions": counts})
    codes = None if owner is None else np.asarray(pd.factorize(owner[keep])[0], dtype=np.intp)
    return Lesions(
        months[keep], diameter[keep], codes, excluded[excluded["n_lesions"] > 0].reset_index(drop=True)
    )


def patient_labels(frame: Frame, interval_months: str, diameter_mm: str, patient: str) -> list[str]:
    """The patients in the order in which `usable_lesions` numbers them."""
    months, size = lesion_numbers(frame, interval_months), lesion_numbers(frame, diameter_mm)
    owner = series(frame, patient)
    with np.errstate(invalid="ignore"):
        usable = owner[(months > 0) & (size > 0) & owner.notna().to_numpy(dtype=bool)]
    return [str(name) for name in pd.factorize(usable)[1]]


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
