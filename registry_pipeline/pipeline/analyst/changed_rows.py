"""Rows that differ in a copy of an earlier ``analyst.duckdb``: the groups of rows that hold them are written anew.

Belongs here: replacing them so that nothing of a row that is gone stays. Does not belong here: which tables are made of
what (``table_keys.py``), overwriting what was theirs (``store/unused_blocks.py``).

A row that is deleted stays in its group and is only marked; a group of which all rows are deleted leaves the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import schemas
from registry_pipeline.store.unused_blocks import FIRST_COLUMN
from schemas.constraints import literal
from schemas.table import key_of

if TYPE_CHECKING:
    import duckdb

SHARE_REWRITTEN = 0.5
"""Of the rows of a table, at most; of more all are made anew."""


def replace_row_groups(connection: duckdb.DuckDBPyConnection, name: str, before: str, after: str) -> bool:
    """Replace rows of a table; gives whether it could be done, otherwise nothing is changed.

    Args:
        before, after: SELECTs of the rows as they left before, and as they leave now.
    """
    key = ", ".join(key_of(schemas.tables()[name]))

    def asked(query: str) -> list[tuple[int, ...]]:
        return connection.execute(query).fetchall()

    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE gone AS SELECT t.rowid AS place FROM {name} AS t SEMI JOIN ({before}) USING ({key})"
    )
    if asked("SELECT count(*) FROM gone") != asked(f"SELECT count(*) FROM ({before})"):
        return False
    groups = asked(f"""
        WITH row_group AS (
            SELECT row_group_id, sum("count") AS n FROM pragma_storage_info({literal(name)})
            WHERE column_path = '{FIRST_COLUMN}' GROUP BY ALL
        ), bounds AS (SELECT sum(n) OVER (ORDER BY row_group_id) AS past, n FROM row_group)
        SELECT past - n, past FROM bounds
        WHERE EXISTS (SELECT 1 FROM gone WHERE place >= past - n AND place < past)""")
    ((n_rows,),) = asked(f"SELECT count(*) FROM {name}")
    if sum(past - first for first, past in groups) > SHARE_REWRITTEN * n_rows:
        return False
    is_of_group = " OR ".join(f"rowid >= {first} AND rowid < {past}" for first, past in groups) or "false"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE rest AS
        FROM {name} WHERE ({is_of_group}) AND rowid NOT IN (SELECT place FROM gone);
        DELETE FROM {name} WHERE {is_of_group};
        INSERT INTO {name} BY NAME SELECT * FROM (FROM rest UNION ALL BY NAME {after}) ORDER BY {key};
        DROP TABLE rest""")
    return True
