"""Curves on so few steps that none shows single patients.

Belongs here: rounding curves. Does not belong here: counts (``suppression.py``), drawing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def rounded_curve(
    rows: pd.DataFrame, level: str, start: float, limit: int, days_per_month: float
) -> pd.DataFrame:
    """The curve of one group as it may be shown: whole months, and a step only after `limit` further events.

    Args:
        rows: the curve by time: duration_days, n_at_risk, n_event, ci_lower, ci_upper and its level.
        level: column of the level.
        start: level at time 0.
        limit: fewest events between two steps, and fewest patients under whom the curve goes on.

    Returns:
        duration_days (the end of a whole month), the level and its limits, without any count; the last row
        closes the curve. Empty where fewer than `limit` patients are at risk from the beginning.
    """
    columns = [level, "ci_lower", "ci_upper"]
    months = rows.assign(month=np.ceil(rows["duration_days"].to_numpy(float) / days_per_month)).groupby(
        "month"
    )
    last = months[["n_at_risk", *columns]].tail(1).set_index(months["month"].tail(1).to_numpy())
    last = last.assign(n_event=months["n_event"].sum())
    last = last[last["n_at_risk"] >= limit]
    steps, waiting = [], 0
    for at, n in enumerate(last["n_event"].tolist()):
        waiting += int(n)
        if waiting >= limit:
            steps.append(at)
            waiting = 0
    shown = last.iloc[steps][columns].copy()
    if len(last) and (not steps or steps[-1] < len(last) - 1):
        end = shown.iloc[[-1]] if steps else pd.DataFrame([[start, np.nan, np.nan]], columns=columns)
        shown = pd.concat([shown, end.set_axis([last.index[-1]])])
    shown.insert(0, "duration_days", shown.index.to_numpy(float) * days_per_month)
    return shown.reset_index(drop=True)


def rounded_curves(
    rows: pd.DataFrame, level: str, start: float, limit: int, days_per_month: float
) -> pd.DataFrame:
    """Every curve of a table as it may be shown (see :func:`rounded_curve`); a group with few patients has none.

    The release holds no events beside incidences: they follow from the steps and the numbers at risk.
    """
    names = [name for name in ("endpoint", "origin", "stratum_variable", "stratum") if name in rows]
    result = [rows.iloc[:0][[*names, *(["cause"] if "cause" in rows else [])]]]
    for key, group in rows.groupby(names, sort=False):
        group = group.sort_values("duration_days", kind="stable")
        free = (
            1 - group.groupby("duration_days")["incidence"].sum().shift(fill_value=0.0)
            if "cause" in rows
            else None
        )
        for cause, curve in group.groupby("cause") if "cause" in rows else [(None, group)]:
            if free is not None:
                step = curve[level].diff().fillna(curve[level])
                n_event = (step * curve["n_at_risk"] / curve["duration_days"].map(free)).round()
                curve = curve.assign(n_event=n_event)
            shown = rounded_curve(curve, level, start, limit, days_per_month)
            own = dict(zip(names, key, strict=True)) | ({} if cause is None else {"cause": cause})
            result.append(shown.assign(**own))
    return pd.concat(result, ignore_index=True)
