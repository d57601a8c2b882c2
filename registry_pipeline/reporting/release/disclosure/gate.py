"""The release as its pages may show it.

Belongs here: what becomes of each table on its way to a page. Does not belong here: pages, or how counts hang
together (``relations.py``).

Where small counts are hidden, a section gets nothing that it could give away: a table of single patients reads as
empty, a count that is small or would give a small one away is a :class:`Hidden`, an estimate of so few people too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from registry_pipeline.core.units import DAYS_PER_MONTH
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.release.disclosure.cells import Counts
from registry_pipeline.reporting.release.disclosure.curves import rounded_curves
from registry_pipeline.reporting.release.disclosure.flow import disclosed_flow
from registry_pipeline.reporting.release.disclosure.groupings import (
    GROUPED,
    is_of_grouping,
    small_groupings,
)
from registry_pipeline.reporting.release.disclosure.kinds import (
    estimate_columns,
    hidden_where,
    is_of_registry,
    is_of_single_people,
)
from registry_pipeline.reporting.release.disclosure.rates import (
    LIMITS,
    rounded_bounds,
    rounded_card,
    rounded_rates,
    rounded_table,
)
from registry_pipeline.reporting.release.disclosure.relations import (
    COHORT,
    REGISTRY,
    counts_of,
    people_columns,
)
from registry_pipeline.reporting.release.disclosure.remarks import (
    disclosed_card,
    disclosed_remark,
    hidden_items,
    is_small,
)
from registry_pipeline.reporting.release.disclosure.suppression import Mask, hidden_counts
from registry_pipeline.reporting.release.tables import CURVES, ReleaseTables

if TYPE_CHECKING:
    import polars as pl

FACILITY_TABLES = ("result.facility_funnel", "result.facility_frailty", "result.facility_left_out")
"""Tables that show no facility with fewer patients than may be counted, whether small counts are hidden or not."""
RANGES = ("min_months", "max_months", "min_days", "max_days")
"""Times of one patient each."""
SHARES = ("share", "share_missing", "events_per_variable", "ratio")
"""Estimates that give their count away."""
_ESTIMATED = ("n", "n_patients", "n_lesions", "n_at_risk", "n_cluster")
"""Counts of the people behind an estimate: of few of them there is none."""
_AXES = (
    "landmark_months",
    "horizon_months",
    "interval_months",
    "tau_months",
    "cutpoint_mm",
    "cutpoint",
    "threshold_mm",
)


class DisclosedTables(ReleaseTables):
    """A sealed release, open for what its pages may show.

    Args:
        database: path of ``registry.duckdb``.
        is_asked: hide small counts, as the release's own parameter ``privacy.suppress_small`` also does.
        smallest: smallest count that is shown; ``privacy.small_cell`` of the release if not given.
    """

    def __init__(self, database: Path, *, is_asked: bool = False, smallest: int | None = None) -> None:
        super().__init__(database)
        self.smallest = int(self.number("privacy.small_cell", 5)) if smallest is None else smallest
        is_asked = is_asked or self.parameters.get("privacy.suppress_small", "").lower() == "true"
        self.limit = self.smallest if is_asked else 0
        self._incidence: tuple[dict[str, Any], pd.DataFrame] = ({}, pd.DataFrame())

    @property
    def hides(self) -> bool:
        """Whether small counts are hidden."""
        return self.limit > 1

    def shows_people(self, name: str) -> bool:
        """Whether a table may be read row by row: not one of single people where small counts are hidden."""
        return not (self.hides and is_of_single_people(name))

    def table(
        self,
        name: str,
        where: dict[str, Any] | None = None,
        limit: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """As of :class:`ReleaseTables`, hidden where need be."""
        self._note(name)
        if not self.shows_people(name):
            return super().table(name, where, 0, columns)
        if not self._is_changed(name):
            return super().table(name, where, limit, columns)
        rows = self._disclosed(name)
        for column, value in (where or {}).items():
            rows = rows[rows[column] == value] if column in rows else rows[:0]
        return rows.head(len(rows) if limit is None else limit).reset_index(drop=True)

    def in_order(self, name: str) -> pd.DataFrame:
        """As of :class:`ReleaseTables`, hidden where need be."""
        return (
            self.table(name)
            if self._is_changed(name) or not self.shows_people(name)
            else super().in_order(name)
        )

    def query(
        self, sql: str, needs: Mapping[str, Sequence[str]], values: Sequence[Any] = ()
    ) -> pd.DataFrame | None:
        """As of :class:`ReleaseTables`; None where it would read single people, or results past the gate."""
        is_open = all(self.shows_people(name) and not self._is_changed(name) for name in needs)
        return super().query(sql, needs, values) if is_open else None

    def n_rows(self, name: str) -> int | Hidden:
        """As of :class:`ReleaseTables`; of single people hidden where small, or where the total is."""
        n = self.count_rows(name)
        if self.shows_people(name):
            return n
        counts, hidden = self._solved
        totals = {counts.values[cell] for cell in counts.totals.values() if hidden[cell]}
        return self.hidden(n) if is_small(n, self.limit) or n in totals else n

    def people(self, name: str, columns: Sequence[str]) -> pd.DataFrame:
        """Single people, for what counts them inside the gate; no section reads them while small counts are hidden."""
        return super().table(name, columns=columns)

    def has_small_group(self, origin: str, variable: str) -> bool:
        """Whether a grouping is left out everywhere, because one of its groups is small."""
        return self.hides and (is_of_registry(origin), variable) in self.small_groupings

    @property
    def days_per_month(self) -> float:
        """How long a month is in the release."""
        return self.number("study.days_per_month", DAYS_PER_MONTH)

    def curves_of(self, name: str, groups: pl.DataFrame) -> pd.DataFrame:
        """The curves of some groups as they may be shown.

        Args:
            groups: values of ``GROUP``, by these names.
        """
        rows = super().matching(name, groups)
        if not self.hides:
            return rows
        shown = rows[~is_of_grouping(rows, self.small_groupings)]
        return rounded_curves(shown, *CURVES[name], self.limit, self.days_per_month)

    def incidence_at(self, where: Mapping[str, Any], months: float) -> Mapping[str, Any] | None:
        """The last row of one cumulative incidence curve at or before a time.

        Returns:
            None beyond the last observation, or where fewer are at risk than may be counted; the start of the curve
            before its first event.
        """
        name = "result.cumulative_incidence"
        self._note(name)
        if self._incidence[0] != dict(where):  # asked for several times in turn
            rows = super().table(name, dict(where)).sort_values("duration_days", kind="stable")
            if self.hides:
                rows = rows[(rows["n_at_risk"] >= self.limit) & ~is_of_grouping(rows, self.small_groupings)]
            self._incidence = dict(where), rows
        rows = self._incidence[1]
        days = months * self.days_per_month
        if rows.empty or rows["duration_days"].max() < days:
            return None
        before = rows[rows["duration_days"] <= days]
        if before.empty:
            return {"incidence": 0.0}
        last = before.tail(1)[["incidence", *LIMITS]]
        if self.hides:
            last = rounded_rates(
                last, pd.Series(rows["n_at_risk"].max(), last.index), "incidence", self.limit
            )
        return {str(key): value for key, value in last.iloc[0].items()}

    def _is_changed(self, name: str) -> bool:
        is_of_results = self.hides and (name.startswith("result.") or name == "mart.attrition")
        return self.has(name) and (is_of_results or name in FACILITY_TABLES)

    def _disclosed(self, name: str) -> pd.DataFrame:
        if name not in self._shown:
            self._shown[name] = self._disclose(name)
        return self._shown[name].copy()

    def _disclose(self, name: str) -> pd.DataFrame:
        if name == "mart.attrition":
            return disclosed_flow(super().table(name), self.limit)
        rows = self._rows(name)
        if not self.hides:
            return rows
        for column in (name for name in ("note", "assumption") if name in rows):
            rows[column] = rows[column].map(lambda remark: disclosed_remark(remark, self.limit))
        if name in CURVES:
            return rounded_curves(rows, *CURVES[name], self.limit, self.days_per_month)
        if name == "result.cutpoint_candidate":  # each count, less the one before, is who has that very size
            return rows[rows["n_at_or_below"] >= self.limit].drop(columns="n_at_or_below")
        if name == "result.scorecard":
            rows = rounded_card(disclosed_card(rows, self.limit), self.limit)
        if name == "result.bounds":
            return self._disclosed_bounds(rows)
        table = name.partition(".")[2]
        return self._with_hidden(table, rounded_table(table, rows, self.limit))

    def _rows(self, name: str) -> pd.DataFrame:
        """Rows of a table without those that no page shows: facilities, and groupings, of few patients."""
        rows = super().in_order(name)
        if name in FACILITY_TABLES:
            few = rows[people_columns(rows.columns)].map(lambda n: is_small(n, self.smallest))
            rows = rows[~few.any(axis=1)]
        if self.hides and (is_left_out := is_of_grouping(rows, self.small_groupings)).any():
            rows = rows[~is_left_out]
        return rows if isinstance(rows.index, pd.RangeIndex) else rows.reset_index(drop=True)

    def _disclosed_bounds(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Bounds without the numbers that are hidden among the published ones."""
        card = super().in_order("result.scorecard")
        hidden = [f"item_{item}{part}" for item, part in hidden_items(card, self.limit)]
        rounded = rounded_bounds(rows, card, self.count_rows(COHORT), self.count_rows(REGISTRY), self.limit)
        return hidden_where(rounded, rows["headline"].isin(hidden), ["computed_value", "lowest", "highest"])

    def _with_hidden(self, table: str, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows with hidden counts, and without the estimates that go with them."""
        counts, hidden = self._solved
        telling = pd.Series(False, index=rows.index)
        result = rows.copy()
        for column, cells in counts.places.get(table, {}).items():
            if column not in rows:
                continue
            is_hidden = pd.Series(
                [cell is not None and bool(hidden[cell]) for cell in cells], index=rows.index
            )
            few = rows[column].map(lambda n: is_small(n, self.limit)).astype(bool)
            if is_hidden.any():
                words = [
                    self.hidden(n) if hides else n for n, hides in zip(rows[column], is_hidden, strict=True)
                ]
                result[column] = pd.Series(words, index=rows.index, dtype=object)
            telling |= is_hidden if set(SHARES) & set(rows.columns) else pd.Series(False, index=rows.index)
            telling |= few if column in _ESTIMATED else False
        reals = [column for column in estimate_columns(table) if column in rows and column not in _AXES]
        result = hidden_where(result, telling, [column for column in reals if column not in RANGES])
        return hidden_where(
            result, pd.Series(True, index=rows.index), [column for column in reals if column in RANGES]
        )

    def hidden(self, n: object) -> Hidden:
        """What stands in the place of a count."""
        return Hidden(f"<{self.limit}") if is_small(n, self.limit) else Hidden()

    @cached_property
    def _shown(self) -> dict[str, pd.DataFrame]:
        return {}

    @cached_property
    def _solved(self) -> tuple[Counts, Mask]:
        """The counts of all result tables, and which of them are hidden."""
        names = [name for name in self.names("result") if self.shows_people(name) and name not in CURVES]
        asked_by_pages = set(self.asked)
        results = {name.partition(".")[2]: self._rows(name) for name in names}
        self.asked &= asked_by_pages  # the gate asks for all of them, and no page does thereby
        totals = {name: self.count_rows(name) for name in (COHORT, REGISTRY)}
        counts = counts_of(results, totals)
        if is_small(totals[REGISTRY] - totals[COHORT], self.limit):  # the study's size is the one to keep
            counts.first.append(counts.totals[REGISTRY])
        return counts, hidden_counts(counts.values, counts.lines, self.limit, counts.first)

    @cached_property
    def small_groupings(self) -> frozenset[tuple[bool, str]]:
        """Groupings that are left out everywhere; whether of the registry, and the variable."""
        return small_groupings(
            {name: super(DisclosedTables, self).in_order(name) for name in GROUPED}, self.limit
        )
