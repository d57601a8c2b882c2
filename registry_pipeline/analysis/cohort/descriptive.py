"""Describing a cohort: proportions with limits, and the table that opens a report.

Belongs here: counts, medians, missing values, standardised differences, limits of proportions.
Does not belong here: survival, tests of hypotheses (a first table describes, it does not test).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.inputs import Frame, is_numeric, label, numbers, series
from registry_pipeline.analysis.tidy import tidy
from registry_pipeline.analysis.times import check_groups

COLUMNS = [
    "variable",
    "level",
    "statistic",
    "group",
    "n",
    "n_missing",
    "count",
    "share",
    "median",
    "lower_quartile",
    "upper_quartile",
    "minimum",
    "maximum",
    "mean",
    "standard_deviation",
    "standardised_difference",
]
ALL = "all"


@checked
def describe_cohort(frame: Frame, variables: Sequence[str], by: str | None = None) -> pd.DataFrame:
    """Describe variables for everybody and, with `by`, for each group.

    Numeric variables give one row (statistic "numeric": median, quartiles, range, mean, standard deviation),
    others one row per level ("level": count and share of the known). n counts the known, n_missing the
    missing of the group. standardised_difference, with exactly two groups, is the second minus the first
    over the pooled standard deviation (Austin 2009) and stands in the rows of group "all". Rows whose
    group is missing count in "all" only.
    """
    n = len(frame)
    groups = check_groups(frame, by, n)
    members = {ALL: np.ones(n, dtype=bool)}
    if by is not None:
        members |= {name: groups.code == code for code, name in enumerate(groups.labels)}
    rows: list[dict[str, Any]] = []
    for name in variables:
        column = series(frame, name)
        describe = _numeric_rows if is_numeric(column) and not _is_flag(column) else _level_rows
        rows.extend(describe(frame, name, column, members))
    return tidy(rows, COLUMNS, groups.n_missing)


def _is_flag(column: pd.Series) -> bool:
    """Say whether a column holds truth values, which are described as levels."""
    return bool(pd.api.types.is_bool_dtype(column.dtype)) or (
        column.dtype == object
        and set(map(type, column.dropna())) <= {bool, np.bool_}
        and column.notna().any()
    )


def _numeric_rows(
    frame: Frame, name: str, column: pd.Series, members: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Describe a numeric variable."""
    values = numbers(frame, name)
    parts = {group: values[rows & ~np.isnan(values)] for group, rows in members.items()}
    for group, part in parts.items():
        row: dict[str, Any] = {"variable": name, "level": None, "statistic": "numeric", "group": group}
        row |= {"n": len(part), "n_missing": int((members[group] & np.isnan(values)).sum())}
        if len(part):
            quartiles = np.quantile(part, [0.25, 0.5, 0.75])
            row |= dict(zip(("lower_quartile", "median", "upper_quartile"), quartiles, strict=True))
            row |= {"minimum": part.min(), "maximum": part.max(), "mean": part.mean()}
            row["standard_deviation"] = part.std(ddof=1) if len(part) > 1 else float("nan")
        if group == ALL:
            row["standardised_difference"] = _mean_difference([p for g, p in parts.items() if g != ALL])
        yield row


def _level_rows(
    frame: Frame, name: str, column: pd.Series, members: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Describe a variable by its levels."""
    groups = check_groups(frame, name, len(column))
    has_group = groups.code >= 0
    for code, level in enumerate(groups.labels):
        shares: dict[str, float] = {}
        rows = []
        for group, chosen in members.items():
            n, count = int((chosen & has_group).sum()), int((chosen & (groups.code == code)).sum())
            shares[group] = count / n if n else float("nan")
            row = {"variable": name, "level": label(level), "statistic": "level", "group": group, "n": n}
            rows.append(
                row | {"n_missing": int((chosen & ~has_group).sum()), "count": count, "share": shares[group]}
            )
        rows[0]["standardised_difference"] = _share_difference([s for g, s in shares.items() if g != ALL])
        yield from rows


def _mean_difference(parts: list[Any]) -> float:
    """Standardised difference of two means; NaN unless there are two groups with spread."""
    if len(parts) != 2 or min(map(len, parts)) < 2:
        return float("nan")
    spread = float(np.sqrt((parts[0].var(ddof=1) + parts[1].var(ddof=1)) / 2))
    return float((parts[1].mean() - parts[0].mean()) / spread) if spread > 0 else float("nan")


def _share_difference(shares: list[float]) -> float:
    """Standardised difference of two shares."""
    if len(shares) != 2:
        return float("nan")
    spread = float(np.sqrt(sum(p * (1 - p) for p in shares) / 2))
    return (shares[1] - shares[0]) / spread if spread > 0 else float("nan")
