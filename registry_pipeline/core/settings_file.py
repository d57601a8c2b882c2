"""registry.toml to settings; every mistake is told with its line and what to write instead.

Belongs here: reading the file and judging its values, the text that ``registry init`` writes. Does not belong here: which keys there are and what they
mean (``core/settings.py``), rules and their thresholds (``validation/rules/catalogue.py``).
"""

import math
from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, get_args, get_origin

from registry_pipeline.core.settings import RULE_KEYS, SECTIONS, UNRELEASED, Settings, toml_text
from registry_pipeline.core.toml_source import TomlSource, nearest, read_toml
from schemas.codes import RULE_LEVELS

_ALL: dict[str, type] = {**SECTIONS, **UNRELEASED}


def read_settings(path: Path) -> Settings:
    """registry.toml as settings.

    Raises:
        ConfigurationError: an unknown section or key, a value of the wrong type or outside its
            choices; names the line and the nearest right key.
    """
    source = read_toml(path)
    section_names = {*_ALL, "rules"}
    for name in source.data:
        if name not in section_names:
            raise source.error([name], _unknown_section(name, section_names))
    sections = {name: _section(source, name, result) for name, result in _ALL.items()}
    settings = Settings(**sections, rules=_rule_overrides(source))
    _refuse_contradictions(source, settings)
    return settings


def _unknown_section(name: str, sections: set[str]) -> str:
    """What to write for a name at the top of the file that is no section."""
    homes = [
        section for section, result in _ALL.items() if name in {field_.name for field_ in fields(result)}
    ]
    if homes:
        return f"'{name}' stands before any section; write it below [{homes[0]}]"
    return f"unknown section '{name}'{nearest(name, sections)}"


def _section(source: TomlSource, name: str, section_class: type) -> Any:
    declared = {field_.name: field_ for field_ in fields(section_class)}
    content = source.data.get(name, {})
    if not isinstance(content, dict):
        keys: list[str | int] = [name, 0] if isinstance(content, list) else [name]
        raise source.error(keys, f"'{name}' must be a section: write [{name}]")
    values = {}
    for key, value in content.items():
        if key not in declared:
            raise source.error([name, key], f"unknown key '{key}' in [{name}]{nearest(key, declared)}")
        values[key] = _value(source, [name, key], declared[key], value)
    return section_class(**values)


def _value(source: TomlSource, keys: list[str], setting: "Field[Any]", value: Any) -> Any:
    if get_origin(setting.type) is tuple and isinstance(value, list):
        value = tuple(value)
    if setting.type is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not _fits(setting.type, value):
        text = f"'{keys[-1]}' has the wrong type ({type(value).__name__}); write for example: {toml_text(setting.default)}"
        raise source.error(keys, text)
    for each in value if isinstance(value, tuple) else (value,):
        if problem := _problem(setting.metadata, each):
            raise source.error(keys, f"'{keys[-1]}' {problem}")
    return value


def _problem(allowed: Mapping[str, Any], value: Any) -> str:
    """What is wrong with one value of the right type, or an empty text."""
    choices, minimum, form = allowed["choices"], allowed["minimum"], allowed["form"]
    if choices and value not in choices:
        hint = nearest(value, choices) if len(choices) > 5 else ""
        return f"knows no {value!r}{hint}" if hint else f"must be one of {', '.join(map(str, choices))}"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if minimum is not None and value < minimum:
        return f"must be at least {minimum:g}"
    if form is not None and not form[0](value):
        return f"must be {form[1]}"
    return ""


def _fits(declared: Any, value: Any) -> bool:
    if get_origin(declared) is tuple:
        return isinstance(value, tuple) and all(_fits(get_args(declared)[0], member) for member in value)
    if get_args(declared):
        return any(_fits(get_arg, value) for get_arg in get_args(declared))
    if declared in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, declared)


def _refuse_contradictions(source: TomlSource, settings: Settings) -> None:
    """Dates that exclude every patient, workers that cannot be reached."""
    start, end, until = settings.study.window_start, settings.study.window_end, settings.refresh.extract_date
    if end < start:
        raise source.error(["study", "window_end"], f"'window_end' lies before 'window_start' ({start})")
    if until is not None and until < start:
        text = f"'extract_date' lies before 'window_start' ({start}): nobody could be observed"
        raise source.error(["refresh", "extract_date"], text)
    for name in ("broker", "backend"):
        if settings.execution.engine == "celery" and not getattr(settings.execution, name):
            raise source.error(
                ["execution", "engine"], f"engine \"celery\" needs '{name}'; see docs/cluster.md"
            )


def _rule_overrides(source: TomlSource) -> dict[str, dict[str, Any]]:
    rules = source.data.get("rules", {})
    if not isinstance(rules, dict):
        raise source.error(["rules", 0], "write [rules.M01], with the id of a rule")
    for rule_id, override in rules.items():
        if not isinstance(override, dict):
            raise source.error(["rules", rule_id], f"write [rules.{rule_id}] with severity or thresholds")
        _check_override(source, rule_id, override)
    return dict(rules)


def _check_override(source: TomlSource, rule_id: str, override: Mapping[str, Any]) -> None:
    for key in override:
        if key not in RULE_KEYS:
            raise source.error(["rules", rule_id, key], f"unknown key '{key}'{nearest(key, RULE_KEYS)}")
    for key in ("severity", "softer_severity"):
        if override.get(key, "error") not in RULE_LEVELS:
            raise source.error(["rules", rule_id, key], f"{key} must be error, warning, info or off")
    if not isinstance(override.get("thresholds", {}), dict):
        text = "thresholds has the wrong type; write for example: thresholds = { maximum_mm = 150 }"
        raise source.error(["rules", rule_id, "thresholds"], text)


def settings_template() -> str:
    """A commented registry.toml in which every key stands with its default."""
    lines = ["# The settings of this registry. Every key is optional; what stands here are the defaults.", ""]
    for section, result in _ALL.items():
        lines += [f"[{section}]"]
        for field_ in fields(result):
            mark = " (assumption)" if field_.metadata["is_assumption"] else ""
            lines += [f"# {field_.metadata['note']}{mark}", f"# {field_.name} = {toml_text(field_.default)}"]
        lines += [""]
    lines += [
        "# A rule's severity (error, warning, info, off) and thresholds:",
        "# [rules.M01]",
        '# severity = "warning"',
        "",
    ]
    return "\n".join(lines)
