"""The quality tables of a release: rules, their results, findings, accounting.

Belongs here: joining what the facilities' screenings found with the rules that judge the registry as a
whole, against the release before.
Does not belong here: judging (``validation/``), writing (``pipeline/registry.py``), the life of findings
across releases (``pipeline/release.py``, where the release has its name).
"""

import json
from datetime import date

import duckdb
import polars as pl

import schemas
from registry_pipeline.core.files import write_text
from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.pipeline.decisions import decided
from registry_pipeline.pipeline.persons import linkage_tables, person_records
from registry_pipeline.pipeline.stored import facility_files
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.store.releases import DATABASE, current_release, release_folder
from registry_pipeline.store.sql import add_view, private_database
from registry_pipeline.validation.registry_wide.persons import conflict_findings
from registry_pipeline.validation.registry_wide.registry_rules import run_registry_rules
from registry_pipeline.validation.rules.catalogue import catalogue, parameters_of


def quality_tables(home: Home, settings: Settings, until: date) -> dict[str, pl.DataFrame]:
    """Rows of ``quality.*``: name of the table -> frame. ``finding`` knows no releases yet."""
    rules = catalogue(settings)
    gathered = {
        "rule_result": _of_facilities(home, "_rule_results"),
        "finding": _of_facilities(home, "_findings").drop("_row_id"),
        "quarantine": _of_facilities(home, "_quarantine"),
        "row_account": _of_facilities(home, "_row_account"),
        "coercion": _of_facilities(home, "_coercions", "staged").drop("_row_id"),
    }
    made = decided(home)
    gathered |= linkage_tables(home, made)
    shared = conflict_findings(person_records(home, made).conflicts, rules)
    with private_database(settings.refresh.memory_limit, spill_folder=home.store) as connection:
        _show(home, connection, gathered)
        gathered["release_metric"] = _release_metrics(home, connection, settings)
        add_view(connection, "quality.release_metric", gathered["release_metric"])
        findings, results, failures = run_registry_rules(connection, rules, parameters_of(settings, until))
    write_text(json.dumps(failures), home.store / "quality" / "_failures.json")
    return {
        **gathered,
        "rule": pl.DataFrame(rules.rows(), infer_schema_length=None),
        "finding": pl.concat([gathered["finding"], findings, shared], how="vertical_relaxed"),
        "rule_result": pl.concat([gathered["rule_result"], results], how="vertical_relaxed"),
    }


def _show(home: Home, connection: duckdb.DuckDBPyConnection, gathered: dict[str, pl.DataFrame]) -> None:
    """The tables that are being made, and the release before as the database ``previous``."""
    for layer in ("curated", "mart"):
        for name in schemas.tables_of(layer):
            add_view(connection, name, home.store / layer / f"{name.partition('.')[2]}.parquet")
    for name, frame in gathered.items():
        add_view(connection, f"quality.{name}", frame)
    add_view(connection, "meta.submission", _of_facilities(home, "_files", "staged"))
    if (release_id := current_release(home)) is not None:
        path = str(release_folder(home, release_id) / DATABASE).replace("'", "''")
        connection.execute(f"ATTACH '{path}' AS previous (READ_ONLY)")


def _release_metrics(home: Home, connection: duckdb.DuckDBPyConnection, settings: Settings) -> pl.DataFrame:
    """The cohort in a few numbers (``release_id`` NULL: this release) and those of the releases before."""
    made = sql_files("quality")["release_metric"]
    now = connection.execute(made.query, made.parameters(vars(settings.study))).pl()
    known = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'previous' AND table_name = 'release_metric'"
    ).fetchall()[0][0]
    if not known:
        return now
    before = connection.execute("FROM previous.quality.release_metric WHERE release_id IS NOT NULL").pl()
    return pl.concat([before.select(now.columns), now], how="vertical_relaxed")


def _of_facilities(home: Home, name: str, layer: str = "screened") -> pl.DataFrame:
    return pl.concat([read_parquet(path) for path in facility_files(home, name, layer)])
