"""``[[source.table]]`` of a facility's TOML: how rows of a source become records of a table.

Belongs here: reading conditions, groups and column mappings, and refusing what cannot work.
Does not belong here: sources (``intake/mapping/source.py``), the facility as a whole (``facility.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl

from registry_pipeline.core.toml_section import Section
from registry_pipeline.core.toml_source import nearest
from registry_pipeline.intake.mapping.codes import (
    checked_value,
    coded_sources,
    is_identifier,
    read_codes,
    read_unit,
    read_units,
)
from registry_pipeline.intake.mapping.column import AGGREGATES, ROW_NUMBER, ColumnMapping
from registry_pipeline.intake.mapping.date_formats import read_date_formats
from registry_pipeline.intake.mapping.model import Condition, TableMapping
from registry_pipeline.intake.mapping.redcap import read_instrument
from schemas import tables_of
from schemas.columns import DATE_PARTS, Column
from schemas.table import columns_of, key_of

_TABLE_KEYS = ("table", "instrument", "events", "sheets", "where", "group_by", "columns")
_COLUMN_KEYS = (
    "from",
    "template",
    "value",
    "default",
    "codes",
    "formats",
    "unit",
    "unit_from",
    "units",
    "parse",
    "anchor",
    "aggregate",
    "sentinels",
    "part",
    "round",
    "years_before",
)
_TESTS = ("in", "not_in", "not_blank", "blank")
AUTOMATIC = dict.fromkeys(("facility_id", "source_record_id"), "is filled by itself")


@cache
def curated_tables() -> dict[str, dict[str, Column]]:
    """The tables that a mapping may feed: name -> column name -> column."""
    models = {name.split(".")[1]: model for name, model in tables_of("curated").items()}
    return {
        name: {column.name: column for column in columns_of(model)}
        for name, model in models.items()
        if name != "patient_xref"
    }


def key_columns(table: str) -> tuple[str, ...]:
    """The key of a curated table."""
    return key_of(tables_of("curated")[f"curated.{table}"])


def read_table(
    section: Section, number: int, anchors: Mapping[str, Any], is_redcap: bool = False
) -> TableMapping:
    """One ``[[source.table]]``.

    Args:
        number: position among all of the facility.
        anchors: the declared anchors by name.
        is_redcap: the source is a REDCap project, whose tables name an instrument.

    Raises:
        ConfigurationError: naming the line and the nearest right name.
    """
    section.refuse_unknown(_TABLE_KEYS)
    table = section.text("table")
    tables = curated_tables()
    if table == "patient_xref":
        raise section.error("patient_xref is made from every source's patient_id; leave it out", "table")
    if table not in tables:
        raise section.error(f"unknown table '{table}'{nearest(table, tables)}", "table")
    group_by = section.texts("group_by")
    columns_section = section.section("columns", f"the columns of {table}")
    columns = {
        name: _read_column(columns_section, name, table, tables[table], bool(group_by), anchors)
        for name in columns_section.data
    }
    for name in ("patient_id", *key_columns(table)):
        if name not in columns and name != "facility_id":
            raise columns_section.error(f"{table} needs {name}: map it under [source.table.columns]")
    _check_placeholders(columns_section, columns)
    instrument, events = read_instrument(section, is_redcap)
    where, sheets = read_conditions(section, "where"), section.texts("sheets")
    result = TableMapping(table, number, where, group_by, columns, sheets, instrument, events)
    for name in result.source_columns():
        if name.startswith("_") and name != ROW_NUMBER:
            raise section.error(
                f"source column '{name}' may not begin with '_'; the registry uses such names"
            )
    return result


def read_conditions(section: Section, name: str) -> tuple[Condition, ...]:
    """Conditions on source rows: one table of TOML or a list of them."""
    conditions = section.data.get(name, [])
    members = conditions if isinstance(conditions, list) else [conditions]
    if not all(isinstance(member, dict) for member in members):
        raise section.error(f'write {name} = {{ column = "…", in = ["…"] }}', name)
    return tuple(
        _read_condition(Section(section.toml, (*section.keys, name), member, name)) for member in members
    )


def _read_condition(section: Section) -> Condition:
    section.refuse_unknown(("column", *_TESTS))
    column = section.text("column")
    tests = [name for name in _TESTS if section.has(name)]
    if len(tests) != 1:
        raise section.error(
            f"{section.title} needs exactly one of in, not_in, not_blank = true, blank = true"
        )
    test = tests[0]
    if test in ("in", "not_in"):
        return Condition(column, test, section.texts(test))  # type: ignore[arg-type]
    if section.flag(test) is not True:
        raise section.error(f"write {test} = true, or the opposite test")
    return Condition(column, test)  # type: ignore[arg-type]


def _read_column(
    parent: Section,
    name: str,
    table: str,
    declared: Mapping[str, Column],
    is_grouped: bool,
    anchors: Mapping[str, Any],
) -> ColumnMapping:
    column = _target(parent, name, table, declared)
    value = parent.data[name]
    if isinstance(value, str | list):
        value = {"from": value}
    if not isinstance(value, dict):
        raise parent.error(f'write {name} = "source column" or {name} = {{ value = … }}', name)
    section = Section(parent.toml, (*parent.keys, name), value, f"the mapping of {table}.{name}")
    section.refuse_unknown(_COLUMN_KEYS)
    _check_combination(section, column, is_grouped, anchors)
    return ColumnMapping(
        target=column,
        sources=coded_sources(section),
        template=section.optional_text("template"),
        value=checked_value(section, column, value["value"]) if "value" in value else None,
        default=checked_value(section, column, value["default"]) if "default" in value else None,
        codes=read_codes(section, column),
        formats=read_date_formats(section, "formats"),
        unit=read_unit(section, column),
        unit_from=section.optional_text("unit_from"),
        units=read_units(section, column),
        is_size=section.choice("parse", ("size",)) == "size",
        anchor=section.optional_text("anchor"),
        aggregate=section.choice("aggregate", AGGREGATES),
        sentinels=section.texts("sentinels"),
        part=_read_part(section),
        rounding=section.choice("round", ("floor", "nearest")),
        years_before=section.optional_text("years_before"),
    )


def _read_part(section: Section) -> str | None:
    """A regular expression that takes a part of the text."""
    pattern = section.optional_text("part")
    if pattern is not None:
        try:
            re.compile(pattern)
            pl.Series([""]).str.extract(pattern, 0)
        except (re.error, pl.exceptions.PolarsError):
            raise section.error(
                f"'{pattern}' is no regular expression; write for example '^[A-Z][0-9.]+'", "part"
            ) from None
    return pattern


def _target(parent: Section, name: str, table: str, declared: Mapping[str, Column]) -> Column:
    if name in AUTOMATIC:
        raise parent.error(f"{name} {AUTOMATIC[name]}; leave it out", name)
    if name not in declared:
        raise parent.error(f"unknown column '{name}' of {table}{nearest(name, declared)}", name)
    for part in DATE_PARTS:
        stem = name.removesuffix(f"_{part}")
        if stem != name and stem in declared and declared[stem].kind == "date":
            raise parent.error(f"{name} is filled from {stem}; map {stem} only", name)
    return declared[name]


def _check_combination(
    section: Section, column: Column, is_grouped: bool, anchors: Mapping[str, Any]
) -> None:
    origins = [key for key in ("from", "template", "value") if section.has(key)]
    is_count = section.data.get("aggregate") == "count"
    if len(origins) != 1 and not (is_count and not origins):
        raise section.error(f"{section.title} needs exactly one of from, template, value")
    if section.has("aggregate") and not is_grouped:
        raise section.error("aggregate needs group_by in [[source.table]]")
    if is_count and column.kind != "integer":
        raise section.error(f"count gives a whole number, and {column.name} is none")
    if section.data.get("aggregate") == "sum" and column.kind not in ("integer", "real"):
        raise section.error(f"sum needs a number, and {column.name} is none")
    if section.has("default") and (not section.has("from") or is_identifier(column) or is_count):
        raise section.error("default needs from, and an identifier or a count has none")
    if section.has("formats") and column.kind != "date":
        raise section.error(f"formats are for dates, and {column.name} is none")
    if section.has("unit") and section.has("unit_from"):
        raise section.error("give unit or unit_from, not both")
    if section.has("parse") and column.unit != "mm":
        raise section.error(f'parse = "size" fills a length in mm, and {column.name} is none')
    if section.has("round") and column.kind != "integer":
        raise section.error(f"round gives a whole number, and {column.name} is none")
    if section.has("years_before") and (column.name != "birth_date" or not section.has("from")):
        raise section.error("years_before makes birth_date from the age in from; nothing else has it")
    _check_anchor(section, column, anchors)


def _check_anchor(section: Section, column: Column, anchors: Mapping[str, Any]) -> None:
    anchor = section.optional_text("anchor")
    if anchor is None:
        return
    if anchor not in anchors:
        raise section.error(f"unknown anchor '{anchor}'{nearest(anchor, anchors)}: write [anchor.{anchor}]")
    if column.kind != "date" or not section.has("from"):
        raise section.error(f"an anchor makes a date from a number of days; {column.name} needs another way")


def _check_placeholders(section: Section, columns: Mapping[str, ColumnMapping]) -> None:
    """A template must hold a placeholder, and templates must not wait for each other."""
    for name, mapping in columns.items():
        if mapping.template is not None and not mapping.placeholders:
            raise section.error(f"the template of {name} names no column; write value = … instead", name)
        if mapping.template is not None and mapping.template.count("{") != len(mapping.placeholders):
            raise section.error(f"the template of {name} has braces that do not match", name)
        if mapping.is_composed and any(placeholder.name in columns for placeholder in mapping.placeholders):
            raise section.error(f"the template of {name} may name source columns only", name)
        if name == "patient_id" and any(
            placeholder.name in columns and placeholder.name != name for placeholder in mapping.placeholders
        ):
            raise section.error("the template of patient_id may name source columns only", name)
    for name in columns:
        _follow(section, columns, name, (name,))


def _follow(section: Section, columns: Mapping[str, ColumnMapping], name: str, path: tuple[str, ...]) -> None:
    for placeholder in columns[name].placeholders:
        if placeholder.name == name or placeholder.name not in columns:
            continue
        if placeholder.name in path:
            raise section.error(f"the templates {' and '.join(path)} wait for each other", path[0])
        _follow(section, columns, placeholder.name, (*path, placeholder.name))
