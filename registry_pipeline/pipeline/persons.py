"""Persons of the whole registry: those whom several facilities know by decision, and probable pairs.

Belongs here: bringing the facilities' judged patients, diagnoses and name keys together, placing what linkage finds.
Does not belong here: who is one person (``decisions.py``), how rows are joined, compared and scored
(``validation/registry_wide/``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import polars as pl

from registry_pipeline.core.source_code import code_digest
from registry_pipeline.core.working_files import noted_digest, working_file
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.merges import merges_at, persons_of_several, renamed
from registry_pipeline.pipeline.step import digest_of
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.parquet import read_parquet, rows_digest, scan_rows, write_parquet
from registry_pipeline.validation.registry_wide.linkage import find_pairs, persons_of
from registry_pipeline.validation.registry_wide.persons import (
    CONFLICT,
    ITEM_SHARES,
    PERSON_TABLES,
    one_row_each,
)
from registry_pipeline.validation.screening.places import source_locations

PATIENT = ("patient_id", "birth_date_lower", "birth_date_upper")
TUMOUR = ("source_record_id", "patient_id", "dx_date_lower", "dx_date_upper", "histology_group")
_PAIRS, _BLOCKS, _PLACED = "pairs", "blocks", "placed"
_INPUTS = "inputs"
_PLACE = ("submission_id", "source_file", "sheet", "source_row")


@dataclass(frozen=True)
class PersonRecords:
    """Records of persons.

    Attributes:
        tables: of ``PERSON_TABLES`` the accepted records of all facilities, one row per person; empty
            where no facility shares a patient.
        conflicts: where two facilities contradict each other: ``CONFLICT``, places in place of row numbers.
        shares: which facility's record gave which items (``ITEM_SHARES``).
    """

    tables: dict[str, pl.DataFrame]
    conflicts: pl.DataFrame
    shares: pl.DataFrame


def person_records(context: RefreshContext) -> PersonRecords:
    """One row per person, where decisions say that facilities share patients."""
    persons = persons_of_several(context)
    if not persons:
        return PersonRecords(
            {}, _placed(context, pl.DataFrame(schema=CONFLICT)), pl.DataFrame(schema=ITEM_SHARES)
        )
    tables, conflicts, shares = {}, [], []
    for name in PERSON_TABLES:
        frames = [read_parquet(path) for path in context.accepted_files(name).values()]
        tables[name], contradictions, item_shares = one_row_each(name, pl.concat(frames), persons)
        conflicts.append(contradictions)
        shares.append(item_shares)
    return PersonRecords(tables, _placed(context, pl.concat(conflicts)), pl.concat(shares))


def linkage_tables(context: RefreshContext, force: bool = False) -> dict[str, pl.DataFrame]:
    """``patient_pair`` and ``linkage_block``, over all patients that were judged, quarantined ones too.

    Patients whom a decision merged are no pair any more. Of the persons of the last time the pairs of then are taken.
    """
    keyed = KeyedTables(context.layout.linkage(), force)
    inputs = {_INPUTS: _person_inputs(context)}
    if not all(keyed.parts(name) == inputs and keyed.is_whole(name) for name in (_PAIRS, _BLOCKS)):
        _find_pairs(context, keyed, inputs)
    pairs = _placed_pairs(context, keyed)
    keyed.save()
    return {"patient_pair": pairs, "linkage_block": read_parquet(keyed.path(_BLOCKS))}


def _find_pairs(context: RefreshContext, keyed: KeyedTables, inputs: dict[str, str]) -> None:
    """Pairs and blocks of the persons there are; those of the last time where the persons are the same."""
    parts = [_persons(context, facility_id) for facility_id in context.senders]
    persons = pl.concat(parts).unique("patient_id", keep="first", maintain_order=True)
    key = digest_of(code_digest(find_pairs.__module__), rows_digest(persons))
    if all(keyed.is_current(name, key) for name in (_PAIRS, _BLOCKS)):
        n_rows = {name: keyed.n_rows(name) for name in (_PAIRS, _BLOCKS)}
    else:
        linkage = find_pairs(persons)
        n_rows = {_PAIRS: linkage.pairs.height, _BLOCKS: linkage.blocks.height}
        write_parquet(linkage.pairs, keyed.path(_PAIRS))
        write_parquet(linkage.blocks, keyed.path(_BLOCKS))
    for name, n in n_rows.items():
        keyed.remember(name, key, n, inputs)


def _person_inputs(context: RefreshContext) -> str:
    """Digest of all that the persons of all facilities are read from."""
    layout, parts = context.layout, []
    for sender in context.senders:
        screened = [
            layout.screened_table(sender, table, outcome)
            for table in ("patient", "primary_tumour")
            for outcome in ("accepted", "quarantined")
        ]
        files = [*screened, layout.staged_frame(sender, "person_keys")]
        parts.append([sender, asdict(merges_at(context, sender)), [noted_digest(path) for path in files]])
    return digest_of(code_digest(__name__), parts)


def _placed_pairs(context: RefreshContext, keyed: KeyedTables) -> pl.DataFrame:
    """The pairs with the places of both records, which are looked up again where a facility's rows have moved."""
    key = digest_of(code_digest(__name__), keyed.content(_PAIRS))
    rows = {
        sender: str(noted_digest(context.layout.staged_frame(sender, "rows"))) for sender in context.senders
    }
    noted = keyed.parts(_PLACED) if keyed.is_current(_PLACED, key) else {}
    moved = [sender for sender in rows if rows[sender] != noted.get(sender)]
    is_moved = pl.col("facility_id").is_in(moved) | pl.col("other_facility_id").is_in(moved)
    placed = _placed(context, read_parquet(keyed.path(_PAIRS)).filter(is_moved))
    if noted:
        placed = pl.concat([read_parquet(keyed.path(_PLACED)).filter(~is_moved), placed])
    placed = placed.sort("pair_key")
    write_parquet(placed, keyed.path(_PLACED))
    keyed.remember(_PLACED, key, placed.height, rows)
    return placed


def _persons(context: RefreshContext, facility_id: str) -> pl.DataFrame:
    patients = _judged(context, facility_id, "patient", (*PATIENT, "_row_id"))
    tumours = _judged(context, facility_id, "primary_tumour", TUMOUR)
    merges = merges_at(context, facility_id)
    keys = read_parquet(context.whole(context.layout.staged_frame(facility_id, "person_keys")))
    keys = renamed(renamed(keys, merges.within), merges.between)
    return persons_of(patients.with_columns(pl.lit(facility_id).alias("facility_id")), tumours, keys)


def _judged(context: RefreshContext, facility_id: str, table: str, columns: tuple[str, ...]) -> pl.DataFrame:
    layout = context.layout
    accepted = context.whole(layout.screened_table(facility_id, table))
    quarantined = working_file(layout.screened_table(facility_id, table, "quarantined"), layout.root)
    files = [accepted] if quarantined is None else [accepted, quarantined]
    return pl.concat([read_parquet(path, columns) for path in files])


def _placed(context: RefreshContext, pairs: pl.DataFrame) -> pl.DataFrame:
    """With file, sheet and row of both records."""
    placed = _with_place(context, pairs, "facility_id", "_row_id", {name: name for name in _PLACE})
    other = {name: f"other_{name}" for name in _PLACE[1:]}
    return _with_place(context, placed, "other_facility_id", "_other_row_id", other)


def _with_place(
    context: RefreshContext, pairs: pl.DataFrame, facility: str, row_id: str, columns: Mapping[str, str]
) -> pl.DataFrame:
    """The place of the row ``row_id`` of a facility under the names ``columns``, in place of its number."""
    kinds = {columns[name]: pl.Int64 if name == "source_row" else pl.String for name in columns}
    nowhere = [pl.lit(None, dtype=kind).alias(name) for name, kind in kinds.items()]
    parts = [pairs.clear().with_columns(nowhere)]
    for (facility_id,), own in pairs.group_by(facility, maintain_order=True):
        rows = scan_rows(context.whole(context.layout.staged_frame(str(facility_id), "rows")))
        places = source_locations(rows, own[row_id], tuple(columns)).rename({"_row_id": row_id, **columns})
        parts.append(own.join(places, on=row_id, how="left", maintain_order="left"))
    return pl.concat(parts, how="vertical_relaxed").drop(row_id)
