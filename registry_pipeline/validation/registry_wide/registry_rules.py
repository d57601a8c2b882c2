"""Rules over the whole registry: between releases, over the cohort and its estimates.

Belongs here: running the rules of scope ``registry`` on a connection that the caller prepared.
Does not belong here: preparing it, rules within one facility (``cross_table.py``).

The connection shows ``curated.*``, ``mart.*`` and ``quality.*`` of the release that is being made, and
the previous release as an attached database ``previous`` (``previous.curated.death``). A rule names in its
header's ``inputs`` what it reads and is ``not_applicable`` where one of them is absent; what its ``optional``
names of the previous release is shown to it empty in the first release.

A rule's SELECT gives one row per judged thing: ``facility_id, record_key, is_violated`` and, where it can
say more, ``table_name, items, patient_id, severity, suggestion, detail, value_text, old_value, new_value``, and in
``other_row`` where the second record of a pair stands. ``facility_id`` is ``registry``
where the whole registry is judged. A row that breaks nothing may stand for many things that were judged: ``n_judged``.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import duckdb
import polars as pl

import schemas
from registry_pipeline.core.frames import with_schema
from registry_pipeline.core.home import WHOLE_REGISTRY
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.sql_files import SqlFile
from registry_pipeline.validation.records import curated, whole_key
from registry_pipeline.validation.registry_wide.bounded_listing import (
    CAUSE_KEY,
    UNBOUNDED,
    Bound,
    list_broken,
)
from registry_pipeline.validation.registry_wide.release_comparison import compare_releases, since_first_change
from registry_pipeline.validation.rules.catalogue import Catalogue, RuleEntry, message_of, parameters_for
from registry_pipeline.validation.screening.cross_table import severity_of
from registry_pipeline.validation.screening.findings import FINDING
from registry_pipeline.validation.screening.listing import UNLISTED
from registry_pipeline.validation.screening.other_rows import other_row_in_words
from registry_pipeline.validation.screening.rule_results import RESULT, result_row
from schemas.constraints import quote
from schemas.table import columns_of, key_of


class Judged(NamedTuple):
    """What a rule's query says.

    Attributes:
        broken: the rows that break the rule, with all that is said of them.
        n_judged: ``facility_id, n``: how many each facility had judged; none of those that had nothing.
    """

    broken: pl.DataFrame
    n_judged: pl.DataFrame


Keep: TypeAlias = Callable[[RuleEntry, Callable[[], Judged]], Judged]
"""Gives what a rule's query says: what it said of the same, or what it says now."""


class RegistryJudgement(NamedTuple):
    """What the registry-wide rules found.

    Attributes:
        findings: rows of ``quality.finding`` (status open, releases NULL).
        results: rows of ``quality.rule_result``, one per facility that was judged.
        failures: rule id -> why it failed. The notes may quote values: never log them.
        unlisted: findings that are counted in that of their cause (columns of ``UNLISTED``).
    """

    findings: pl.DataFrame
    results: pl.DataFrame
    failures: dict[str, str]
    unlisted: pl.DataFrame


def run_registry_rules(
    connection: duckdb.DuckDBPyConnection,
    rules: Catalogue,
    parameters: Mapping[str, Any],
    changed: Mapping[str, Collection[str]] | None = None,
    bound: Bound = UNBOUNDED,
    keep: Keep = lambda _, judge: judge(),
) -> RegistryJudgement:
    """Judge the registry-wide rules.

    Args:
        connection: as described in the module's docstring.
        rules: the catalogue in force.
        parameters: of :func:`registry_pipeline.validation.rules.catalogue.parameters_of`.
        changed: curated tables -> facilities whose rows may be others than in the previous release, where that is known.
        bound: how many findings of a rule are listed.
        keep: asked for each rule when all that it reads is there.
    """
    findings, results, failures = [pl.DataFrame(schema=FINDING)], [], {}
    unlisted = [pl.DataFrame(schema=UNLISTED)]
    compare_releases(connection, changed)
    present = _present(connection)
    _stand_in(connection, rules, present)
    for entry in rules.of_scope("registry").values():
        assert isinstance(entry.judged_by, SqlFile)
        if not set(entry.judged_by.header.get("inputs", ())) <= present:
            results.append(result_row(entry, WHOLE_REGISTRY, 0, 0, False))
            continue
        try:
            with panics_as_exceptions():
                broken, n_judged = keep(entry, partial(_judged, connection, entry, parameters))
        except Exception as problem:  # a rule that raises must not stop the others
            failures[entry.rule_id] = f"{type(problem).__name__}: {problem}"
            results.append(result_row(entry, WHOLE_REGISTRY, 0, 0, True))
            continue
        if "severity" in broken.columns and entry.warning_severity == "off":
            broken = broken.filter(~pl.col("severity").is_in(["warning", "info"]))
        listed, counted = _findings(broken, entry, bound)
        findings.append(listed)
        unlisted.append(counted)
        results += _results(broken, n_judged, entry)
    result = _with_patients(connection, pl.concat(findings), present)
    return RegistryJudgement(
        since_first_change(connection, result),
        pl.DataFrame(results, schema=RESULT, orient="row"),
        failures,
        pl.concat(unlisted),
    )


def _with_patients(
    connection: duckdb.DuckDBPyConnection, findings: pl.DataFrame, present: set[str]
) -> pl.DataFrame:
    """With the patient whose record each finding is on; of a pair of patients the first."""
    parts = []
    for (table,), group in findings.group_by("table_name", maintain_order=True):
        model = curated().get(str(table))
        if model is not None and list(key_of(model)) == ["patient_id"]:
            own = pl.col("record_key").str.split("|").list.first()
            is_record = ~pl.col("record_key").str.starts_with(CAUSE_KEY)
            group = group.with_columns(pl.when(is_record).then(own).alias("patient_id"))
        elif model is not None and "patient_id" in model.columns and f"curated.{table}" in present:
            named = ", ".join(quote(name) for name in dict.fromkeys((*key_of(model), "patient_id")))
            key, asked = key_of(model), group["record_key"].drop_nulls().unique().to_list()
            chosen = f"{quote(key[0])} IN (SELECT unnest($asked))" if len(key) == 1 else "len($asked) > 0"
            query = f'SELECT {named} FROM curated."{table}" WHERE {chosen}'
            records = connection.execute(query, {"asked": asked}).pl()
            patients = records.select(whole_key(str(table)).alias("record_key"), "patient_id").unique(
                "record_key"
            )
            group = group.join(patients, on="record_key", how="left", maintain_order="left", suffix="_known")
            group = group.with_columns(pl.coalesce("patient_id", "patient_id_known").alias("patient_id"))
        parts.append(group.select(findings.columns))
    return pl.concat(parts) if parts else findings


def _present(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Tables and views: ``schema.table`` of the main database, ``database.schema.table`` of all."""
    query = "SELECT table_catalog, table_schema, table_name FROM information_schema.tables"
    database_here = connection.execute("SELECT current_database()").fetchall()[0][0]
    names: set[str] = set()
    for database, schema, table in connection.execute(query).fetchall():
        names.add(f"{database}.{schema}.{table}")
        if database == database_here:
            names.add(f"{schema}.{table}")
    return names


def _stand_in(connection: duckdb.DuckDBPyConnection, rules: Catalogue, present: set[str]) -> None:
    """Empty tables of a previous release that there is not, for the rules that can do without."""
    files = [file.judged_by for file in rules.of_scope("registry").values()]
    named = {name for file in files if isinstance(file, SqlFile) for name in file.header.get("optional", ())}
    if not named or any(name.startswith("previous.") for name in present):
        return
    connection.execute("ATTACH ':memory:' AS previous")
    for name in sorted(named):
        layer, bare = name.removeprefix("previous.").split(".")
        columns = columns_of(schemas.tables()[f"{layer}.{bare}"])
        declared = ", ".join(f"{quote(column.name)} {column.duckdb_type}" for column in columns)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS previous.{layer}; CREATE TABLE {name} ({declared})")


def _judged(connection: duckdb.DuckDBPyConnection, entry: RuleEntry, parameters: Mapping[str, Any]) -> Judged:
    """What a rule's query says.

    Counted first: most rules are broken by nobody, and the rows, with all that is said of them, are then
    not made up at all; where some are, only for those.
    """
    assert isinstance(entry.judged_by, SqlFile)
    query = f"FROM (\n{entry.judged_by.query}\n) WHERE facility_id IS NOT NULL"
    values = query_parameters(entry, parameters)
    n_judged = "coalesce(n_judged, 1)" if "AS n_judged" in query else "1"
    counted = (
        f"SELECT facility_id, CAST(coalesce(sum({n_judged}) FILTER (is_violated IS NOT NULL), 0) AS BIGINT) AS n,"
        f" coalesce(bool_or(is_violated), false) AS is_broken {query} GROUP BY facility_id ORDER BY facility_id"
    )
    counts = connection.execute(counted, values).pl()
    condition = "is_violated" if counts["is_broken"].any() else "false"
    broken = connection.execute(f"SELECT * {query} AND {condition}", values).pl()
    return Judged(broken, counts.filter(pl.col("n") > 0).select("facility_id", "n"))


def query_parameters(entry: RuleEntry, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Of the parameters those that a rule's query names."""
    assert isinstance(entry.judged_by, SqlFile)
    return entry.judged_by.parameters(parameters_for(entry, parameters))


def _findings(broken: pl.DataFrame, entry: RuleEntry, bound: Bound) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Findings of a rule, up to the bound in words, and those that are only counted."""
    fixed: dict[str, pl.Expr] = {
        "table_name": pl.lit(entry.table_name),
        "items": pl.lit(",".join(entry.items)),
        "detail": pl.lit(None, dtype=pl.String),
        "other_row": pl.lit(None, dtype=pl.String),
    }
    if "new_value" in broken.columns:  # what a decision on the change speaks of
        fixed["value_text"] = pl.col("new_value")
    frame = broken.with_columns(
        result.alias(name) for name, result in fixed.items() if name not in broken.columns
    )
    frame = frame.with_columns(
        pl.lit(entry.rule_id).alias("rule_id"),
        severity_of(entry, broken).alias("severity"),
        pl.lit("open").alias("status"),
    )
    listing = list_broken(frame, entry, bound)
    worded = _worded(listing.listed, entry)
    listed = pl.concat([with_schema(worded, FINDING), listing.causes])
    return listed.unique("finding_id", keep="first", maintain_order=True), listing.unlisted


def _worded(frame: pl.DataFrame, entry: RuleEntry) -> pl.DataFrame:
    detail = (pl.lit(" (") + pl.col("detail").cast(pl.String) + pl.lit(")")).fill_null("")
    suggested = pl.col("suggestion") if "suggestion" in frame.columns else pl.lit(None, dtype=pl.String)
    return frame.with_columns(
        (_message(entry, frame) + detail + other_row_in_words("other_row")).alias("message"),
        suggested.cast(pl.String).fill_null(entry.suggestion or "").replace("", None).alias("suggestion"),
    )


def _message(entry: RuleEntry, frame: pl.DataFrame) -> pl.Expr:
    """The rule's message; a place for the column takes the item that the row is about."""
    if "{column}" not in entry.message:
        return pl.lit(message_of(entry))
    words = {item: message_of(entry, item) for item in frame["items"].drop_nulls().unique()}
    return pl.col("items").replace_strict(words, default=message_of(entry), return_dtype=pl.String)


def _results(
    broken: pl.DataFrame, n_judged: pl.DataFrame, entry: RuleEntry
) -> list[tuple[str, str, str, int, int]]:
    if n_judged.is_empty():
        return [result_row(entry, WHOLE_REGISTRY, 0, 0, False)]
    violated = dict(broken.group_by("facility_id").len().iter_rows())
    return [
        result_row(entry, facility, violated.get(facility, 0), n, False)
        for facility, n in n_judged.iter_rows()
    ]
