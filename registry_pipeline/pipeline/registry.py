"""The steps that are made once for the whole registry: curated, mart, result and quality tables.

Belongs here: which rooms a step calls, what it reads from and writes to the store.
Does not belong here: SQL, rules, estimates.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

import schemas
from registry_pipeline.core.helper_process import warm_helper
from registry_pipeline.core.memory import give_back
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.pipeline.analysis_keys import note_times
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.estimation import Estimation
from registry_pipeline.pipeline.facility_parts import COERCION, facility_parts, write_curated_parts
from registry_pipeline.pipeline.keys import curated_inputs, mart_inputs, mart_keys
from registry_pipeline.pipeline.lineage import write_lineage
from registry_pipeline.pipeline.persons import person_records
from registry_pipeline.pipeline.quality import quality_tables
from registry_pipeline.pipeline.screening import screen_damaged
from registry_pipeline.pipeline.step import refresh_lock
from registry_pipeline.store import layers, sql
from registry_pipeline.store.facility_files import curated_by_facility
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.parquet import count_rows, gather_parquet, read_parquet, read_rows, write_parquet
from registry_pipeline.study.estimates import Progress, analyses, batches
from schemas.table import columns_of

ESTIMATION = (
    "registry_pipeline.study.estimates",
    "registry_pipeline.reporting.report",
    "matplotlib",
)
"""What a helper needs: it is started where the records have been judged, whose memory is free again."""

BOUNDS = ("_lower", "_upper")
"""Of a partial date: no day that something is known of."""
HELD = ("facility_id", "table_name", "patient_id")
"""Columns of ``quality.quarantine`` that mart tables may read: what stands where has no part in them."""


def curate(context: RefreshContext, force: bool = False) -> dict[str, int]:
    """Curated tables of all facilities: table -> number of rows.

    Raises:
        Refused: no facility has sent a file yet.
    """
    with refresh_lock(context.home):
        if not context.senders:
            raise Refused(f"no file has been received yet; put files into {context.home.inbox}/<facility>/")
        screen_damaged(context)
        names = [name for name in _tables_of("curated") if name not in curated_by_facility()]
        accepted: dict[str, Mapping[str, Path] | pl.DataFrame] = {
            name: context.accepted_files(name) for name in names
        }
        persons = person_records(context)
        accepted |= persons.tables
        keyed = KeyedTables(context.layout.layer("curated"), force)
        inputs = curated_inputs(context, names)
        is_current = [keyed.is_current(name, layers.key_of_inputs(inputs[name])) for name in names]
        if 2 * sum(is_current) < len(names):
            warm_helper(ESTIMATION)  # a small change costs less than a process that imports all this
        limit = context.settings.refresh.duckdb_memory
        counts = layers.curate(accepted, keyed.folder, limit, context.home.store, keyed, inputs)
        keyed.save()
        counts |= write_curated_parts(context, force)
        write_lineage(context, persons.shares, force)
        return counts


def build_mart(context: RefreshContext, force: bool = False) -> dict[str, int]:
    """Mart tables: table -> number of rows."""
    with refresh_lock(context.home):
        settings, layout = context.settings, context.layout
        parameters = sql.study_parameters(settings.study, end_of_observation(context))
        keyed = KeyedTables(layout.layer("mart"), force)
        quarantine = _held_patients(context)
        key_of = mart_keys(context, keyed, parameters, quarantine)
        counts = layers.build_mart(
            layout.layer("curated"), quarantine, keyed.folder, parameters, settings.refresh.duckdb_memory,
            context.home.store, keyed, key_of, mart_inputs(context, parameters),
        )  # fmt: skip
        note_times(keyed)
        keyed.save()
        return counts


def end_of_observation(context: RefreshContext) -> date:
    """The end of observation as marts are told it: that there is none, where nothing on record lies beyond it.

    It moves with every file that is received, and where it cuts nothing off the marts stay the same.
    """
    end = context.extract_date()
    cut = [file for file in sql_files("mart").values() if "extract_date" in file.header["parameters"]]
    for name in {name for file in cut for name in file.header["inputs"] if name.startswith("curated.")}:
        columns = columns_of(schemas.tables()[name])
        days = [
            column.name for column in columns if column.kind == "date" and not column.name.endswith(BOUNDS)
        ]
        rows = pl.scan_parquet(context.whole(context.layout.table(name)), glob=False).select(
            pl.col(days).max()
        )
        last = max((day for day in rows.collect().row(0) if day is not None), default=None)
        if last is not None and last > end:
            return end
    return date.max


def _held_patients(context: RefreshContext) -> pl.DataFrame:
    """Of the records in quarantine what marts ask of them: whose they are, and of which table, wherever they stand."""
    files = context.screened_files("quarantine")
    rows = pl.concat([pl.scan_parquet(file, glob=False) for file in files])
    return rows.select(pl.col(HELD).cast(pl.String)).unique().sort(pl.all()).collect()


def judge(context: RefreshContext, force: bool = False) -> dict[str, int]:
    """Quality tables of the registry: table -> number of rows."""
    with refresh_lock(context.home):
        keyed = KeyedTables(
            context.layout.layer("quality")
        )  # made at every refresh: the notes are for who reads them
        counts: dict[str, int] = {}
        parted = facility_parts(context)
        for name, rows in quality_tables(context, force).items():
            path = keyed.path(name)
            if f"quality.{name}" == COERCION:
                counts[name] = sum(map(count_rows, parted[COERCION].values()))
                continue
            if isinstance(rows, pl.DataFrame):
                write_parquet(rows, path)
            else:
                gather_parquet(rows, path, without=("_row_id",))
            counts[name] = count_rows(path)
            keyed.remember(name, "", counts[name])
        unlisted = context.layout.registry_unlisted()
        keyed.remember(unlisted.stem, "", count_rows(unlisted))
        keyed.save()
        return counts


def registry_findings(context: RefreshContext) -> tuple[Counter[tuple[str, str, str]], set[tuple[str, str]]]:
    """Of the rules over the whole registry: (rule, severity, category) -> findings, and (rule, category) that failed."""
    entries = context.rules.of_scope("registry")
    own = pl.col("rule_id").is_in(list(entries))
    findings = read_parquet(context.whole(context.layout.table("quality.finding"))).filter(own)
    results = read_parquet(context.whole(context.layout.table("quality.rule_result"))).filter(own)
    counts = findings.group_by("rule_id", "severity").len().iter_rows()
    failed = results.filter(pl.col("status") == "failed_to_run").get_column("rule_id").unique().to_list()
    return (
        Counter({(rule, severity, entries[rule].category): n for rule, severity, n in counts}),
        {(rule, entries[rule].category) for rule in failed},
    )


def analyse(
    context: RefreshContext, force: bool = False, progress: Progress = lambda _: None
) -> dict[str, int]:
    """Result tables: table -> number of rows. An analysis of which nothing that it read has changed is not run again."""
    with refresh_lock(context.home):
        keyed = KeyedTables(context.layout.layer("result"), force)
        estimation = Estimation(context, keyed, progress)
        for batch in batches():
            estimation.make(batch)
        keyed.save()
        del estimation
        give_back()  # the marts, before the release is written
        results = (table for analysis in analyses().values() for table in analysis.makes)
        return {table: keyed.n_rows(table) for table in results}


def submissions(context: RefreshContext) -> pl.DataFrame:
    """Rows of ``meta.submission`` of all facilities."""
    return read_rows(context.staged_files("files"))


def _tables_of(layer: str) -> list[str]:
    """Tables of a layer, by bare name."""
    return [name.partition(".")[2] for name in schemas.tables_of(layer)]
