"""Constants, code maps and units of a mapping, checked against the column that they fill.

Belongs here: which values and units a curated column can take, and the errors that say so.
Does not belong here: reading whole columns of a mapping (``intake/mapping/table.py``), converting data.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from registry_pipeline.core.toml_section import Section
from registry_pipeline.core.toml_source import nearest
from registry_pipeline.intake.parsing import DOSE_UNITS
from schemas.columns import Column

UNIT_FACTORS: dict[str, dict[str, float]] = {
    "mm": {"mm": 1.0, "cm": 10.0, "m": 1000.0, "毫米": 1.0, "厘米": 10.0},
    "Gy": dict(DOSE_UNITS),
    "ng/mL": {"ng/mL": 1.0, "µg/L": 1.0, "ug/L": 1.0},
    "days": {"days": 1.0, "day": 1.0, "d": 1.0, "天": 1.0, "weeks": 7.0, "周": 7.0},
    "years": {"years": 1.0, "year": 1.0, "y": 1.0, "岁": 1.0},
}
"""Unit of a curated column -> units that convert to it -> factor."""

_EXPECTED = {
    "text": "a text in quotes",
    "integer": "a whole number without quotes",
    "real": "a number without quotes",
    "boolean": "true or false without quotes",
    "date": "a date without quotes, such as 2019-03-05",
}


def is_identifier(column: Column) -> bool:
    """Whether a column holds an identifier that has to be unique beyond its facility."""
    return column.name.endswith("_id") and column.name not in (
        "patient_id",
        "facility_id",
        "source_patient_id",
    )


def checked_value(section: Section, column: Column, value: Any, *keys: str) -> Any:
    """A constant that fits the column's type and code list, as the column stores it.

    Raises:
        ConfigurationError: wrong type, or a word that is no code of the column.
    """
    if column.kind == "real" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not _fits(column, value):
        raise section.error(f"'{value}' cannot stand in {column.name}; write {_EXPECTED[column.kind]}", *keys)
    if column.codes is not None and value not in column.codes.codes:
        codes = column.codes.codes
        raise section.error(f"'{value}' is no code of {column.name}{nearest(value, codes)}", *keys)
    return value


def _fits(column: Column, value: Any) -> bool:
    if column.kind == "boolean":
        return isinstance(value, bool)
    expected = {"text": str, "integer": int, "real": float, "date": date}[column.kind]
    return isinstance(value, expected) and not isinstance(value, bool)


def read_codes(section: Section, column: Column) -> Mapping[str, Any] | None:
    """The ``codes`` of a column: the facility's words -> values of the column.

    Raises:
        ConfigurationError: a target outside the column's code list or type; codes for a date.
    """
    if not section.has("codes"):
        return None
    if section.data["codes"] == "dictionary":
        return _own_labels(section, column)
    if column.kind == "date":
        raise section.error(f"{column.name} is a date and takes no codes; declare formats or sentinels")
    codes = section.section("codes")
    return {word: checked_value(codes, column, value, word) for word, value in codes.data.items()}


def coded_sources(section: Section) -> tuple[str, ...]:
    """The columns named by ``from``; with ``codes = "dictionary"`` the labels that REDCap's dictionary gives them."""
    names = section.texts("from")
    return tuple(f"{name}:label" for name in names) if section.data.get("codes") == "dictionary" else names


def _own_labels(section: Section, column: Column) -> dict[str, Any]:
    """Codes and labels of the column's own list, for a dictionary whose labels are ours."""
    if column.codes is None:
        raise section.error(f"{column.name} has no code list that a dictionary could agree with", "codes")
    words = {label: code for code, label in column.codes.labels.items()}
    return {**words, **{code: code for code in column.codes.codes}}


def read_unit(section: Section, column: Column) -> str | None:
    """The declared unit of the source values.

    Raises:
        ConfigurationError: a unit that does not convert to the column's.
    """
    unit = section.optional_text("unit")
    if unit is not None:
        factors = {"mm": 1.0, "cm": 10.0} if section.has("parse") else _factors_of(section, column)
        if unit not in factors:
            message = f"'{unit}' does not convert to {column.unit} of {column.name}{nearest(unit, factors)}"
            raise section.error(message)
    return unit


def read_units(section: Section, column: Column) -> dict[str, float]:
    """Unit text -> factor for ``unit_from``: the declared ones, else those known for the column's unit.

    Raises:
        ConfigurationError: ``units`` without ``unit_from``, a factor that is no positive number.
    """
    if not section.has("unit_from"):
        if section.has("units"):
            raise section.error('units need unit_from = "the column that holds the unit"')
        return {}
    factors = _factors_of(section, column)
    if not section.has("units"):
        return factors
    declared = section.section("units").data
    for unit, factor in declared.items():
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not factor > 0:
            raise section.error(f"the factor of unit '{unit}' must be a positive number")
    return {unit: float(factor) for unit, factor in declared.items()}


def _factors_of(section: Section, column: Column) -> dict[str, float]:
    if column.unit not in UNIT_FACTORS:
        raise section.error(f"{column.name} has no unit that values could be converted to; leave it out")
    return UNIT_FACTORS[column.unit]
