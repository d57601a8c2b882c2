"""Persons of the whole registry: those whom several facilities know by decision, and probable pairs.

Belongs here: bringing the facilities' judged patients, diagnoses and name keys together, placing what linkage finds.
Does not belong here: who is one person (``decisions.py``), how rows are joined, compared and scored
(``validation/registry_wide/``).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.merges import merges_at, persons_of_several, renamed
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.validation.registry_wide.linkage import find_pairs, persons_of
from registry_pipeline.validation.registry_wide.persons import ITEM_SHARES, PERSON_TABLES, one_row_each
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
        shares: which facility's record gave which items (``ITEM_SHARES``).
    """

    tables: dict[str, pl.DataFrame]
    conflicts: pl.DataFrame
    shares: pl.DataFrame


def person_records(context: RefreshContext) -> PersonRecords:
    """One row per person, where decisions say that facilities share patients."""
    persons = persons_of_several(context)
    if not persons:
        return PersonRecords({}, pl.DataFrame(schema=_CONFLICT), pl.DataFrame(schema=ITEM_SHARES))
    tables, conflicts, shares = {}, [], []
    for name in PERSON_TABLES:
        frames = [read_parquet(path) for path in context.accepted_files(name)]
        tables[name], contradictions, item_shares = one_row_each(name, pl.concat(frames), persons)
        conflicts.append(contradictions)
        shares.append(item_shares)
    return PersonRecords(tables, pl.concat(conflicts), pl.concat(shares))


def linkage_tables(context: RefreshContext) -> dict[str, pl.DataFrame]:
    """``patient_pair`` and ``linkage_block``, over all patients that were judged, quarantined ones too.

    Patients whom a decision merged are no pair any more.
    """
    parts = [_persons(context, facility_id) for facility_id in context.senders]
    persons = pl.concat(parts).unique("patient_id", keep="first", maintain_order=True)
    linkage = find_pairs(persons)
    return {"patient_pair": _placed(context, linkage.pairs), "linkage_block": linkage.blocks}


def _persons(context: RefreshContext, facility_id: str) -> pl.DataFrame:
    patients = _judged(context, facility_id, "patient", (*PATIENT, "_row_id"))
    tumours = _judged(context, facility_id, "primary_tumour", TUMOUR)
    merges = merges_at(context, facility_id)
    keys = read_parquet(context.layout.staged_frame(facility_id, "person_keys"))
    keys = renamed(renamed(keys, merges.within), merges.between)
    return persons_of(patients.with_columns(pl.lit(facility_id).alias("facility_id")), tumours, keys)


def _judged(context: RefreshContext, facility_id: str, table: str, columns: tuple[str, ...]) -> pl.DataFrame:
    files = [
        context.layout.screened_table(facility_id, table, outcome) for outcome in ("accepted", "quarantined")
    ]
    return pl.concat([pl.read_parquet(path, columns=list(columns)) for path in files])


def _placed(context: RefreshContext, pairs: pl.DataFrame) -> pl.DataFrame:
    """With file, sheet and row of the record that arrived later, of pairs within one facility."""
    is_within = pl.col("facility_id") == pl.col("other_facility_id")
    parts = [pairs.filter(~is_within).with_columns(_no_place())]
    for (facility_id,), own in pairs.filter(is_within).group_by("facility_id", maintain_order=True):
        rows = pl.scan_parquet(context.layout.staged_frame(str(facility_id), "rows"), glob=False)
        places = source_locations(rows, own["_row_id"], _PLACE)
        parts.append(own.join(places, on="_row_id", how="left", maintain_order="left"))
    return pl.concat(parts, how="vertical_relaxed").drop("_row_id").sort("pair_key")


def _no_place() -> list[pl.Expr]:
    kinds = {name: pl.Int64 if name == "source_row" else pl.String for name in _PLACE}
    return [pl.lit(None, dtype=kind).alias(name) for name, kind in kinds.items()]
