"""What was planted where, so that a refresh can be compared with it.

Belongs here: :class:`Mistake`, which every planter of the demo and of the population declares, the
:class:`PlantedError` that it becomes at a place, :class:`Manifest`, reading and writing manifest.csv.
Does not belong here: how files are changed: typed cells of pages (``demo/errors/``), whole columns
(``population/planting.py``).
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

MANIFEST_NAME = "manifest.csv"
_TYPED = ("source_row", "is_error", "submission")


@dataclass(frozen=True)
class PlantedError:
    """One mistake in one cell (or row) of one file.

    Attributes:
        rule_id: the rule that has to find it.
        source_row: physical row of the file, from 1; 0 where the whole file is meant.
        item: header of the cell, as the source names it; empty for whole rows.
        kind: short word for the kind of mistake.
        is_error: the rule quarantines the record (False: a warning).
        submission: 1 for the first submission of the facility, 2 for the later one.
    """

    planted_id: str
    rule_id: str
    facility: str
    file: str
    sheet: str
    source_row: int
    table: str
    item: str
    kind: str
    description: str
    is_error: bool
    submission: int


@dataclass(frozen=True)
class Mistake:
    """What is wrong, before it stands anywhere; attributes as of :class:`PlantedError`."""

    rule_id: str
    table: str
    item: str
    kind: str
    description: str
    is_error: bool = True
    submission: int = 1

    def at(self, facility: str, file: str, source_row: int, sheet: str = "") -> PlantedError:
        """The mistake at its physical place; its number is given where all are together (``numbered``)."""
        return PlantedError(
            planted_id="", facility=facility, file=file, sheet=sheet, source_row=source_row, **asdict(self)
        )


def numbered(planted: Iterable[PlantedError], form: str) -> Iterator[PlantedError]:
    """The mistakes with their numbers from 1, written as ``form`` (``D{:03d}``)."""
    return (replace(error, planted_id=form.format(number)) for number, error in enumerate(planted, start=1))


@dataclass
class Manifest:
    """The files that were written and the mistakes in them.

    Attributes:
        folder: where the files stand; the manifest itself lies beside them.
        files: names of the exports.
        planted: the mistakes, in the order of their ids.
    """

    folder: Path
    files: list[str] = field(default_factory=list)
    planted: list[PlantedError] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """manifest.csv at ``path``."""
        write_planted(path, self.planted)


def write_planted(path: Path, planted: Iterable[PlantedError]) -> int:
    """The mistakes as CSV, one a row; how many they are."""
    n_planted = 0
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, [field_.name for field_ in fields(PlantedError)])
        writer.writeheader()
        for error in planted:
            writer.writerow(asdict(error))
            n_planted += 1
    return n_planted


def read_manifest(path: Path) -> list[PlantedError]:
    """The mistakes of a manifest.csv."""
    with path.open(encoding="utf-8", newline="") as source:
        return [
            PlantedError(
                **{name: text for name, text in row.items() if name not in _TYPED},
                source_row=int(row["source_row"]),
                is_error=row["is_error"] == "True",
                submission=int(row["submission"]),
            )
            for row in csv.DictReader(source)
        ]
