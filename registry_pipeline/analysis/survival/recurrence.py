"""What recurs first after locoregional therapy: counts, shares, observed times.

Belongs here: result.recurrence_pattern. Does not belong here: Kaplan-Meier and cumulative incidence of
the same events. The median time here is that of the observed times among patients with the event, as the
study prints it; it is no median time to event, because patients without the event do not enter it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.distributions import exact_proportion_ci
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Frame, numbers, series
from registry_pipeline.core.units import DAYS_PER_MONTH

PATTERNS = ("local_recurrence", "regional", "new_oligomet", "polymet")
COLUMNS = [
    "pattern", "n_patients", "n_event", "share", "ci_lower", "ci_upper",
    "median_months_observed", "min_months", "max_months", "status", "note",
]  # fmt: skip


@checked
def recurrence_patterns(
    frame: Frame,
    n_patients: int,
    *,
    patient: str = "patient_id",
    event_type: str = "event_type",
    time: str = "days_since_lrt",
    unit: str = "days",
    counting: str = "first_overall",
    patterns: Sequence[str] = PATTERNS,
    level: float = 0.95,
) -> pd.DataFrame:
    """Patients by kind of recurrence, with exact intervals of the share and the observed times.

    frame: one row per patient and event, with the time since the origin in `unit` ('days' or 'months');
    n_patients: the cohort, also those without an event. counting 'first_overall': a patient counts
    under the kind of the earliest event (under each kind when several fall on the same day);
    'first_of_type': under every kind the patient ever had, at its first date. Events without a time,
    kind or patient, or before the origin, are left out. `patterns` are always listed, further kinds
    that occur follow; 'any' closes the table. Raises ValueError for an impossible n_patients.
    """
    if unit == "frame":
        raise ValueError("recurrence_patterns: unit must be days or months")
    events, kinds = _events(frame, patient, event_type, time, unit)
    if events["patient"].nunique() > n_patients:
        raise ValueError("more patients have an event than the cohort has patients")
    first = events.groupby(["patient", "kind"], as_index=False, observed=True)["months"].min()
    is_earliest = first["months"] == first.groupby("patient", observed=True)["months"].transform("min")
    any_event = first[is_earliest].drop_duplicates("patient")
    counted = first[is_earliest] if counting == "first_overall" else first
    months = {kinds[code]: part for code, part in counted.groupby("kind", observed=True)["months"]}
    rows = [
        _row(name, months.get(name, counted["months"].iloc[:0]), n_patients, level)
        for name in [*patterns, *sorted(set(months) - set(patterns))]
    ]
    return pd.DataFrame([*rows, _row("any", any_event["months"], n_patients, level)], columns=COLUMNS)


def _events(
    frame: Frame, patient: str, event_type: str, time: str, unit: str
) -> tuple[pd.DataFrame, list[str]]:
    """Dated events after the origin, patients and kinds as numbers, and the names of the kinds."""
    (owner, _), (kind, kinds) = (pd.factorize(series(frame, name)) for name in (patient, event_type))
    months = numbers(frame, time, is_infinite_missing=True) / (DAYS_PER_MONTH if unit == "days" else 1.0)
    events = pd.DataFrame({"patient": owner, "kind": kind, "months": months})
    return events[(owner >= 0) & (kind >= 0) & (months >= 0)], [str(kind) for kind in kinds]


def _row(pattern: str, months: pd.Series, n_patients: int, level: float) -> dict[str, object]:
    n = len(months)
    lower, upper = exact_proportion_ci(n, n_patients, level)
    return {
        "pattern": pattern,
        "n_patients": n_patients,
        "n_event": n,
        "share": n / n_patients if n_patients else float("nan"),
        "ci_lower": lower,
        "ci_upper": upper,
        "median_months_observed": float(months.median()) if n else float("nan"),
        "min_months": float(months.min()) if n else float("nan"),
        "max_months": float(months.max()) if n else float("nan"),
        "status": OK if n_patients else NOT_ESTIMABLE,
        "note": _note(n, n_patients),
    }


def _note(n: int, n_patients: int) -> str:
    """Why there is no share, or no time."""
    if not n_patients:
        return "There are no patients."
    return "" if n else "No such event; there is no time to tell."
