"""How far the headline numbers could move while queries are open.

Belongs here: the lowest and highest value of each headline number over alternative readings of the records.
Does not belong here: making the alternatives (who answers which query how), or estimation.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from registry_pipeline.analysis.growth.lesions import Frame, as_pandas

COLUMNS = [
    "headline", "item", "part", "description", "unit", "computed_value", "lowest", "highest", "lowest_scenario",
    "highest_scenario", "n_scenarios", "n_not_estimable", "n_agreeing", "note",
]  # fmt: skip
CURRENT = "as recorded"


def headline_bounds(current: Frame, alternatives: Mapping[str, Frame]) -> pd.DataFrame:
    """For each headline number, the lowest and highest value over the current and alternative records.

    current: scorecard() of the records as they are, with or without rows of other headline numbers (headlines);
    alternatives: the same of each alternative, by a name that carries no value of a record ('all open death dates at
    the earliest'). One row per number, of key `headline`: item_8a for a published one, whose item and part are given;
    n_scenarios counts the current records too. Scenarios in which the number is not estimable are counted
    and do not enter the bounds. Bounds over named alternatives, not over every combination of answers.
    """
    scenarios = {CURRENT: as_pandas(current), **{k: as_pandas(v) for k, v in alternatives.items()}}
    stacked = pd.concat([_keyed(f).assign(scenario=name) for name, f in scenarios.items()], ignore_index=True)
    rows = [_row(part, len(scenarios)) for _, part in stacked.groupby("headline", sort=False)]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"item": "Int64", "n_agreeing": "Int64"})


def _keyed(numbers: pd.DataFrame) -> pd.DataFrame:
    """The numbers with a key each: that of a published one is made of its item and part."""
    columns = ["headline", "item", "part", "description", "unit", "computed_value", "agrees"]
    keyed = numbers.reindex(columns=columns)
    published = "item_" + keyed["item"].astype("Int64").astype("string") + keyed["part"].astype("string")
    return keyed.assign(headline=keyed["headline"].astype("string").fillna(published))


def _row(part: pd.DataFrame, n_scenarios: int) -> dict[str, object]:
    now = part[part["scenario"] == CURRENT]
    first = (now if len(now) else part).iloc[0]
    known = part[np.isfinite(part["computed_value"].astype(float))]
    is_published = bool(pd.notna(first["item"]))
    row: dict[str, object] = {
        "headline": first["headline"],
        "item": int(first["item"]) if is_published else None,
        "part": first["part"] if is_published else None,
        "description": first["description"],
        "unit": first["unit"],
        "computed_value": float(now["computed_value"].iloc[0]) if len(now) else float("nan"),
        "n_scenarios": n_scenarios,
        "n_not_estimable": n_scenarios - len(known),
        "n_agreeing": int(part["agrees"].astype("boolean").fillna(False).sum()) if is_published else None,
        "lowest": float("nan"),
        "highest": float("nan"),
        "lowest_scenario": None,
        "highest_scenario": None,
        "note": "not estimable under any alternative",
    }
    if known.empty:
        return row
    values = known["computed_value"].astype(float)
    low, high = known.loc[values.idxmin()], known.loc[values.idxmax()]
    moves = "moves" if values.max() > values.min() else "does not move"
    return row | {
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "lowest_scenario": low["scenario"],
        "highest_scenario": high["scenario"],
        "note": f"{moves} over {n_scenarios} readings of the records",
    }
