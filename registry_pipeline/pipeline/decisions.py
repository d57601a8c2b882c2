"""What people decided, as the steps need it.

Belongs here: reading the ledger of a home, which facilities a decision touches.
Does not belong here: the ledger and what follows from it (``validation/``), the command (``cli/decide.py``).
Imports nothing heavy: a refresh with nothing new asks it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.validation.decisions.in_force import (
    digest_parts,
    in_force,
    merged_patients,
    survivors,
    today,
    waived_findings,
)
from registry_pipeline.validation.decisions.ledger import Decision, LedgerError, read_decisions

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Decided:
    """The ledger of a home on a day.

    Attributes:
        decisions: every entry.
        standing: those in force.
    """

    decisions: Sequence[Decision]
    standing: Sequence[Decision]

    def digest_parts(self) -> list[object]:
        """What a release depends on."""
        return digest_parts(self.decisions, self.standing)

    def waived_at(self, facility_id: str) -> dict[str, str]:
        """Waived findings of a facility -> digest of the value that was waived."""
        return waived_findings(one for one in self.standing if one.facility_id == facility_id)


def decided(home: Home) -> Decided:
    """The decisions of a home, and those in force today.

    Raises:
        StoreError: the ledger is damaged or was changed by other means.
    """
    try:
        decisions = read_decisions(home.decisions)
    except LedgerError as problem:
        raise StoreError(str(problem)) from None
    return Decided(decisions, in_force(decisions, today()))


@dataclass(frozen=True)
class Merges:
    """What decisions make of the patients of one facility.

    Attributes:
        within: pseudonym -> another of the facility's patients, who survives.
        between: pseudonym -> a patient of another facility, who survives in the registry.
    """

    within: Mapping[str, str]
    between: Mapping[str, str]


def merges_at(home: Home, facility_id: str, made: Decided) -> Merges:
    """The merges that touch a facility."""
    groups = merged_patients(made.standing)
    if not groups:
        return Merges({}, {})
    patients = _patients_of(home, facility_id)
    everybody = set().union(*(_patients_of(home, one) for one in home.facility_ids()))
    within = survivors(groups, patients)
    left = patients - set(within)
    between = {one: other for one, other in survivors(groups, everybody).items() if one in left}
    return Merges(within, between)


def persons_of_several(home: Home, made: Decided) -> dict[str, str]:
    """Patients whom several facilities know: surviving pseudonym -> the facility that it comes from."""
    groups = merged_patients(made.standing)
    if not groups:
        return {}
    known = {one: _patients_of(home, one) for one in home.facility_ids()}
    found: dict[str, str] = {}
    for group in groups:
        owners = {member: one for member in group for one, patients in known.items() if member in patients}
        if len(set(owners.values())) > 1:
            survivor = min(owners)
            found[survivor] = owners[survivor]
    return found


def _patients_of(home: Home, facility_id: str) -> set[str]:
    """Pseudonyms that staging gave, before any decision."""
    path = home.store / "staged" / facility_id / "patient_xref.parquet"
    if not path.is_file():
        return set()
    import polars as pl

    return set(pl.read_parquet(path, columns=["patient_id"])["patient_id"].to_list())


def renamed(frame: pl.DataFrame, merged: Mapping[str, str]) -> pl.DataFrame:
    """A frame with the surviving pseudonym in ``patient_id``."""
    if not merged:
        return frame
    import polars as pl

    return frame.with_columns(pl.col("patient_id").replace(dict(merged)))
