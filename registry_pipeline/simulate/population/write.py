"""Exports of many patients over several facilities, written in chunks, with mistakes and a manifest.

Belongs here: :func:`write_simulation`. Does not belong here: drawing patients (``simulate/population/population.py``),
a facility's habits (``simulate/population/profile.py``), mistakes (``simulate/population/planting.py``).
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl

from registry_pipeline.simulate.manifest import MANIFEST_NAME, PlantedError, numbered, write_planted
from registry_pipeline.simulate.population import population as world
from registry_pipeline.simulate.population.cell_errors import CELL_PLANTERS
from registry_pipeline.simulate.population.file_errors import NEW_COLUMN, NEW_COLUMN_FILE, plant_in_files
from registry_pipeline.simulate.population.later_submission import (
    cohort_mistakes,
    later_folder,
    later_mistakes,
    later_name,
    rewritten,
)
from registry_pipeline.simulate.population.persons import shared_women
from registry_pipeline.simulate.population.planting import plant_in_chunk
from registry_pipeline.simulate.population.profile import Profile, mapping_of, patient_label, profile_of
from registry_pipeline.simulate.population.record_errors import RECORD_PLANTERS

CHUNK_PATIENTS = 25_000
SHARED_WOMEN_NAME = "shared_women.csv"
SIMULATED_PLANTERS = CELL_PLANTERS | RECORD_PLANTERS
FILES = (
    "patients", "tumours", "episodes", "lesions", "exams", "measurements", "courses", "targets", "contacts",
    "events", "deaths", "treatments", "systemic", "toxicity", "regional", "civil", "reports", "letters",
)  # fmt: skip


@dataclass(frozen=True)
class Simulation:
    """What was written.

    Attributes:
        folder: holds ``facilities/``, ``inbox/<facility>/``, manifest.csv, truth.json and
            shared_women.csv (whom two facilities know, and who only shares dates).
        n_patients, n_rows, n_planted: totals over all facilities.
        facility_ids: in order.
    """

    folder: Path
    n_patients: int
    n_rows: int
    n_planted: int
    facility_ids: tuple[str, ...]


def write_simulation(
    patients: int,
    facilities: int,
    seed: int,
    out: Path,
    error_rate: float = 0.01,
    is_followed: bool = False,
    last_hazard_ratio: float = 1.0,
) -> Simulation:
    """Write exports whose truth is known.

    Args:
        patients: in all; the facilities share them as evenly as can be.
        facilities: they differ in delimiter, date format and units.
        seed: equal arguments give equal bytes.
        out: folder with the layout of a registry home (``facilities/``, ``inbox/``); made if need be.
        error_rate: share of patients with one planted mistake each, 0 to 1. With 0 no rule is broken.
        is_followed: write a later submission of each facility too (``later/``), whose mistakes only a second
            refresh can find.
        last_hazard_ratio: hazard ratio of death in the last facility against each of the others.

    Raises:
        ValueError: fewer patients than facilities, no facility, a rate outside 0 to 1, or a hazard ratio that is
            not above 0.
    """
    if facilities < 1 or patients < facilities or not 0 <= error_rate <= 1:
        raise ValueError("needs at least one facility, a patient for each, and a rate from 0 to 1")
    if not 0 < last_hazard_ratio < np.inf:
        raise ValueError(f"last_hazard_ratio={last_hazard_ratio!r} is no number above 0")
    out.mkdir(parents=True, exist_ok=True)
    (out / "facilities").mkdir(exist_ok=True)
    profiles = [profile_of(number) for number in range(1, facilities + 1)]
    shares = [
        patients // facilities + (number <= patients % facilities) for number in range(1, facilities + 1)
    ]
    exports = [
        _Export(out, profile, seed, number, error_rate, last_hazard_ratio if number == facilities else 1.0)
        for number, profile in enumerate(profiles, start=1)
    ]
    planted = (
        error
        for export, own in zip(exports, shares, strict=True)
        for error in chain(export.write(own), export.write_later(own) if is_followed else ())
    )
    n_planted = write_planted(out / MANIFEST_NAME, numbered(planted, "S{:07d}"))
    _write_truth(out, patients, seed, error_rate, last_hazard_ratio)
    _write_shared_women(out / SHARED_WOMEN_NAME, profiles, shares)
    _write_settings(out)
    n_rows = sum(export.n_rows for export in exports)
    return Simulation(out, patients, n_rows, n_planted, tuple(profile.facility_id for profile in profiles))


class _Export:
    """The files of one facility while they are being written."""

    def __init__(
        self, out: Path, profile: Profile, seed: int, number: int, error_rate: float, hazard_ratio: float
    ) -> None:
        self.profile, self.seed, self.number, self.error_rate = profile, seed, number, error_rate
        self.hazard_ratio = hazard_ratio
        self.folder = out / "inbox" / profile.facility_id
        self.folder.mkdir(parents=True, exist_ok=True)
        path = out / "facilities" / f"{profile.facility_id}.toml"
        path.write_text(mapping_of(profile), encoding="utf-8")
        self.written = dict.fromkeys(FILES, 0)

    @property
    def n_rows(self) -> int:
        """Rows written so far, in all files."""
        return sum(self.written.values())

    def file_name(self, file: str) -> str:
        """Name of a file with its date."""
        return f"{file}_{world.EXTRACT_DATE.isoformat()}.csv"

    def write(self, patients: int) -> Iterator[PlantedError]:
        """All chunks; gives each mistake as it is written."""
        with ExitStack() as stack:
            handles = {
                file: stack.enter_context((self.folder / self.file_name(file)).open("wb")) for file in FILES
            }
            for first in range(1, patients + 1, CHUNK_PATIENTS):
                yield from self._chunk(handles, first, min(CHUNK_PATIENTS, patients + 1 - first))
        if self.error_rate > 0:
            names = {file: self.file_name(file) for file in FILES}
            yield from plant_in_files(self.folder, self.profile, names, self.written)

    def _chunk(self, handles: Mapping[str, IO[bytes]], first: int, n: int) -> Iterator[PlantedError]:
        frames = world.draw_chunk(self.seed, self.number, first, n, self.hazard_ratio)
        texts = {file: self.profile.as_text(frame) for file, frame in frames.items()}
        rng = np.random.default_rng([self.seed, self.number, first, 1])
        planted = plant_in_chunk(SIMULATED_PLANTERS, frames, texts, self.profile, self.error_rate, rng)
        for error in planted:
            place = self.written[error.file] + error.row + 2
            yield error.mistake.at(self.profile.facility_id, self.file_name(error.file), place)
        if self.error_rate > 0:
            texts[NEW_COLUMN_FILE] = texts[NEW_COLUMN_FILE].with_columns(pl.lit("").alias(NEW_COLUMN))
        for file in FILES:
            texts[file].write_csv(handles[file], separator=self.profile.delimiter, include_header=first == 1)
            self.written[file] += len(texts[file])

    def write_later(self, patients: int) -> Iterator[PlantedError]:
        """The later submission, chunk by chunk; gives each of its mistakes."""
        folder, written = later_folder(self.folder.parents[1], self.profile), dict.fromkeys(FILES, 0)
        names = {file: later_name(file) for file in FILES}
        with ExitStack() as stack:
            handles = {file: stack.enter_context((folder / names[file]).open("wb")) for file in FILES}
            for first in range(1, patients + 1, CHUNK_PATIENTS):
                n = min(CHUNK_PATIENTS, patients + 1 - first)
                before = world.draw_chunk(self.seed, self.number, first, n, self.hazard_ratio)
                frames = rewritten(before)
                for mistake, file, row in later_mistakes(before, frames):
                    place = 0 if row is None else written[file] + row + 2
                    yield mistake.at(self.profile.facility_id, names[file], place)
                for file in FILES:
                    text = self.profile.as_text(frames[file])
                    text.write_csv(handles[file], separator=self.profile.delimiter, include_header=first == 1)
                    written[file] += len(text)
        yield from cohort_mistakes(self.profile, names)


def _write_settings(out: Path) -> None:
    """registry.toml with the end of observation that the patients were drawn with; one that is there stays."""
    path = out / "registry.toml"
    if not path.exists():
        lines = ["[refresh]", f"extract_date = {world.EXTRACT_DATE.isoformat()}", "", "[privacy]"]
        statement = "SYNTHETIC patients drawn from a known survival model; no figure says anything about real patients."
        path.write_text("\n".join([*lines, f'data_statement = "{statement}"', ""]), encoding="utf-8")


def _write_shared_women(path: Path, profiles: Sequence[Profile], shares: Sequence[int]) -> None:
    """The pairs that linkage has to find (``is_transfer``), and those that only look like one woman."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["facility_id", "patient", "other_facility_id", "other_patient", "is_transfer"])
        for woman in shared_women(list(shares)):
            patient = patient_label(woman.number)
            before, after = (
                profiles[place].facility_id for place in (woman.facility - 2, woman.facility - 1)
            )
            writer.writerow([before, patient, after, patient, str(woman.is_transfer).lower()])


def _write_truth(out: Path, patients: int, seed: int, error_rate: float, last_hazard_ratio: float) -> None:
    """The parameters that an analysis of the simulated records has to recover."""
    truth = {
        "statement": "SYNTHETIC patients drawn from a known survival model",
        "patients": patients,
        "seed": seed,
        "error_rate": error_rate,
        "extract_date": world.EXTRACT_DATE.isoformat(),
        "hazard_ratio_last_facility": last_hazard_ratio,
        "hazard_ratio_large": world.HAZARD_RATIO_LARGE,
        "base_hazard_per_day": world.BASE_HAZARD,
        "guarantee_days": world.GUARANTEE_DAYS,
        "cutpoint_mm": world.CUTPOINT_MM,
    }
    (out / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
