"""How far the headline numbers could move while queries are open.

Belongs here: the lowest and highest value of each scorecard number over alternative readings of the records.
Does not belong here: making the alternatives (who answers which query how), or estimation.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from registry_pipeline.analysis.growth_data import Frame, as_pandas

COLUMNS = [
    "item", "part", "description", "unit", "computed_value", "lowest", "highest", "lowest_scenario",
    "highest_scenario", "n_scenarios", "n_not_estimable", "n_agreeing", "note",
]  # fmt: skip
CURRENT = "as recorded"


def headline_bounds(current: Frame, alternatives: Mapping[str, Frame]) -> pd.DataFrame:
    """For each number of the scorecard, the lowest and highest value over the current and alternative records.

    current: scorecard() of the records as they are; alternatives: scorecard() of each alternative, by a name
    that carries no value of a record ('all open death dates at the earliest'). One row per item and part;
    n_scenarios counts the current records too. Scenarios in which the number is not estimable are counted
    and do not enter the bounds. Bounds over named alternatives, not over every combination of answers.
    """
    scenarios = {CURRENT: as_pandas(current), **{k: as_pandas(v) for k, v in alternatives.items()}}
    stacked = pd.concat([f.assign(scenario=name) for name, f in scenarios.items()], ignore_index=True)
    rows = [_row(part, len(scenarios)) for _, part in stacked.groupby(["item", "part"], sort=True)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(part: pd.DataFrame, n_scenarios: int) -> dict[str, object]:
    now = part[part["scenario"] == CURRENT]
    first = (now if len(now) else part).iloc[0]
    known = part[np.isfinite(part["computed_value"].astype(float))]
    row: dict[str, object] = {
        "item": int(first["item"]),
        "part": first["part"],
        "description": first["description"],
        "unit": first["unit"],
        "computed_value": float(now["computed_value"].iloc[0]) if len(now) else float("nan"),
        "n_scenarios": n_scenarios,
        "n_not_estimable": n_scenarios - len(known),
        "n_agreeing": int(part["agrees"].astype("boolean").fillna(False).sum()),
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
