"""What is proved of a release before it is sealed: keys, references, and the sentences of sql/checks.

Belongs here: proofs generated from the models, the models themselves, running the checks, the refusal.
Does not belong here: rules over records (``validation/``), the sentences themselves (``sql/checks``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import schemas
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.sql_files import sql_files
from schemas.constraints import constraints_of, quote
from schemas.study import COHORT_ORIGINS, ENDPOINTS
from schemas.table import columns_of, key_of

if TYPE_CHECKING:
    import duckdb
    import pandera.polars as pa
    import polars as pl

    from registry_pipeline.store.row_changes import RowChange

Ask = Callable[["duckdb.DuckDBPyConnection"], tuple[int, int]]
"""Asks a database for the rows against a sentence, and the rows looked at."""
Check = tuple[str, str, Ask, set[str]]
"""Name, sentence, what asks the database, and the tables that it looks at."""
ROWS_AT_ONCE = 200_000
"""That are judged by their model together."""
NEW_ROWS = "new_rows"
PARAMETERS = {"n_times": len(ENDPOINTS) * len(COHORT_ORIGINS)}
"""What ``sql/checks`` may name: how many times a patient of the cohort has, one for each endpoint and origin."""


@dataclass(frozen=True)
class Proof:
    """One sentence and how many rows speak against it.

    Attributes:
        check_name: name of the check, a sentence.
        sentence: the same in words.
        n_violated: rows against it.
        n_denominator: rows looked at.
    """

    check_name: str
    sentence: str
    n_violated: int
    n_denominator: int

    def __str__(self) -> str:
        return f"{self.check_name}: {self.n_violated} of {self.n_denominator} violate it"


class ReleaseRefused(StoreError):
    """A release that must not be served; the old one still is. Names checks and counts, no values.

    Attributes:
        violated: the proofs that failed.
    """

    def __init__(self, violated: Iterable[Proof]) -> None:
        self.violated = list(violated)
        super().__init__("the release was refused: " + "; ".join(map(str, self.violated)))


def prove(
    connection: duckdb.DuckDBPyConnection,
    earlier: Mapping[str, Proof] | None = None,
    changed: Collection[str] = (),
    row_changes: Mapping[str, RowChange] | None = None,
) -> list[Proof]:
    """Every proof of a filled database.

    Args:
        earlier: proofs by name that hold of the same rows, of tables that are not among ``changed``.
        row_changes: tables of which only some rows are others since: their keys, and what they refer to, are looked for of
            these rows alone.

    Raises:
        ReleaseRefused: at least one of them failed.
    """
    proofs, row_changes = [], (row_changes or {}) if earlier else {}
    checks = [*_structure(row_changes, changed), *_models(row_changes), *_sentences()]
    for name, sentence, ask, tables in checks:
        proof = None if earlier is None or not tables.isdisjoint(changed) else earlier.get(name)
        proofs.append(proof or Proof(name, sentence, *ask(connection)))
    if violated := [proof for proof in proofs if proof.n_violated]:
        raise ReleaseRefused(violated)
    return proofs


def known_proofs(connection: duckdb.DuckDBPyConnection) -> dict[str, Proof]:
    """What was proved of a sealed database, by name."""
    columns = "check_name, sentence, n_violated, n_denominator"
    rows = connection.execute(f"SELECT {columns} FROM quality.reconciliation").fetchall()
    return {name: Proof(name, sentence, violated, total) for name, sentence, violated, total in rows}


def _structure(row_changes: Mapping[str, RowChange], changed: Collection[str]) -> Iterator[Check]:
    for name, model in schemas.tables().items():
        new = row_changes[name].after if name in row_changes else None
        yield from _structure_queries(model, new, changed)


def _models(row_changes: Mapping[str, RowChange]) -> Iterator[Check]:
    """Each curated table against its own pandera model: the declaration itself, not what was derived from it."""
    for name, model in schemas.tables_of("curated").items():
        check_name = f"{name.replace('.', '_')}_passes_its_model"
        new = row_changes[name].after if name in row_changes else None
        yield check_name, f"{name} is what its schema declares", partial(_judge_by_model, model, new), {name}


def _judge_by_model(
    model: pa.DataFrameSchema, new: pl.DataFrame | None, connection: duckdb.DuckDBPyConnection
) -> tuple[int, int]:
    """Part by part: of a million patients a table and what pandera makes of it take gigabytes.

    Keys are proved of all rows by themselves; looking for them in each part would take a quarter of the time.

    Args:
        new: the rows that are to be judged; all by default.
    """
    import polars as pl
    from pandera.errors import SchemaErrors

    model = copy(model)
    model.unique = None
    n_against, ((n_rows,),) = 0, connection.execute(f"SELECT count(*) FROM {model.name}").fetchall()
    reader = connection.execute(f"FROM {model.name}").to_arrow_reader(ROWS_AT_ONCE)
    for frame in map(pl.from_arrow, reader) if new is None else [new]:
        try:
            model.validate(pl.DataFrame(frame), lazy=True)  # collected: on a LazyFrame pandera judges nothing
        except SchemaErrors as broken:
            n_against += len(broken.failure_cases)  # counts only: the cases quote values of records
    return n_against, n_rows


def _structure_queries(
    model: pa.DataFrameSchema, new: pl.DataFrame | None, changed: Collection[str]
) -> Iterator[Check]:
    """Each proof that a model calls for.

    Args:
        new: the rows of the table that are to be looked at, where it was proved of the others; all by default.
        changed: tables that are others since.
    """
    table, plain = str(model.name), str(model.name).replace(".", "_")
    if key := key_of(model):
        query = _key_query(table, key) if new is None else _new_key_query(table, key)
        sentence = f"{', '.join(key)} identifies a row of {table}"
        yield f"{plain}_key_is_unique", sentence, _counts(query, new=new), {table}
    for column in columns_of(model):
        if column.references:
            target, target_column = column.references.rsplit(".", 1)
            own = new if target not in changed else None
            query = _reference_query(
                table, column.name, target, target_column, table if own is None else NEW_ROWS
            )
            sentence = f"every {column.name} of {table} is in {target}"
            yield f"{plain}_{column.name}_exists", sentence, _counts(query, new=own), {table, target}


def _key_query(table: str, key: tuple[str, ...]) -> str:
    columns = ", ".join(map(quote, key))
    is_null = " OR ".join(f"{quote(column)} IS NULL" for column in key)
    return f"""
        SELECT
            (SELECT count(*) FROM {table}) - (SELECT count(*) FROM (SELECT DISTINCT {columns} FROM {table}))
            + (SELECT count(*) FROM {table} WHERE {is_null}),
            (SELECT count(*) FROM {table})"""


def _new_key_query(table: str, key: tuple[str, ...]) -> str:
    """As of :func:`_key_query`, where the key of all rows but the new ones is unique."""
    columns = ", ".join(map(quote, key))
    is_null = " OR ".join(f"{quote(column)} IS NULL" for column in key)
    return f"""
        SELECT
            (SELECT count(*) FROM {table} SEMI JOIN {NEW_ROWS} USING ({columns}))
            - (SELECT count(*) FROM (SELECT DISTINCT {columns} FROM {NEW_ROWS} WHERE NOT ({is_null})))
            + (SELECT count(*) FROM {NEW_ROWS} WHERE {is_null}),
            (SELECT count(*) FROM {table})"""


def _reference_query(table: str, column: str, target: str, target_column: str, rows: str) -> str:
    """Args: rows: those of the table that are looked at, of a relation."""
    return f"""
        SELECT (SELECT count(*) FROM {rows} WHERE {quote(column)} IS NOT NULL
            AND {quote(column)} NOT IN (SELECT {quote(target_column)} FROM {target})),
            (SELECT count({quote(column)}) FROM {table})"""


def _sentences() -> Iterator[Check]:
    for name, check in sql_files("checks").items():
        counts = _counts(check.query, check.parameters(PARAMETERS))
        yield name, str(check.header["sentence"]), counts, set(check.header["inputs"])


def _counts(query: str, parameters: Mapping[str, int] | None = None, new: pl.DataFrame | None = None) -> Ask:
    """Args: new: what the query calls :data:`NEW_ROWS`."""

    def ask(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
        if new is not None:
            connection.register(NEW_ROWS, new.to_arrow())
        return _one_row(connection, query, parameters)

    return ask


def _one_row(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, int] | None = None
) -> tuple[int, int]:
    row = connection.execute(query, parameters or None).fetchall()[0]
    return int(row[0]), int(row[1])


def broken_constraints(
    connection: duckdb.DuckDBPyConnection, model: pa.DataFrameSchema, rows: str, keyed: Collection[str]
) -> list[Proof]:
    """Which constraints of a table the rows of a SELECT break; counts only.

    DuckDB's own message quotes the offending value, so the constraints are asked one by one.

    Args:
        keyed: tables that a declared reference can point to; they are full, others may not be yet.
    """
    proofs, source = [], f"({rows})"
    key, (total,) = key_of(model), connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0]
    for column in columns_of(model):
        for demand in constraints_of(column, column.name in key):
            query = f"SELECT count(*) FROM {source} WHERE NOT ({demand.sql})"
            (count,) = connection.execute(query).fetchall()[0]
            what = "is missing" if demand.demand == "required" else "is not an allowed value"
            proofs.append(Proof(f"{model.name}.{column.name} {what}", what, count, total))
    if key:
        repeated, _ = _one_row(connection, _key_query(source, key))
        proofs.append(Proof(f"{model.name}: {', '.join(key)} is repeated", "key", repeated, total))
    for column in columns_of(model):
        target, _, name = (column.references or "").rpartition(".")
        if target in keyed:
            absent, _ = _one_row(connection, _reference_query(source, column.name, target, name, source))
            proofs.append(Proof(f"{model.name}.{column.name} is not in {target}", "reference", absent, total))
    return [proof for proof in proofs if proof.n_violated]
