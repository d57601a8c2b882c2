"""A new release from the one before: what did not change is copied with its file, the rest is filled anew.

Belongs here: what a release's tables hold, as digests; which of them differ; when a release is built from nothing.
Does not belong here: filling tables (``fill.py``), proving and sealing (``release.py``).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

import schemas
from registry_pipeline.core.files import json_digest, write_json
from registry_pipeline.core.home import Home
from registry_pipeline.core.source_code import code_digest
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.core.working_files import seen_digest
from registry_pipeline.store.releases import CONTENTS, DATABASE, current_release, release_folder
from schemas.derive import comment_sql, create_table_sql
from schemas.table import columns_of

if TYPE_CHECKING:
    from registry_pipeline.store.sql import Source

REMADE = ("meta.release", "quality.reconciliation")
"""What every release says of itself: it differs always and says nothing of the data."""
MOST_REFILLS = 20
"""Each leaves holes in the file that the next ones fill; now and then a release is built from nothing."""
_CODE = "registry_pipeline.store.release"
_SQL = ("checks", "views")


@dataclass(frozen=True)
class RowInputs:
    """What tables are made of in which each row follows from the records of one facility.

    Attributes:
        facilities: facility -> digest of its records; none where somebody is known to several.
        of_all: such a table -> digest of what its rows are made of beside them.
    """

    facilities: Mapping[str, str] = field(default_factory=dict)
    of_all: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contents:
    """What a release's database holds and how it was built.

    Attributes:
        built_by: of :func:`built_by`; another one may declare, describe or prove something else.
        block_size: of the file, in bytes.
        keyed: tables with declared keys, in order.
        n_refills: how often the file was copied and filled since it was built from nothing.
        tables: table -> digest of its rows.
        parts: table that is a file per facility -> facility -> digest of the file.
        facilities, of_all: as of :class:`RowInputs`.
    """

    built_by: str
    block_size: int
    keyed: list[str]
    n_refills: int
    tables: dict[str, str]
    parts: dict[str, dict[str, str]]
    facilities: Mapping[str, str]
    of_all: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Keep it with a release."""
        write_json(asdict(self), folder / CONTENTS)


@cache
def built_by() -> str:
    """Digest of all that a database is built by: code, declarations of tables with their comments, views and checks.

    What else changes in the product (a page's words, a rule, an estimate) leaves tables of the same rows as they are.
    """
    declared = [[create_table_sql(model), comment_sql(model)] for model in schemas.tables().values()]
    queries = [[file.name, file.header, file.query] for folder in _SQL for file in sql_files(folder).values()]
    return json_digest([code_digest(_CODE), declared, queries])


def source_digest(source: Source) -> str:
    """Digest of the rows of a file or a frame."""
    if isinstance(source, pl.DataFrame):
        return hashlib.sha256(source.write_ipc(None).getbuffer()).hexdigest()
    digests = [seen_digest(path) for path in files_of(source)]
    return digests[0] if isinstance(source, Path) else json_digest(digests)


def files_of(source: Path | Sequence[Path] | Mapping[str, Path] | None) -> list[Path]:
    """The files of a table."""
    if isinstance(source, Path):
        return [source]
    return list(source.values() if isinstance(source, Mapping) else source or ())


def part_digests(source: Mapping[str, Path]) -> dict[str, str]:
    """Facility -> digest of its rows, of a table that is a file per facility."""
    return {facility: seen_digest(path) for facility, path in source.items()}


def changed_parts(earlier: Contents, contents: Contents, tables: Collection[str]) -> dict[str, list[str]]:
    """Of tables that differ: table -> facilities whose rows do, where others' stay as they are."""
    result = {}
    for name in sorted(set(tables) & set(earlier.parts) & set(contents.parts)):
        before, now = earlier.parts[name], contents.parts[name]
        facilities = sorted({facility for facility, _ in before.items() ^ now.items()})
        if 0 < len(facilities) < len(now):
            result[name] = facilities
    return result


def changed_facilities(earlier: Contents, contents: Contents | RowInputs) -> list[str]:
    """Facilities whose records are others, where they are few; none where the releases do not have the same ones."""
    before, now = earlier.facilities, contents.facilities
    changed = [facility for facility, digest in sorted(now.items()) if before.get(facility) != digest]
    return changed if before.keys() == now.keys() and 2 * len(changed) <= len(now) else []


def changed_by_facility(earlier: Contents, contents: Contents | RowInputs) -> list[str]:
    """Tables of which only rows of :func:`changed_facilities` can be others."""
    return [name for name, digest in contents.of_all.items() if earlier.of_all.get(name) == digest]


def contents_of(home: Home, release_id: str) -> Contents | None:
    """What a release says that it holds; None where it does not say."""
    return contents_in(release_folder(home, release_id))


def contents_in(folder: Path) -> Contents | None:
    """What the release in a folder says that it holds; None where it does not say."""
    try:
        text = (folder / CONTENTS).read_text(encoding="utf-8")
        return Contents(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return None


def refillable(home: Home, contents: Contents) -> Contents | None:
    """The contents of the served release, where a new one can be filled from a copy of its file.

    To be asked when the served release was found to be whole (``pipeline/mend.py``).
    """
    release_id = current_release(home)
    earlier = None if release_id is None else contents_of(home, release_id)
    if earlier is None:
        return None
    is_alike = (earlier.built_by, earlier.block_size, earlier.keyed) == (
        contents.built_by, contents.block_size, contents.keyed,
    )  # fmt: skip
    return earlier if is_alike and earlier.n_refills < MOST_REFILLS else None


def copy_database(home: Home, building: Path) -> None:
    """The served database, to be filled anew."""
    shutil.copyfile(release_folder(home, str(current_release(home))) / DATABASE, building / DATABASE)
    (building / DATABASE).chmod(0o600)


def changed_tables(
    earlier: Mapping[str, str], contents: Mapping[str, str], keyed: Collection[str]
) -> set[str]:
    """Tables that are filled anew: those that differ, and those whose declared keys refer to one of them."""
    changed = {name for name in schemas.tables() if earlier.get(name) != contents.get(name)} | set(REMADE)
    while more := {name for name in keyed if changed & set(_referred(name)) & set(keyed)} - changed:
        changed |= more
    return changed


def _referred(name: str) -> Iterable[str]:
    for column in columns_of(schemas.tables()[name]):
        if column.references is not None:
            yield column.references.rsplit(".", 1)[0]
