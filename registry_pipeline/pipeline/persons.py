"""Persons of the whole registry: those whom several facilities know by decision, and probable pairs.

Belongs here: bringing the facilities' judged patients, diagnoses and name keys together, placing what linkage finds.
Does not belong here: who is one person (``decisions.py``), how rows are joined, compared and scored
(``validation/registry_wide/``).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.ledger import read_ledger
from registry_pipeline.pipeline.decisions import Decided, merges_at, persons_of_several, renamed
from registry_pipeline.pipeline.stored import facility_files
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.validation.registry_wide.linkage import find_pairs, persons_of
from registry_pipeline.validation.registry_wide.persons import PERSON_TABLES, one_row_each
from registry_pipeline.validation.screening.places import source_locations

PATIENT = ("patient_id", "birth_date_lower", "birth_date_upper")
TUMOUR = ("tumour_id", "patient_id", "dx_date_lower", "dx_date_upper", "histology_group")
_PLACE = ("submission_id", "source_file", "sheet", "source_row")
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


def linkage_tables(home: Home, made: Decided) -> dict[str, pl.DataFrame]:
    """``patient_pair`` and ``linkage_block``, over all patients that were judged, quarantined ones too.

    Args:
        made: the decisions; merged patients are no pair any more.
    """
    parts = [_persons(home, one, made) for one in home.facility_ids() if read_ledger(home, one)]
    persons = pl.concat(parts).unique("patient_id", keep="first", maintain_order=True)
    found = find_pairs(persons)
    return {"patient_pair": _placed(home, found.pairs), "linkage_block": found.blocks}


def _persons(home: Home, facility_id: str, made: Decided) -> pl.DataFrame:
    patients = _judged(home, facility_id, "patient", (*PATIENT, "_row_id"))
    tumours = _judged(home, facility_id, "primary_tumour", TUMOUR)
    merges = merges_at(home, facility_id, made)
    keys = read_parquet(home.store / "staged" / facility_id / "_person_keys.parquet")
    keys = renamed(renamed(keys, merges.within), merges.between)
    return persons_of(patients.with_columns(pl.lit(facility_id).alias("facility_id")), tumours, keys)


def _judged(home: Home, facility_id: str, table: str, columns: tuple[str, ...]) -> pl.DataFrame:
    folder = home.store / "screened" / facility_id
    parts = [folder / f"{table}.{outcome}.parquet" for outcome in ("accepted", "quarantined")]
    return pl.concat([pl.read_parquet(one, columns=list(columns)) for one in parts])


def _placed(home: Home, pairs: pl.DataFrame) -> pl.DataFrame:
    """With file, sheet and row of the record that arrived later, of pairs within one facility."""
    is_within = pl.col("facility_id") == pl.col("other_facility_id")
    parts = [pairs.filter(~is_within).with_columns(_nothing())]
    for (facility_id,), own in pairs.filter(is_within).group_by("facility_id", maintain_order=True):
        rows = pl.scan_parquet(home.store / "staged" / str(facility_id) / "_rows.parquet", glob=False)
        places = source_locations(rows, own["_row_id"], _PLACE)
        parts.append(own.join(places, on="_row_id", how="left", maintain_order="left"))
    return pl.concat(parts, how="vertical_relaxed").drop("_row_id").sort("pair_key")


def _nothing() -> list[pl.Expr]:
    kinds = {name: pl.Int64 if name == "source_row" else pl.String for name in _PLACE}
    return [pl.lit(None, dtype=kind).alias(name) for name, kind in kinds.items()]
