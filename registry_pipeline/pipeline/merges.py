"""Patients whom a decision calls one person: who survives, within a facility and beyond it.

Belongs here: what the merges in force make of staged patients. Does not belong here: the ledger (``decisions.py``).
Imports nothing heavy: a refresh with nothing new asks it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from registry_pipeline.core.working_files import working_file
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.validation.decisions.in_force import merged_patients, survivors

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Merges:
    """What decisions make of the patients of one facility.

    Attributes:
        within: pseudonym -> another of the facility's patients, who survives.
        between: pseudonym -> a patient of another facility, who survives in the registry.
    """

    within: Mapping[str, str]
    between: Mapping[str, str]


def merges_at(context: RefreshContext, facility_id: str) -> Merges:
    """The merges that touch a facility."""
    groups = merged_patients(context.decisions.in_force)
    if not groups:
        return Merges({}, {})
    patients = _merged_at(context, facility_id, groups)
    everybody = set().union(*(_merged_at(context, name, groups) for name in context.facility_ids))
    within = survivors(groups, patients)
    others = patients - set(within)
    surviving = survivors(groups, everybody)
    between = {patient: survivor for patient, survivor in surviving.items() if patient in others}
    return Merges(within, between)


def persons_of_several(context: RefreshContext) -> dict[str, str]:
    """Patients whom several facilities know: surviving pseudonym -> the facility that it comes from."""
    groups = merged_patients(context.decisions.in_force)
    if not groups:
        return {}
    by_facility = {name: _merged_at(context, name, groups) for name in context.facility_ids}
    persons: dict[str, str] = {}
    for group in groups:
        owners = {
            member: facility_id
            for member in group
            for facility_id, patients in by_facility.items()
            if member in patients
        }
        if len(set(owners.values())) > 1:
            survivor = min(owners)
            persons[survivor] = owners[survivor]
    return persons


def _merged_at(context: RefreshContext, facility_id: str, groups: Iterable[Iterable[str]]) -> frozenset[str]:
    """Of the patients of groups those whom a facility knows, looked up once for as long as it is not staged again."""
    if facility_id not in context.merged_patients:
        members = set(chain.from_iterable(groups))
        context.merged_patients[facility_id] = frozenset(members & _patients_of(context, facility_id))
    return context.merged_patients[facility_id]


def _patients_of(context: RefreshContext, facility_id: str) -> set[str]:
    """Pseudonyms that staging gave, before any decision."""
    path = working_file(context.layout.staged_table(facility_id, "patient_xref"), context.layout.root)
    if path is None:
        return set()
    from registry_pipeline.store.parquet import read_parquet

    return set(read_parquet(path, ["patient_id"])["patient_id"].to_list())


def renamed(frame: pl.DataFrame, merged: Mapping[str, str]) -> pl.DataFrame:
    """A frame with the surviving pseudonym in ``patient_id``."""
    if not merged:
        return frame
    import polars as pl

    return frame.with_columns(pl.col("patient_id").replace(dict(merged)))
