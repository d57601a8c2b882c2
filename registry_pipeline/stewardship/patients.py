"""By which numbers the facilities know their patients.

Belongs here: the numbers of all patients, those of one of them, who is meant by a number.
Does not belong here: their records (``timeline.py``), pseudonyms (``intake/pseudonym.py``).
"""

from __future__ import annotations

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.stewardship.records import judged_files
from registry_pipeline.store.parquet import read_parquet

NUMBERS = dict.fromkeys(("patient_id", "facility_id", "source_patient_id"), pl.String)


def read_numbers(home: Home, facilities: list[str] | None = None) -> pl.DataFrame:
    """The numbers as of the last screening, of all facilities by default: columns of ``NUMBERS``."""
    parts = [pl.DataFrame(schema=NUMBERS)]
    for path, facility_id, _ in judged_files(
        home, home.facility_ids() if facilities is None else facilities, "patient_xref"
    ):
        own = read_parquet(path, columns=["patient_id", "source_patient_id"]).drop_nulls("patient_id")
        parts.append(own.select("patient_id", pl.lit(facility_id).alias("facility_id"), "source_patient_id"))
    return pl.concat(parts).unique().sort(list(NUMBERS))


def numbers_of(numbers: pl.DataFrame, patient_id: str | None) -> list[tuple[str, str]]:
    """The numbers of a patient: (facility, number)."""
    own = numbers.filter(_is_of(patient_id)).drop_nulls("source_patient_id")
    return list(own.select("facility_id", "source_patient_id").iter_rows())


def facilities_of(numbers: pl.DataFrame, patient_id: str | None) -> list[str]:
    """The facilities that have sent something of a patient."""
    return sorted(set(numbers.filter(_is_of(patient_id))["facility_id"]))


def _is_of(patient_id: str | None) -> pl.Expr:
    """Of nobody where a finding has no patient: of a file, of a facility."""
    return pl.col("patient_id").eq(pl.lit(patient_id, dtype=pl.String))


def meant_patients(numbers: pl.DataFrame, texts: tuple[str, ...]) -> list[str]:
    """The patients who are called so: by pseudonym or by a facility's own number."""
    is_meant = pl.any_horizontal(pl.col("patient_id", "source_patient_id").is_in(list(texts)))
    return numbers.filter(is_meant)["patient_id"].unique(maintain_order=True).to_list()
