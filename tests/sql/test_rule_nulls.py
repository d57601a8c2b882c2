"""Every value of every example of a rule between tables, missing in turn: NULL decides nothing by accident.

In DuckDB ``least(NULL, x)`` is x, a comparison with NULL is neither true nor false, and a text joined to NULL is
NULL. So a missing value may make a rule silent or, where the rule is about what is missing, speak; each place where
it speaks is listed in ``rule_nulls.toml``, which people have read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.validation.records import required_items
from tests.sql.test_rules_sql import RULES, _violations, empty

READ = tomllib.loads((Path(__file__).parent / "rule_nulls.toml").read_text(encoding="utf-8"))
GRAVITY = {"info": 1, "warning": 2, "error": 3}
__all__ = ["empty"]


def without_one_value(example: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The example with one value after another taken away: ``table.column`` and what is left."""
    for table, rows in example.items():
        if table.startswith("_"):
            continue
        required = set(required_items(table)) | {"patient_id", "episode_id"}
        for place, row in enumerate(rows):
            for column in row:
                if column in required or column.endswith(("_lower", "_upper", "_precision")):
                    continue
                parts = {column, f"{column}_lower", f"{column}_upper", f"{column}_precision"}
                left = {key: value for key, value in row.items() if key not in parts}
                yield f"{table}.{column}", {**example, table: [*rows[:place], left, *rows[place + 1 :]]}


def _gravest(found: pl.DataFrame) -> int:
    return max((GRAVITY[one] for one in found["severity"]), default=0)


@pytest.mark.parametrize("name", list(RULES))
def test_a_missing_value_speaks_only_where_it_is_meant_to(
    empty: duckdb.DuckDBPyConnection, name: str
) -> None:
    spoken: set[str] = set()
    header = sql_files("rules")[name].header
    for example in (*header["passing"], *header["failing"]):
        whole = _violations(empty, name, example)[1]
        for item, left in without_one_value(example):
            found = _violations(empty, name, left)[1]
            if found.height > whole.height or _gravest(found) > _gravest(whole):
                spoken.add(item)
            # what is said stays said: no detail is lost in a text that was joined to NULL
            if whole.height and whole["detail"].null_count() == 0 and item not in READ["no_detail"]:
                assert found["detail"].null_count() == 0, (item, example)
    assert sorted(spoken) == READ.get(name, [])
