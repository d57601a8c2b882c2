"""Curated tables that are a file per facility: their key begins with it, so that no other has a part in the records.

Belongs here: which tables these are, writing their files. Does not belong here: tables of one file (``layers.py``), of one
file of which some rows are made anew (``facility_rows.py``), what else a release has by facility (``pipeline/facility_parts.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import schemas
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.parquet import read_parquet, write_parquet
from schemas.table import columns_of, key_of


def curated_by_facility() -> list[str]:
    """These tables, by bare name."""
    models = {name.partition(".")[2]: model for name, model in schemas.tables_of("curated").items()}
    return [name for name, model in models.items() if key_of(model)[:1] == ("facility_id",)]


def write_by_facility(
    table: str, accepted: Mapping[str, Path], keys: Mapping[str, str], keyed: KeyedTables
) -> int:
    """Write the files of a table that would be others; gives the number of rows of all.

    Args:
        accepted: facility -> its accepted records.
        keys: facility -> digest of all that its file is made from.
        keyed: the files that are there.
    """
    model = schemas.tables()[f"curated.{table}"]
    columns = [column.name for column in columns_of(model)]
    for path in keyed.folder.glob("*.parquet"):
        if path.stem not in accepted:  # of a facility that is gone
            path.unlink()
    for facility_id, path in accepted.items():
        if not keyed.is_current(facility_id, keys[facility_id]):
            rows = read_parquet(path, columns).sort(key_of(model))
            write_parquet(rows, keyed.path(facility_id))
            keyed.remember(facility_id, keys[facility_id], rows.height)
    keyed.save()
    return sum(map(keyed.n_rows, accepted))
