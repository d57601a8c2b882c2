"""Headline numbers of a release beyond the published ones, each under a key of its own.

Belongs here: which number of which result table a headline is. Does not belong here: the published numbers
(scorecard), estimation, what open questions could change (bounds).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from registry_pipeline.analysis.growth.lesions import Frame
from registry_pipeline.analysis.growth.onset import MODEL as ONSET
from registry_pipeline.study.scorecard_lookup import NAN, Frames

COLUMNS = ["headline", "description", "unit", "computed_value"]
MARK = 36.0
SIZE_TERM = "is_small"
FOLLOW_UP = {"reverse_km": "Median follow-up, reverse Kaplan-Meier", "observed": "Median follow-up, observed"}
_Number = tuple[str, str, str, float]


def study_headlines(frames: Mapping[str, Frame | None], origin: str) -> pd.DataFrame:
    """The headline numbers of a study cohort that no published item is: one row each, columns headline to computed_value.

    frames: km_landmark, follow_up, cox_term, growth_threshold; origin: that of the study. A number that is not
    estimable is NaN.
    """
    read = Frames(frames)
    where = {"endpoint": "os", "origin": origin}
    rates = read.rows("km_landmark", **where, stratum_variable="overall", landmark_months=MARK)
    terms = read.rows("cox_term", **where, model="multivariable", term=SIZE_TERM)
    onset = read.rows("growth_threshold", model=ONSET, ci_method="profile")
    made: list[_Number] = [
        ("follow_up_reverse_km", FOLLOW_UP["reverse_km"], "months", _median(read, "reverse_km")),
        (
            "os_36_overall",
            "Overall survival of all patients at 36 months",
            "%",
            100 * _first(rates, "survival"),
        ),
        ("hazard_ratio_size", "Hazard ratio of size, other factors held", "", _first(terms, "hazard_ratio")),
        (
            "growth_onset",
            "Months from the detection limit to the cutpoint, onset interval-censored",
            "months",
            _first(onset, "months"),
        ),
    ]
    return pd.DataFrame(made, columns=COLUMNS)


def registry_headlines(frames: Mapping[str, Frame | None]) -> pd.DataFrame:
    """The headline numbers of a registry without a study cohort, from the diagnosis of the primary."""
    read = Frames(frames)
    made = [
        *_rates(read),
        *(
            (f"registry_follow_up_{one}", f"{what}, whole registry", "months", _median(read, one))
            for one, what in FOLLOW_UP.items()
        ),
    ]
    return pd.DataFrame(made, columns=COLUMNS)


def _rates(read: Frames) -> Iterator[_Number]:
    rows = read.rows("km_landmark", endpoint="os", origin="primary_dx", stratum_variable="overall")
    for month in rows["landmark_months"].drop_duplicates() if len(rows) else ():
        own = rows[rows["landmark_months"] == month]
        what = f"Overall survival of the whole registry {month:g} months after diagnosis"
        yield f"registry_os_{month:g}", what, "%", 100 * _first(own, "survival")


def _median(read: Frames, definition: str) -> float:
    return _first(read.rows("follow_up", definition=definition), "median_months")


def _first(rows: pd.DataFrame, column: str) -> float:
    """The first value that is there: of Cox terms that of the plain fit, which stands before the penalised one."""
    known = rows[column].dropna() if column in rows.columns else pd.Series(dtype=float)
    return float(known.iloc[0]) if len(known) else NAN
