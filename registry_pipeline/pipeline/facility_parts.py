"""Tables of a release that are a file per facility, of which only those of changed facilities are written and filled anew.

Belongs here: which tables these are, and where their files lie. Does not belong here: writing them (``lineage.py``,
``store/facility_files.py``), filling a release (``store/fill.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from registry_pipeline.core.source_code import code_digest
from registry_pipeline.core.working_files import working_file
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.keys import screened_content
from registry_pipeline.pipeline.step import digest_of
from registry_pipeline.store.facility_files import curated_by_facility, write_by_facility
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.layers import declaration_digest

LINEAGE, COERCION = "meta.lineage", "quality.coercion"


def facility_parts(context: RefreshContext) -> dict[str, dict[str, Path]]:
    """Table -> facility -> file.

    Raises:
        DamagedFile: one is not what was written.
    """
    layout, senders = context.layout, context.senders
    lineage = {sender: layout.lineage() / f"{sender}.parquet" for sender in senders}
    coercions = {sender: layout.staged_frame(sender, "coercions") for sender in senders}
    return {
        LINEAGE: _written(context, lineage),
        COERCION: _written(context, coercions),
        **curated_parts(context),
    }


def curated_parts(context: RefreshContext) -> dict[str, dict[str, Path]]:
    """Of curated tables only; raises as :func:`facility_parts`."""
    names = [f"curated.{table}" for table in curated_by_facility()]
    folders = {name: context.layout.parts(name) for name in names}
    return {
        name: _written(context, {sender: folder / f"{sender}.parquet" for sender in context.senders})
        for name, folder in folders.items()
    }


def curated_files(context: RefreshContext, table: str) -> list[Path]:
    """The files of a curated table; raises as :func:`facility_parts`."""
    name = f"curated.{table}"
    parts = curated_parts(context).get(name)
    files = [context.layout.table(name)] if parts is None else list(parts.values())
    return [path for path in files if working_file(path, context.layout.root)]


def _written(context: RefreshContext, files: Mapping[str, Path]) -> dict[str, Path]:
    return {sender: path for sender, path in files.items() if working_file(path, context.layout.root)}


def write_curated_parts(context: RefreshContext, force: bool = False) -> dict[str, int]:
    """Write the files of curated tables that are a file per facility: table -> number of rows."""
    counts, code = {}, code_digest(write_by_facility.__module__)
    for table in curated_by_facility():
        declared = declaration_digest(f"curated.{table}")
        sent = screened_content(context, [f"{table}.accepted.parquet"])
        keys = {sender: digest_of(code, declared, own) for sender, own in sent}
        keyed = KeyedTables(context.layout.parts(f"curated.{table}"), force)
        counts[table] = write_by_facility(table, context.accepted_files(table), keys, keyed)
        context.layout.table(f"curated.{table}").unlink(
            missing_ok=True
        )  # of earlier code, which wrote one file
    return counts
