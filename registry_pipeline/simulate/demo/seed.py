"""The seed cohort: 56 synthetic patients and 83 lesions that fit every number of the publication.

Belongs here: reading the two packaged files. Does not belong here: anything invented around them
(``cohort_truth.py``). SYNTHETIC: constructed by search to agree with the published figures; no
record of a real person.
"""

import csv
from dataclasses import dataclass
from datetime import date
from importlib.resources import files


@dataclass(frozen=True)
class SeedPatient:
    """One row of the seed cohort, with its lesions' diameters (mm)."""

    seed_id: str
    site: str
    treated: date
    primary_dx: date
    omd_dx: date
    last_negative: date
    age: int
    is_squamous: bool
    figo: int
    treatment: str
    is_dead: bool
    last_followup: date
    local_recurrence: date | None
    new_oligomet: date | None
    has_concurrent_regional: bool
    diameters: tuple[float, ...]


def read_seed() -> list[SeedPatient]:
    """The seed cohort in the order of its file."""
    diameters: dict[str, list[float]] = {}
    for row in _rows("seed_lesions.csv"):
        diameters.setdefault(row["patient_id"], []).append(float(row["diameter_mm"]))
    return [_patient(row, tuple(diameters[row["patient_id"]])) for row in _rows("seed_cohort.csv")]


def _rows(name: str) -> list[dict[str, str]]:
    text = files("registry_pipeline.simulate").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _patient(row: dict[str, str], diameters: tuple[float, ...]) -> SeedPatient:
    return SeedPatient(
        seed_id=row["patient_id"],
        site={"supraclavicular": "scf", "lung": "lung", "other": "other"}[row["site"]],
        treated=date.fromisoformat(row["treatment_date"]),
        primary_dx=date.fromisoformat(row["cervical_dx_date"]),
        omd_dx=date.fromisoformat(row["oligomet_dx_date"]),
        last_negative=date.fromisoformat(row["last_negative_ct_date"]),
        age=int(row["age"]),
        is_squamous=row["squamous"] == "1",
        figo=int(row["figo"]),
        treatment=row["treatment"],
        is_dead=row["death"] == "1",
        last_followup=date.fromisoformat(row["last_followup_date"]),
        local_recurrence=_day(row["local_recurrence_date"]),
        new_oligomet=_day(row["new_oligomet_date"]),
        has_concurrent_regional=row["concurrent_regional"] == "1",
        diameters=diameters,
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
