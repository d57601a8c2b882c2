"""Which data dictionary holds for which export, and what is wrong with either as a file.

Belongs here: S20 (dictionary and export disagree), S25 (an expression that cannot be read) and S26 (a dictionary that
changed) from headers and dictionaries. Does not belong here: cells (``redcap_rules.py``), records (``intake/submissions/redcap_rows.py``).

An export is read with the newest readable dictionary of its own or an earlier submission; where there is none, with
the first that came later.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from registry_pipeline.core.home import Home
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.raw.lookup import LONGEST
from registry_pipeline.intake.raw.store import SheetInfo, raw_rows
from registry_pipeline.intake.redcap.dictionary import (
    RECORD_PARTS,
    Dictionary,
    Field,
    NoDictionary,
    changes,
    read_dictionary,
)
from registry_pipeline.intake.redcap.export import Export
from registry_pipeline.intake.redcap.logic import LogicError, parse_logic
from registry_pipeline.intake.redcap.project_file import RedcapFile
from registry_pipeline.intake.submissions.file_use import FileUse

NONE_SENT = "no readable data dictionary was sent, and without one the export is not used"
_SHOWN = 10
Told = dict[str, Any]


def with_dictionaries(home: Home, uses: Sequence[FileUse]) -> list[FileUse]:
    """The files with what they are to a REDCap project; sheets of exports get the columns that a mapping sees."""
    result: list[FileUse] = []
    for use in uses:
        is_dictionary = use.source is not None and use.source.dictionary_of is not None
        result.append(_read(home, use, result) if is_dictionary and use.raw and use.raw.is_read else use)
    return [_export(use, result) for use in result]


def _read(home: Home, use: FileUse, earlier: Sequence[FileUse]) -> FileUse:
    assert use.raw is not None and use.source is not None
    before = [other.redcap.dictionary for other in earlier if _is_of(other, use.source) and other.redcap]
    dictionaries = [dictionary for dictionary in before if dictionary is not None]
    try:
        if not use.raw.sheets:
            raise NoDictionary("it holds no table")
        result = read_dictionary(raw_rows(home, use.raw, use.raw.sheets[0]))
    except NoDictionary as problem:
        return replace(use, redcap=RedcapFile(problem=f"this is no data dictionary: {problem}"))
    return replace(use, redcap=RedcapFile(result, dictionaries[-1] if dictionaries else None))


def _is_of(use: FileUse, source: Source) -> bool:
    return use.source is not None and use.source.name == source.name


def _export(use: FileUse, uses: Sequence[FileUse]) -> FileUse:
    source, raw = use.source, use.raw
    if source is None or source.redcap is None or raw is None:
        return use
    dictionary = _in_force(use, uses)
    if dictionary is None:
        return replace(use, redcap=RedcapFile(problem=NONE_SENT))
    exports = {
        sheet.sheet_no: Export(tuple(sheet.columns), dictionary, source.redcap) for sheet in raw.sheets
    }
    names = [*source.required, *source.source_columns()]
    sheets = [replace(sheet, columns=exports[sheet.sheet_no].available(names)) for sheet in raw.sheets]
    had = any(
        _has_repeats(Export(tuple(sheet.columns), dictionary, source.redcap))
        for other in uses
        if _is_of(other, source) and other.raw and other.landed.file_no < use.landed.file_no
        for sheet in other.raw.sheets
    )
    return replace(
        use, raw=replace(raw, sheets=sheets), redcap=RedcapFile(dictionary, exports=exports, had_repeats=had)
    )


def _has_repeats(export: Export) -> bool:
    return RECORD_PARTS[1] in export.columns


def _in_force(use: FileUse, uses: Sequence[FileUse]) -> Dictionary | None:
    assert use.source is not None
    numbered = [
        (other.landed.submission_no, other.redcap.dictionary)
        for other in uses
        if other.source is not None and other.source.dictionary_of == use.source.name
        and other.redcap is not None and other.redcap.dictionary is not None
    ]  # fmt: skip
    own = [dictionary for number, dictionary in numbered if number <= use.landed.submission_no]
    return own[-1] if own else (numbered[0][1] if numbered else None)


def redcap_issues(use: FileUse) -> Iterator[Told]:
    """What is wrong with a file of a REDCap project, as arguments of a file issue."""
    if use.redcap is None:
        return
    if use.redcap.problem:
        suggestion = "export the data dictionary of the project as CSV and put it beside the data"
        yield {"rule_id": "S20", "severity": "error", "reason": use.redcap.problem, "suggestion": suggestion}
        return
    assert use.source is not None and use.redcap.dictionary is not None
    if not use.redcap.exports:
        yield from _dictionary_issues(use.redcap.dictionary, use.redcap.before)
    for sheet in use.sheets if use.redcap.exports else ():
        yield from _export_issues(use, use.source, sheet, use.redcap.exports[sheet.sheet_no])


def _dictionary_issues(now: Dictionary, before: Dictionary | None) -> Iterator[Told]:
    for name, source_row, reason in changes(before, now) if before is not None else ():
        yield {
            "rule_id": "S26",
            "reason": reason[:LONGEST],
            "column_name": name,
            "source_row": source_row or None,
            "suggestion": "compare the mapping of the field with its new choices",
        }
    for field in now.fields.values():
        for text, what in ((field.branching, "branching logic"), (field.formula, "formula")):
            if problem := _unreadable(now, text):
                reason = f"its {what} is not checked: {problem}"
                yield {
                    "rule_id": "S25",
                    "reason": reason,
                    "column_name": field.name,
                    "source_row": field.source_row,
                }


def _unreadable(dictionary: Dictionary, text: str) -> str:
    if not text:
        return ""
    try:
        named = list(parse_logic(text).references())
    except LogicError as problem:
        return str(problem)
    for reference in named:
        field = dictionary.fields.get(reference.field)
        if field is None:
            return f"[{reference.field}] is no field of the dictionary"
        if field.is_checkbox and reference.code is None:
            return f"[{reference.field}] is a checkbox and needs the code of a choice"
    return ""


def _export_issues(use: FileUse, source: Source, sheet: SheetInfo, export: Export) -> Iterator[Told]:
    place = {"rule_id": "S20", "sheet": sheet.sheet}
    for name in export.unknown:
        if not any(fnmatch.fnmatchcase(name, glob) for glob in source.ignore):
            reason = "the export has this column and the dictionary has no such field"
            suggestion = "send the dictionary of the day of the export, or ignore the column"
            yield place | {"reason": reason, "column_name": name, "suggestion": suggestion}
    for form in dict.fromkeys(table.instrument for table in source.tables if table.instrument):
        if form not in export.dictionary.forms:
            reason = f"the mapping takes records from instrument '{form}', which the dictionary has not"
            yield place | {"severity": "error", "reason": reason, "column_name": form}
    yield from ({**place, "severity": "info", **issue} for issue in _absent(source, export))
    if _has_repeats(export):
        return
    if use.redcap is not None and use.redcap.had_repeats:
        reason = "earlier exports had the columns of repeats and this one has none; it is read as if nothing repeats"
        yield place | {"reason": reason, "column_name": RECORD_PARTS[1]}


def _absent(source: Source, export: Export) -> Iterator[Told]:
    """Fields that the dictionary has and the export has not; mapped ones are told by S02."""
    mapped = {name.partition("___")[0].removesuffix(":label") for name in source.source_columns()}
    for form, names in export.absent.items():
        others = [name for name in names if name not in mapped and not _is_withheld(export, name)]
        if others:
            shown = ", ".join(others[:_SHOWN]) + (", ..." if len(others) > _SHOWN else "")
            reason = f"{len(others)} fields of instrument '{form}' are not in the export: {shown}"
            yield {
                "reason": reason,
                "column_name": form,
                "suggestion": "check the rights of the user who exports",
            }


def _is_withheld(export: Export, name: str) -> bool:
    field: Field = export.dictionary.fields[name]
    return export.redcap.is_deidentified and field.is_identifier


def judged_in_file(use: FileUse) -> dict[str, int]:
    """Rule id -> how many columns, expressions and fields :func:`redcap_issues` looks at."""
    if use.redcap is None or use.redcap.dictionary is None:
        return {}
    if use.redcap.exports:
        return {"S20": sum(len(export.headers) for export in use.redcap.exports.values())}
    fields = use.redcap.dictionary.fields.values()
    n_expressions = sum(bool(field.branching) + bool(field.formula) for field in fields)
    return {"S25": n_expressions, "S26": len(use.redcap.before.fields) if use.redcap.before else 0}
