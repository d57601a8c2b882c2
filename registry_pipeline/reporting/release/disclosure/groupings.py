"""Groupings that are left out everywhere, because a group of theirs, or the rest in none, is of few patients.

Belongs here: which they are, which rows are about one of their groups. Does not belong here: single counts (``suppression.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from registry_pipeline.reporting.release.disclosure.cells import EVERYBODY
from registry_pipeline.reporting.release.disclosure.kinds import is_of_registry
from registry_pipeline.reporting.release.disclosure.remarks import is_small

GROUPED = {
    "result.km_summary": "n",
    "result.recurrence_by_group": "n_patients",
    "result.lesion_local_control": "n_cluster",
}
"""Tables that say how many patients each group has, and where."""
_NAMES = ("endpoint", "pattern", "counting", "estimator", "landmark_months")
"""What else such a table may have several of."""


def small_groupings(tables: Mapping[str, pd.DataFrame], limit: int) -> frozenset[tuple[bool, str]]:
    """Groupings with a group, or a rest in no group, of few patients; whether of the registry, and the variable.

    Args:
        tables: the rows of :data:`GROUPED`.
        limit: fewest patients that are shown.
    """
    result = set()
    for table, column in GROUPED.items():
        rows = tables[table]
        origins = rows["origin"] if "origin" in rows else pd.Series("", index=rows.index)
        names = [name for name in _NAMES if name in rows]
        for (origin, *_), own in rows.groupby([origins, *names], dropna=False):
            sums = own.groupby("stratum_variable")[column].sum()
            for variable, groups in own.groupby("stratum_variable")[column]:
                rest = int(sums.get(EVERYBODY[0], sums[variable]) - sums[variable])
                if variable != EVERYBODY[0] and any(is_small(n, limit) for n in (*groups, rest)):
                    result.add((is_of_registry(origin), str(variable)))
    return frozenset(result)


def is_of_grouping(rows: pd.DataFrame, groupings: Collection[tuple[bool, str]]) -> pd.Series:
    """Rows about a group of one of some groupings."""
    result = pd.Series(False, index=rows.index)
    if "stratum" not in rows or not groupings:
        return result
    origins = rows["origin"] if "origin" in rows else pd.Series("", index=rows.index)
    of_registry = origins.map({origin: is_of_registry(origin) for origin in origins.unique()})
    variables = rows["stratum_variable"].astype(str)
    for is_registry, variable in groupings:
        result |= (of_registry == is_registry) & (variables == variable)
    return result
