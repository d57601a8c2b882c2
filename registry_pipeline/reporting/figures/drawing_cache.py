"""Drawings kept from one release to the next: a figure of the same numbers by the same code is not drawn again.

Belongs here: what a drawing is made of, as a digest; keeping and finding it. Does not belong here: drawing.

A registry of fifty facilities has some two hundred figures; one facility's change touches a handful of them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache, wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec

import numpy as np
import pandas as pd

from registry_pipeline.core.source_code import code_digest
from registry_pipeline.reporting.figures.base import Drawing

P = ParamSpec("P")
_FOLDER: ContextVar[Path | None] = ContextVar("folder_of_kept_drawings", default=None)
_USED: ContextVar[set[str] | None] = ContextVar("names_of_kept_drawings_in_use", default=None)


_PLAIN = {str, int, float, bool, type(None)}


class _NoDigest(TypeError):
    """An argument whose content cannot be told, such as a function."""


@contextmanager
def cached_drawings(folder: Path | None) -> Iterator[None]:
    """Drawings made inside are kept in the folder, and taken from it where they are there; None keeps none."""
    before = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(before)


@contextmanager
def used_drawings() -> Iterator[set[str]]:
    """The names of kept drawings that are made or taken inside."""
    used: set[str] = set()
    before = _USED.set(used)
    try:
        yield used
    finally:
        _USED.reset(before)


@contextmanager
def unused_drawings_swept(folder: Path | None) -> Iterator[None]:
    """Remove at the end what was neither drawn nor taken inside."""
    began = time.time_ns()
    yield
    for path in folder.glob("*.*") if folder is not None else ():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime_ns < began:
                path.unlink()


def drawn_once(draw: Callable[P, str]) -> Callable[P, str]:
    """A drawing function whose drawings are kept, by all that they are made of.

    The function must depend on nothing but its arguments and its code. With an argument whose content cannot be told
    it draws as it would without this.
    """

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        if _FOLDER.get() is None:
            return draw(*args, **kwargs)
        try:
            content = content_digest([args, kwargs])
        except _NoDigest:
            return draw(*args, **kwargs)
        name = f"{draw.__qualname__} {content}"
        return Drawing(kept_text(draw.__module__, name, lambda: str(draw(*args, **kwargs))))

    return drawn


def kept_text(module: str, name: str, make: Callable[[], str]) -> str:
    """What a module made of the same before, or makes now and keeps; only makes it where nothing is kept.

    Args:
        module: full name; its code, and that of all that it imports, stands in the key.
        name: what is made, with a digest of all that it is made of.
    """
    folder = _FOLDER.get()
    if folder is None:
        return make()
    path = folder / f"{_hash(f'{module} {code_of(module)} {name}')}.txt"
    if (used := _USED.get()) is not None:
        used.add(path.name)
    text = read_text(path)
    return write_text(make(), path) if text is None else text


def write_text(text: str, path: Path) -> str:
    """Keep a text with its hash; gives it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{_hash(text)}\n{text}", encoding="utf-8", newline="")
    return text


def read_text(path: Path) -> str | None:
    """A kept text; None where there is none, or the file is not what was written (so it need not be atomic)."""
    try:
        written, _, text = path.read_bytes().decode().partition("\n")
        path.touch()
    except (OSError, ValueError):
        return None
    return text if written == _hash(text) else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_of(*modules: str) -> str:
    """Digest of the code that pages are made with: modules, all that they import, and what draws."""
    return f"{code_digest(*modules)} {_drawn_by()}"


@cache
def _drawn_by() -> str:
    return version("matplotlib")


def content_digest(value: object) -> str:
    """SHA-256 of what a value holds: two of one content have one, whatever objects they are made of.

    Raises:
        TypeError: its content cannot be told.
    """
    digest = hashlib.sha256()
    for part in _parts(value):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _values(column: pd.Series) -> Any:
    """A column's values; of texts, which are few in many rows, each once and where it stands."""
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=False) == "string":
        return list(pd.factorize(column.to_numpy()))
    return column.to_numpy()


def _parts(value: Any) -> Iterator[bytes]:
    """The bytes of a value, each piece with the kind of thing that it is of."""
    kind = type(value).__name__
    if value is None or isinstance(value, str | int | float | date | np.generic):
        yield f"{kind} {value!r}".encode("utf-8", "surrogatepass")
    elif isinstance(value, np.ndarray):
        yield f"{kind} {value.dtype} {value.shape}".encode()
        yield from _objects(value.tolist()) if value.dtype == object else [value.tobytes()]
    elif isinstance(value, pd.DataFrame):
        yield f"{kind} {value.shape}".encode()
        yield from _parts([*value.columns.tolist(), value.index.to_numpy()])
        for at in range(value.shape[1]):
            column = value.iloc[:, at]
            yield str(column.dtype).encode()
            yield from _parts(_values(column))
    elif isinstance(value, Mapping):
        yield f"{kind} {len(value)}".encode()
        yield from _parts([*value.items()])
    elif isinstance(value, list | tuple | range):
        yield f"{kind} {len(value)}".encode()
        for member in value:
            yield from _parts(member)
    elif is_dataclass(value) and not isinstance(value, type):
        yield kind.encode()
        yield from _parts([getattr(value, field.name) for field in fields(value)])
    else:
        raise _NoDigest(kind)


def _objects(values: Any) -> Iterator[bytes]:
    """The bytes of the objects of an array; texts and numbers at once, of which a curve has ten thousands."""
    if isinstance(values, list) and {type(value) for value in values} <= _PLAIN:
        yield json.dumps(values).encode()
    else:
        yield from _parts(values)
