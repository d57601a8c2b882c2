"""Of a table without declared keys those rows are replaced that differ: the table is then what its source is."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import polars as pl
import pytest

import schemas
from registry_pipeline.store import proofs, row_changes
from registry_pipeline.store.fill import fill, insert
from registry_pipeline.store.row_changes import RowChange, replace_rows
from schemas.derive import create_table_sql
from tests.support.ascii_table import frame_of

NAME = "curated.lesion"
LESIONS = """
lesion_id | episode_id | patient_id | facility_id | lesion_site | detection_date | lesion_status | lesion_site_text
L1        | E1         | P1         | north       | lung        | 2019-01-01     | index         | one
L2        | E1         | P1         | north       | liver       | 2019-01-01     | index         | two
L3        | E2         | P2         | south       | lung        | 2019-02-01     | index         |
L4        | E2         | P2         | south       | bone        | 2019-02-01     | index         | four
"""
ROWS = frame_of(NAME, LESIONS)
OTHER = ROWS[1:2].with_columns(lesion_site_text=pl.lit("secret"))


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA curated; {create_table_sql(schemas.tables()[NAME], ())}")
        insert(connection, NAME, ROWS)
        yield connection


def held(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return connection.execute(f"FROM {NAME} ORDER BY ALL").fetchall()


def of(rows: pl.DataFrame) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA curated; {create_table_sql(schemas.tables()[NAME], ())}")
        insert(connection, NAME, rows)
        return held(connection)


@pytest.mark.parametrize(
    ("rows", "n_new"),
    [
        (ROWS, 0),
        (ROWS.reverse(), 0),
        (ROWS[1:], 0),
        (ROWS[:0], None),
        (pl.concat([ROWS[:1], OTHER, ROWS[2:]]), 1),
        (ROWS.with_columns(lesion_site_text=pl.lit(None, pl.String)), 3),
        (ROWS.with_columns(lesion_site_text=pl.lit("all")), None),
        (pl.concat([ROWS[1:], OTHER.with_columns(lesion_id=pl.lit("L9"))]), 1),
        (ROWS.with_columns(lesion_id=pl.format("{}x", "lesion_id")), None),
    ],
)
def test_the_table_is_what_its_source_is(
    database: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    rows: pl.DataFrame,
    n_new: int | None,
) -> None:
    monkeypatch.setattr(row_changes, "MOST_ROWS_REPLACED", 3)
    changes = fill(database, {NAME: rows}, (), only={NAME})
    assert held(database) == of(rows)
    assert changes.keys() == (set() if n_new is None else {NAME})
    if n_new is not None:
        assert sorted(changes[NAME].after.rows(), key=str) == sorted(set(of(rows)) - set(of(ROWS)), key=str)
        assert sorted(changes[NAME].before.rows(), key=str) == sorted(set(of(ROWS)) - set(of(rows)), key=str)
        assert changes[NAME].after.height == n_new


@pytest.mark.parametrize(
    "rows",
    [
        pl.concat([ROWS, OTHER]),
        pl.concat([ROWS[1:], ROWS[:1].with_columns(lesion_id=pl.lit(None, pl.String))]),
        ROWS.with_columns(lesion_site=pl.lit("secret")),
    ],
    ids=["a key twice", "no key", "no code"],
)
def test_what_a_table_may_not_hold_is_filled_in_and_refused(
    database: duckdb.DuckDBPyConnection, rows: pl.DataFrame
) -> None:
    assert replace_rows(database, NAME, rows) is None
    assert held(database) == of(ROWS)


def test_new_rows_alone_are_judged_by_their_model(database: duckdb.DuckDBPyConnection) -> None:
    wrong = database.execute(f"FROM {NAME} LIMIT 1").pl().with_columns(lesion_site=pl.lit("elsewhere"))

    def judged(changes: dict[str, RowChange]) -> tuple[int, int]:
        asks = {name: ask for name, _, ask, _ in proofs._models(changes)}
        return asks["curated_lesion_passes_its_model"](database)

    assert judged({}) == (0, 4)
    assert judged({NAME: RowChange(wrong, wrong)}) == (1, 4)
    assert judged({NAME: RowChange(wrong, wrong[:0])}) == (0, 4)


def test_the_key_is_looked_for_of_new_rows_alone(database: duckdb.DuckDBPyConnection) -> None:
    """Of all other rows it was proved of the release before."""
    held_rows = database.execute(f"FROM {NAME}").pl()

    def against(new: pl.DataFrame) -> int:
        asks = {name: ask for name, _, ask, _ in proofs._structure({NAME: RowChange(new, new)}, {NAME})}
        return asks["curated_lesion_key_is_unique"](database)[0]

    assert against(held_rows[:2]) == against(held_rows[:0]) == 0
    insert(database, NAME, ROWS[:1])  # a second row of this key
    assert against(held_rows[1:2]) == 0
    assert against(held_rows[:1]) == against(held_rows[:2]) == 1
    assert against(held_rows[1:2].with_columns(lesion_id=pl.lit(None, pl.String))) == 1


def test_what_new_rows_refer_to_is_looked_for(database: duckdb.DuckDBPyConnection) -> None:
    rows = database.execute(f"FROM {NAME}").pl()
    episodes = "CREATE TABLE curated.omd_episode AS SELECT unnest(['E1', 'E9']) AS episode_id"
    database.execute(episodes)

    def against(new: pl.DataFrame, changed: set[str]) -> tuple[int, int]:
        asks = {name: ask for name, _, ask, _ in proofs._structure({NAME: RowChange(new, new)}, changed)}
        return asks["curated_lesion_episode_id_exists"](database)

    assert against(rows[:2], {NAME}) == (0, 4)
    assert against(rows[2:3], {NAME}) == (1, 4)
    assert against(rows[:2], {NAME, "curated.omd_episode"}) == (2, 4)


@pytest.mark.parametrize("name", ["curated.lesion", "mart.index_lesion"])
def test_rows_of_a_facility_are_those_of_its_patients_before_and_now(name: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA curated; CREATE SCHEMA quality")
        for table in ("curated.patient", "quality.quarantine"):
            connection.execute(f"CREATE TABLE {table} AS SELECT 'P1' AS patient_id, 'south' AS facility_id")
        now = pl.DataFrame({"patient_id": ["P2", "P3"], "facility_id": ["south", "north"]})
        chosen = row_changes.rows_of_facilities(connection, {"curated.patient": now}, [name], ["south"])
        rows = "(VALUES ('P1', 'south'), ('P2', 'south'), ('P3', 'north')) AS t(patient_id, facility_id)"
        found = connection.execute(
            f"SELECT patient_id FROM {rows} WHERE {chosen[name]} ORDER BY 1"
        ).fetchall()
        assert found == [("P1",), ("P2",)]
