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
from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Settings
from registry_pipeline.intake.landing.ledger import read_ledger
from registry_pipeline.pipeline.decisions import decided
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.facility import extract_date
from registry_pipeline.pipeline.persons import person_records
from registry_pipeline.pipeline.quality import quality_tables
from registry_pipeline.pipeline.step import (
    code_version,
    digest_of,
    is_fresh,
    mark_fresh,
    mark_stale,
    refresh_lock,
)
from registry_pipeline.pipeline.stored import facility_files, layer_tables
from registry_pipeline.store import sql
from registry_pipeline.store.parquet import count_rows, read_parquet, write_parquet
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


def curate(home: Home) -> dict[str, int]:
    """Curated tables of all facilities: table -> number of rows.

    Raises:
        Refused: no facility has sent a file yet.
    """
    with refresh_lock(home):
        warm_helper(ESTIMATION)
        if not any(read_ledger(home, one) for one in home.facility_ids()):
            raise Refused(f"no file has been received yet; put files into {home.inbox}/<facility>/")
        files = {name: facility_files(home, f"{name}.accepted") for name in layer_tables("curated")}
        accepted: dict[str, Sequence[Path] | pl.DataFrame] = {
            **files,
            **person_records(home, decided(home)).tables,
        }
        limit = home.settings().refresh.memory_limit
        return sql.curate(accepted, home.store / "curated", limit, home.store)


def build_mart(home: Home) -> dict[str, int]:
    """Mart tables: table -> number of rows."""
    with refresh_lock(home):
        settings = home.settings()
        parameters = sql.study_parameters(settings.study, extract_date(home, settings))
        return sql.build_mart(
            home.store / "curated",
            facility_files(home, "_quarantine"),
            home.store / "mart",
            parameters,
            settings.refresh.memory_limit,
            home.store,
        )


def judge(home: Home) -> dict[str, int]:
    """Quality tables of the registry: table -> number of rows."""
    with refresh_lock(home):
        settings = home.settings()
        tables = quality_tables(home, settings, extract_date(home, settings))
        for name, frame in tables.items():
            write_parquet(frame, home.store / "quality" / f"{name}.parquet")
        return {name: frame.height for name, frame in tables.items()}


def registry_findings(home: Home) -> tuple[Counter[tuple[str, str, str]], set[tuple[str, str]]]:
    """Of the rules over the whole registry: (rule, severity, category) -> findings, and (rule, category) that failed."""
    entries = catalogue(home.settings()).of_scope("registry")
    own = pl.col("rule_id").is_in(list(entries))
    found = read_parquet(home.store / "quality" / "finding.parquet").filter(own)
    results = read_parquet(home.store / "quality" / "rule_result.parquet").filter(own)
    counts = found.group_by("rule_id", "severity").len().iter_rows()
    broken = results.filter(pl.col("status") == "failed_to_run").get_column("rule_id").unique().to_list()
    return (
        Counter({(rule, severity, entries[rule].category): n for rule, severity, n in counts}),
        {(rule, entries[rule].category) for rule in broken},
    )


def analyse(home: Home, force: bool = False, progress: Progress = lambda _: None) -> dict[str, int]:
    """Result tables: table -> number of rows."""
    with refresh_lock(home):
        folder, settings = home.store / "result", home.settings()
        stored = stored_marts(home.store / "mart")
        sources = _sources(home, settings)
        inputs = [_content(frame) for frame in stored.values()]
        inputs += [_content(read_parquet(path)) for path in sources.digest_inputs()]
        fingerprint = digest_of(inputs, settings.digest(), code_version())
        if force or not is_fresh(folder, fingerprint):
            mark_stale(folder)
            marts = read_marts(stored)
            del stored  # the marts hold it all
            readings, there = scenarios(marts, sources, settings), Stored(home.store / "mart", fingerprint)
            made = result_tables(marts, settings.study, progress, readings, there)
            for name in layer_tables("result"):
                write_parquet(_as_declared(f"result.{name}", made.pop(name)), folder / f"{name}.parquet")
            mark_fresh(folder, fingerprint)
        return {name: count_rows(folder / f"{name}.parquet") for name in layer_tables("result")}


def _sources(home: Home, settings: Settings) -> Sources:
    """What the readings of open questions are built from."""
    held = tuple(facility_files(home, "_quarantine"))
    return Sources(home.store / "curated", held, extract_date(home, settings), home.store)


def submissions(home: Home) -> pl.DataFrame:
    """Rows of ``meta.submission`` of all facilities."""
    return pl.concat([read_parquet(path) for path in facility_files(home, "_files", "staged")])


def _content(frame: pl.DataFrame) -> str:
    """Hash of the rows of a working file (its bytes may differ from run to run)."""
    return digest_of(frame.columns, frame.height, int(frame.hash_rows(seed=0).sum()) if frame.height else 0)


def _as_declared(name: str, frame: object) -> pl.DataFrame:
    """An estimate's rows with exactly the declared columns and types."""
    made = pl.from_pandas(frame, nan_to_null=True) if not isinstance(frame, pl.DataFrame) else frame
    return with_schema(made, {one.name: one.polars_type for one in columns_of(schemas.tables()[name])})
