"""Persons whom several facilities know, by decision: one row each in the tables of persons.

Belongs here: bringing their accepted records together. Does not belong here: who they are
(``decided.py``), how rows are joined (``validation/registry_wide/persons.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.decisions import Decided, persons_of_several
from registry_pipeline.pipeline.stored import facility_files
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.validation.registry_wide.persons import PERSON_TABLES, one_row_each

_CONFLICT = dict.fromkeys(("table_name", "patient_id", "items", "rule_id"), pl.String)


@dataclass(frozen=True)
class PersonRecords:
    """Records of persons.

    Attributes:
        tables: of ``PERSON_TABLES`` the accepted records of all facilities, one row per person; empty
            where no facility shares a patient.
        conflicts: ``table_name, patient_id, items, rule_id``: where two facilities contradict each other.
    """

    tables: dict[str, pl.DataFrame]
    conflicts: pl.DataFrame


def person_records(home: Home, made: Decided) -> PersonRecords:
    """One row per person, where decisions say that facilities share patients."""
    persons = persons_of_several(home, made)
    if not persons:
        return PersonRecords({}, pl.DataFrame(schema=_CONFLICT))
    tables, conflicts = {}, []
    for name in PERSON_TABLES:
        frames = [read_parquet(path) for path in facility_files(home, f"{name}.accepted")]
        tables[name], found = one_row_each(name, pl.concat(frames), persons)
        conflicts.append(found)
    return PersonRecords(tables, pl.concat(conflicts))
