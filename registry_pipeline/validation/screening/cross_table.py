"""Rules between tables: the SELECTs of ``sql/rules`` over the records of one facility.

Belongs here: a private in-memory DuckDB with the records as ``screened.<table>``, running each rule,
reading its judgements back. Does not belong here: the rules, the wording of findings, rules over the
whole registry (``registry_rules.py``).

A rule's SELECT gives one row per judged record: ``_row_id, is_violated`` and, where it can say more,
``severity``, ``suggestion``, ``detail``, and ``table_name`` and ``items`` where it judges two tables; a rule between
two records says in ``other_row_id`` which the second is, and in ``other_table`` (a column, or a key of its header) of
which table. A rule that reads other records and has no second one says why in its header's ``no_second_record``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.sql_files import SqlFile
from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import Catalogue, RuleEntry, parameters_for
from registry_pipeline.validation.screening.consolidate import NOT_JUDGED
from registry_pipeline.validation.screening.identifiers import NUMBER, Identifiers
from registry_pipeline.validation.screening.violations import VIOLATION, violation_frame
from registry_pipeline.validation.screening.within_table import Outcome
from schemas.constraints import quote
from schemas.table import columns_of

RULES_AT_A_TIME = 2
_WORD = re.compile(r"[a-z_][a-z_0-9]*")


@contextmanager
def open_records(
    records: Mapping[str, pl.DataFrame],
    memory_limit: str = "1500MB",
    words: Mapping[str, Set[str]] | None = None,
    spill_folder: Path | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB with the given records as ``screened.<table>``; absent tables are empty.

    Args:
        words: of :func:`words_of` the rules that will be run; tables and columns that they do not name are
            left out, which halves time and memory. All are shown by default.
        spill_folder: where DuckDB writes what is beyond the limit, in a folder that is removed afterwards; nowhere
            without it, and never into the folder that the process happens to be in.

    The records are copied in: rules join them again and again, and DuckDB hands conditions on a
    registered Arrow table to pyarrow, which cannot compare the texts that polars hands out.

    One thread to a rule: it takes some hundredths of a second, and threads that wait for each other spend more than
    they share. Rules need nothing of each other, so that several run at a time.
    """
    folder = (
        nullcontext("") if spill_folder is None else TemporaryDirectory(dir=spill_folder, suffix=".building")
    )
    with folder as spill:
        config: dict[str, Any] = {"memory_limit": memory_limit, "temp_directory": spill, "threads": 1}
        with duckdb.connect(":memory:", config=config) as connection:
            connection.execute("CREATE SCHEMA screened; CREATE SCHEMA filled")
            for name in curated():
                _copy_in(connection, name, _shown_columns(name, records[name], words))
            connection.execute("SET lock_configuration = true")
            yield connection


def _shown_columns(name: str, frame: pl.DataFrame, words: Mapping[str, Set[str]] | None) -> pl.DataFrame:
    """A table that no rule names is empty, a column that no rule of the table names is left out."""
    if words is None:
        return frame.drop(*NOT_JUDGED, strict=False)
    named = words.get(name, set()) - {"_row_id", *NOT_JUDGED}
    shown = frame.select("_row_id", *(column for column in frame.columns if column in named))
    return shown if name in words else shown.clear()


def _copy_in(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """``screened.<name>``; a column without any value, which would take as much memory as others, is not held."""
    blank = {column.name for column in frame.iter_columns() if 0 < frame.height == column.null_count()}
    place = "filled" if blank else "screened"
    # Arrow's own interface: polars' to_arrow() was seen to crash the process now and then
    connection.register("_given", pa.table(frame.drop(blank)))
    connection.execute(f'CREATE TABLE {place}."{name}" AS SELECT * FROM _given')
    connection.unregister("_given")
    if blank:
        types = {column.name: column.duckdb_type for column in columns_of(curated()[name])}
        types |= {column: "UINTEGER" for column in blank if frame.schema[column] == NUMBER}
        shown = (
            f"CAST(NULL AS {types[column]}) AS {quote(column)}" if column in blank else quote(column)
            for column in frame.columns
        )
        connection.execute(f'CREATE VIEW screened."{name}" AS SELECT {", ".join(shown)} FROM filled."{name}"')


def judge_between_tables(
    records: Mapping[str, pl.DataFrame],
    identifiers: Identifiers,
    rules: Catalogue,
    parameters: Mapping[str, Any],
    outcome: Outcome,
    memory_limit: str = "1500MB",
    spill_folder: Path | None = None,
) -> None:
    """Run every facility-wide rule, into ``outcome``; a rule that fails does not stop the others.

    Identifiers that tables share are numbers to the rules, which compare and never show them; a rule that
    suggests one says in its header's ``identifiers`` of which table it is.
    """
    entries = [
        entry
        for entry in rules.of_scope("facility").values()
        if any(records[name].height for name in judged_tables(entry))
    ]
    if not entries:
        return
    in_place = identifiers.in_place(records)
    with open_records(in_place, memory_limit, words_of(entries), spill_folder) as connection:

        def judge(entry: RuleEntry) -> tuple[int, pl.DataFrame] | str:
            try:
                with panics_as_exceptions(), connection.cursor() as own:
                    return judge_by_sql(own, entry, parameters)
            except Exception as problem:  # a rule that raises must not stop the others
                return f"{type(problem).__name__}: {problem}"

        with ThreadPoolExecutor(RULES_AT_A_TIME) as threads:
            for entry, result in zip(entries, threads.map(judge, entries), strict=True):
                if isinstance(result, str):
                    outcome.failures[entry.rule_id] = result
                    continue
                judged, violations = result
                outcome.count(entry.rule_id, judged)
                if violations.height:
                    placed = _with_other_origin(violations, entry, records)
                    outcome.violations.add(identifiers.in_words(placed, _shown(entry)))


def _with_other_origin(
    violations: pl.DataFrame, entry: RuleEntry, records: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """``_other``, of judging the number of a record, as the number of its source row; without ``other_table``."""
    if violations["_other"].null_count() == violations.height:
        return violations.drop("other_table", strict=False)
    table = pl.lit(_file(entry).header.get("other_table", entry.table_name))
    named = violations if "other_table" in violations.columns else violations.with_columns(other_table=table)
    origins = [
        records[name].select(
            pl.col("_row_id").alias("_other"),
            pl.col("_origin").alias("_other_origin"),
            pl.lit(name).alias("other_table"),
        )
        for name in named["other_table"].drop_nulls().unique().sort()
    ]
    joined = named.join(pl.concat(origins), on=["_other", "other_table"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("_other_origin").alias("_other")).drop("_other_origin", "other_table")


def words_of(entries: Iterable[RuleEntry]) -> dict[str, set[str]]:
    """Table -> every word of the queries that name it: what they can possibly ask of it."""
    words_of_table: dict[str, set[str]] = {}
    for entry in entries:
        words = set(_WORD.findall(_file(entry).query))
        for name in words & curated().keys():
            words_of_table.setdefault(name, set()).update(words)
    return words_of_table


def _file(entry: RuleEntry) -> SqlFile:
    assert isinstance(entry.judged_by, SqlFile)
    return entry.judged_by


def _shown(entry: RuleEntry) -> dict[str, str]:
    """Column of a violation that holds an identifier -> the table whose it is."""
    return dict(_file(entry).header.get("identifiers", {}))


def judged_tables(entry: RuleEntry) -> list[str]:
    """The tables whose records a rule judges: its own, or those of its header's ``judges``."""
    return list(_file(entry).header.get("judges", [entry.table_name]))


def judge_by_sql(
    connection: duckdb.DuckDBPyConnection, entry: RuleEntry, parameters: Mapping[str, Any]
) -> tuple[int, pl.DataFrame]:
    """How many records a rule judged, and its violations (columns of ``VIOLATION``)."""
    file = _file(entry)
    values = file.parameters(parameters_for(entry, parameters))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {file.query}", values)
    counted = "SELECT count(is_violated), count_if(is_violated) FROM judged"
    judged, n_broken = connection.execute(counted).fetchall()[0]
    if not n_broken:
        return int(judged), pl.DataFrame(schema=VIOLATION)
    broken = connection.execute("SELECT * FROM judged WHERE is_violated").pl()
    fixed = {"table_name": entry.table_name, "items": ",".join(entry.items)}
    if "severity" in broken.columns and entry.warning_severity == "off":
        broken = broken.filter(~pl.col("severity").is_in(["warning", "info"]))
    violations = broken.with_columns(
        *(pl.lit(value).alias(name) for name, value in fixed.items() if name not in broken.columns),
        pl.lit(entry.rule_id).alias("rule_id"),
        severity_of(entry, broken).alias("severity"),
    )
    single = violations.unique(["table_name", "_row_id"], keep="first", maintain_order=True)
    single = single.rename({"other_row_id": "_other"}, strict=False)
    other = [single["other_table"]] if "other_table" in single.columns else []
    return int(judged), violation_frame(single).hstack(other)


def severity_of(entry: RuleEntry, broken: pl.DataFrame) -> pl.Expr:
    """The rule's severity, unless the query says a softer step was broken."""
    if "severity" not in broken.columns:
        return pl.lit(entry.severity)
    softer = pl.col("severity").is_in(["warning", "info"])
    level = (
        pl.when(pl.col("severity") == "info").then(pl.lit("info")).otherwise(pl.lit(entry.warning_severity))
    )  # "off" does not come here: judge_by_sql has left such rows out
    return pl.when(softer).then(level).otherwise(pl.lit(entry.severity))
