"""Shares of people (alive, with an event, in a state) in steps that show no single patients.

Belongs here: rounding rates at fixed times. Does not belong here: curves (``curves.py``), counts (``suppression.py``).

A rate among n people of whom few had the event gives away how many. So it is hidden where fewer than the smallest
shown count lie on either side of it, and otherwise rounded to a multiple of that count among n, as are its limits.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.release.disclosure.kinds import hidden_where
from registry_pipeline.reporting.release.disclosure.remarks import COUNTING_ITEMS, with_number

LIMITS = ("ci_lower", "ci_upper")
RATES = {
    "km_landmark": ("n", "survival", LIMITS),
    "immortal_time": ("n", "survival", LIMITS),
    "landmark_analysis": ("n", "survival", LIMITS),
    "state_occupation": ("n_patients", "probability", LIMITS),
    "lesion_local_control": ("n_cluster", "estimate", LIMITS),
    "one_more_patient": ("n", "value_now", ("lowest", "highest")),
}
"""Tables of rates at fixed times: the people among whom, the rate, and what is known with it."""
STANDARD_ERRORS = ("standard_error", "naive_standard_error")
"""Of a share they follow from the count that it is of."""
_NEARLY = 1e-9


def rounded_rate(rate: float, n: float, limit: int) -> float | Hidden:
    """A rate among n people, in steps of `limit` of them; hidden where few people are on one side of it."""
    people = rate * n
    if any(_NEARLY < side < limit - _NEARLY for side in (people, n - people)):
        return Hidden()
    return rate if people > n - limit else _in_steps(rate, n, limit)


def rounded_table(table: str, rows: pd.DataFrame, limit: int) -> pd.DataFrame:
    """A table as it may be shown; one that is not of ``RATES`` stays as it is."""
    if table not in RATES:
        return rows
    n, rate, limits = RATES[table]
    people = rows[n].where(rows["unit"] == "share") if "unit" in rows else rows[n]
    return rounded_rates(rows, people, rate, limit, limits)


def rounded_rates(
    rows: pd.DataFrame, n: pd.Series, rate: str, limit: int, limits: Sequence[str] = LIMITS, scale: float = 1
) -> pd.DataFrame:
    """The rates of a table as they may be shown, and what goes with each.

    Args:
        rows: the table; n: the people of each row, of its index: the rate of a row without stays as it is.
        rate: column of the rate; limits: columns of what is known with it.
        limit: smallest count that is shown; scale: 100 where rates are percent.
    """
    own = n.notna() & rows[rate].notna()
    sizes = n[own].astype(float)
    values = [
        rounded_rate(value, size, limit)
        for value, size in zip(rows.loc[own, rate].astype(float) / scale, sizes, strict=True)
    ]
    shown = {rate: values}
    for column in limits:
        ends = zip(values, rows.loc[own, column].astype(float) / scale, sizes, strict=True)
        shown[column] = [
            value if isinstance(value, Hidden) and end == end else _in_steps(end, size, limit)
            for value, end, size in ends
        ]
    result = hidden_where(rows, own, [column for column in STANDARD_ERRORS if column in rows])
    for column, numbers in shown.items():
        result[column] = rows[column].astype(object)
        result.loc[own, column] = pd.Series(
            [number * scale for number in numbers], own.index[own], dtype=object
        )
    return result


def rounded_card(card: pd.DataFrame, limit: int) -> pd.DataFrame:
    """The published and computed numbers with rates in steps; that one agrees to a decimal would undo them."""
    own = is_rate(card) & card["computed_value"].notna()
    result = rounded_rates(card, card["n"].where(own), "computed_value", limit, scale=100)
    result = result.astype({"computed": object, "agrees": object})
    result.loc[own, "computed"] = result[own].apply(
        lambda row: with_number(row["computed"], row["computed_value"]), axis=1
    )
    result.loc[own, "agrees"] = None
    return result


def rounded_bounds(
    bounds: pd.DataFrame, card: pd.DataFrame, n_cohort: int, n_registry: int, limit: int
) -> pd.DataFrame:
    """The headline numbers with rates in steps: as recorded, lowest and highest.

    Args:
        bounds: ``result.bounds``; card: ``result.scorecard``, which says of how many people a published number is.
        n_cohort, n_registry: people of the other numbers; limit: smallest count that is shown.
    """
    sizes = {f"item_{row['item']}{row['part']}": row["n"] for row in card.to_dict("records")}
    others = [n_registry if name.startswith("registry_") else n_cohort for name in bounds["headline"]]
    people = [sizes.get(name, other) for name, other in zip(bounds["headline"], others, strict=True)]
    own = is_rate(bounds)
    n = pd.Series(people, bounds.index, dtype="Int64").where(own)
    result = rounded_rates(bounds, n, "computed_value", limit, ("lowest", "highest"), 100)
    result["n_agreeing"] = result["n_agreeing"].mask(own)
    return result


def is_rate(numbers: pd.DataFrame) -> pd.Series:
    """Which headline numbers, in percent, are rates at a fixed time and no share of counted people."""
    return (numbers["unit"] == "%") & ~numbers["item"].isin(COUNTING_ITEMS)


def _in_steps(rate: float, n: float, limit: int) -> float:
    """A rate among n people as the nearest multiple of `limit` of them, at most 1; none stays none."""
    return min(round(rate * n / limit) * limit / n, 1.0) if rate == rate and n else rate
