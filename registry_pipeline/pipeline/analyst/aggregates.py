"""Published counts and estimates as analysts get them: through the gate for small counts, then rounded.

Belongs here: rounding. Does not belong here: which counts are hidden (``reporting/release/disclosure``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import polars as pl

import schemas
from registry_pipeline.core.settings import Analyst
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.release.disclosure.curves import GROUP
from registry_pipeline.reporting.release.disclosure.gate import SHARES, DisclosedTables
from registry_pipeline.reporting.release.disclosure.kinds import is_of_single_people
from registry_pipeline.reporting.release.disclosure.relations import COHORT, REGISTRY, people_columns
from registry_pipeline.reporting.release.disclosure.remarks import COUNTING_ITEMS
from registry_pipeline.reporting.release.tables import CURVES
from schemas.constraints import literal
from schemas.study import FACILITY
from schemas.table import columns_of

if TYPE_CHECKING:
    from registry_pipeline.store.row_changes import RowChange

DIGITS_OF_SHARES = 2
CALENDAR_UNITS = ("yyyymm",)
_COUNTED = re.compile(
    r"(?<![.,\d])(\d+)(?= (?:of \d+ )?(?:event|death|patient|lesion|recurrence|before|after))|(?<= of )(\d+)(?= (?:patient|lesion))"
)
NUMBERS = ("computed_value", "lowest", "highest", "computed")
"""Columns of the published numbers that may be counts."""


def aggregate_tables() -> list[str]:
    """Tables that count or estimate, and show nobody."""
    names = [*schemas.tables_of("mart"), *schemas.tables_of("result")]
    return [name for name in names if not is_of_single_people(name)]


def mask_inputs() -> list[str]:
    """Tables of a release that say which counts are hidden, and which numbers of other tables with them."""
    counted = [
        name
        for name, model in schemas.tables_of("result").items()
        if name not in CURVES and people_columns(model.columns)
    ]
    return [COHORT, REGISTRY, *counted, "meta.parameter"]


def for_analysts(database: Path, settings: Analyst) -> DisclosedTables:
    """A sealed release, open for what analysts may see of its counts."""
    return DisclosedTables(database, is_asked=True, smallest=settings.smallest_count)


def published_aggregates(
    tables: DisclosedTables,
    settings: Analyst,
    without: Collection[str] = (),
    groups: Mapping[str, pl.DataFrame] | None = None,
) -> dict[str, pd.DataFrame]:
    """Every aggregate of a release as analysts get it: counts hidden or rounded, curves on whole months.

    Args:
        tables: of :func:`for_analysts`.
        without: tables that nobody asks for.
        groups: tables of curves of which those of some groups are asked for.
    """
    groups = groups or {}
    names = [name for name in aggregate_tables() if name not in without and tables.has(name)]
    rows = (
        tables.curves_of(name, groups[name]) if name in groups else tables.in_order(name) for name in names
    )
    return {name: _rounded(frame, settings.rounding) for name, frame in zip(names, rows, strict=True)}


def curves_rest_on(tables: DisclosedTables) -> list[object]:
    """What becomes of a curve follows from this and from its own rows."""
    return [tables.limit, tables.days_per_month, sorted(tables.small_groupings)]


def changed_groups(change: RowChange) -> pl.DataFrame:
    """The groups whose curves are others."""
    return pl.concat([change.before.select(GROUP), change.after.select(GROUP)]).unique()


def _rounded(rows: pd.DataFrame, base: int) -> pd.DataFrame:
    rows = rows.copy()
    counts = set(people_columns(rows.columns))
    for column in map(str, rows.columns):
        if rows[column].dtype == object and not _are_texts(rows[column]):
            rows[column] = rows[column].map(lambda value: None if isinstance(value, Hidden) else value)
        if column in SHARES:
            rows[column] = rows[column].map(_rounded_share)
        elif column in counts:
            rows[column] = rows[column].map(lambda n: rounded_count(n, base))
        elif rows[column].dtype == object:
            rows[column] = _each_once(rows[column], lambda value: _rounded_remark(value, base))
    return _rounded_items(rows, base) if "item" in rows else rows


def _each_once(column: pd.Series, change: Callable[[object], object]) -> pd.Series:
    """A column of texts changed, each text once: curves have few in very many rows."""
    if not _are_texts(column):
        return column.map(change)
    texts = {text: change(text) for text in column.dropna().unique()}
    return column.map(texts).astype(object).where(column.notna(), None)


def _are_texts(column: pd.Series) -> bool:
    return bool(pd.api.types.infer_dtype(column) == "string")


def rounded_count(n: object, base: int) -> object:
    """A count as the nearest multiple; nothing stays nothing."""
    if n is None or pd.isna(n):  # type: ignore[call-overload]
        return None
    return base * int(float(n) / base + 0.5)  # type: ignore[arg-type]


def _rounded_share(value: object) -> object:
    return round(value, DIGITS_OF_SHARES) if isinstance(value, float) else value


def _rounded_remark(value: object, base: int) -> object:
    """A text with the counts of people in it rounded."""
    return (
        _COUNTED.sub(lambda match: str(rounded_count(match[0], base)), value)
        if isinstance(value, str)
        else value
    )


def _rounded_items(rows: pd.DataFrame, base: int) -> pd.DataFrame:
    """Published numbers: counts of people are rounded, months of the calendar are somebody's and left out."""
    is_count = rows["item"].isin(COUNTING_ITEMS) & (rows["unit"].fillna("") == "")
    is_day = rows["description"].astype(str).str.contains("|".join(CALENDAR_UNITS))
    for column in (name for name in NUMBERS if name in rows):
        is_whole = rows[column].map(lambda value: str(value).removesuffix(".0").isdigit())
        whole = is_count & is_whole
        as_text = column == "computed"
        values = rows.loc[whole, column].map(lambda n: rounded_count(n, base))
        rows.loc[whole, column] = values.astype(str) if as_text else values
        if "agrees" in rows:  # agreement with a published count tells the exact one
            rows["agrees"] = rows["agrees"].mask(whole, None)
        rows.loc[is_day, column] = None
    return rows


def declared_select(name: str, present: pd.DataFrame, facility: Callable[[str], str]) -> str:
    """SELECT of a table's declared columns, in its types, over a frame that is registered as ``rows``.

    Curves, of which those of some groups may be made anew, are in order of what they hold, and so are rows that name
    facilities: in that of the release pseudonyms would stand in order of the names.
    """
    parts, columns = [], columns_of(schemas.tables()[name])
    strata = set(present["stratum_variable"]) if "stratum_variable" in present else set()
    for column in columns:
        value = f'"{column.name}"' if column.name in present else "NULL"
        if column.is_facility and column.name in present:
            value = facility(value)
        elif column.is_stratum and FACILITY.name in strata:
            is_of_facilities = f"stratum_variable = {literal(FACILITY.name)}"
            value = f"CASE WHEN {is_of_facilities} THEN {facility(value)} ELSE {value} END"
        parts.append(f'CAST({value} AS {column.duckdb_type}) AS "{column.name}"')
    names_facilities = FACILITY.name in strata or any(column.is_facility for column in columns)
    is_ordered = names_facilities or name in CURVES
    return f"SELECT {', '.join(parts)} FROM rows{' ORDER BY ALL' if is_ordered else ''}"
