"""Headline numbers of a release beyond the published ones, each under a key of its own.

Belongs here: which number of which result table a headline is, its lowest and highest value over readings of the records.
Does not belong here: the published numbers (``scorecard.py``), estimation, making the readings (``scenarios.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from registry_pipeline.analysis.inputs import Frame, as_pandas
from registry_pipeline.core.settings import Study
from registry_pipeline.study.scorecard_lookup import NAN, Frames
from schemas.study import IS_SMALL, ONSET_MODEL, OS, PRIMARY_DX

COLUMNS = ["headline", "description", "unit", "computed_value"]
MARK = 36.0
FOLLOW_UP = {"reverse_km": "Median follow-up, reverse Kaplan-Meier", "observed": "Median follow-up, observed"}
_Number = tuple[str, str, str, float]


def study_headlines(frames: Mapping[str, Frame | None], study: Study) -> pd.DataFrame:
    """The headline numbers of a study cohort that no published item is: one row each, columns headline to computed_value.

    frames: km_landmark, follow_up, cox_term, growth_threshold; study: their parameters. A number that is not
    estimable is NaN.
    """
    read = Frames(frames, study)
    where = {"endpoint": OS.name, "origin": study.origin}
    rates = read.rows("km_landmark", **where, stratum_variable="overall", landmark_months=MARK)
    terms = read.rows("cox_term", **where, model="multivariable", term=IS_SMALL.name)
    onset = read.rows("growth_threshold", model=ONSET_MODEL, ci_method="profile")
    numbers: list[_Number] = [
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
    return pd.DataFrame(numbers, columns=COLUMNS)


def registry_headlines(frames: Mapping[str, Frame | None]) -> pd.DataFrame:
    """The headline numbers of a registry without a study cohort, from the diagnosis of the primary."""
    read = Frames(frames, Study())
    numbers = [
        *_rates(read),
        *(
            (
                f"registry_follow_up_{definition}",
                f"{what}, whole registry",
                "months",
                _median(read, definition),
            )
            for definition, what in FOLLOW_UP.items()
        ),
    ]
    return pd.DataFrame(numbers, columns=COLUMNS)


def _rates(read: Frames) -> Iterator[_Number]:
    rows = read.rows("km_landmark", endpoint=OS.name, origin=PRIMARY_DX.name, stratum_variable="overall")
    for month in rows["landmark_months"].drop_duplicates() if len(rows) else ():
        own = rows[rows["landmark_months"] == month]
        what = f"Overall survival of the whole registry {month:g} months after diagnosis"
        yield f"registry_os_{month:g}", what, "%", 100 * _first(own, "survival")


def _median(read: Frames, definition: str) -> float:
    return _first(read.rows("follow_up", definition=definition), "median_months")


def _first(rows: pd.DataFrame, column: str) -> float:
    """The first value that is there: of Cox terms that of the plain fit, which stands before the penalised one."""
    values = rows[column].dropna() if column in rows.columns else pd.Series(dtype=float)
    return float(values.iloc[0]) if len(values) else NAN


BOUND_COLUMNS = [
    "headline", "item", "part", "description", "unit", "computed_value", "lowest", "highest", "lowest_scenario",
    "highest_scenario", "n_scenarios", "n_not_estimable", "n_agreeing", "note",
]  # fmt: skip
CURRENT = "as recorded"


def headline_bounds(current: Frame, scenarios: Mapping[str, Frame]) -> pd.DataFrame:
    """For each headline number, the lowest and highest value over the records as they are and their other readings.

    current: scorecard() of the records as they are, with or without rows of other headline numbers (headlines);
    scenarios: the same of each other reading, by a name that carries no value of a record ('all open death dates at
    the earliest'). One row per number, of key `headline`: item_8a for a published one, whose item and part are given;
    n_scenarios counts the current records too. Scenarios in which the number is not estimable are counted
    and do not enter the bounds. Bounds over named readings, not over every combination of answers.
    """
    readings = {CURRENT: as_pandas(current)} | {name: as_pandas(of) for name, of in scenarios.items()}
    stacked = pd.concat(
        [keyed_headlines(of).assign(scenario=name) for name, of in readings.items()], ignore_index=True
    )
    rows = [_row(part, len(readings)) for _, part in stacked.groupby("headline", sort=False)]
    return pd.DataFrame(rows, columns=BOUND_COLUMNS).astype({"item": "Int64", "n_agreeing": "Int64"})


def keyed_headlines(numbers: pd.DataFrame) -> pd.DataFrame:
    """The numbers with a key each: that of a published one is made of its item and part."""
    columns = ["headline", "item", "part", "description", "unit", "computed_value", "agrees"]
    keyed = numbers.reindex(columns=columns)
    published = "item_" + keyed["item"].astype("Int64").astype("string") + keyed["part"].astype("string")
    return keyed.assign(headline=keyed["headline"].astype("string").fillna(published))


def _row(part: pd.DataFrame, n_scenarios: int) -> dict[str, object]:
    now = part[part["scenario"] == CURRENT]
    first = (now if len(now) else part).iloc[0]
    computed = part[np.isfinite(part["computed_value"].astype(float))]
    is_published = bool(pd.notna(first["item"]))
    row: dict[str, object] = {
        "headline": first["headline"],
        "item": int(first["item"]) if is_published else None,
        "part": first["part"] if is_published else None,
        "description": first["description"],
        "unit": first["unit"],
        "computed_value": float(now["computed_value"].iloc[0]) if len(now) else float("nan"),
        "n_scenarios": n_scenarios,
        "n_not_estimable": n_scenarios - len(computed),
        "n_agreeing": int(part["agrees"].astype("boolean").fillna(False).sum()) if is_published else None,
        "lowest": float("nan"),
        "highest": float("nan"),
        "lowest_scenario": None,
        "highest_scenario": None,
        "note": "not estimable under any alternative",
    }
    if computed.empty:
        return row
    values = computed["computed_value"].astype(float)
    low, high = computed.loc[values.idxmin()], computed.loc[values.idxmax()]
    moves = "moves" if values.max() > values.min() else "does not move"
    return row | {
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "lowest_scenario": low["scenario"],
        "highest_scenario": high["scenario"],
        "note": f"{moves} over {n_scenarios} readings of the records",
    }
