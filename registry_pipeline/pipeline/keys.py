"""What each table of the registry is made from, as a key: another key means that it is made anew, an equal one never.

Belongs here: the parts of a key (code, declarations, settings, the content of inputs).
Does not belong here: notes on tables (``store/keyed_tables.py``), the facilities' steps (``step_keys.py``), analyses
(``analysis_keys.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl

from registry_pipeline.core.source_code import code_digest
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.merges import persons_of_several
from registry_pipeline.pipeline.step import digest_of, read_note
from registry_pipeline.store.facility_rows import OF_ALL
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.layers import declaration_digest
from registry_pipeline.store.parquet import rows_digest
from registry_pipeline.store.refill import RowInputs
from registry_pipeline.validation.registry_wide.persons import PERSON_TABLES
from schemas import tables_of

_SQL = "registry_pipeline.store.layers"
_PERSONS = "registry_pipeline.pipeline.persons"


def screened_content(context: RefreshContext, names: Iterable[str]) -> list[list[str]]:
    """SHA-256 of screened files of every facility that has sent something, by facility; empty for a missing one."""
    tables = list(names)
    content = []
    for facility_id in context.senders:
        note = read_note(context.layout.screened(facility_id))
        files = note["files"] if note else {}
        content.append([facility_id, *(files.get(name, "") for name in tables)])
    return content


def curated_inputs(context: RefreshContext, tables: Iterable[str]) -> dict[str, dict[str, str]]:
    """Curated table -> digests of what it is made from: the accepted records of each facility, and what holds for all of them."""
    persons = persons_of_several(context)
    inputs = {}
    for table in tables:
        read = PERSON_TABLES if persons and table in PERSON_TABLES else (table,)
        accepted = screened_content(context, [f"{name}.accepted.parquet" for name in read])
        of_all = digest_of(_curated_by(f"curated.{table}"), persons)
        inputs[table] = {OF_ALL: of_all, **{facility: digest_of(files) for facility, *files in accepted}}
    return inputs


def _curated_by(name: str) -> str:
    """Digest of what makes a curated table of accepted records."""
    return digest_of(code_digest(_SQL, _PERSONS), declaration_digest(name))


def mart_keys(
    context: RefreshContext, marts: KeyedTables, parameters: Mapping[str, Any], quarantine: pl.DataFrame
) -> Callable[[str], str]:
    """What gives the key of a mart table, once the tables that it rests on are made.

    Args:
        quarantine: what mart tables are shown of the records in quarantine.
    """
    code, files = code_digest(_SQL), sql_files("mart")
    curated = KeyedTables(context.layout.layer("curated"))
    held = rows_digest(quarantine)

    def content(name: str) -> object:
        layer, _, table = name.partition(".")
        return (
            {"curated": curated.content, "mart": marts.content}[layer](table) if layer != "quality" else held
        )

    def key_of(table: str) -> str:
        query = files[table]
        inputs = [content(name) for name in query.header.get("inputs", [])]
        declared = declaration_digest(f"mart.{table}")
        return digest_of(code, query.query, declared, query.parameters(parameters), inputs)

    return key_of


def mart_inputs(context: RefreshContext, parameters: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Mart table -> digests of what it is made from by facility; none where several facilities know a patient."""
    if persons_of_several(context):
        return {}
    facilities, code, files = _sent(context), code_digest(_SQL), sql_files("mart")

    def of_all(table: str) -> str:
        query = files[table]
        marts = [name for name in query.header.get("inputs", []) if name.startswith("mart.")]
        declared = declaration_digest(f"mart.{table}")
        rests_on = [of_all(name.partition(".")[2]) for name in marts]
        return digest_of(code, query.query, declared, query.parameters(parameters), rests_on)

    by_patient = [
        name.partition(".")[2] for name, model in tables_of("mart").items() if "patient_id" in model.columns
    ]
    return {table: {OF_ALL: of_all(table), **facilities} for table in by_patient}


def row_inputs(context: RefreshContext) -> RowInputs:
    """What rows of the curated and mart tables that are there are made of; nothing where several facilities know a patient."""
    if persons_of_several(context):
        return RowInputs()
    marts = KeyedTables(context.layout.layer("mart"))
    inputs = {name: marts.inputs(name.partition(".")[2]) for name in tables_of("mart")}
    of_all = {name: noted[OF_ALL] for name, noted in inputs.items() if OF_ALL in noted}
    return RowInputs(_sent(context), {name: _curated_by(name) for name in tables_of("curated")} | of_all)


def _sent(context: RefreshContext) -> dict[str, str]:
    """Facility -> digest of its records that were accepted, and of those in quarantine."""
    names = [f"{name.partition('.')[2]}.accepted.parquet" for name in tables_of("curated")]
    sent = screened_content(context, [*names, "_quarantine.parquet"])
    return {facility: digest_of(files) for facility, *files in sent}
