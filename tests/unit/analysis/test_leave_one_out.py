"""A survival rate without one subject, and with one more: the same as fitting anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_pipeline.analysis.survival.leave_one_out import survival_with_one_more, survival_without_each


def _estimate(durations: np.ndarray, events: np.ndarray, at: float) -> float:
    """The product-limit estimate, written out."""
    survival = 1.0
    for time in np.unique(durations[(events > 0) & (durations <= at)]):
        at_risk = (durations >= time).sum()
        survival *= 1 - ((durations == time) & (events > 0)).sum() / at_risk
    return float(survival)


SUBJECTS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 1)), min_size=2, max_size=25)


@given(SUBJECTS, st.integers(0, 13))
def test_without_each_is_the_estimate_of_the_others(subjects: list[tuple[int, int]], at: int) -> None:
    durations, events = (np.array(column, float) for column in zip(*subjects, strict=True))
    now, without = survival_without_each(durations, events, at)
    assert now == pytest.approx(_estimate(durations, events, at), abs=1e-12)
    for number in range(len(subjects)):
        others = np.delete(durations, number), np.delete(events, number)
        assert without[number] == pytest.approx(_estimate(*others, at), abs=1e-12)


@given(SUBJECTS, st.integers(1, 13))
def test_one_more_lies_between_the_bounds_and_reaches_them(subjects: list[tuple[int, int]], at: int) -> None:
    durations, events = (np.array(column, float) for column in zip(*subjects, strict=True))
    low, high = survival_with_one_more(durations, events, at)
    made = [
        _estimate(np.append(durations, time), np.append(events, event), at)
        for time in np.arange(0.25, 14, 0.25)
        for event in (0.0, 1.0)
    ]
    assert (min(made), max(made)) == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))


def test_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="not empty"):
        survival_without_each(np.zeros(0), np.zeros(0), 1.0)
    with pytest.raises(ValueError, match="equally long"):
        survival_with_one_more(np.ones(2), np.ones(1), 1.0)
