"""The formats that are read: each module of this package that reads some names them in ``FORMATS``.

Belongs here: what a format is, finding all. Does not belong here: reading, telling which format a file has (``sniff.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from registry_pipeline.intake.readers.model import RawSheet, ReadOptions
from registry_pipeline.intake.readers.source import Source

Reader = Callable[[Source, ReadOptions], list[RawSheet]]
_PACKAGE = "registry_pipeline.intake.readers"


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes:
        name: as a mapping declares it.
        read: its reader.
        magic: first bytes of such a file, any of these.
        suffixes: names that only such a file may bear; another one is damaged.
        recognise: where first bytes alone do not tell: asked with the first bytes and the suffix.
        unpacked: how many times its size a file is taken to unpack to.
    """

    name: str
    read: Reader
    magic: tuple[bytes, ...] = ()
    suffixes: tuple[str, ...] = ()
    recognise: Callable[[bytes, str], bool] = lambda head, suffix: False
    unpacked: int = 1


@cache
def formats() -> Mapping[str, Format]:
    """All formats, by name; their modules are imported at the first call."""
    modules = sorted(module.name for module in walk_packages([str(Path(__file__).parent)], f"{_PACKAGE}."))
    declared = (getattr(import_module(name), "FORMATS", ()) for name in modules)
    return {entry.name: entry for entries in declared for entry in entries}
