"""What each table of the registry is made from, as a key: another key means that it is made anew, an equal one never.

Belongs here: the parts of a key (code, declarations, settings, the content of inputs).
Does not belong here: notes on tables (``store/keyed_tables.py``), the facilities' steps (``step.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any

import polars as pl

from registry_pipeline.core.source_code import attributes_read, code_digest
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.merges import persons_of_several
from registry_pipeline.pipeline.step import digest_of, read_note
from registry_pipeline.store.facility_rows import OF_ALL
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.layers import declaration_digest
from registry_pipeline.store.parquet import read_parquet, rows_digest
from registry_pipeline.store.refill import RowInputs
from registry_pipeline.study.analysis import Analysis
from registry_pipeline.study.estimates import analyses
from registry_pipeline.study.mart_reader import Pair, patients_of
from registry_pipeline.study.marts import MART_TABLES
from registry_pipeline.study.scenarios import is_rebuilt, lost_to_follow_up
from registry_pipeline.validation.registry_wide.persons import PERSON_TABLES
from schemas import tables_of

_SQL = "registry_pipeline.store.layers"
_PERSONS = "registry_pipeline.pipeline.persons"
TIMES = "survival_time"
CODE = "code"
"""Under which name what an analysis rests on beside the mart is noted."""
_ESTIMATION = ("registry_pipeline.study.marts", "registry_pipeline.study.estimates")


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


class AnalysisKeys:
    """What analyses rest on: code and parameters, and what of the mart each of them reads."""

    def __init__(self, context: RefreshContext, results: KeyedTables) -> None:
        """Of what there is when it is asked.

        Args:
            results: the result tables; those that an analysis reads have to be made before its key is asked for.
        """
        self._context, self._results = context, results
        self._marts = KeyedTables(context.layout.layer("mart"))
        self._study = asdict(context.settings.study)

    def code(self, name: str) -> str:
        """Digest of all that an analysis rests on but the mart."""
        analysis = analyses()[name]
        tables = [*analysis.reads, *(f"result.{table}" for table in analysis.makes)]
        results = [self._results.content(table) for table in analysis.result_reads]
        beyond = self._beyond if _is_beyond(analysis) else None
        declared = [declaration_digest(table) for table in tables]
        code = code_digest(analysis.run.__module__, *_ESTIMATION)
        parameters = {parameter: self._study[parameter] for parameter in self.parameters_read(name)}
        return digest_of(code, declared, parameters, results, beyond)

    def parameters_read(self, name: str) -> list[str]:
        """The study's parameters that an analysis can read: all, where it builds marts anew by their SQL."""
        analysis = analyses()[name]
        modules = (analysis.run.__module__, *_ESTIMATION)
        read = self._study if _is_beyond(analysis) else attributes_read(tuple(self._study), "study", *modules)
        return sorted(read)

    def key(self, name: str) -> str:
        """Digest of all that it rests on, the mart tables that it declares as wholes."""
        marts = [self.content(table) for table in analyses()[name].reads if table.startswith("mart.")]
        return digest_of(self.code(name), marts)

    def pairs(self) -> list[Pair]:
        """The endpoints and origins that have times, in a stable order."""
        return sorted(self._times)

    def content(self, item: str) -> str:
        """Digest of what an analysis reads: a mart table, or times and the table of their patients."""
        table, *pair = item.removeprefix("mart.").split("/")
        if not pair:
            return self._marts.content(table)
        endpoint, origin = pair
        return digest_of(self._times.get((endpoint, origin)), self._marts.content(patients_of(origin)))

    @cached_property
    def _beyond(self) -> object:
        return _of_scenarios(self._context, self._marts)

    @cached_property
    def _times(self) -> dict[Pair, str]:
        """Digest of the times of each endpoint and origin."""
        note_times(self._marts)
        noted = self._marts.parts(TIMES)
        return {(pair.split("/")[0], pair.split("/")[1]): digest for pair, digest in noted.items()}


def _is_beyond(analysis: Analysis) -> bool:
    """Whether an analysis reads more than marts and results: other readings of the records."""
    return any(not table.startswith(("mart.", "result.")) for table in analysis.reads)


def note_times(marts: KeyedTables) -> None:
    """Note the digest of the times of each endpoint and origin, which estimates are kept by, where the times are new."""
    if not marts.parts(TIMES):
        times = read_parquet(marts.path(TIMES))
        parts = times.partition_by("endpoint", "origin", include_key=False, as_dict=True)
        digests = {f"{endpoint}/{origin}": rows_digest(rows) for (endpoint, origin), rows in parts.items()}
        marts.note_parts(TIMES, digests)


def _of_scenarios(context: RefreshContext, marts: KeyedTables) -> object:
    """What other readings of the records rest on: the mart, and who is lost to follow-up for how long; of few patients all that the mart is built anew from."""
    patients = "cohort" if marts.n_rows("cohort") else "registry_patient"
    if not is_rebuilt(marts.n_rows(patients), context.settings):
        columns = {"vital_status": ("patient_id", "is_dead", "last_alive_date"), patients: ("patient_id",)}
        vital, own = (read_parquet(marts.path(name), read).to_pandas() for name, read in columns.items())
        lost = lost_to_follow_up(vital, own, context.extract_date(), context.settings)
        days = pl.DataFrame({"patient_id": lost.index.astype(str).tolist(), "days": lost.tolist()})
        return [[marts.content(name) for name in MART_TABLES], rows_digest(days)]
    queries = {name: file.query for name, file in sql_files("mart").items()}
    curated = KeyedTables(context.layout.layer("curated"))
    tables = sorted({name for file in sql_files("mart").values() for name in file.header.get("inputs", [])})
    content = [
        curated.content(name.removeprefix("curated.")) for name in tables if name.startswith("curated.")
    ]
    quarantine = screened_content(context, ["_quarantine.parquet"])
    return [queries, content, quarantine, context.extract_date(), context.settings.refresh.duckdb_memory]
