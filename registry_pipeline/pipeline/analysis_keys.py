"""What each analysis rests on, as a key: another key means that it is made anew, an equal one never.

Belongs here: code, parameters and what of the mart an analysis reads. Does not belong here: keys of tables (``keys.py``),
keeping and making (``estimation.py``).
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property

import polars as pl

from registry_pipeline.core.source_code import attributes_read, code_digest
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.keys import screened_content
from registry_pipeline.pipeline.step import digest_of
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.layers import declaration_digest
from registry_pipeline.store.parquet import read_parquet, rows_digest
from registry_pipeline.study.analysis import Analysis
from registry_pipeline.study.estimates import analyses
from registry_pipeline.study.mart_reader import Pair, patients_of
from registry_pipeline.study.marts import MART_TABLES
from registry_pipeline.study.scenarios import is_rebuilt, lost_to_follow_up

TIMES = "survival_time"
CODE = "code"
"""Under which name what an analysis rests on beside the mart is noted."""
_ESTIMATION = ("registry_pipeline.study.marts", "registry_pipeline.study.estimates")


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
