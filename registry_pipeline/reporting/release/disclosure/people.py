"""Counts of single people, made inside the gate.

Belongs here: how many people, or lesions of people, have each level of a column, and how many have none.
Does not belong here: crossed with groups (``table_one.py``); tables that already hold counts (``gate.py``).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.release.disclosure.remarks import is_small, is_telling
from registry_pipeline.reporting.release.disclosure.suppression import Line, hidden_counts


def level_counts(tables: DisclosedTables, name: str, column: str, used: str | None = None) -> pd.DataFrame:
    """Rows and people of each level of a column, sorted by level: index level, ``n_rows``, ``n_people``.

    The sum over the levels is taken as known. Where a level's rows are hidden, its people are too.

    Args:
        used: a truth value; the rows in which it is true have the level "", which comes first, whatever else they
            say. Without it rows that have no level are left out.
    """
    frame = tables.people(name, ("patient_id", column, *([used] if used else [])))
    levels = frame[column].astype("string")
    if used:
        levels = levels.fillna("no reason on record").where(~frame[used].fillna(False).astype(bool), "")
    rows = pd.DataFrame({"level": levels, "person": frame["patient_id"]})
    result = rows.groupby("level")["person"].agg(n_rows="size", n_people="nunique").astype(object)
    counts = [int(n) for n in result["n_rows"]]
    hidden = hidden_counts(counts, [Line(tuple(range(len(counts))))], tables.limit)
    for level, is_hidden in zip(result.index, hidden, strict=True):
        result.loc[level] = [
            tables.hidden(n) if is_hidden or is_small(n, tables.limit) else n for n in result.loc[level]
        ]
    return result


def missing_counts(tables: DisclosedTables, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Columns of a table in which people lack a value: index column, ``n_missing``, ``share``."""
    rows = tables.people(name, columns)
    result = pd.DataFrame(
        {"n_missing": rows.isna().sum().astype(object), "share": rows.isna().mean()}, dtype=object
    )
    result = result[result["n_missing"] > 0]
    for column, n in result["n_missing"].items():
        if is_telling(n, len(rows), tables.limit):
            result.loc[column] = [tables.hidden(n), Hidden()]
    return result
