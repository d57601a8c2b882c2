"""The steps that are made once for the whole registry: curated, mart, result and quality tables.

Belongs here: which rooms a step calls, what it reads from and writes to the store.
Does not belong here: SQL, rules, estimates.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

import schemas
from registry_pipeline.core.frames import with_schema
from registry_pipeline.core.helper_process import warm_helper
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.facility import screen_damaged
from registry_pipeline.pipeline.persons import person_records
from registry_pipeline.pipeline.quality import quality_tables
from registry_pipeline.pipeline.step import Step, code_version, digest_of, refresh_lock
from registry_pipeline.store import sql
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.study.estimates import Progress, Stored, result_tables
from registry_pipeline.study.marts import read_marts, stored_marts
from registry_pipeline.study.scenarios import Sources, scenarios
from registry_pipeline.validation.rules.catalogue import catalogue
from schemas.table import columns_of

ESTIMATION = (
    "registry_pipeline.study.estimates",
    "registry_pipeline.reporting.report",
    "lifelines",
    "matplotlib",
)
"""What a helper needs: it is started where the records have been judged, whose memory is free again."""


def curate(context: RefreshContext) -> dict[str, int]:
    """Curated tables of all facilities: table -> number of rows.

    Raises:
        Refused: no facility has sent a file yet.
    """
    with refresh_lock(context.home):
        warm_helper(ESTIMATION)
        if not context.senders:
            raise Refused(f"no file has been received yet; put files into {context.home.inbox}/<facility>/")
        screen_damaged(context)
        accepted: dict[str, Sequence[Path] | pl.DataFrame] = {
            name: context.accepted_files(name) for name in _tables_of("curated")
        }
        accepted |= person_records(context).tables
        limit = context.settings.refresh.memory_limit
        return sql.curate(accepted, context.layout.layer("curated"), limit, context.home.store)


def build_mart(context: RefreshContext) -> dict[str, int]:
    """Mart tables: table -> number of rows."""
    with refresh_lock(context.home):
        settings, layout = context.settings, context.layout
        return sql.build_mart(
            layout.layer("curated"),
            context.screened_files("quarantine"),
            layout.layer("mart"),
            sql.study_parameters(settings.study, context.extract_date()),
            settings.refresh.memory_limit,
            context.home.store,
        )


def judge(context: RefreshContext) -> dict[str, int]:
    """Quality tables of the registry: table -> number of rows."""
    with refresh_lock(context.home):
        tables = quality_tables(context)
        for name, frame in tables.items():
            write_parquet(frame, context.layout.table(f"quality.{name}"))
        return {name: frame.height for name, frame in tables.items()}


def registry_findings(context: RefreshContext) -> tuple[Counter[tuple[str, str, str]], set[tuple[str, str]]]:
    """Of the rules over the whole registry: (rule, severity, category) -> findings, and (rule, category) that failed."""
    entries = catalogue(context.settings).of_scope("registry")
    own = pl.col("rule_id").is_in(list(entries))
    findings = read_parquet(context.layout.table("quality.finding")).filter(own)
    results = read_parquet(context.layout.table("quality.rule_result")).filter(own)
    counts = findings.group_by("rule_id", "severity").len().iter_rows()
    failed = results.filter(pl.col("status") == "failed_to_run").get_column("rule_id").unique().to_list()
    return (
        Counter({(rule, severity, entries[rule].category): n for rule, severity, n in counts}),
        {(rule, entries[rule].category) for rule in failed},
    )


def analyse(
    context: RefreshContext, force: bool = False, progress: Progress = lambda _: None
) -> dict[str, int]:
    """Result tables: table -> number of rows."""
    with refresh_lock(context.home):
        layout, settings = context.layout, context.settings
        mart_folder, sources = layout.layer("mart"), _sources(context)
        stored = stored_marts(mart_folder)
        inputs = [_content(frame) for frame in stored.values()]
        inputs += [_content(read_parquet(path)) for path in sources.digest_inputs()]
        fingerprint = digest_of(inputs, settings.digest(), code_version())

        def work() -> dict[str, int]:
            marts = read_marts(stored)
            stored.clear()  # the marts hold it all
            readings, elsewhere = scenarios(marts, sources, settings), Stored(mart_folder, fingerprint)
            results = result_tables(marts, settings.study, progress, readings, elsewhere)
            counts = {}
            for name in _tables_of("result"):
                frame = _as_declared(f"result.{name}", results.pop(name))
                write_parquet(frame, layout.table(f"result.{name}"))
                counts[name] = frame.height
            return counts

        counts: dict[str, int] = Step(layout.layer("result"), fingerprint, context.finished).run(work, force)
        return counts


def _sources(context: RefreshContext) -> Sources:
    """What the readings of open questions are built from."""
    quarantine = tuple(context.screened_files("quarantine"))
    return Sources(context.layout.layer("curated"), quarantine, context.extract_date(), context.home.store)


def submissions(context: RefreshContext) -> pl.DataFrame:
    """Rows of ``meta.submission`` of all facilities."""
    return pl.concat([read_parquet(path) for path in context.staged_files("files")])


def _tables_of(layer: str) -> list[str]:
    """Tables of a layer, by bare name."""
    return [name.partition(".")[2] for name in schemas.tables_of(layer)]


def _content(frame: pl.DataFrame) -> str:
    """Hash of the rows of a working file (its bytes may differ from run to run)."""
    return digest_of(frame.columns, frame.height, int(frame.hash_rows(seed=0).sum()) if frame.height else 0)


def _as_declared(name: str, frame: object) -> pl.DataFrame:
    """An estimate's rows with exactly the declared columns and types."""
    rows = pl.from_pandas(frame, nan_to_null=True) if not isinstance(frame, pl.DataFrame) else frame
    types = {column.name: column.polars_type for column in columns_of(schemas.tables()[name])}
    return with_schema(rows, types) if rows.width else pl.DataFrame(schema=types)  # no column gives a row
