"""Exports as grids of text whose cells can be changed, written as their hospitals write them.

Belongs here: the demonstration hospital's and a simulated facility's exports, cell by cell.
Does not belong here: choosing changes, judging what comes of them.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from registry_pipeline.core.home import Home, make_home
from registry_pipeline.simulate.demo.demo import (
    FACILITY_ID,
    demo_cases,
    demo_mapping,
    demo_pages,
    file_name,
    is_in_redcap,
)
from registry_pipeline.simulate.demo.demo import _write as write_pages
from registry_pipeline.simulate.demo.sheets import Page
from registry_pipeline.simulate.population.write import write_simulation
from tests.cell_mutation.mutations import Mutation, mutate

SETTINGS = "[refresh]\nsettle_seconds = 0\nextract_date = 2023-07-14\n"
PERSON = ("病案号", "PatientID", "patient")


@dataclass(frozen=True)
class Cell:
    """Where a cell stands; ``key`` finds it again in its export."""

    file: str
    sheet: str
    row: int
    column: str
    text: str
    person: str
    key: tuple[int, int, str]


class DemoExport:
    """The demonstration hospital's corrected exports."""

    facility_id = FACILITY_ID

    def __init__(self) -> None:
        self.pages: list[Page] = demo_pages([case for case in demo_cases() if not is_in_redcap(case)])

    def cells(self) -> Iterator[Cell]:
        """Every cell with a column that is read by its header."""
        for number, page in enumerate(self.pages):
            for place, row in enumerate(page.rows):
                person = next((str(row[name]) for name in PERSON if row.get(name)), "")
                for column in page.columns:
                    value = row.get(column)
                    text = "" if value is None else str(value)
                    where = (file_name(page, "corrected"), page.sheet, page.source_row(row))
                    yield Cell(*where, column, text, person, (number, place, column))

    def change(self, cell: Cell, text: str) -> None:
        """Write ``text`` into a cell."""
        page, place, column = cell.key
        self.pages[page].rows[place][column] = text

    def write(self, root: Path) -> Home:
        """A home with these exports in its inbox."""
        home = _home(root)
        (home.facilities / f"{FACILITY_ID}.toml").write_text(demo_mapping(), encoding="utf-8")
        folder = home.inbox / FACILITY_ID
        folder.mkdir(parents=True, exist_ok=True)
        write_pages(self.pages, folder, "2023-07-14")
        return home


class SimulatedExport:
    """One simulated facility's exports."""

    def __init__(self, folder: Path, number: int = 1, patients: int = 300) -> None:
        write_simulation(patients * number, number, 17, folder, 0.0)
        self.facility_id, self._folder = f"facility-{number}", folder
        self._grids: dict[str, list[list[str]]] = {}
        for path in sorted((folder / "inbox" / self.facility_id).glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as source:
                dialect = csv.Sniffer().sniff(source.readline(), ",;\t")
                source.seek(0)
                self._grids[path.name] = list(csv.reader(source, delimiter=dialect.delimiter))
                self._delimiter = dialect.delimiter

    def cells(self) -> Iterator[Cell]:
        """Every cell below a header."""
        for number, (name, grid) in enumerate(self._grids.items()):
            header = grid[0]
            for place, line in enumerate(grid[1:], start=1):
                person = line[header.index("patient")] if "patient" in header else ""
                for column, text in zip(header, line, strict=True):
                    yield Cell(name, "", place + 1, column, text, person, (number, place, column))

    def change(self, cell: Cell, text: str) -> None:
        """Write ``text`` into a cell."""
        grid = self._grids[cell.file]
        grid[cell.key[1]][grid[0].index(cell.column)] = text

    def write(self, root: Path) -> Home:
        """A home with these exports in its inbox."""
        home = _home(root)
        mapping = self._folder / "facilities" / f"{self.facility_id}.toml"
        (home.facilities / mapping.name).write_text(mapping.read_text(encoding="utf-8"), encoding="utf-8")
        folder = home.inbox / self.facility_id
        folder.mkdir(parents=True, exist_ok=True)
        for name, grid in self._grids.items():
            with (folder / name).open("w", encoding="utf-8", newline="") as out:
                csv.writer(out, delimiter=self._delimiter, lineterminator="\n").writerows(grid)
        return home


Export = DemoExport | SimulatedExport


def _home(root: Path) -> Home:
    home = make_home(root)
    home.settings_file.write_text(SETTINGS, encoding="utf-8")
    return home


def mutate_export(export: Export, rng: random.Random, n: int) -> list[Mutation]:
    """Change up to ``n`` cells, one of a person at most, so that what is said of a person is said of that cell."""
    by_person: dict[str, list[Cell]] = defaultdict(list)
    by_column: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in export.cells():
        by_person[cell.person].append(cell)
        by_column[cell.file, cell.column].append(cell.text)
    persons = [person for person in by_person if person]
    mutations = []
    for person in rng.sample(persons, min(n, len(persons))):
        cell = rng.choice(by_person[person])
        others = [text for text in by_column[cell.file, cell.column] if text != cell.text] or ["?"]
        changed, kind = mutate(rng, cell.text, others)
        export.change(cell, changed)
        mutations.append(Mutation(cell.file, cell.sheet, cell.row, cell.column, cell.text, changed, kind))
    return mutations
