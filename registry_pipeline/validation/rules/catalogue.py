"""The rule catalogue: every rule, read from the one place in which it is written.

Belongs here: gathering the rules of ``schemas``, ``sql/rules`` and ``schemas.rules.generic_rules``, overriding
their severity and thresholds, the version of the set. Does not belong here: judging records.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any

from registry_pipeline.core.files import json_digest
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.sql_files import SqlFile, sql_files
from registry_pipeline.core.toml_source import nearest
from registry_pipeline.validation.records import curated
from schemas.codes import CTCAE_TERM, RULE_LEVELS
from schemas.messages import AN_ITEM, without_column
from schemas.rules.generic_rule import GenericRule
from schemas.rules.generic_rules import GENERIC_RULES
from schemas.table import Rule, rules_of

NEVER_OFF = ("S05", "S10", "S14", "S18", "S19")
"""What these find a release cannot hold: they can be softened where the record can do without the item."""
CODE_PARAMETERS = {"ctcae_terms": list(CTCAE_TERM.codes)}
"""Code lists that a rule's query may ask for: lists are published as tables only in a release."""


class OverrideError(ValueError):
    """A setting of a rule that cannot be.

    Attributes:
        keys: where it stands: ``("rules", rule id, key, ...)``.
    """

    def __init__(self, keys: Sequence[str], message: str) -> None:
        self.keys = tuple(keys)
        super().__init__(f"{'.'.join(keys)}: {message}")


@dataclass(frozen=True)
class RuleEntry:
    """One rule of the catalogue, wherever it is written.

    Attributes:
        scope: ``table`` (within a table), ``facility`` (between tables of one facility), ``registry``
            (over curated and mart tables of all) or ``generic`` (any table).
        severity: in force, after overrides; ``off`` switches the rule off.
        softer_severity: in force for the rule's second step, where it was set; ``off`` leaves that step out.
        unit: what is counted as judged.
        judged_by: the object that judges: a :class:`Rule`, an SQL file or a :class:`GenericRule`.
    """

    rule_id: str
    table_name: str | None
    severity: str
    category: str
    message: str
    suggestion: str | None
    items: tuple[str, ...]
    source: str
    version: int
    scope: str
    judged_by: Rule | SqlFile | GenericRule
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    unit: str = "record"
    softer_severity: str | None = None

    @property
    def warning_severity(self) -> str:
        """Severity of the second, stricter step: as set, else a warning, and never above that of the rule."""
        severity = self.softer_severity or "warning"
        return severity if RULE_LEVELS.index(severity) >= RULE_LEVELS.index(self.severity) else self.severity


@dataclass(frozen=True)
class Catalogue:
    """Every rule by its id."""

    entries: Mapping[str, RuleEntry]

    def of_scope(self, *scopes: str) -> dict[str, RuleEntry]:
        """The rules of some scopes that are switched on."""
        return {k: v for k, v in self.entries.items() if v.scope in scopes and v.severity != "off"}

    def overridden(self, overrides: Mapping[str, Mapping[str, Any]]) -> "Catalogue":
        """The catalogue with severities and thresholds of settings or of a facility.

        Args:
            overrides: rule id -> ``{"severity": …, "softer_severity": …, "thresholds": {…}}``.

        Raises:
            OverrideError: an unknown rule, severity or threshold; the message names it and what is known.
        """
        entries = dict(self.entries)
        for rule_id, change in overrides.items():
            if rule_id not in entries:
                text = f"there is no such rule{nearest(rule_id, _alike(rule_id, entries))}"
                raise OverrideError(["rules", rule_id], text)
            entries[rule_id] = _overridden(entries[rule_id], change)
        return Catalogue(entries)

    def overridden_at_facility(self, overrides: Mapping[str, Mapping[str, Any]]) -> "Catalogue":
        """As :meth:`overridden`, for the mapping of one facility.

        Raises:
            OverrideError: also for a rule that judges the registry as a whole: it has one setting for all.
        """
        for rule_id in overrides:
            if rule_id in self.entries and self.entries[rule_id].scope == "registry":
                message = "the rule judges the whole registry; set it in registry.toml"
                raise OverrideError(["rules", rule_id], message)
        return self.overridden(overrides)

    def sentences(self) -> dict[str, str]:
        """Rule -> what it says."""
        return {rule_id: message_of(entry) for rule_id, entry in self.entries.items()}

    def rows(self) -> list[dict[str, object]]:
        """Rows of ``quality.rule``; rules that are off are not listed."""
        return [
            {
                "rule_id": entry.rule_id,
                "table_name": entry.table_name,
                "severity": entry.severity,
                "category": entry.category,
                "message": message_of(entry),
                "suggestion": entry.suggestion,
                "items": ",".join(entry.items) or None,
                "source": entry.source,
                "version": entry.version,
            }
            for entry in self.entries.values()
            if entry.severity != "off"
        ]

    @property
    def rule_set_version(self) -> str:
        """Hash of every rule in force: wording, severity, thresholds and judgement."""
        content = [
            [*(str(row[name]) for name in row), entry.warning_severity, _judgement(entry)]
            for row in self.rows()
            for entry in [self.entries[str(row["rule_id"])]]
        ]
        return json_digest(content)[:12]


def catalogue(settings: Settings | None = None) -> Catalogue:
    """The rules in force.

    Args:
        settings: registry.toml, whose ``[rules.*]`` override the defaults.

    Raises:
        OverrideError: an override names a rule, severity or threshold that does not exist.
    """
    in_force = Catalogue(_written()).overridden(settings.rules if settings else {})
    study = vars((settings or Settings()).study)
    return Catalogue({key: _worded(entry, study) for key, entry in in_force.entries.items()})


def parameters_of(settings: Settings, extract_date: date) -> dict[str, Any]:
    """What rules may ask for: the study's parameters and the end of observation."""
    return {**vars(settings.study), "extract_date": extract_date}


def parameters_for(entry: RuleEntry, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of one rule: the general ones and its own thresholds."""
    return {**CODE_PARAMETERS, **parameters, **entry.thresholds}


def message_of(entry: RuleEntry, column: str | None = None) -> str:
    """The rule's message with its thresholds filled in, and the column that it speaks of where that is known."""
    template = entry.message if column else without_column(entry.message, AN_ITEM)
    return _filled(template, {"column": column, **entry.thresholds})


def written_messages() -> dict[str, str]:
    """Rule id -> message as written, with its places open."""
    return {rule_id: entry.message for rule_id, entry in _written().items()}


@cache
def _written() -> dict[str, RuleEntry]:
    written = [_from_generic(generic_rule) for generic_rule in GENERIC_RULES]
    written += [_from_table(name, rule) for name, model in curated().items() for rule in rules_of(model)]
    written += [_from_sql(sql_file) for sql_file in sql_files("rules").values()]
    entries = {entry.rule_id: entry for entry in sorted(written, key=lambda entry: entry.rule_id)}
    if len(entries) < len(written):
        ids = [entry.rule_id for entry in written]
        raise ValueError(
            f"rules that are written twice: {sorted({identifier for identifier in ids if ids.count(identifier) > 1})}"
        )
    return entries


def _from_generic(rule: GenericRule) -> RuleEntry:
    return RuleEntry(
        rule.rule_id, rule.table_name, rule.severity, rule.category, rule.message, rule.suggestion, (), rule.source,
        rule.version, "generic", rule, rule.thresholds, rule.unit,
    )  # fmt: skip


def _from_table(name: str, rule: Rule) -> RuleEntry:
    return RuleEntry(
        rule.rule_id, name, rule.severity, rule.category, rule.message, rule.suggestion, rule.items, rule.source,
        rule.version, "table", rule, rule.thresholds,
    )  # fmt: skip


def _from_sql(file: SqlFile) -> RuleEntry:
    head = file.header
    return RuleEntry(
        file.name, head["table"], head["severity"], head["category"], head["message"], head.get("suggestion"),
        tuple(head["items"]), head["source"], head.get("version", 1), head.get("scope", "facility"), file,
        head.get("thresholds", {}),
    )  # fmt: skip


def _overridden(entry: RuleEntry, change: Mapping[str, Any]) -> RuleEntry:
    severity = change.get("severity", entry.severity)
    softer = change.get("softer_severity", entry.softer_severity)
    for name, level in (("severity", severity), ("softer_severity", softer or "warning")):
        if level not in RULE_LEVELS:
            raise OverrideError(["rules", entry.rule_id, name], f"must be one of {', '.join(RULE_LEVELS)}")
    if severity == "off" and entry.rule_id in NEVER_OFF:
        text = "cannot be off: a release cannot hold what it finds; write warning or info"
        raise OverrideError(["rules", entry.rule_id, "severity"], text)
    thresholds_set = change.get("thresholds", {})
    for name, value in thresholds_set.items():
        _check_threshold(entry, name, value)
    thresholds = {**entry.thresholds, **thresholds_set}
    _check_order(entry, thresholds)
    return replace(entry, severity=severity, softer_severity=softer, thresholds=thresholds)


def _check_threshold(entry: RuleEntry, name: str, value: object) -> None:
    """Refuse a threshold that the rule does not have, or of another kind than its own."""
    keys = ["rules", entry.rule_id, "thresholds", name]
    if name not in entry.thresholds:
        names = ", ".join(sorted(entry.thresholds)) or "none"
        raise OverrideError(keys, f"no such threshold; known: {names}")
    own = entry.thresholds[name]
    fits = type(value) in (int, float) if type(own) in (int, float) else type(value) is type(own)
    if not fits:
        raise OverrideError(keys, f"has the wrong type ({type(value).__name__}); write for example: {own}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        _check_number(keys, float(value), float(own))


def _check_number(keys: Sequence[str], value: float, own: float) -> None:
    """Refuse a number that no judgement can rest on: not finite, or of the other sign."""
    name = keys[-1]
    if not math.isfinite(value) or (value < 0 <= own):
        raise OverrideError(keys, f"must be a number from 0; write for example: {own:g}")
    highest = (
        100 if name.endswith("percent") else 1 if name.endswith(("share", "likeness", "score")) else None
    )
    if highest is not None and own <= highest < value:
        raise OverrideError(keys, f"must be at most {highest}; write for example: {own:g}")


def _check_order(entry: RuleEntry, thresholds: Mapping[str, Any]) -> None:
    """Refuse a minimum above its maximum."""
    for name, low in thresholds.items():
        high = thresholds.get(name.replace("minimum", "maximum")) if "minimum" in name else None
        if high is not None and low > high:
            keys = ["rules", entry.rule_id, "thresholds", name]
            raise OverrideError(keys, f"{low:g} lies above {name.replace('minimum', 'maximum')} = {high:g}")


def _alike(rule_id: str, entries: Mapping[str, RuleEntry]) -> list[str]:
    """Rules of the same letter, if there are any."""
    return [entry for entry in entries if entry[:1] == rule_id[:1].upper()] or list(entries)


def _worded(entry: RuleEntry, study: Mapping[str, Any]) -> RuleEntry:
    """The rule with the study's parameters in its message."""
    return replace(entry, message=_filled(entry.message, study))


def _filled(text: str, words: Mapping[str, Any]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", f"{value:g}" if isinstance(value, float) else str(value))
    return text


def _judgement(entry: RuleEntry) -> str:
    """The judgement as text: the query, or the expression at the settings' defaults."""
    if isinstance(entry.judged_by, SqlFile):
        return entry.judged_by.query
    if isinstance(entry.judged_by, Rule):
        parameters = {**parameters_of(Settings(), date(2000, 1, 1)), **entry.thresholds}
        steps = (entry.judged_by.check, entry.judged_by.warning)
        return " ; ".join(str(step(parameters)) for step in steps if step)
    return entry.judged_by.unit
