"""Overwriting what a DuckDB file no longer uses: rows of a table that was dropped stand in it until others take their place.

Belongs here: which parts of a file nothing refers to, and overwriting them. Does not belong here: whether a file is
copied and filled, or built from nothing.

A file is three headers and blocks of one size; a block is a checksum and what it holds. A metadata block holds small
ones, each used or free, which keep the least and the greatest value of columns that are gone. What DuckDB says of its
blocks has to add up, and the checksums of metadata blocks have to be those that are computed here; otherwise nothing
is overwritten.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import duckdb
import numpy as np

from registry_pipeline.core.files import StoreError
from schemas.constraints import literal, quote

HEADERS, CHECKSUM, WORD = 3 * 4096, 8, 8
"""Bytes before the first block, of a checksum, of what a checksum is made of at a time."""
SMALL_BLOCKS = 64
"""In a metadata block."""
FILLED_BY = {"experimental_metadata_reuse": False}
"""Settings of who fills a copy that is erased then: what is said of tables that stay shares small blocks with what was
said of others, and all of it has to be written anew."""
FIRST_COLUMN = "[0]"
"""Place of a table's first column, without what says where it is NULL."""
_START, _FACTOR = 5381, np.uint64(0xBF58476D1CE4E5B9)


class UnknownLayout(StoreError):
    """A database file that is not laid out as this module knows it."""


def erase_unused(database: Path) -> None:
    """Overwrite with zeros what a closed database file holds beside its tables.

    Raises:
        UnknownLayout: it cannot be told what that is, or rows that are gone stand among those of a table, and nothing
            was overwritten; or a table is not what it was.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        sizes = connection.execute("SELECT block_size, total_blocks, free_blocks FROM pragma_database_size()")
        size, n_blocks, n_free = map(int, sizes.fetchall()[0])
        metadata = connection.execute("SELECT block_id, free_list FROM pragma_metadata_info()").fetchall()
        before = _rows(connection)
        used, n_held = {block for block, _ in metadata}, dict.fromkeys(before, 0)
        for name, column, n_rows, blocks in _segments(connection, before):
            used.update(blocks)
            n_held[name] += n_rows if column == FIRST_COLUMN else 0
    unused, (n_there, rest) = set(range(n_blocks)) - used, divmod(database.stat().st_size - HEADERS, size)
    cut_off = set(range(n_there, n_blocks))  # free ones at the end of the file
    if len(unused) != n_free or rest or n_there > n_blocks or not cut_off <= unused:
        raise UnknownLayout(
            f"{database}: {len(unused)} blocks are of no table, {n_free} free, {n_there} there"
        )
    unused -= cut_off
    if n_held != before:
        raise UnknownLayout(f"{database}: rows that are gone stand among others")
    with database.open("r+b") as file:
        contents = {block: _without_free(file, block, size, free) for block, free in metadata}
        for block, content in (contents | dict.fromkeys(unused, bytes(size))).items():
            file.seek(HEADERS + block * size)
            file.write(content)
    with duckdb.connect(str(database), read_only=True) as connection:
        if _rows(connection) != before:
            raise UnknownLayout(f"{database}: its tables are not what they were")


def _rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Each table of a file with the number of its rows."""
    query = "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT temporary"
    names = [f"{quote(schema)}.{quote(name)}" for schema, name in connection.execute(query).fetchall()]
    counts = " UNION ALL ".join(f"SELECT {literal(name)}, count(*) FROM {name}" for name in names)
    return dict(connection.execute(counts).fetchall()) if names else {}


def _segments(
    connection: duckdb.DuckDBPyConnection, tables: Collection[str]
) -> list[tuple[str, str, int, list[int]]]:
    """Of every part of a column of some tables: table, place of the column, rows, blocks."""
    parts = (
        f'SELECT {literal(name)}, column_path, "count", list_prepend(block_id, additional_block_ids) '
        f"FROM pragma_storage_info({literal(name)})"
        for name in tables
    )
    return connection.execute(" UNION ALL ".join(parts)).fetchall() if tables else []


def _without_free(file: BinaryIO, block: int, size: int, free: Collection[int]) -> bytes:
    """A metadata block with zeros in its free small ones.

    Raises:
        UnknownLayout: its checksum is another one than is computed here.
    """
    file.seek(HEADERS + block * size)
    content = bytearray(file.read(size))
    if content[:CHECKSUM] != _checksum(content):
        raise UnknownLayout(f"{file.name}: block {block} has another checksum")
    length = (size - CHECKSUM) // SMALL_BLOCKS // WORD * WORD
    for number in free:
        start = CHECKSUM + number * length
        content[start : start + length] = bytes(length)
    content[:CHECKSUM] = _checksum(content)
    return bytes(content)


def _checksum(block: bytearray) -> bytes:
    """What a block begins with, of the rest of it."""
    words = np.frombuffer(block, "<u8", offset=CHECKSUM)
    return int(_START ^ int(np.bitwise_xor.reduce(words * _FACTOR))).to_bytes(CHECKSUM, "little")
