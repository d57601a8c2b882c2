"""A draft as TOML with comments.

Belongs here: quoting, layout, comments. Does not belong here: what is written (``draft.py``).

Names of columns are a stranger's text: quoted for TOML, and without control characters in comments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from registry_pipeline.intake.profiling.model import ColumnDraft, FacilityDraft, SourceDraft, TableDraft

_LONGEST_COMMENT = 240
_RULE = "# " + "-" * 100
_HEAD = """\
# Mapping of the facility's exports, drafted from real files by: registry facility new
# Every line is a guess with its evidence behind it. Lines that begin with "# ?" are questions: answer each, then
# delete it. Values of records are nowhere in this file; keep it so, for a mapping leaves the house.
# Afterwards: registry facility check {id}
"""


def write_draft(draft: FacilityDraft) -> str:
    """The text of ``facilities/<id>.toml``."""
    lines = [_HEAD.format(id=draft.facility_id).rstrip()]
    lines += [
        f"id = {quoted(draft.facility_id)}",
        f"name = {quoted(draft.facility_id)}  # ? how reports call it",
    ]
    if draft.calendar == "relative":
        lines.append(
            'calendar = "relative"  # times are counted in days from a day of which only the year is known'
        )
    lines += ["", *map(_question, draft.questions)]
    if draft.anchor is not None:
        lines += [
            "",
            "# ? columns of days: from which day are they counted? taken as from the diagnosis of the primary tumour",
            f"[anchor.{draft.anchor}]",
            'table = "primary_tumour"',
            'column = "dx_date"',
        ]
    for source in draft.sources:
        lines += ["", _RULE, *_source(source)]
    return "\n".join(lines) + "\n"


def _source(source: SourceDraft) -> Iterator[str]:
    yield from (_comment(fact) for fact in source.facts)
    yield "[[source]]"
    yield f"name = {quoted(source.name)}"
    for key, value, evidence in source.options:
        yield _with_comment(f"{key} = {_value(value)}", evidence)
    if source.questions:
        yield ""
        yield from map(_question, source.questions)
    for table in source.tables:
        yield ""
        lines = _table(table)
        yield from (f"# {line}" for line in lines) if table.is_commented else lines


def _table(table: TableDraft) -> Iterator[str]:
    yield f"  # {table.title}"
    yield "  [[source.table]]"
    yield f"  table = {quoted(table.table)}"
    if table.sheets:
        yield f"  sheets = {_value(list(table.sheets))}"
    if table.where:
        members = [_inline(condition) for condition in table.where]
        yield f"  where = {members[0] if len(members) == 1 else '[' + ', '.join(members) + ']'}"
    if table.group_by:
        yield _with_comment(f"  group_by = {_value(list(table.group_by))}", "several rows make one record")
    yield "    [source.table.columns]"
    for column in table.columns:
        yield from _column(column)
    yield from (f"    {_question(question)}" for question in table.questions)


def _column(column: ColumnDraft) -> Iterator[str]:
    yield from (f"    {_question(question)}" for question in column.questions)
    plain = list(column.keys) == ["from"]
    value = quoted(column.keys["from"]) if plain else _inline(column.keys)
    yield "    " + _with_comment(f"{column.item} = {value}", column.evidence)


def quoted(text: str) -> str:
    """A TOML string of any text."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, Mapping):
        return _inline(value)
    return quoted(value) if isinstance(value, str) else str(value)


def _inline(keys: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{_key(name)} = {_value(value)}" for name, value in keys.items()) + " }"


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").isalpha() else quoted(name)


def _with_comment(line: str, comment: str) -> str:
    return f"{line}  {_comment(comment)}" if comment else line


def _question(text: str) -> str:
    return _comment(f"? {text}")


def _comment(text: str) -> str:
    plain = "".join(mark if mark.isprintable() else " " for mark in text)
    return "# " + (plain if len(plain) <= _LONGEST_COMMENT else plain[: _LONGEST_COMMENT - 1] + "…")
