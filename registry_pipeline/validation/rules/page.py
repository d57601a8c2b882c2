"""docs/rules.md: every rule of the catalogue with its examples, written from the place where the rule stands.

Belongs here: the page as text, and ``python -m registry_pipeline.validation.rules.page`` which writes it.
Does not belong here: rules, their judgement, reports on findings.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from registry_pipeline.core.sql_files import SQL_FOLDER, SqlFile
from registry_pipeline.validation.rules.catalogue import RuleEntry, catalogue, message_of
from schemas.disease.wording import RULE_SOURCES
from schemas.rules.generic_rule import GenericRule
from schemas.table import Rule

PAGE = SQL_FOLDER.parent / "docs" / "rules.md"
MOST_RECORDS = 4
"""Records of one example that are shown; some examples need dozens."""
_SCOPES = {
    "table": "within its table",
    "facility": "between the tables of a facility",
    "registry": "over the whole registry",
    "generic": "while reading and joining, any table",
}
_INTRODUCTION = (
    """# The rules

Generated from the rules themselves by `python -m registry_pipeline.validation.rules.page`; do not edit.

**Severity.** An *error* keeps the record in quarantine until it is corrected; a *warning* is a question, the record
stays; *info* is for information. Rules of the category *eligibility* never quarantine: a patient with five
metastases is a correct record that is not in the study.

**Two steps.** Where a failing example below says another severity than the rule, the rule has a softer step. A rule on
dates is an error only when it is broken for every day that its partial dates can mean, and a warning when for some.
A rule whose severity is warning speaks only when it is broken for every such day.

**Settings.** Severity and thresholds are set in `registry.toml`, or for one facility in its TOML. Nothing is read anew:
the staged records are judged again.

```toml
[rules.M01]
severity = "warning"          # error, warning, info, off
softer_severity = "info"      # of the softer step
thresholds = { maximum_mm = 150.0 }
```

Rules over the whole registry are set in `registry.toml` only.

**One cause, one finding.** A rule that more than `systemic_share` of the rows of one file break (and more than 20) is one
finding; the rows hang on it (`quality.finding.systemic_finding_id`).

**Sources.** C: CanReg5 and IARC; J: JRC-ENCR QCS; N: NAACCR and CCR edits; D: OHDSI Data Quality Dashboard; R: REDCap
data quality rules A to H; """
    + RULE_SOURCES
    + """; A: eligibility of the study; P: this project; IF numbers: interfield edits of SEER, NAACCR or CCR.
"""
)


def page() -> str:
    """The whole page."""
    entries = list(catalogue().entries.values())
    lines = [_INTRODUCTION, f"{len(entries)} rules.", ""]
    lines += ["| rule | severity | table | what it looks at | category |", "| --- | --- | --- | --- | --- |"]
    lines += [_line(entry) for entry in entries]
    for entry in entries:
        lines += ["", *rule_section(entry)]
    return "\n".join(lines) + "\n"


def _line(entry: RuleEntry) -> str:
    items = ", ".join(entry.items) or f"any {entry.unit}"
    cells = (
        f"[{entry.rule_id}](#{entry.rule_id.lower()})",
        entry.severity,
        entry.table_name or "any",
        items,
        entry.category,
    )
    return "| " + " | ".join(cells) + " |"


def rule_section(entry: RuleEntry) -> Iterator[str]:
    """One rule in words with its examples, as lines of Markdown."""
    yield f"## {entry.rule_id}"
    yield ""
    yield message_of(entry, "{column}")
    yield ""
    yield f"- {entry.severity}, {_SCOPES[entry.scope]}: {entry.table_name or 'any table'}"
    if entry.items:
        yield f"- items: {', '.join(entry.items)}"
    if entry.thresholds:
        yield "- thresholds: " + ", ".join(
            f"{name} = {_value(threshold)}" for name, threshold in entry.thresholds.items()
        )
    if entry.suggestion:
        yield f"- suggestion: {entry.suggestion}"
    yield f"- category {entry.category}; source {entry.source}; version {entry.version}"
    yield ""
    yield "| example | table | record |"
    yield "| --- | --- | --- |"
    for verdict, tables in _examples(entry):
        yield from _rows(verdict, tables)


def _examples(entry: RuleEntry) -> Iterator[tuple[str, Mapping[str, Sequence[Mapping[str, Any]]]]]:
    """(what comes of it, table -> records) of every example."""
    rule = entry.judged_by
    if isinstance(rule, SqlFile):
        kinds = (("passes", rule.header["passing"]), ("fails", rule.header["failing"]))
    else:
        kinds = (("passes", rule.passing), ("fails", rule.failing))
    for kind, examples in kinds:
        for example in examples:
            severity = example.get("_severity", entry.severity)
            verdict = kind if kind == "passes" or severity == entry.severity else f"{kind} ({severity})"
            yield verdict, _tables(rule, str(entry.table_name), example)


def _tables(rule: object, table: str, example: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    if isinstance(rule, Rule):
        return {
            table: [example, *({"(another record)": "", **other} for other in example.get("_others", ()))]
        }
    if isinstance(rule, GenericRule):
        texts = {"value not read": example.get("issues", ()), "file": example.get("file_issues", ())}
        shown = {**example.get("tables", {}), **texts}
    else:
        shown = dict(example)
        repeats = shown.get("_repeat", [])
        for repeat in repeats if isinstance(repeats, list) else [repeats]:
            also = [{f"({repeat['times']} times)": "", **row} for row in repeat["also"]]
            shown[repeat["table"]] = [*shown.get(repeat["table"], ()), *also]
        if settings := shown.get("_parameters"):
            shown["(setting)"] = [settings]
    return {name: list(rows) for name, rows in shown.items() if rows and not name.startswith("_")}


def _rows(verdict: str, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    for name, records in tables.items():
        for record in records[:MOST_RECORDS]:
            cells = ", ".join(
                f"{key} = {_value(value)}" if value != "" else key
                for key, value in record.items()
                if not key.startswith("_") and value is not None
            )
            yield f"| {verdict} | {name} | {_cell(cells) or 'nothing'} |"
            verdict = ""
        if len(records) > MOST_RECORDS:
            yield f"| | {name} | and {len(records) - MOST_RECORDS} more |"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "⏎").replace("<", "&lt;")


def write(path: Path = PAGE) -> None:
    """Write the page anew."""
    path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
