"""What a term of a Cox model rests on: the patients and events of its level, and when it has no hazard ratio.

Belongs here: counts by level, which p value of a term leads, sentences about terms of few events or absurd units.
Does not belong here: fitting (fit.py), the other columns of the terms (analysis/cox/result.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline.analysis.inputs import OK, Flags, Floats, counted

FEW_EVENTS = 5
FEWEST_PATIENTS = 3  # of a level that bears a test of its own
RARE_NOTE = "No Wald p value: a level has fewer than 5 events, where it errs too often."
BY_RATIO = "The p value is by likelihood ratio; the limits are those of the method, and too narrow."
WITHHELD = (
    "No p value of its own: it would err too often; read the test of the whole factor, or between groups."
)
MOST_LOG_RATIO = 700.0  # exp of more is beyond what a number can hold


@dataclass(frozen=True)
class Level:
    """Patients and events of a term's level, and of the level that it is compared with."""

    n: int
    n_event: int
    n_reference: int
    n_event_reference: int

    @property
    def is_rare(self) -> bool:
        """Whether either has so few events that Wald's test errs too often."""
        return min(self.n_event, self.n_event_reference) < FEW_EVENTS

    @property
    def bears_test(self) -> bool:
        """Whether both have patients enough for a likelihood-ratio test."""
        return min(self.n, self.n_reference) >= FEWEST_PATIENTS

    @property
    def note(self) -> str:
        """A sentence where either rests on few events."""
        if not self.is_rare:
            return ""
        return (
            f"Rests on few events: {self.n_event} of {counted(self.n, 'patient')} against "
            f"{self.n_event_reference} of {counted(self.n_reference, 'patient')}."
        )


def is_rare(levels: Iterable[Level | None]) -> bool:
    """Whether any level has so few events that Wald's test errs too often."""
    return any(level is not None and level.is_rare for level in levels)


def with_leading_p(
    terms: pd.DataFrame, levels: Sequence[Level | None], method: str, ratio_p: Callable[[int], float] | None
) -> pd.DataFrame:
    """Terms with the p value that leads and p_value_method: `method`, but of few events the likelihood ratio or none.

    ratio_p: the likelihood-ratio p value of a term by its position; None where rows depend on each other.
    """
    p_value, methods, notes = list(terms["p_value"]), [], list(terms["note"])
    for j, (level, status) in enumerate(zip(levels, terms["status"], strict=True)):
        is_given = status == OK and not np.isnan(p_value[j])
        if is_given and level is not None and level.is_rare:
            by_ratio = ratio_p(j) if ratio_p is not None and level.bears_test else float("nan")
            p_value[j], is_given = by_ratio, bool(np.isfinite(by_ratio))
            notes[j] = " ".join(filter(None, [notes[j], BY_RATIO if is_given else WITHHELD]))
            methods.append("likelihood ratio" if is_given else "")
        else:
            methods.append(method if is_given else "")
    return terms.assign(p_value=p_value, p_value_method=methods, note=notes)


def read_levels(x: Floats, terms: Sequence[str], is_event: Flags, count: Floats) -> tuple[Level | None, ...]:
    """Of each column of x (n, p) its level and the level it is compared with; None for a continuous covariate.

    The larger value of a covariate of two values counts as its level. is_event, count (n,): events, patients per row.
    """
    return tuple(_level(x, terms, j, is_event, count) for j in range(len(terms)))


def _level(x: Floats, terms: Sequence[str], j: int, is_event: Flags, count: Floats) -> Level | None:
    column = x[:, j]
    if not len(column):
        return None
    if terms[j].endswith("]"):
        stem = terms[j].rsplit("[", 1)[0] + "["
        own = [i for i, other in enumerate(terms) if other.startswith(stem)]
        is_own, rest = column > 0, ~np.logical_or.reduce([x[:, i] > 0 for i in own])
        if (
            not is_own.any()
        ):  # only a factor of a single level has a column of zeros: everybody is in that level
            is_own, rest = rest, is_own
    else:
        low, high = column.min(), column.max()
        is_own, rest = column == high, column == low
        if low == high or not (is_own | rest).all():
            return None
    chosen = (is_own, is_own & is_event, rest, rest & is_event)
    return Level(*(int(count[rows].sum()) for rows in chosen))


def with_levels(terms: pd.DataFrame, levels: Sequence[Level | None]) -> pd.DataFrame:
    """Terms with n_level and n_event_level, NULL for continuous ones, and a note where events are few."""
    notes = [
        " ".join(filter(None, [note, level.note if level is not None and status == OK else ""]))
        for note, status, level in zip(terms["note"], terms["status"], levels, strict=True)
    ]
    counts = {
        "n_level": [None if level is None else level.n for level in levels],
        "n_event_level": [None if level is None else level.n_event for level in levels],
    }
    return terms.assign(
        note=notes, **{name: pd.array(count, dtype="Int64") for name, count in counts.items()}
    )


def hazard_ratios(beta: Floats, lower: Floats, upper: Floats) -> Floats:
    """exp of coefficients and their limits, (q, 3); NaN where the ratio is beyond what a number can hold.

    An upper limit alone may be infinite: a profile that never comes back to its limit.
    """
    with np.errstate(over="ignore"):
        ratios = np.exp(np.column_stack([beta, lower, upper]))
    ratios[np.abs(beta) > MOST_LOG_RATIO] = np.nan
    return ratios


def ratio_notes(beta: Sequence[float], terms: Sequence[str], notes: Sequence[str]) -> list[str]:
    """The note of each term, or why a coefficient has no hazard ratio."""
    return [
        f"The hazard ratio per unit of {term} is beyond any number: its unit is too large for its values."
        if abs(coefficient) > MOST_LOG_RATIO
        else note
        for coefficient, term, note in zip(beta, terms, notes, strict=True)
    ]
