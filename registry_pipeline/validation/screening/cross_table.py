"""Rules between tables: the SELECTs of ``sql/rules`` over the records of one facility, or of several side by side.

Belongs here: running each rule over ``screened.<table>`` (``record_database.py``), reading its judgements back. Does not
belong here: the rules, the wording of findings, rules over the whole registry (``registry_rules.py``).

A rule's SELECT gives one row per judged record: ``_row_id, is_violated`` and, where it can say more,
``severity``, ``suggestion``, ``detail``, and ``table_name`` and ``items`` where it judges two tables; a rule between
two records says in ``other_row_id`` which the second is, and in ``other_table`` (a column, or a key of its header) of
which table. A rule that reads other records and has no second one says why in its header's ``no_second_record``.

To plan the SELECTs takes a seventh of a second however few the records are, so that facilities of few records are
judged under one another: no identifier is that of two, and a rule that looks at all that a facility sent names
``facility_id``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.side_by_side import Bounds
from registry_pipeline.core.sql_files import SqlFile
from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import Catalogue, RuleEntry, parameters_for
from registry_pipeline.validation.screening.consolidate import NOT_JUDGED
from registry_pipeline.validation.screening.identifiers import (
    Identifiers,
    in_words,
    parents_by_column,
)
from registry_pipeline.validation.screening.record_database import open_records
from registry_pipeline.validation.screening.violations import FEW, NO_VIOLATIONS, violation_frame
from registry_pipeline.validation.screening.within_table import Outcome

RULES_AT_A_TIME = 2
_ROOM = 2**32
"""Numbers of records that each of the facilities that are judged side by side has for its own."""
Judged = tuple[dict[int, int], pl.DataFrame]
_WORD = re.compile(r"[a-z_][a-z_0-9]*")


@dataclass(frozen=True)
class FacilityRecords:
    """What the rules between tables judge of a facility, or of several under one another.

    Attributes:
        identifiers: of the records. Those that tables share are numbers to the rules, which compare and never show
            them; a rule that suggests one says in its header's ``identifiers`` of which table it is.
        outcome: where the judgements go.
        places: per table where the records of each facility stand, numbered from 0; all are of one by default.
    """

    records: Mapping[str, pl.DataFrame]
    identifiers: Identifiers
    outcome: Outcome
    places: Mapping[str, Bounds] = field(default_factory=dict)

    @property
    def has_several(self) -> bool:
        """Whether there are several facilities."""
        return self.outcome.n_facilities > 1

    def is_judged_by(self, entry: RuleEntry, at: int | None = None) -> bool:
        """Whether there is a record that a rule judges: of any facility, or of that at a place."""
        if at is None or not self.has_several:
            return any(self.records[name].height for name in judged_tables(entry))
        return any(self.places[name][at][1] for name in judged_tables(entry))

    def shown(self, words: Mapping[str, Set[str]]) -> dict[str, pl.DataFrame]:
        """The records as the rules see them: each facility's have numbers of their own, and identifiers are numbers.

        Tables and columns that are not among the ``words`` of the rules are left out, which halves time and memory.
        """
        return {
            name: self._shown_columns(name, words[name] - {"_row_id", *NOT_JUDGED})
            for name in curated()
            if name in words
        }

    def _shown_columns(self, name: str, named: Set[str]) -> pl.DataFrame:
        frame, numbers, parents = self.records[name], self.identifiers.numbers[name], parents_by_column(name)
        shown = [
            numbers[column] if column in parents else frame[column]
            for column in frame.columns
            if column in named
        ]
        return pl.DataFrame([self._numbers(name), *shown])

    def _numbers(self, name: str) -> pl.Series:
        numbers = self.records[name]["_row_id"]
        if not self.has_several:
            return numbers
        heights = [height for _, height in self.places[name]]
        distance = [at * _ROOM - first for at, (first, _) in enumerate(self.places[name])]
        return numbers + pl.Series(np.repeat(distance, heights), dtype=pl.Int64)

    def places_of_numbers(self, numbers: pl.Series, tables: pl.Series) -> pl.Series:
        """The numbers of records in their tables, of those that they have among the records of their facility."""
        if not self.has_several:
            return numbers
        firsts = [
            (name, at, first) for name, places in self.places.items() for at, (first, _) in enumerate(places)
        ]
        place_of_first = pl.DataFrame(
            firsts, schema={"table": pl.String, "at": pl.Int64, "first": pl.Int64}, orient="row"
        )
        asked = pl.DataFrame([numbers.alias("number"), tables.cast(pl.String).alias("table")])
        asked = asked.with_columns(pl.col("number") // _ROOM, (pl.col("number") % _ROOM).alias("own"))
        placed = asked.rename({"number": "at"}).join(
            place_of_first, on=["table", "at"], how="left", maintain_order="left"
        )
        return placed.select(pl.col("own") + pl.col("first")).to_series().alias(numbers.name)


def judge_between_tables(
    facility: FacilityRecords,
    rules: Catalogue,
    parameters: Mapping[str, Any],
    memory_limit: str = "1500MB",
    spill_folder: Path | None = None,
) -> None:
    """Run every rule between tables; one that fails does not stop the others."""
    entries = [entry for entry in rules.of_scope("facility").values() if facility.is_judged_by(entry)]
    if not entries:
        return
    shown = facility.shown(words_of(entries))
    with open_records(shown, memory_limit, spill_folder) as connection:
        del shown

        def judge(entry: RuleEntry) -> Judged | str:
            try:
                with panics_as_exceptions(), connection.cursor() as own:
                    return judge_by_sql(own, entry, parameters)
            except Exception as problem:  # a rule that raises must not stop the others
                return f"{type(problem).__name__}: {problem}"

        found: list[pl.DataFrame] = []
        with ThreadPoolExecutor(RULES_AT_A_TIME) as threads:
            for entry, result in zip(entries, threads.map(judge, entries), strict=True):
                found.append(_counted(entry, result, facility))
                if sum(frame.height for frame in found) > FEW:
                    _add(found, facility)
                    found.clear()
        _add(found, facility)


def _counted(entry: RuleEntry, result: Judged | str, facility: FacilityRecords) -> pl.DataFrame:
    """What a rule gave, counted into the outcome: its violations, of a second record with the table that it is in."""
    outcome = facility.outcome
    if isinstance(result, str):
        outcome.failures[entry.rule_id] = result
        return NO_VIOLATIONS
    counts, violations = result
    facilities = range(outcome.n_facilities)
    outcome.count(
        entry.rule_id, [counts.get(at, 0) if facility.is_judged_by(entry, at) else None for at in facilities]
    )
    if violations.is_empty():
        return violations
    worded = in_words(violations, _shown(entry), facility.identifiers.texts)
    if worded["_other"].null_count() == worded.height:
        return worded.drop("other_table", strict=False)
    table = pl.lit(_file(entry).header.get("other_table", entry.table_name))
    return worded if "other_table" in worded.columns else worded.with_columns(other_table=table)


def _add(found: Sequence[pl.DataFrame], facility: FacilityRecords) -> None:
    """Violations of several rules into the outcome together, records as their tables number them."""
    if not (given := [frame for frame in found if frame.height]):
        return
    together = pl.concat(given, how="diagonal")
    own = together.with_columns(facility.places_of_numbers(together["_row_id"], together["table_name"]))
    facility.outcome.violations.add(_with_other_origin(own, facility))


def _with_other_origin(violations: pl.DataFrame, facility: FacilityRecords) -> pl.DataFrame:
    """``_other``, of judging the number of a record, as the number of its source row; without ``other_table``."""
    if "other_table" not in violations.columns:
        return violations
    named = violations.with_columns(
        facility.places_of_numbers(violations["_other"], violations["other_table"])
    )
    asked = named.select("_other", "other_table").drop_nulls().unique()
    origins = [
        facility.records[str(name)]
        .lazy()
        .filter(pl.col("_row_id").is_in(rows["_other"].implode()))  # of millions of records mostly a few
        .select(
            pl.col("_row_id").alias("_other"),
            pl.col("_origin").alias("_other_origin"),
            pl.lit(name).alias("other_table"),
        )
        for (name,), rows in asked.group_by("other_table", maintain_order=True)
    ]
    found = pl.concat(pl.collect_all(origins))
    joined = named.join(found, on=["_other", "other_table"], how="left", maintain_order="left")
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
        return judged, NO_VIOLATIONS
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
