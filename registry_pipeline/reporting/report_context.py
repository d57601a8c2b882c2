"""What every section of the study report is given.

Belongs here: the release, the words, the folder of figures, small helpers that several sections share.
Does not belong here: sections.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from registry_pipeline.reporting.figure_base import FigureFolder
from registry_pipeline.reporting.release_tables import ReleaseTables
from registry_pipeline.reporting.wording import Words, count, is_given
from registry_pipeline.settings import DAYS_PER_MONTH


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

    @property
    def days_per_month(self) -> float:
        """Length of a month."""
        return self.tables.number("study.days_per_month", DAYS_PER_MONTH)

    @property
    def origin(self) -> str:
        """Origin of the main analyses."""
        return self.tables.parameters.get("study.origin", "lrt_start")

    @property
    def other_origin(self) -> str:
        """The origin that is shown beside it."""
        return "omd_dx" if self.origin == "lrt_start" else "lrt_start"

    @property
    def no_cohort(self) -> str:
        """Why nothing can be shown of the cohort, or an empty text."""
        if self.n_cohort:
            return ""
        return "No patient of this release is in the study cohort; the flow of patients says at which step they left."

    def count(self, value: object) -> str:
        """A count of patients, hidden where it is small."""
        return f"<{self.small_cell}" if self.is_small(value) else count(value)

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
