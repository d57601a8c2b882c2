"""What one patient does to a survival rate: the Kaplan-Meier estimate without her, and with one more.

Belongs here: the estimate at one time with one subject fewer or more, for all subjects at once.
Does not belong here: curves (``kaplan_meier.py``), jackknife variances.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def survival_without_each(durations: Floats, events: Floats, at: float) -> tuple[float, Floats]:
    """The product-limit estimate at a time, and what it would be without each subject.

    Args:
        durations: times under observation, not negative.
        events: 1 for an event, 0 for censored.
        at: the time of the estimate, in the unit of the durations.

    Returns:
        The estimate, and one value per subject in order. Exact: every risk set that a subject was in has one
        subject fewer, and her own event is gone. NaN where nobody is left.

    Raises:
        ValueError: the arrays differ in length, or are empty.
    """
    if durations.shape != events.shape or not durations.size:
        raise ValueError("durations and events must be equally long and not empty")
    times, at_risk, n_events = _risk_sets(durations, events, at)
    later = _products_from(_factor(at_risk, n_events))
    fewer = _products_to(_factor(at_risk - 1, n_events))
    place = np.searchsorted(times, durations, side="right")  # event times up to her own
    values = fewer[place] * later[place]
    if times.size:
        own = np.clip(place - 1, 0, None)
        without_event = fewer[own] * _factor(at_risk[own] - 1, n_events[own] - 1) * later[place]
        values = np.where((events > 0) & (durations <= at), without_event, values)
    return float(later[0]), np.where(durations.size > 1, values, np.nan)


def survival_with_one_more(durations: Floats, events: Floats, at: float) -> tuple[float, float]:
    """The lowest and the highest estimate that one more subject can make.

    The highest is that of a subject without an event until the time. The lowest is that of an event at the worst
    moment: late, when few are left at risk.

    Raises:
        ValueError: as :func:`survival_without_each`.
    """
    if durations.shape != events.shape or not durations.size:
        raise ValueError("durations and events must be equally long and not empty")
    times, at_risk, n_events = _risk_sets(durations, events, at)
    later, more = _products_from(_factor(at_risk, n_events)), _products_to(_factor(at_risk + 1, n_events))
    moments = np.concatenate([[0.0], np.unique(durations[durations < at])])  # an event just after each
    n_left = durations.size - np.searchsorted(np.sort(durations), moments, side="right")
    place = np.searchsorted(times, moments, side="right")
    lowest = (more[place] * (n_left / (n_left + 1.0)) * later[place]).min() if at > 0 else 1.0
    return float(lowest), float(more[-1])


def _risk_sets(durations: Floats, events: Floats, at: float) -> tuple[Floats, Floats, Floats]:
    """Event times up to a time, subjects at risk and events at each."""
    is_event = (events > 0) & (durations <= at)
    times, counts = np.unique(durations[is_event], return_counts=True)
    at_risk = durations.size - np.searchsorted(np.sort(durations), times, side="left")
    return times, at_risk.astype(float), counts.astype(float)


def _factor(at_risk: Floats, n_events: Floats) -> Floats:
    """What is left of the estimate after each event time; 1 where nobody is at risk."""
    return np.where(at_risk > 0, 1.0 - n_events / np.where(at_risk > 0, at_risk, 1.0), 1.0)


def _products_to(factors: Floats) -> Floats:
    """Product of the factors before each position, and of all of them."""
    return np.concatenate([[1.0], np.cumprod(factors)])


def _products_from(factors: Floats) -> Floats:
    """Product of the factors from each position on, and 1."""
    return np.concatenate([np.cumprod(factors[::-1])[::-1], [1.0]])
