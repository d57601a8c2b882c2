"""The quality tables of a release: rules, their results, findings, accounting.

Belongs here: joining what the facilities' screenings found with the rules that judge the registry as a
whole, against the release before.
Does not belong here: judging (``validation/``), writing (``pipeline/registry.py``), the life of findings
across releases (``pipeline/release.py``, where the release has its name).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

import schemas
from registry_pipeline.core.files import write_json
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.source_code import code_digest
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.pipeline.comparison import choose_comparison
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.facility_parts import curated_parts
from registry_pipeline.pipeline.finding_places import with_places
from registry_pipeline.pipeline.kept_judgements import KeptJudgements
from registry_pipeline.pipeline.keys import row_inputs
from registry_pipeline.pipeline.persons import linkage_tables, person_records
from registry_pipeline.pipeline.step import digest_of
from registry_pipeline.pipeline.suggestions import make_suggestions, screened_findings
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.parquet import read_parquet, read_rows, write_parquet
from registry_pipeline.store.refill import (
    built_by,
    changed_by_facility,
    changed_facilities,
    contents_of,
    part_digests,
)
from registry_pipeline.store.releases import DATABASE, release_folder
from registry_pipeline.store.sql import add_view, private_database
from registry_pipeline.validation.registry_wide.bounded_listing import Bound
from registry_pipeline.validation.registry_wide.persons import conflict_findings
from registry_pipeline.validation.registry_wide.registry_rules import run_registry_rules
from registry_pipeline.validation.rules.catalogue import parameters_of
from schemas.constraints import literal

if TYPE_CHECKING:
    from registry_pipeline.store.sql import Source

METRICS = "release_metric"
Rows = pl.DataFrame | Sequence[Path]
"""Of a table that grows with the rows of the registry the facilities' files, which nobody loads."""


def quality_tables(context: RefreshContext, force: bool = False) -> dict[str, Rows]:
    """Rows of ``quality.*``: name of the table -> frame or files. ``finding`` knows no releases yet.

    Args:
        force: take neither persons known twice nor rows of rules from the last time.
    """
    settings, rules = context.settings, context.rules
    parameters = parameters_of(settings, context.extract_date())
    make_suggestions(context)
    own_findings = screened_findings(context).drop("_row_id")
    own_results = read_rows(context.screened_files("rule_results"))
    gathered: dict[str, Rows] = {
        "rule_result": own_results,
        "finding": own_findings,
        "quarantine": context.screened_files("quarantine"),
        "row_account": read_rows(context.screened_files("row_account")),
        "coercion": context.staged_files("coercions"),
        **linkage_tables(context, force),
    }
    compared = choose_comparison(context).release_id
    shared = conflict_findings(person_records(context).conflicts, rules)
    with private_database(settings.refresh.duckdb_memory, spill_folder=context.home.store) as connection:
        shown: dict[str, Source] = {f"quality.{name}": rows for name, rows in gathered.items()}
        shown["meta.submission"] = read_rows(context.staged_files("files"))
        shown |= curated_parts(context)
        _show(context, connection, shown, compared)
        keyed = KeyedTables(context.layout.registry_rules(), force)
        marts = KeyedTables(context.layout.layer("mart"))
        gathered["release_metric"] = metrics = release_metrics(connection, settings, keyed, marts)
        add_view(connection, "quality.release_metric", metrics)
        shown["quality.release_metric"] = metrics
        changed = _changed_since(context, compared)
        needed = {decision.finding_id for decision in context.decisions.decisions}
        bound = Bound(settings.limits.max_findings, needed)
        kept = KeptJudgements(context, keyed, connection, shown, parameters, compared)
        judged = run_registry_rules(connection, rules, parameters, changed, bound, kept)
        keyed.save()
        findings = with_places(context, connection, judged.findings)
    write_json(judged.failures, context.layout.layer("quality") / "_failures.json")
    write_parquet(judged.unlisted, context.layout.registry_unlisted())
    return {
        **gathered,
        "rule": pl.DataFrame(rules.rows(), infer_schema_length=None),
        "finding": pl.concat([own_findings, findings, shared], how="vertical_relaxed"),
        "rule_result": pl.concat([own_results, judged.results], how="vertical_relaxed"),
    }


def _changed_since(context: RefreshContext, compared: str | None) -> dict[str, list[str]]:
    """Curated tables, by bare name, with the facilities whose rows may differ from those of the release compared with.

    Tables of which that is not known are left out.
    """
    earlier = None if compared is None else contents_of(context.home, compared)
    if earlier is None or earlier.built_by != built_by():  # other columns may have been declared
        return {}
    keyed, now = KeyedTables(context.layout.layer("curated")), row_inputs(context)
    changed: dict[str, list[str]] = {}
    facilities, by_facility = changed_facilities(earlier, now), changed_by_facility(earlier, now)
    for name in schemas.tables_of("curated"):
        table = name.partition(".")[2]
        content = keyed.content(table)
        if content and content == earlier.tables.get(name):
            changed[table] = []
        elif facilities and name in by_facility:
            changed[table] = facilities
    for name, files in curated_parts(context).items():
        if name in earlier.parts:
            differing = {
                facility for facility, _ in earlier.parts[name].items() ^ part_digests(files).items()
            }
            changed[name.partition(".")[2]] = sorted(differing)
    return changed


def _show(
    context: RefreshContext,
    connection: duckdb.DuckDBPyConnection,
    shown: Mapping[str, Source],
    compared: str | None,
) -> None:
    """The tables that are being made, and the release of the input before as the database ``previous``."""
    for layer in ("curated", "mart"):
        for name in schemas.tables_of(layer):
            add_view(connection, name, context.layout.table(name))
    for name, source in shown.items():
        add_view(connection, name, source)
    if compared is not None:
        path = literal(str(release_folder(context.home, compared) / DATABASE))
        connection.execute(f"ATTACH {path} AS previous (READ_ONLY)")


def release_metrics(
    connection: duckdb.DuckDBPyConnection, settings: Settings, keyed: KeyedTables, marts: KeyedTables
) -> pl.DataFrame:
    """The cohort in a few numbers (``release_id`` NULL: this release) and those of the releases before.

    Args:
        keyed: keeps the numbers of the same marts.
        marts: those that the connection shows.
    """
    result = sql_files("quality")[METRICS]
    parameters = result.parameters(vars(settings.study))
    inputs = [marts.content(name.partition(".")[2]) for name in result.header["inputs"]]
    key = digest_of(code_digest(__name__), result.query, parameters, inputs)
    if not keyed.is_current(METRICS, key):
        metrics = connection.execute(result.query, parameters).pl()
        write_parquet(metrics, keyed.path(METRICS))
        keyed.remember(METRICS, key, metrics.height)
    now = read_parquet(keyed.path(METRICS))
    reviewed = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'previous' AND table_name = 'release_metric'"
    ).fetchall()[0][0]
    if not reviewed:
        return now
    before = connection.execute("FROM previous.quality.release_metric WHERE release_id IS NOT NULL").pl()
    return pl.concat([before.select(now.columns), now], how="vertical_relaxed")
