"""What every section of the study report is given.

Belongs here: the release, the words, the folder of figures, small helpers that several sections share.
Does not belong here: sections.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from registry_pipeline.core.units import DAYS_PER_MONTH
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import Words, is_given, remark
from registry_pipeline.reporting.figures.base import FigureFolder
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from schemas.study import LRT_START, OMD_DX, ORIGINS

HEADLINE_MONTHS = 36.0


@dataclass
class Context:
    """The release, open, and where figures go.

    Attributes:
        tables: the release as its pages may show it; what comes out of it needs no further hiding.
        figures: where figures are written.
    """

    tables: DisclosedTables
    figures: FigureFolder

    @cached_property
    def n_cohort(self) -> int | Hidden:
        """Patients of mart.cohort."""
        return self.tables.n_rows("mart.cohort")

    @cached_property
    def words(self) -> Words:
        """Labels with the release's cutpoint."""
        return Words(self.cutpoint_mm)

    @property
    def cutpoint_mm(self) -> float:
        """Largest diameter that counts as small."""
        return self.tables.number("study.cutpoint_mm", 15.0)

    @cached_property
    def landmark_months(self) -> tuple[float, ...]:
        """Times at which the release gives rates."""
        text = self.tables.parameters.get("study.landmark_months", "12, 24, 36, 60")
        return tuple(float(part) for part in text.split(",") if part.strip().replace(".", "").isdigit())

    @property
    def headline_months(self) -> float:
        """The time of the headline rates: three years, or the last before them that the release gives."""
        earlier = [months for months in self.landmark_months if months <= HEADLINE_MONTHS]
        return max(earlier, default=min(self.landmark_months, default=HEADLINE_MONTHS))

    @property
    def size_axis(self) -> str:
        """The axis by which lesions are measured: "long axis"."""
        return self.tables.parameters.get("study.size_metric", "long_axis").replace("_", " ")

    @property
    def days_per_month(self) -> float:
        """Length of a month."""
        return self.tables.number("study.days_per_month", DAYS_PER_MONTH)

    @property
    def origin(self) -> str:
        """Origin of the main analyses."""
        return self.tables.parameters.get("study.origin", LRT_START.name)

    @property
    def growth_model(self) -> str:
        """Form of the growth curve that is reported."""
        return self.tables.parameters.get("study.growth_model", "exponential")

    @property
    def growth_error(self) -> str:
        """Error model of the growth curve that is reported."""
        return self.tables.parameters.get("study.growth_error_model", "additive")

    @property
    def other_origin(self) -> str:
        """The origin that is shown beside it."""
        return OMD_DX.name if self.origin == LRT_START.name else LRT_START.name

    def trace(self, table: str, row: Mapping[Any, Any], columns: Sequence[str]) -> str:
        """What ``registry trace`` is told to follow a row of a result table; empty where no single people are shown.

        Args:
            row: of the table; columns: those of it that tell the row from the others. One that is missing says nothing.
        """
        if self.tables.hides:
            return ""
        given = [(name, row[name]) for name in columns if is_given(row[name])]
        words = [
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in given
        ]
        return shlex.join([table, *words])

    @property
    def no_cohort(self) -> str:
        """Why nothing can be shown of the cohort, or an empty text."""
        if self.n_cohort:
            return ""
        return "No patient of this release is in the study cohort; the flow of patients says at which step they left."

    def why_no_groups(self, origin: str, variable: str, table: str) -> str:
        """One sentence why a table gives nothing of a grouping."""
        if self.tables.has_small_group(origin, variable):
            return f"A group has fewer than {self.tables.limit} patients."
        return self.why_empty(table, of_cohort=not ORIGINS[origin].is_registry)

    def why_not(self, table: str, rows: pd.DataFrame) -> str:
        """One sentence why rows of a table give nothing: their own note, or that there are none."""
        if len(rows) and is_given(rows["note"].iloc[0]) and rows["note"].iloc[0]:
            return remark(rows["note"].iloc[0])
        return self.why_empty(table)

    def why_empty(self, table: str, of_cohort: bool = True) -> str:
        """One sentence why a table gives nothing."""
        if of_cohort and self.no_cohort:
            return self.no_cohort
        if not self.tables.shows_people(table):
            return "It shows single people, and small counts are hidden."
        if not self.tables.has(table):
            return f"This release has no table {table}."
        return f"The table {table} of this release has no row for it."
