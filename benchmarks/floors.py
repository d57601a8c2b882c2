"""What a refresh and its steps cost at least: others' tools on the same bytes, judging and keeping as little as can be.

Belongs here: the floors. Does not belong here: what is compared with them (``refreshing.py``).
"""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.job import Work

MOST_FLOORS = 7.0
"""A refresh in one facility may cost so many floors of the whole."""
STEPS = {
    "stage": "polars' typed read of the same files, to Parquet",
    "screen": "one pass of SQL over the typed rows with what their columns demand, to Parquet",
    "publish": "tables of one database of the same Parquet files",
}
"""Step of a refresh -> its floor."""


def whole(home: str, target: str) -> Work:
    """Every file to Parquet as text, every Parquet file to a table of one database: what moving the bytes alone costs."""

    def work() -> dict[str, Any]:
        with _database(target) as connection:
            for number, path in enumerate(_files(home)):
                parquet = f"{target}/{number}.parquet"
                read = f"read_csv('{path}', all_varchar = true, ignore_errors = true)"
                connection.execute(f"COPY (SELECT * FROM {read}) TO '{parquet}' (FORMAT parquet)")
                connection.execute(f"CREATE TABLE t{number} AS SELECT * FROM read_parquet('{parquet}')")
            connection.execute("CHECKPOINT")
        return {"bytes": sum(path.stat().st_size for path in _files(home))}

    return work


def stage(home: str, target: str) -> Work:
    """Every file read by polars, which looks at the first rows to guess the types."""
    import polars as pl

    def work() -> dict[str, Any]:
        rows = 0
        for number, path in enumerate(_files(home)):
            with path.open(encoding="utf-8", errors="replace", newline="") as lines:
                dialect = csv.Sniffer().sniff("".join(itertools.islice(lines, 3)), delimiters=",;\t|")
            frame = pl.read_csv(
                path, separator=dialect.delimiter, encoding="utf8-lossy", try_parse_dates=True, ignore_errors=True,
                truncate_ragged_lines=True,
            )  # fmt: skip
            frame.write_parquet(f"{target}/{number}.parquet")
            rows += frame.height
        return {"rows": rows}

    return work


def screen(home: str, target: str) -> Work:
    """Every typed table: the rows that break what a column demands, by demand, and all rows to another file."""
    import polars as pl

    import schemas
    from registry_pipeline.store.layout import ROWS
    from registry_pipeline.store.parquet import read_parquet, write_parquet
    from schemas.constraints import constraints_of, quote
    from schemas.table import columns_of, key_of

    staged = sorted(Path(home).glob(f"store/staged/*/[!_]*{ROWS}"))
    paths = [
        write_parquet(read_parquet(path), Path(target) / "typed" / f"{number}" / f"{path.stem}.parquet")
        for number, path in enumerate(staged)
    ]
    tables = {name.partition(".")[2]: model for name, model in schemas.tables_of("curated").items()}

    def work() -> dict[str, Any]:
        broken = 0
        with _database(target) as connection:
            for number, path in enumerate(paths):
                model, present = tables[path.stem], set(pl.read_parquet_schema(path))
                demands = [
                    demand.sql
                    for column in columns_of(model)
                    if column.name in present
                    for demand in constraints_of(column)
                ]
                keys = [quote(name) for name in key_of(model) if name in present]
                counts = [f"count(*) FILTER (NOT ({demand}))" for demand in demands]
                counts.append(f"count(*) - count(DISTINCT ({', '.join(keys)}))" if keys else "0")
                row = connection.execute(
                    f"SELECT {', '.join(counts)} FROM read_parquet('{path}')"
                ).fetchall()[0]
                connection.execute(
                    f"COPY (SELECT * FROM read_parquet('{path}')) TO '{target}/{number}.parquet' (FORMAT parquet)"
                )
                broken += sum(row)
        return {"broken": broken}

    return work


def publish(home: str, target: str) -> Work:
    """Every table of the registry as it lies in the store, filled into one database."""

    def work() -> dict[str, Any]:
        with _database(target) as connection:
            for number, path in enumerate(_tables(home)):
                connection.execute(f"CREATE TABLE t{number} AS SELECT * FROM read_parquet('{path}')")
            connection.execute("CHECKPOINT")
        return {}

    return work


def _tables(home: str) -> Iterator[Path]:
    """Parquet files of the tables of a release; that of the lineage is a file per facility."""
    for layer in ("curated", "mart", "result", "quality"):
        yield from sorted((Path(home) / "store" / layer).glob("[!_]*.parquet"))
    yield from sorted((Path(home) / "store" / "meta" / "lineage").glob("*.parquet"))


def _files(home: str) -> list[Path]:
    return sorted(path for path in Path(home).glob("inbox/*/*.csv") if path.stat().st_size)


def _database(target: str) -> Any:
    import duckdb

    return duckdb.connect(f"{target}/floor.duckdb", config={"memory_limit": "1500MB"})
