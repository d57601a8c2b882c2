"""What a database file no longer uses is overwritten, and nothing else."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from registry_pipeline.store import unused_blocks
from registry_pipeline.store.unused_blocks import FILLED_BY, UnknownLayout, erase_unused

WORD, NUMBER = "Zq7Wv", 0x1122334455667788
"""Of a row that is gone; both are the least of their column, which is kept beside the rows."""


@pytest.fixture(params=[16_384, 262_144])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file in which one table was written again without a row."""
    path = tmp_path / "file.duckdb"
    with duckdb.connect(str(path), config={"default_block_size": request.param}) as connection:
        connection.execute("SET force_compression = 'uncompressed'")
        rows = "SELECT 'a' || range AS word, range AS number FROM range(150_000)"
        connection.execute(f"CREATE TABLE other AS {rows}; CREATE TABLE own AS {rows}")
        connection.execute("INSERT INTO own VALUES (?, ?)", [WORD, -NUMBER])
        connection.execute("CHECKPOINT")
        connection.execute(f"CREATE OR REPLACE TABLE own AS FROM own WHERE number <> {-NUMBER}")
        connection.execute("CHECKPOINT")
    return path


def rows_of(path: Path) -> list[object]:
    with duckdb.connect(str(path), read_only=True) as connection:
        query = "SELECT count(*), count(DISTINCT word), sum(number), bit_xor(hash(word)) FROM "
        return [connection.execute(query + name).fetchall() for name in ("own", "other")]


def remains(path: Path) -> int:
    number = (-NUMBER).to_bytes(8, "little", signed=True)
    return path.read_bytes().count(WORD.encode()) + path.read_bytes().count(number)


def test_what_is_gone_does_not_stand_in_the_file(database: Path) -> None:
    rows, size = rows_of(database), database.stat().st_size
    assert remains(database) >= 2
    erase_unused(database)
    assert remains(database) == 0
    assert (rows_of(database), database.stat().st_size) == (rows, size)
    with duckdb.connect(str(database)) as connection:  # and it can be written to
        connection.execute("INSERT INTO own FROM other")
    assert rows_of(database)[1] == rows[1]


@pytest.mark.parametrize(("name", "value"), [("HEADERS", 4096), ("_START", 5382)])
def test_nothing_is_overwritten_in_a_file_of_another_layout(
    database: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    before = database.read_bytes()
    monkeypatch.setattr(unused_blocks, name, value)
    with pytest.raises(UnknownLayout):
        erase_unused(database)
    assert database.read_bytes() == before


def test_nothing_is_overwritten_where_a_row_is_only_marked_as_gone(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("DELETE FROM own WHERE number = 7")
    before = database.read_bytes()
    with pytest.raises(UnknownLayout, match="among others"):
        erase_unused(database)
    assert database.read_bytes() == before


def test_what_was_said_of_a_table_that_is_gone_is_not_kept_with_what_is_said_of_others(
    tmp_path: Path,
) -> None:
    """What is said of several tables shares a small block; what is said of those that stay is not written again by itself."""
    path, names = tmp_path / "file.duckdb", [f"table_{number}" for number in range(20)]
    with duckdb.connect(str(path), config={"default_block_size": 16_384}) as connection:
        for name in names:
            connection.execute(
                f"CREATE TABLE {name} AS SELECT ? AS word, 1 AS number", [f"{WORD}{name[-2:]}"]
            )
    assert path.read_bytes().count(WORD.encode()) > len(names)
    with duckdb.connect(str(path), config=FILLED_BY) as connection:
        connection.execute("BEGIN")
        for name in names[::2]:
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT 'other' AS word, 2 AS number")
        long = (
            "SELECT repeat('x', 1_000_000) || range AS word FROM range(20)"  # more than is written at a time
        )
        connection.execute(f"CREATE TABLE long AS {long}; COMMIT; CHECKPOINT")
    erase_unused(path)
    content = path.read_bytes()
    standing = [name for name in names if f"{WORD}{name[-2:]}".encode() in content]
    assert standing == names[1::2]


def test_free_blocks_that_were_cut_off_the_end_are_not_written_again(tmp_path: Path) -> None:
    """DuckDB cuts them off most times, not always: where it puts blocks is not the same each time."""
    is_cut = [_is_cut_and_erased(tmp_path / f"{number}.duckdb") for number in range(10)]
    assert any(is_cut)


def _is_cut_and_erased(path: Path) -> bool:
    rows = "SELECT ? || range AS word FROM range(3000)"
    with duckdb.connect(str(path), config={"default_block_size": 16_384}) as connection:
        connection.execute(f"CREATE TABLE first AS {rows}", [WORD])
        connection.execute("CHECKPOINT")
        connection.execute(f"CREATE TABLE last AS {rows}", [WORD])
    for _ in range(2):
        with duckdb.connect(str(path), config=FILLED_BY) as connection:
            connection.execute(f"CREATE OR REPLACE TABLE first AS {rows}", ["other"])
            connection.execute("DROP TABLE IF EXISTS last")
        size = path.stat().st_size
        erase_unused(path)
        assert path.stat().st_size == size
        assert WORD.encode() not in path.read_bytes()
    with duckdb.connect(str(path), read_only=True) as connection:
        total = connection.execute("SELECT total_blocks FROM pragma_database_size()").fetchall()[0][0]
    return bool(size < unused_blocks.HEADERS + total * 16_384)
