"""Planting mistakes in a chunk of simulated exports: which patient gets which, and what changes.

Belongs here: :class:`Chosen`, :class:`Change`, :class:`SimulatedPlanter`, :func:`plant_in_chunk`.
Does not belong here: how each rule is broken (``simulate/population/cell_errors.py``, ``simulate/population/record_errors.py``), mistakes of whole
files (``simulate/population/file_errors.py``), of a later submission (``simulate/population/later_submission.py``), the demo’s (``demo/errors/``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from registry_pipeline.simulate.manifest import Mistake
from registry_pipeline.simulate.population.population import Frames
from registry_pipeline.simulate.population.profile import Profile

Ints = NDArray[np.int64]
Texts = Sequence[str]


@dataclass(frozen=True)
class Change:
    """Cells that change in one file, or rows that are added to it.

    Attributes:
        file: which file.
        places: rows of the file's frame; one per patient, or several of one.
        cells: column -> the new texts, one per place.
        is_new: the rows are copied, changed and added at the end; the old ones stay.
    """

    file: str
    places: Ints
    cells: Mapping[str, Texts]
    is_new: bool = False


@dataclass(frozen=True)
class Chosen:
    """The patients that get one kind of mistake.

    Attributes:
        facts: one row per patient: ``patient_no`` and what the other files say of her (``facts_of``).
        frames: the chunk, typed.
        profile: how the facility writes.
    """

    facts: pl.DataFrame
    frames: Frames
    profile: Profile

    def __len__(self) -> int:
        return len(self.facts)

    def at(self, file: str, **key: object) -> Ints:
        """Each patient's first row in a file, among those whose columns equal ``key``.

        Raises:
            ValueError: a patient has no such row: the planter's ``needs`` is too weak.
        """
        rows = self.frames[file].select("patient_no", *key).with_row_index("_place")
        for column, value in key.items():
            rows = rows.filter(pl.col(column) == value)
        return self._places(file, rows.unique("patient_no", keep="first", maintain_order=True))

    def last(self, file: str) -> Ints:
        """Each patient's last row in a file.

        Raises:
            ValueError: as ``at``.
        """
        rows = self.frames[file].select("patient_no").with_row_index("_place")
        return self._places(file, rows.unique("patient_no", keep="last", maintain_order=True))

    def _places(self, file: str, numbered: pl.DataFrame) -> Ints:
        placed = self.facts.select("patient_no").join(
            numbered, on="patient_no", how="left", maintain_order="left"
        )
        if placed["_place"].null_count():
            raise ValueError(f"a chosen patient has no row in {file}")
        return placed["_place"].to_numpy().astype(np.int64)

    def rows(self, file: str, places: Ints) -> pl.DataFrame:
        """The typed rows at these places."""
        return self.frames[file][places]

    def text(self, value: str) -> Texts:
        """The same text for every patient."""
        return [value] * len(self)

    def day(self, fact: str, days: int) -> Texts:
        """A date of each patient, shifted, as the facility writes it."""
        return self.profile.date_text(self.facts[fact] + timedelta(days=days))


@dataclass(frozen=True)
class SimulatedPlanter:
    """How one rule is broken.

    Attributes:
        file: file that the finding names.
        table: curated table that the rule judges.
        item: column of the file that the manifest names.
        make: chosen patients -> changes; the manifest tells of the rows of the first one, which changes
            nothing where the finding names a row that is itself correct.
        needs: what must be true of a patient (over the facts); None: any patient will do.
        is_error: the rule quarantines the record.
    """

    file: str
    table: str
    item: str
    make: Callable[[Chosen], list[Change]]
    needs: pl.Expr | None = None
    is_error: bool = True


@dataclass(frozen=True)
class PlantedCell:
    """A mistake in a chunk: ``row`` is the position in the chunk's frame of ``file``."""

    mistake: Mistake
    file: str
    row: int


@dataclass(frozen=True)
class _Facts:
    """What is known of each patient of a chunk, from all files."""

    frames: Frames

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row per patient."""
        facts = self.frames["patients"].select("patient_no", "birth_date")
        tumour = ("dx_date", "figo_stage", "histology", "tumour_size")
        episode = ("omd_date", "omd_class", "n_lesions", "site_group", "concurrent_regional")
        course = ("start_date", "end_date", "technique", "intent")
        for file, columns in (("tumours", tumour), ("episodes", episode), ("courses", course)):
            facts = facts.join(self.frames[file].select("patient_no", *columns), on="patient_no", how="left")
        lesion = self.frames["lesions"].filter(pl.col("lesion_no") == 1)
        facts = facts.join(
            lesion.select("patient_no", "size", "site", "detection_date", "last_negative_date"),
            on="patient_no",
            how="left",
        )
        facts = facts.join(self.frames["deaths"].select("patient_no", "death_date"), "patient_no", "left")
        contacts = self.frames["contacts"].group_by("patient_no").agg(pl.col("contact_date").max())
        facts = facts.join(contacts.rename({"contact_date": "last_date"}), on="patient_no", how="left")
        for file in ("systemic", "toxicity", "reports", "letters", "civil", "regional"):
            numbers = self.frames[file]["patient_no"].implode()
            facts = facts.with_columns(pl.col("patient_no").is_in(numbers).alias(f"has_{file}"))
        for event, name in (("LR", "has_recurrence"), ("PM", "has_spread")):
            numbers = self.frames["events"].filter(pl.col("event") == event)["patient_no"].implode()
            facts = facts.with_columns(pl.col("patient_no").is_in(numbers).alias(name))
        return facts.sort("patient_no").with_columns(is_dead=pl.col("death_date").is_not_null())


def plant_in_chunk(
    planters: Mapping[str, SimulatedPlanter],
    frames: Frames,
    texts: Frames,
    profile: Profile,
    rate: float,
    rng: np.random.Generator,
) -> list[PlantedCell]:
    """Break one rule for each of about ``rate`` of the patients; ``texts`` is changed in place.

    Patients are shared out evenly among the rules, the ones that few patients can break first.
    """
    numbers = frames["patients"]["patient_no"].to_numpy()
    chosen = numbers[rng.random(len(numbers)) < rate]
    if not len(chosen):
        return []
    facts = _Facts(frames).table.filter(pl.col("patient_no").is_in(chosen.tolist()))
    planted: list[PlantedCell] = []
    for rule_id, own in _shared_out(planters, facts, rng):
        planter = planters[rule_id]
        changes = planter.make(Chosen(own, frames, profile))
        places, *_ = [_apply(change, texts) for change in changes]
        text = f"breaks rule {rule_id}"
        mistake = Mistake(rule_id, planter.table, planter.item, "simulated", text, planter.is_error)
        planted += [PlantedCell(mistake, planter.file, int(place)) for place in places]
    return planted


def _shared_out(
    planters: Mapping[str, SimulatedPlanter], facts: pl.DataFrame, rng: np.random.Generator
) -> list[tuple[str, pl.DataFrame]]:
    """(rule, its patients); every patient has at most one mistake."""
    able = facts.select(
        [
            pl.lit(True).alias(rule) if planter.needs is None else planter.needs.fill_null(False).alias(rule)
            for rule, planter in planters.items()
        ]
    )
    masks = {rule: np.broadcast_to(able[rule].to_numpy(), len(facts)).copy() for rule in planters}
    is_free = np.ones(len(facts), dtype=bool)
    shared: list[tuple[str, pl.DataFrame]] = []
    rules = sorted(planters, key=lambda rule: (int(masks[rule].sum()), rule))
    for number, rule in enumerate(rules):
        quota = max(1, int(is_free.sum()) // (len(rules) - number))
        own = rng.permutation(np.flatnonzero(is_free & masks[rule]))[:quota]
        if len(own):
            is_free[own] = False
            shared.append((rule, facts[np.sort(own)]))
    return shared


def _apply(change: Change, texts: Frames) -> Ints:
    """The change made in ``texts``; where its rows stand there."""
    text = texts[change.file]
    if change.is_new:
        rows = text[change.places]
        for column, values in change.cells.items():
            rows = rows.with_columns(pl.Series(column, list(values), dtype=pl.String))
        texts[change.file] = pl.concat([text, rows])
        return np.arange(len(text), len(text) + len(rows), dtype=np.int64)
    texts[change.file] = text.with_columns(
        [
            text[column].scatter(change.places, pl.Series(list(values), dtype=pl.String))
            for column, values in change.cells.items()
        ]
    )
    return change.places
