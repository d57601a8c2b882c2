"""Rules between tables: the SELECTs of ``sql/rules`` over the records of one facility, or of several side by side.

Belongs here: running each rule over ``screened.<table>`` (``record_database.py``), reading its judgements back. Does not
belong here: the rules, the wording of findings, rules over the whole registry (``registry_rules.py``).

A rule's SELECT gives one row per judged record: ``_row_id, is_violated`` and, where it can say more,
``severity``, ``suggestion``, ``detail``, and ``table_name`` and ``items`` where it judges two tables; a rule between
two records says in ``other_row_id`` which the second is, and in ``other_table`` (a column, or a key of its header) of
which table. A rule that reads other records and has no second one says why in its header's ``no_second_record``.

To plan the SELECTs takes a seventh of a second however few the records are, so that facilities of few records are
judged side by side: their identifiers are other numbers, and a rule that looks at all that a facility sent names
``facility_id``.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.sql_files import SqlFile
from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import Catalogue, RuleEntry, parameters_for
from registry_pipeline.validation.screening.consolidate import NOT_JUDGED
from registry_pipeline.validation.screening.identifiers import (
    Identifiers,
    in_words,
    parents_by_column,
    texts_side_by_side,
)
from registry_pipeline.validation.screening.record_database import open_records
from registry_pipeline.validation.screening.violations import VIOLATION, violation_frame
from registry_pipeline.validation.screening.within_table import Outcome

RULES_AT_A_TIME = 2
_ROOM = 2**32
"""Numbers of records that each of the facilities that are judged side by side has for its own."""
_NO_VIOLATIONS = pl.DataFrame(schema=VIOLATION)
Judged = tuple[dict[int, int], pl.DataFrame]
_WORD = re.compile(r"[a-z_][a-z_0-9]*")


@dataclass(frozen=True)
class FacilityRecords:
    """What the rules between tables judge of one facility.

    Attributes:
        identifiers: of its records. Those that tables share are numbers to the rules, which compare and never show
            them; a rule that suggests one says in its header's ``identifiers`` of which table it is.
        outcome: where the judgements go.
    """

    records: Mapping[str, pl.DataFrame]
    identifiers: Identifiers
    outcome: Outcome

    def is_judged_by(self, entry: RuleEntry) -> bool:
        """Whether there is a record that a rule judges."""
        return any(self.records[name].height for name in judged_tables(entry))


def judge_between_tables(
    facilities: Sequence[FacilityRecords],
    rules: Catalogue,
    parameters: Mapping[str, Any],
    memory_limit: str = "1500MB",
    spill_folder: Path | None = None,
) -> None:
    """Run every facility-wide rule over facilities with the same rules; one that fails does not stop the others."""
    entries = [
        entry
        for entry in rules.of_scope("facility").values()
        if any(facility.is_judged_by(entry) for facility in facilities)
    ]
    if not entries:
        return
    texts = texts_side_by_side([facility.identifiers for facility in facilities])
    shown = _side_by_side(facilities, words_of(entries))
    with open_records(shown, memory_limit, spill_folder) as connection:

        def judge(entry: RuleEntry) -> Judged | str:
            try:
                with panics_as_exceptions(), connection.cursor() as own:
                    return judge_by_sql(own, entry, parameters)
            except Exception as problem:  # a rule that raises must not stop the others
                return f"{type(problem).__name__}: {problem}"

        with ThreadPoolExecutor(RULES_AT_A_TIME) as threads:
            results: Iterable[tuple[RuleEntry, Judged | str]] = zip(
                entries, threads.map(judge, entries), strict=True
            )
            if len(facilities) > 1:
                results = list(results)
            if isinstance(results, list) and any(isinstance(result, str) for _, result in results):
                for facility in facilities:  # it fails on the records of some: each is judged alone
                    judge_between_tables([facility], rules, parameters, memory_limit, spill_folder)
                return
            for entry, result in results:
                _share_out(entry, result, facilities, texts)


def _side_by_side(
    facilities: Sequence[FacilityRecords], words: Mapping[str, Set[str]]
) -> dict[str, pl.DataFrame]:
    """The records of all facilities under one another, each with a number and identifiers that no other one has.

    Tables and columns that are not among the ``words`` of the rules are left out, which halves time and memory.
    """
    before = [Counter[str]() for _ in facilities]
    for at, facility in enumerate(facilities[:-1]):
        before[at + 1] = before[at] + Counter(facility.identifiers.lengths())
    return {
        name: pl.concat(
            [
                _shown_columns(name, facility, words[name] - {"_row_id", *NOT_JUDGED}, at * _ROOM, before[at])
                for at, facility in enumerate(facilities)
            ]
        )
        for name in curated()
        if name in words
    }


def _shown_columns(
    name: str, facility: FacilityRecords, named: Set[str], first: int, before: Mapping[str, int]
) -> pl.DataFrame:
    frame, numbers = facility.records[name], facility.identifiers.numbers[name]
    parents = parents_by_column(name)
    shown = [frame["_row_id"] + first if first else frame["_row_id"]]
    for column in frame.columns:
        if column in named:
            moved = before[parents[column]] if column in parents else 0
            own = numbers[column] if column in parents else frame[column]
            shown.append(own + moved if moved else own)
    return pl.DataFrame(shown)


def _share_out(
    entry: RuleEntry,
    result: Judged | str,
    facilities: Sequence[FacilityRecords],
    texts: Mapping[str, pl.Series],
) -> None:
    """What a rule gave, to each facility its own, records as it numbers them."""
    if isinstance(result, str):
        facilities[0].outcome.failures[entry.rule_id] = result
        return
    counts, violations = result
    for at, facility in enumerate(facilities):
        if facility.is_judged_by(entry):
            facility.outcome.count(entry.rule_id, counts.get(at, 0))
    if violations.is_empty():
        return
    worded = in_words(violations, _shown(entry), texts)
    parts = {(0,): worded}
    if len(facilities) > 1:
        numbered = worded.with_columns(
            pl.col("_row_id", "_other") % _ROOM, (pl.col("_row_id") // _ROOM).alias("_at")
        )
        parts = numbered.partition_by("_at", maintain_order=True, include_key=False, as_dict=True)
    for (at,), own in parts.items():
        facility = facilities[at]
        facility.outcome.violations.add(_with_other_origin(own, entry, facility.records))


def _with_other_origin(
    violations: pl.DataFrame, entry: RuleEntry, records: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """``_other``, of judging the number of a record, as the number of its source row; without ``other_table``."""
    if violations["_other"].null_count() == violations.height:
        return violations.drop("other_table", strict=False)
    table = pl.lit(_file(entry).header.get("other_table", entry.table_name))
    named = violations if "other_table" in violations.columns else violations.with_columns(other_table=table)
    is_asked = pl.col("_row_id").is_in(named["_other"].drop_nulls().unique().implode())
    origins = [
        records[name]
        .filter(is_asked)  # of millions of records mostly a few
        .select(
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
) -> Judged:
    """How many records of each facility, by its place, a rule judged, and its violations (columns of ``VIOLATION``)."""
    file = _file(entry)
    values = file.parameters(parameters_for(entry, parameters))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {file.query}", values)
    counted = f"SELECT _row_id // {_ROOM}, count(is_violated), count_if(is_violated) FROM judged GROUP BY 1"
    counts = connection.execute(counted).fetchall()
    judged = {int(at): int(n_judged) for at, n_judged, _ in counts}
    if not any(n_broken for *_, n_broken in counts):
        return judged, _NO_VIOLATIONS
    broken = connection.execute("SELECT * FROM judged WHERE is_violated ORDER BY _row_id").pl()
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
    return judged, violation_frame(single).hstack(other)


def severity_of(entry: RuleEntry, broken: pl.DataFrame) -> pl.Expr:
    """The rule's severity, unless the query says a softer step was broken."""
    if "severity" not in broken.columns:
        return pl.lit(entry.severity)
    softer = pl.col("severity").is_in(["warning", "info"])
    level = (
        pl.when(pl.col("severity") == "info").then(pl.lit("info")).otherwise(pl.lit(entry.warning_severity))
    )  # "off" does not come here: judge_by_sql has left such rows out
    return pl.when(softer).then(level).otherwise(pl.lit(entry.severity))
