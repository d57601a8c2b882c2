"""What every section of the study report is given.

Belongs here: the release, the words, the folder of figures, small helpers that several sections share.
Does not belong here: sections.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from registry_pipeline.core.units import DAYS_PER_MONTH
from registry_pipeline.reporting.document.wording import Words, clean, count, is_given, singular, upper_first
from registry_pipeline.reporting.figures.base import FigureFolder
from registry_pipeline.reporting.release.tables import ReleaseTables
from schemas.study import LRT_START, OMD_DX

HIDDEN = "hidden"
HEADLINE_MONTHS = 36.0
_COUNTED = re.compile(r"(?:\b[Oo]nly )?(?<![.,\d])(\d+) (event|death|patient|lesion|recurrence)s?\b")
_SHARED = re.compile(r"(?<![.,\d])(\d+) of (\d+) (?=patient|lesion)")


@dataclass
class Context:
    """The release, open; where figures go; and whether small counts are hidden.

    Attributes:
        tables: the release.
        figures: where figures are written.
        small_cell: counts from 1 to this less one are hidden; 0 hides nothing.
    """

    tables: ReleaseTables
    figures: FigureFolder
    small_cell: int = 0

    @cached_property
    def n_cohort(self) -> int:
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

    @property
    def no_cohort(self) -> str:
        """Why nothing can be shown of the cohort, or an empty text."""
        if self.n_cohort:
            return ""
        return "No patient of this release is in the study cohort; the flow of patients says at which step they left."

    def count(self, value: object, is_hidden: bool = False) -> str:
        """A count of patients, hidden where it is small, or where a small one would follow from it."""
        if self.is_small(value):
            return f"<{self.small_cell}"
        return HIDDEN if is_hidden else count(value)

    def count_of(self, part: object, whole: object, is_hidden: bool = False) -> str:
        """ "19 of 22"; the first is hidden where it, or what is left of the second, is small."""
        return f"{self.count(part, is_hidden or self.is_telling(part, whole))} of {self.count(whole)}"

    def is_telling(self, part: object, whole: object) -> bool:
        """Whether a share of patients gives a small count away: its own, or that of the others."""
        if not is_given(part) or not is_given(whole):
            return False
        return any(map(self.is_small, (part, whole, int(whole) - int(part))))  # type: ignore[call-overload]

    def note(self, value: object) -> str:
        """A remark of the release; the small counts in it are hidden."""
        text = singular(clean(value)) if is_given(value) else ""
        if not self.small_cell:
            return text
        text = _SHARED.sub(lambda match: f"{self.count_of(int(match[1]), int(match[2]))} ", text)
        few = f"fewer than {self.small_cell}"
        return upper_first(
            _COUNTED.sub(lambda match: f"{few} {match[2]}s" if self.is_small(match[1]) else match[0], text)
        )

    def small_groups(self, sizes: pd.Series) -> bool:
        """Whether a grouping is left out of every table and figure, because one of its groups is small."""
        return any(map(self.is_small, sizes.tolist()))

    def is_small(self, value: object) -> bool:
        """Whether a count is to be hidden."""
        return is_given(value) and 0 < int(value) < self.small_cell  # type: ignore[call-overload, no-any-return]

    def why_empty(self, table: str, of_cohort: bool = True) -> str:
        """One sentence why a table gives nothing."""
        if of_cohort and self.no_cohort:
            return self.no_cohort
        if not self.tables.has(table):
            return f"This release has no table {table}."
        return f"The table {table} of this release has no row for it."
