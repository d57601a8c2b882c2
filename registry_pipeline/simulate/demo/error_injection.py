"""The demo's pages with their patients, while mistakes are being planted in them.

Belongs here: choosing a patient for a mistake, finding her rows, recording what was changed.
Does not belong here: the mistakes themselves (``errors/``).
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from random import Random

from registry_pipeline.simulate.demo.sheets import Cell, Page, Row
from registry_pipeline.simulate.demo.truth import Case
from registry_pipeline.simulate.manifest import Mistake, PlantedError

CaseCondition = Callable[[Case], bool]
PATIENT_COLUMNS = ("病案号", "PatientID", "record_id")


def irradiated(case: Case) -> bool:
    """Whose metastases were treated by radiotherapy first."""
    return bool(case.courses) and case.courses[0].modality == "rt"


@dataclass(frozen=True)
class Hit:
    """A row and the page on which it stands."""

    page: Page
    row: Row


@dataclass(frozen=True)
class Planted:
    """A mistake before the file is written; ``row`` is None where the whole file is meant."""

    mistake: Mistake
    page: Page
    row: Row | None

    def located(self, facility: str, file: str) -> PlantedError:
        """The mistake at its physical place."""
        place = 0 if self.row is None else self.page.source_row(self.row)
        return self.mistake.at(facility, file, place, self.page.sheet)


@dataclass
class Exports:
    """Pages and patients. A patient is given to one mistake only, so that mistakes do not hide each other."""

    pages: list[Page]
    cases: list[Case]
    planted: list[Planted] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def take(self, condition: CaseCondition, in_cohort: bool | None = None) -> Case:
        """A patient whom no mistake has yet and whom ``condition`` accepts.

        Raises:
            LookupError: nobody is left.
        """
        order = list(self.cases)
        Random("registry-demo-mistakes").shuffle(order)
        for case in order:
            fits = in_cohort is None or (case.kind == "cohort") == in_cohort
            if case.local_id not in self.taken and fits and condition(case):
                self.taken.add(case.local_id)
                return case
        raise LookupError("no patient is left for this mistake")

    def page(self, file: str) -> Page:
        """The first page of a file."""
        return next(page for page in self.pages if page.file == file)

    def rows(self, file: str, case: Case, **cells: Cell) -> list[Hit]:
        """A patient's rows in a file, in order; ``cells`` are values that they must hold."""
        return [
            Hit(page, row)
            for page in self.pages
            if page.file == file
            for row in page.rows
            if any(row.get(name) == case.local_id for name in PATIENT_COLUMNS)
            and all(row.get(name) == cell for name, cell in cells.items())
        ]

    def filled(self, file: str, case: Case, column: str) -> list[Hit]:
        """A patient's rows in which ``column`` is filled."""
        return [row for row in self.rows(file, case) if row.row.get(column) not in (None, "")]

    def change(self, hits: Iterable[Hit], **cells: Cell) -> None:
        """Write the same cells into several rows."""
        for hit in hits:
            hit.row.update(cells)

    def add(self, like: Hit, **cells: Cell) -> Hit:
        """A copy of a row with other cells, right below it."""
        row = like.row | cells
        place = next(i for i, row in enumerate(like.page.rows) if row is like.row)
        like.page.rows.insert(place + 1, row)
        return Hit(like.page, row)

    def remove(self, hit: Hit) -> None:
        """Take a row out of its page."""
        hit.page.rows[:] = [row for row in hit.page.rows if row is not hit.row]

    def record(
        self,
        rule_id: str,
        place: Hit | Page,
        table: str,
        item: str,
        kind: str,
        description: str,
        is_error: bool = True,
    ) -> None:
        """Note a mistake at ``place``: the row whose record the rule has to name, or the whole page."""
        page, row = (place, None) if isinstance(place, Page) else (place.page, place.row)
        self.planted.append(Planted(Mistake(rule_id, table, item, kind, description, is_error), page, row))


Planter = Callable[[Exports], None]


def wrong_cells(
    rule_id: str,
    file: str,
    table: str,
    item: str,
    cells: Row,
    kind: str,
    description: str,
    condition: CaseCondition,
    in_cohort: bool | None = None,
    is_error: bool = True,
    where: Row | None = None,
    is_first_only: bool = False,
) -> Planter:
    """The same wrong cells in a patient's rows of a file.

    Args:
        item: column that the manifest names.
        where: values that the rows must hold.
        is_first_only: change the first of these rows only, not all of them.
    """

    def plant(exports: Exports) -> None:
        hits = exports.rows(file, exports.take(condition, in_cohort), **(where or {}))
        exports.change(hits[:1] if is_first_only else hits, **cells)
        exports.record(rule_id, hits[0], table, item, kind, description, is_error)

    return plant


def plant_errors(
    planters: Iterable[Planter], pages: list[Page], cases: list[Case], elsewhere: Collection[str] = ()
) -> list[Planted]:
    """Change the pages in place; returns what was changed, in a stable order.

    Args:
        planters: the rarer the patients that one needs, the earlier it stands.
        elsewhere: numbers of patients who are not on the pages.

    Raises:
        LookupError: there are too few patients for the mistakes.
    """
    exports = Exports(pages, cases, taken=set(elsewhere))
    for plant in planters:
        plant(exports)
    return exports.planted
