"""facilities/<id>.toml: what a facility's exports are and how they become curated records.

Belongs here: reading the file as a whole: identity, calendar, anchors, precedence, tolerances, rules.
Does not belong here: sources and tables (``intake/mapping/source.py``, ``intake/mapping/table.py``), reading data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from registry_pipeline.core.home import FACILITY_ID_FORM, is_facility_id
from registry_pipeline.core.settings import RULE_KEYS
from registry_pipeline.core.toml_section import Section
from registry_pipeline.core.toml_source import TomlSource, nearest, read_toml
from registry_pipeline.intake.mapping.model import Anchor, Facility, Source
from registry_pipeline.intake.mapping.redcap import dictionary_source
from registry_pipeline.intake.mapping.source import read_source, read_timezone
from registry_pipeline.intake.mapping.table import curated_tables
from schemas.codes import RULE_LEVELS
from schemas.messages import ENGLISH, supported_language

_KEYS = (
    "id",
    "name",
    "calendar",
    "language",
    "precedence",
    "tolerance",
    "rules",
    "anchor",
    "source",
    "timezone",
    "silent_after_days",
)
_RULE_ID = re.compile(r"[A-Z][0-9]{2}")


def read_facility(path: Path) -> Facility:
    """The mapping of a facility.

    Raises:
        ConfigurationError: the first mistake, with its line and what to write instead.
    """
    return facility_of(read_toml(path))


def facility_of(toml: TomlSource, alike: Facility | None = None) -> Facility:
    """The mapping of a facility, of its TOML as read; raises what :func:`read_facility` does.

    Args:
        alike: another one whose TOML says the same but for id and name: what it declares need not be judged again.
    """
    path, section = toml.path, Section(toml, (), toml.data, "the facility")
    section.refuse_unknown(_KEYS)
    facility_id = section.text("id")
    if not is_facility_id(path.stem):
        raise section.error(f"rename the file: '{path.stem}' is no id, which is {FACILITY_ID_FORM}", "id")
    if facility_id != path.stem:
        raise section.error(f"id must equal the file's name, '{path.stem}'", "id")
    if section.has("silent_after_days") and not section.count("silent_after_days"):
        raise section.error("silent_after_days is a number of days, from 1", "silent_after_days")
    if alike is not None:
        name = section.text("name", facility_id)
        return replace(alike, path=path, facility_id=facility_id, name=name)
    anchors = _read_anchors(section)
    sources = _read_sources(section, anchors)
    _check_anchors_are_filled(section, anchors, sources)
    return Facility(
        path=path,
        facility_id=facility_id,
        name=section.text("name", facility_id),
        calendar=section.choice("calendar", ("absolute", "relative"), "absolute"),
        sources=sources,
        anchors=anchors,
        precedence=_read_precedence(section.section("precedence"), sources),
        tolerance=_read_tolerance(section.section("tolerance")),
        rules=_read_rules(section.section("rules")),
        language=_read_language(section),
    )


def _read_language(section: Section) -> str:
    try:
        return supported_language(section.text("language", ENGLISH))
    except ValueError as problem:
        raise section.error(str(problem), "language") from None


def _read_sources(section: Section, anchors: dict[str, Anchor]) -> tuple[Source, ...]:
    parts = section.sections("source", "a source")
    if not parts:
        raise section.error("the facility has no source; write [[source]]")
    sources: list[Source] = []
    timezone = read_timezone(section)
    for number, part in enumerate(parts):
        n_tables = sum(len(result.tables) for result in sources)
        source = read_source(part, number, n_tables, anchors, timezone)
        if source.name in {result.name for result in sources}:
            raise part.error(f"a second source is called '{source.name}'; each needs its own name", "name")
        sources.append(source)
    projects = [source for source in sources if source.redcap is not None]
    dictionaries = [
        dictionary_source(project, len(sources) + position) for position, project in enumerate(projects)
    ]
    return (*dictionaries, *sources)


def _read_anchors(section: Section) -> dict[str, Anchor]:
    parent = section.section("anchor")
    tables = curated_tables()
    anchors = {}
    for name in parent.data:
        anchor = parent.section(name, f"[anchor.{name}]")
        anchor.refuse_unknown(("table", "column"))
        table, column = anchor.text("table"), anchor.text("column")
        if table not in tables:
            raise anchor.error(f"unknown table '{table}'{nearest(table, tables)}", "table")
        dates = [key for key, column_of_table in tables[table].items() if column_of_table.kind == "date"]
        dates = [key for key in dates if not key.endswith(("_lower", "_upper"))]
        if column not in dates:
            raise anchor.error(f"'{column}' is no date of {table}{nearest(column, dates)}", "column")
        anchors[name] = Anchor(name, table, column)
    return anchors


def _check_anchors_are_filled(
    section: Section, anchors: dict[str, Anchor], sources: Sequence[Source]
) -> None:
    for name, anchor in anchors.items():
        fed = [
            table.columns.get(anchor.column)
            for source in sources
            for table in source.tables
            if table.table == anchor.table
        ]
        if not any(mapping is not None and mapping.anchor is None for mapping in fed):
            message = f"no source fills {anchor.table}.{anchor.column} without an anchor of its own"
            raise section.error(message, "anchor", name)


def _read_precedence(section: Section, sources: Sequence[Source]) -> dict[str, tuple[str, ...]]:
    names = [source.name for source in sources]
    precedence = {}
    for key in section.data:
        _check_item(section, key, is_table_enough=True)
        order = section.texts(key)
        for source in order:
            if source not in names:
                raise section.error(f"unknown source '{source}'{nearest(source, names)}", key)
        if len(set(order)) != len(order):
            raise section.error("a source stands twice in this order", key)
        precedence[key] = order
    return precedence


def _read_tolerance(section: Section) -> dict[str, float]:
    for key, value in section.data.items():
        _check_item(section, key, is_table_enough=False)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise section.error("a tolerance is a number, 0 or more", key)
    return {key: float(value) for key, value in section.data.items()}


def _check_item(section: Section, key: str, *, is_table_enough: bool) -> None:
    tables = curated_tables()
    table, _, column = key.partition(".")
    if table not in tables:
        raise section.error(f"unknown table '{table}'{nearest(table, tables)}", key)
    if not column and not is_table_enough:
        raise section.error(f'write "{table}.column" = number', key)
    if column and column not in tables[table]:
        raise section.error(f"unknown column '{column}' of {table}{nearest(column, tables[table])}", key)


def _read_rules(section: Section) -> dict[str, dict[str, Any]]:
    for rule_id in section.data:
        if not _RULE_ID.fullmatch(rule_id):
            raise section.error(f"'{rule_id}' is no rule; write for example [rules.M01]", rule_id)
        rule = section.section(rule_id, f"[rules.{rule_id}]")
        rule.refuse_unknown(RULE_KEYS)
        rule.choice("severity", RULE_LEVELS)
        rule.choice("softer_severity", RULE_LEVELS)
        rule.section("thresholds")
    return dict(section.data)
