"""Rules within one table, run by pandera on the records of a facility, or of several under one another.

Belongs here: the screening model of a table (its rules and what its columns demand), reading pandera's
failures back as violations. Does not belong here: rules themselves, comparisons between tables.

Every check hangs on ``_row_id``, so that the failing values *are* the numbers of the records. The frame
must be a DataFrame: on a LazyFrame pandera judges nothing and says nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

from registry_pipeline.core.native_panics import NativePanic, panics_as_exceptions
from registry_pipeline.core.side_by_side import Bounds, at_a_time, filled
from registry_pipeline.validation.records import curated, date_stems
from registry_pipeline.validation.rules.catalogue import Catalogue, parameters_for
from registry_pipeline.validation.screening.mixed_units import judgements_of_sent
from registry_pipeline.validation.screening.violations import (
    NO_VIOLATIONS,
    VIOLATION,
    Violations,
    violation_frame,
)
from schemas.columns import Column
from schemas.constraints import constraints_of, possible_range
from schemas.table import Rule, columns_of, key_of

_DEFAULT_DAYS = (date(1970, 1, 1), date(1899, 12, 30), date(1899, 12, 31), date(1900, 1, 1), date(1904, 1, 1))
_AT_A_TIME = 250_000
"""Records that are judged together: a rule within a table looks at one record."""


@dataclass(frozen=True)
class Judgement:
    """One boolean expression over a table: False breaks the rule, null does not apply.

    ``advice`` is a text expression: what to write instead; ``detail`` what is said in brackets.
    """

    rule_id: str
    severity: str
    items: str
    expression: pl.Expr
    advice: pl.Expr | None = None
    detail: str | None = None


@dataclass
class Outcome:
    """What judging gave.

    Attributes:
        n_facilities: whose records are judged together.
        violations: of every rule that has run.
        denominators: of each facility rule id -> how many were judged.
        failures: rule id -> why the rule itself failed. Private: it may quote values.
    """

    n_facilities: int = 1
    violations: Violations = field(default_factory=Violations)
    denominators: list[dict[str, int]] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.denominators += [{} for _ in range(self.n_facilities)]

    def count(self, rule_id: str, judged: Iterable[int | None]) -> None:
        """Add to what a rule has judged of each facility; None where there was nothing to judge."""
        for own, number in zip(self.denominators, judged, strict=True):
            if number is not None:
                own[rule_id] = own.get(rule_id, 0) + number


def judge_table(
    name: str,
    records: pl.DataFrame,
    rules: Catalogue,
    parameters: Mapping[str, Any],
    outcome: Outcome,
    places: Bounds | None = None,
) -> None:
    """Judge every record of a table by its own rules and its columns' demands, into ``outcome``.

    Args:
        places: where the records of each facility stand; all are of one by default.
    """
    if records.is_empty():
        return
    main, second = _judgements(name, records, rules, parameters, outcome)
    for begin, part in at_a_time(places or [(0, records.height)], _AT_A_TIME):
        judge(name, records.slice(begin, sum(height for _, height in part)), main, second, outcome, part)


def judge(
    name: str,
    records: pl.DataFrame,
    main: list[Judgement],
    second: list[Judgement],
    outcome: Outcome,
    places: Bounds | None = None,
) -> None:
    """Run judgements over records (``_row_id`` numbers them), into ``outcome``.

    Args:
        second: stricter steps; a record that breaks the first step of a rule is not told of its second.
        places: where the records of each facility stand; all are of one by default.
    """
    places = places or [(0, records.height)]
    results = _results(records, main)
    failed = _run(name, records, _suspects(results, main), outcome)
    judged = [at for at, judgement in enumerate(main) if judgement.rule_id not in outcome.failures]
    if results is None:
        results = records.select(main[at].expression.alias(str(at)) for at in judged)
    counts = filled(results, places)
    for at in judged:
        by_facility = zip(counts[str(at)], places, strict=True)
        outcome.count(main[at].rule_id, [number if height else None for number, (_, height) in by_facility])
    softer = _run(name, records, _suspects(_results(records, second), second), outcome)
    if softer.height:
        softer = softer.join(failed.select("_row_id", "rule_id"), on=["_row_id", "rule_id"], how="anti")
    for violations in (failed, softer):
        if violations.height:
            outcome.violations.add(_advised(violations, records, main, outcome))


def _advised(
    violations: pl.DataFrame, records: pl.DataFrame, judgements: list[Judgement], outcome: Outcome
) -> pl.DataFrame:
    """Violations with what to write instead, where the rule can compute it.

    Advice that raises goes to ``outcome.failures``; the violations stay.
    """
    advice = {judgement.rule_id: judgement.advice for judgement in judgements if judgement.advice is not None}
    advised = violations.filter(pl.col("rule_id").is_in(list(advice)))
    if advised.is_empty():
        return violations
    parts = []
    for rule_id, group in advised.group_by("rule_id", maintain_order=True):
        broken = records.join(group.select("_row_id"), on="_row_id", how="semi")
        result = advice[str(rule_id[0])].cast(pl.String).alias("_told")
        named = pl.lit(rule_id[0]).cast(pl.Categorical).alias("rule_id")
        try:
            with panics_as_exceptions():
                parts.append(broken.select("_row_id", named, result))
        except Exception as problem:  # advice that raises must not stop the rules
            outcome.failures[str(rule_id[0])] = f"advice: {type(problem).__name__}: {problem}"
    if not parts:
        return violations
    joined = violations.join(pl.concat(parts), on=["_row_id", "rule_id"], how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("suggestion", "_told").alias("suggestion")).select(list(VIOLATION))


def _judgements(
    name: str, records: pl.DataFrame, rules: Catalogue, parameters: Mapping[str, Any], outcome: Outcome
) -> tuple[list[Judgement], list[Judgement]]:
    main, second = _column_judgements(name, records, rules, parameters), []
    for entry in rules.of_scope("table").values():
        rule = entry.judged_by
        if entry.table_name != name or not isinstance(rule, Rule):
            continue
        values, items = parameters_for(entry, parameters), ",".join(rule.items)
        try:
            with panics_as_exceptions():
                advice = rule.suggest(values) if rule.suggest else None
                result = Judgement(rule.rule_id, entry.severity, items, rule.check(values), advice)
                if rule.warning and entry.warning_severity != "off":
                    second.append(
                        Judgement(rule.rule_id, entry.warning_severity, items, rule.warning(values))
                    )
                main.append(result)
        except Exception as problem:  # a rule that raises must not stop the others
            outcome.failures[rule.rule_id] = f"{type(problem).__name__}: {problem}"
    return main, second


def _column_judgements(
    name: str, records: pl.DataFrame, rules: Catalogue, parameters: Mapping[str, Any]
) -> list[Judgement]:
    """S05, S10, S14, S19 of required items; S09, S11, S13 and H03 of every column that they concern."""
    model, on = curated()[name], rules.of_scope("generic")
    judgements = [demand for demand in _required_of(name) if demand.rule_id in on]
    for stem in set(date_stems(model)):
        last = pl.lit(parameters["extract_date"], dtype=pl.Date)
        is_possible = (pl.col(f"{stem}_lower") <= last) & (pl.col(f"{stem}_upper") >= date(1900, 1, 1))
        is_written = ~pl.col(stem).is_in(_DEFAULT_DAYS) | (pl.col(f"{stem}_precision") != "day")
        judgements += [
            Judgement(rule_id, on[rule_id].severity, stem, expression)
            for rule_id, expression in (("S09", is_possible), ("S11", is_written))
            if rule_id in on
        ]
    sent = judgements_of_sent(name, model, records)
    return judgements + [
        Judgement(rule, on[rule].severity, item, result) for rule, item, result in sent if rule in on
    ]


@cache
def _required_of(name: str) -> list[Judgement]:
    model = curated()[name]
    stems, keys = set(date_stems(model)), set(key_of(model))
    return [
        demand
        for column in columns_of(model)
        if column.is_required or column.name in keys
        for demand in _required(column, column.name in keys, column.name in stems)
    ]


def _required(column: Column, is_key: bool, is_partial_date: bool) -> Iterator[Judgement]:
    """What an item demands that its record cannot do without: errors whatever the settings say."""
    possible = possible_range(column)
    for demand in constraints_of(column, is_key):
        rule_id = "S10" if demand.demand == "required" and is_partial_date else demand.rule_id
        detail = f"possible: {possible}" if rule_id == "S19" else None
        yield Judgement(rule_id, "error", column.name, demand.expression, detail=detail)


def _run(name: str, records: pl.DataFrame, judgements: list[Judgement], outcome: Outcome) -> pl.DataFrame:
    """The violations of some judgements; a judgement that raises or panics goes to ``outcome.failures``.

    pandera sees what raises and not what panics: then each judgement is run alone, to name the one that does.
    """
    if records.is_empty() or not judgements:
        return NO_VIOLATIONS
    try:
        with panics_as_exceptions():
            return _validated(name, records, judgements, outcome)
    except NativePanic as panic:
        if len(judgements) == 1:
            outcome.failures[judgements[0].rule_id] = str(panic)
            return NO_VIOLATIONS
        return pl.concat([_run(name, records, [judgement], outcome) for judgement in judgements])


def _validated(
    name: str, records: pl.DataFrame, judgements: list[Judgement], outcome: Outcome
) -> pl.DataFrame:
    checks = [
        pa.Check(_on_frame(judgement.expression), name=str(at)) for at, judgement in enumerate(judgements)
    ]
    model = pa.DataFrameSchema({"_row_id": pa.Column(pl.Int64, checks=checks)})
    try:
        model.validate(records, lazy=True)
    except SchemaErrors as problems:
        parts = [
            _violations(name, judgements, schema_error, outcome) for schema_error in problems.schema_errors
        ]
        return pl.concat([NO_VIOLATIONS, *parts])
    return NO_VIOLATIONS


def _on_frame(expression: pl.Expr) -> Callable[[pa.PolarsData], pl.LazyFrame]:
    return lambda data: data.lazyframe.select(expression)


def _violations(name: str, judgements: list[Judgement], error: SchemaError, outcome: Outcome) -> pl.DataFrame:
    if not isinstance(error.check, pa.Check):
        raise TypeError(f"{name}: pandera refuses the frame itself ({error.reason_code})")
    judgement = judgements[int(str(error.check.name))]
    if not isinstance(error.failure_cases, pl.DataFrame):
        outcome.failures[judgement.rule_id] = str(error.failure_cases)
        return NO_VIOLATIONS
    return violation_frame(
        error.failure_cases.select(
            "_row_id",
            pl.lit(name).alias("table_name"),
            pl.lit(judgement.rule_id).alias("rule_id"),
            pl.lit(judgement.severity).alias("severity"),
            pl.lit(judgement.items).alias("items"),
            pl.lit(judgement.detail, dtype=pl.String).alias("detail"),
        )
    )


def _results(records: pl.DataFrame, judgements: list[Judgement]) -> pl.DataFrame | None:
    """What each judgement, by its place, says of every record, in one plan; None where one of them raises."""
    try:
        with panics_as_exceptions():
            return records.select(
                judgement.expression.alias(str(at)) for at, judgement in enumerate(judgements)
            )
    except Exception:
        return None


def _suspects(results: pl.DataFrame | None, judgements: list[Judgement]) -> list[Judgement]:
    """The judgements that some record breaks: most are broken by nobody, and pandera takes a plan for each.

    Where one of them raises, all are left to pandera, which tells them apart.
    """
    if results is None:
        return judgements
    return [judgement for at, judgement in enumerate(judgements) if not results[str(at)].all()]
