"""The parameters and the end of observation of a release, as its own tables say them.

Belongs here: text of ``meta.parameter`` back to typed settings. Does not belong here: registry.toml (``core/settings.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from datetime import UTC, date
from typing import TYPE_CHECKING, Any

from registry_pipeline.core.settings import Refresh, Study

if TYPE_CHECKING:
    import duckdb

_READ: Mapping[type, Callable[[str], Any]] = {
    bool: lambda text: text == "True",
    int: int,
    float: float,
    str: str,
    date: date.fromisoformat,
}


def parameters_of(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, str]:
    """Name -> value in force, of a release that is attached under a name."""
    rows = connection.execute(f"SELECT name, value FROM {database}.meta.parameter").fetchall()
    return {str(name): str(value) for name, value in rows}


def study_of(parameters: Mapping[str, str]) -> Study:
    """The study's parameters; one that the release did not know yet has its default."""
    declared = {field.name: field for field in fields(Study)}
    values = {
        name: _typed(field, parameters[f"study.{name}"])
        for name, field in declared.items()
        if f"study.{name}" in parameters
    }
    return Study(**values)


def _typed(field: Field[Any], text: str) -> Any:
    default = field.default
    if isinstance(default, tuple):
        kind = type(default[0]) if default else str
        return tuple(_READ[kind](part) for part in text.split(", ") if part)
    return _READ[type(default)](text)


def end_of_observation(connection: duckdb.DuckDBPyConnection, database: str) -> date:
    """As set, else the day on which the newest file was received."""
    parameters = parameters_of(connection, database)
    extract_date = parameters.get("refresh.extract_date", "None")
    refresh = Refresh(
        extract_date=None if extract_date == "None" else date.fromisoformat(extract_date),
        timezone=parameters.get("refresh.timezone", Refresh.timezone),
    )
    query = (
        f"SELECT max(received_at), max(created_at) FROM {database}.meta.submission, {database}.meta.release"
    )
    received, created = (moment.replace(tzinfo=UTC) for moment in connection.execute(query).fetchall()[0])
    return refresh.end_of_observation(received, created.date())
