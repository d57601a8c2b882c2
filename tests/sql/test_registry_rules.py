"""Every registry-wide rule: its own passing and failing tables, through the runner."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import schemas
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.validation.registry_wide.registry_rules import Judged, run_registry_rules
from registry_pipeline.validation.rules.catalogue import (
    Catalogue,
    RuleEntry,
    catalogue,
    parameters_of,
    written_messages,
)
from registry_pipeline.validation.screening.findings import FINDING
from schemas.messages import messages, pattern, sentence
from schemas.table import key_of
from tests.sql.test_rules_sql import assert_told
from tests.support.staged import EXTRACT_DATE

PARAMETERS = parameters_of(Settings(), EXTRACT_DATE)
RULES = catalogue().of_scope("registry")
CHINESE = messages("zh_CN")
ROW_KEYS = ("facility_id",)
"""First key columns that an example gives itself."""
CASES = [
    (name, kind, number)
    for name in RULES
    for kind in ("passing", "failing")
    for number in range(len(sql_files("rules")[name].header[kind]))
]


def _run(
    connection: duckdb.DuckDBPyConnection, name: str, example: Mapping[str, Any]
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, str]]:
    _fill(connection, example)
    given = example.get("_parameters", {})
    entry = replace(RULES[name], thresholds={**RULES[name].thresholds, **given})
    made = run_registry_rules(connection, Catalogue({name: entry}), {**PARAMETERS, **given})
    for table in example:
        if not table.startswith("_"):
            connection.execute(f"DELETE FROM {table}")
    return made[:3]


def _fill(connection: duckdb.DuckDBPyConnection, example: Mapping[str, Any]) -> None:
    tables = {key: list(rows) for key, rows in example.items() if not key.startswith("_")}
    repeats = example.get("_repeat", [])
    for repeat in repeats if isinstance(repeats, list) else [repeats]:
        tables[repeat["table"]] += [dict(row) for _ in range(repeat["times"]) for row in repeat["also"]]
    for name, rows in tables.items():
        key = key_of(schemas.tables()[name.removeprefix("previous.")])
        for number, row in enumerate(rows):
            numbered = {**({key[0]: f"k{number}"} if key and key[0] not in ROW_KEYS else {}), **row}
            names, marks = ", ".join(numbered), ", ".join("?" for _ in numbered)
            connection.execute(f"INSERT INTO {name} ({names}) VALUES ({marks})", list(numbered.values()))


@pytest.mark.parametrize(("name", "kind", "number"), CASES, ids=[f"{n}-{k}-{i}" for n, k, i in CASES])
def test_examples(empty_releases: duckdb.DuckDBPyConnection, name: str, kind: str, number: int) -> None:
    example = sql_files("rules")[name].header[kind][number]
    findings, results, failures = _run(empty_releases, name, example)
    assert failures == {}
    assert results["n_denominator"].sum() > 0 or example.get("_may_judge_nothing")
    wanted = [example.get("_severity", RULES[name].severity)] * example.get("_rows", 1)
    assert findings["severity"].to_list() == (wanted if kind == "failing" else [])
    judged = results["n_denominator"].sum()
    assert judged == example.get("_judged", judged)
    assert_told(findings, example)
    assert findings.schema == pl.Schema(FINDING)
    untold = [
        text
        for text in findings["message"]
        if _detail(name, text) and sentence(_detail(name, text), CHINESE) is None
    ]
    assert untold == [], "add these to schemas/messages/zh_CN.toml"


def _detail(rule_id: str, message: str) -> str:
    """What stands in brackets behind the rule's own message."""
    found = pattern(written_messages()[rule_id]).match(message)
    assert found, message
    return message[found.end() :].removeprefix(" (").removesuffix(")")


def test_without_a_previous_release_the_longitudinal_rules_do_not_apply() -> None:
    with duckdb.connect() as connection:
        findings, results, failures, _ = run_registry_rules(connection, catalogue(), PARAMETERS)
    assert findings.is_empty() and failures == {}
    assert set(results["status"]) == {"not_applicable"}
    assert set(results["rule_id"]) == set(RULES)


def test_what_every_rule_says_can_be_kept_in_a_file(
    empty_releases: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    kept = []

    def keep(entry: RuleEntry, judge: Callable[[], Judged]) -> Judged:
        judged = judge()
        for rows in judged:
            assert read_parquet(write_parquet(rows, tmp_path / "rows.parquet")).schema == rows.schema
        kept.append(entry.rule_id)
        return judged

    _, _, failures, _ = run_registry_rules(empty_releases, catalogue(), PARAMETERS, keep=keep)
    assert failures == {} and set(kept) == set(RULES)


def test_a_rule_that_raises_is_reported_and_stops_nothing(empty_releases: duckdb.DuckDBPyConnection) -> None:
    empty_releases.execute("BEGIN; DROP TABLE mart.attrition; CREATE TABLE mart.attrition (step INTEGER)")
    _, results, failures, _ = run_registry_rules(empty_releases, catalogue(), PARAMETERS)
    empty_releases.execute("ROLLBACK")
    assert set(failures) == {"G10"}
    status = dict(results.select("rule_id", "status").iter_rows())
    assert status["G10"] == "failed_to_run"
    assert status["G01"] == "not_applicable"
