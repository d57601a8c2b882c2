"""What a mapping reads, taken from its TOML by other means than the product's.

Belongs here: which columns of which files are read, and what code lists make of a text.
Does not belong here: judging changes.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.cell_mutation.mutations import Mutation

CONSTANT = "*"


@dataclass(frozen=True)
class Mapped:
    """One facility's mapping.

    Attributes:
        codes: text of a cell -> values that code lists give it; ``CONSTANT`` -> values that need no cell.
        read: glob of files -> columns that are read there, but for those whose rows are only counted.
        repeated: glob of files -> columns that say the same in every row of a group.
    """

    codes: Mapping[str, set[Any]]
    read: Mapping[str, set[str]]
    repeated: Mapping[str, set[str]]

    def is_read(self, mutation: Mutation) -> bool:
        """Whether the text of the cell matters."""
        return _has(self.read, mutation)

    def is_repeated(self, mutation: Mutation) -> bool:
        """Whether other rows of the same record say the same."""
        return _has(self.repeated, mutation)


def _has(columns: Mapping[str, set[str]], mutation: Mutation) -> bool:
    return any(fnmatch(mutation.file, glob) and mutation.column in names for glob, names in columns.items())


def mapped(path: Path) -> Mapped:
    """A mapping as its TOML says it."""
    codes: dict[str, set[Any]] = defaultdict(set)
    read: dict[str, set[str]] = defaultdict(set)
    repeated: dict[str, set[str]] = defaultdict(set)
    for source in tomllib.loads(path.read_text(encoding="utf-8"))["source"]:
        globs = source["files"]
        for table in source["table"]:
            where = table.get("where", {})
            for text in where.get("in", ()):
                codes[text].add(text)
            names = {where.get("column", "")} | set(table.get("group_by", ()))
            for given in table["columns"].values():
                item = {"from": given} if isinstance(given, str) else given
                for text, value in item.get("codes", {}).items():
                    codes[text].add(value)
                codes[CONSTANT].update([item["value"]] if "value" in item else [])
                names.update([] if item.get("aggregate") == "count" else _columns(item))
            for glob in globs:
                read[glob] |= names
                if "group_by" in table:
                    repeated[glob] |= names
    return Mapped(codes, read, repeated)


def _columns(item: Mapping[str, Any]) -> Iterator[str]:
    yield item.get("from", "")
    yield from (part.partition("}")[0] for part in item.get("template", "").split("{")[1:])
