"""SQL files: one SELECT each, with a header that says what it is, and named parameters.

Belongs here: finding, reading and parsing the files under ``sql/``.
Does not belong here: running them over the store (``store/sql.py``) or over records under judgement
(``validation/screening/cross_table.py``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import tomli

SQL_FOLDER = Path(__file__).resolve().parents[2] / "sql"
_HEADER = re.compile(r"\A\s*/\*(?P<header>.*?)\*/", re.DOTALL)
_PART = re.compile(r"\{\{([a-z_]+)\}\}")
_PARAMETER = re.compile(r"\$([a-z_][a-z0-9_]*)")


@dataclass(frozen=True)
class SqlFile:
    """One SELECT with its header.

    Attributes:
        name: stem of the file; the table, rule or check that it makes.
        header: the TOML of the opening comment (``/* … */``).
        query: the SELECT, without the header and a closing semicolon.
    """

    name: str
    header: Mapping[str, Any]
    query: str

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of ``values`` that the query names; DuckDB refuses others.

        Raises:
            KeyError: the query names a parameter that is not given.
        """
        body = re.sub(r"--[^\n]*", "", self.query)
        return {name: values[name] for name in sorted(set(_PARAMETER.findall(body)))}


@cache
def sql_files(folder: str) -> dict[str, SqlFile]:
    """The files of ``sql/<folder>``, by name, in alphabetical order.

    Raises:
        ValueError: a file has no header or its header is not TOML.
        FileNotFoundError: there are no such files; nothing may go on as if there were nothing to do.
    """
    files = {path.stem: read_sql(path) for path in sorted((SQL_FOLDER / folder).glob("*.sql"))}
    if not files:
        raise FileNotFoundError(f"the installation is incomplete: no SQL files in {SQL_FOLDER / folder}")
    return files


def read_sql(path: Path) -> SqlFile:
    """One SQL file.

    Raises:
        ValueError: the file does not open with ``/* TOML */``.
    """
    text = path.read_text(encoding="utf-8")
    header_match = _HEADER.match(text)
    if not header_match:
        raise ValueError(f"sql/{path.parent.name}/{path.name} does not open with a /* header */")
    try:
        header = tomli.loads(header_match["header"])
    except tomli.TOMLDecodeError as problem:
        raise ValueError(f"header of sql/{path.parent.name}/{path.name}: {problem}") from None
    query = text[header_match.end() :].strip().rstrip(";")
    is_screened = path.parent.name == "rules" and header.get("scope", "facility") == "facility"
    return SqlFile(path.stem, header, _with_parts(query, "screened" if is_screened else "curated"))


def _with_parts(query: str, layer: str) -> str:
    """The query with each ``{{part}}`` replaced by ``sql/parts/part.sql``, whose ``records.`` are those of a layer.

    Raises:
        FileNotFoundError: there is no such part.
    """

    def part(match: re.Match[str]) -> str:
        text = (SQL_FOLDER / "parts" / f"{match[1]}.sql").read_text(encoding="utf-8")
        return _HEADER.sub("", text).strip().replace("records.", f"{layer}.")

    return _PART.sub(part, query)


def needed_within(files: Mapping[str, SqlFile], layer: str) -> dict[str, set[str]]:
    """Of the SQL files of one layer, those that each takes rows from: name -> names."""
    prefix = f"{layer}."
    named = {
        name: {
            table.removeprefix(prefix)
            for table in result.header.get("inputs", [])
            if table.startswith(prefix)
        }
        for name, result in files.items()
    }
    return {name: needs & set(files) for name, needs in named.items()}


def in_order(files: Mapping[str, SqlFile], layer: str) -> list[SqlFile]:
    """SQL files of one layer such that each stands after those of its ``inputs``.

    Raises:
        ValueError: the inputs go round in a circle.
    """
    try:
        return [files[name] for name in TopologicalSorter(needed_within(files, layer)).static_order()]
    except CycleError as problem:
        raise ValueError(f"sql/{layer}: inputs go round in a circle: {problem.args[1]}") from None
