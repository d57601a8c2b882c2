"""Digests of the code that a result can depend on: a module and all that it imports of this product.

Belongs here: following imports through source files. Does not belong here: which module makes which result.

What a module looks up by name when it runs (SQL, the declarations of tables) is not seen: it stands in the keys of
those who use it. A change of a page's words leaves the digest of an estimate as it is; a change of anything that it calls does not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("registry_pipeline", "schemas")
_FROM = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]+)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([\w.]+)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"\.(\w+)")
_GETATTR = re.compile(r"getattr\(\s*(?:\w+\.)*(\w+),")
_LIBRARIES = ("duckdb", "lifelines", "numpy", "pandas", "polars", "scipy", "statsmodels")
"""Whose numbers may change with their version."""


@cache
def code_digest(*modules: str) -> str:
    """A short hash of modules, of all that they import of this product, and of the versions of libraries they count with.

    Args:
        modules: full names (``registry_pipeline.study.survival``).
    """
    digest = hashlib.sha256(_library_versions())
    for path in sorted(_closure(modules)):
        digest.update(_digest(path))
    return digest.hexdigest()[:16]


@cache
def attributes_read(names: tuple[str, ...], of: str, *modules: str) -> frozenset[str]:
    """Of the names of an object's attributes those that modules, or what they import of this product, can read.

    Args:
        names: of its attributes.
        of: what the object is called: where one is looked up by a computed name (``getattr(study, …)``), all can be.
        modules: as of :func:`code_digest`.
    """
    read = frozenset().union(*map(_attributes, _closure(modules)))
    return frozenset(names) if f"getattr {of}" in read else read & frozenset(names)


@cache
def _attributes(path: str) -> frozenset[str]:
    """Attributes that stand in a file, and of what one is looked up by a computed name."""
    text = _source(path).decode("utf-8")
    return frozenset(_ATTRIBUTE.findall(text)) | {f"getattr {name}" for name in _GETATTR.findall(text)}


@cache
def _digest(path: str) -> bytes:
    name = Path(path).relative_to(_ROOT).as_posix()
    return hashlib.sha256(name.encode() + b"\0" + _source(path)).digest()


@cache
def rooms_digest(*rooms: str) -> str:
    """A short hash of every line of code, SQL and TOML of some folders of the product, and of libraries' versions.

    Args:
        rooms: folders from the root of the product (``registry_pipeline/intake``).
    """
    digest = hashlib.sha256(_library_versions())
    for room in sorted(rooms):
        for path in sorted((_ROOT / room).rglob("*")):
            if path.suffix in (".py", ".toml", ".sql"):
                digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _library_versions() -> bytes:
    return repr([version(name) for name in _LIBRARIES]).encode()


def _closure(modules: Iterable[str]) -> set[str]:
    paths: set[str] = set()
    waiting = {path for module in modules for path in _files(module)}
    while waiting:
        paths |= waiting
        waiting = {file for path in waiting for file in _imported(path)} - paths
    return paths


@cache
def _source(path: str) -> bytes:
    return Path(path).read_bytes()


@cache
def _imported(path: str) -> frozenset[str]:
    """Files of the modules that a file imports, wherever in it; as text, which is compared faster than paths."""
    text = _source(path).decode("utf-8")
    names = set(_IMPORT.findall(text))
    for module, imported in _FROM.findall(text):
        words = re.sub(r"#[^\n]*", "", imported).strip("() \n")
        names |= {module, *(f"{module}.{word.split()[0]}" for word in words.split(",") if word.strip())}
    return frozenset(file for name in names if name.split(".")[0] in _PACKAGES for file in _files(name))


@cache
def _files(module: str) -> tuple[str, ...]:
    """The files that importing a module runs: its own and its packages'; those of a package that loads lazily, all."""
    parts = module.split(".")
    return tuple(
        file for length in range(1, len(parts) + 1) for file in _files_of(_ROOT.joinpath(*parts[:length]))
    )


@cache
def _files_of(place: Path) -> tuple[str, ...]:
    """The files of a package or module; of a package that loads lazily all, for what it imports does not stand in its source."""
    if (place / "__init__.pyi").is_file():
        return tuple(str(path) for path in sorted(place.rglob("*.py")))
    own = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return (str(own),) if own.is_file() else ()
