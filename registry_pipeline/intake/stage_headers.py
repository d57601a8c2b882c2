"""Columns that a sheet should have, columns that it has, and what is wrong with a file as a whole.

Belongs here: rules S01, S02 and S15: unreadable files, missing and unexpected columns, ragged rows.
Does not belong here: values. Names of columns and files are shown, never a value of a record.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from registry_pipeline.intake.mapping import Source
from registry_pipeline.intake.parsing.text import comparison_key
from registry_pipeline.intake.raw import SheetInfo

if TYPE_CHECKING:
    from registry_pipeline.intake.stage_files import FileUse

_SIMILAR = 0.6


def has_needed(source: Source, sheet: SheetInfo) -> bool:
    """Whether a sheet has every column without which it cannot be used."""
    return all(_plain(name) in sheet.columns for name in source.needed_columns())


def issues_of_file(use: FileUse) -> Iterator[dict[str, Any]]:
    """What is wrong with a file and its sheets; nothing for one that a newer submission has replaced."""
    if use.is_superseded:
        return
    if use.source is None:
        suggestion = "add its name to files of a source in the facility's TOML"
        yield _issue(use, "S02", "error", use.status, suggestion=suggestion)
    elif use.raw is not None and not use.raw.is_read:
        yield _issue(use, "S01", "error", use.status)
    elif not any(sheet.n_rows for sheet in use.sheets):
        suggestion = "send the rows; until then an earlier full export stays in force"
        yield _issue(use, "S01", "warning", "there are no rows in it", suggestion=suggestion)
    for sheet in use.sheets:
        assert use.source is not None
        yield from _header_issues(use, use.source, sheet)
        for source_row, code, message in sheet.rejects:
            severity = "info" if code == "totals_row" else "warning"
            yield _issue(use, "S15", severity, message, sheet.sheet, source_row=source_row)


def _header_issues(use: FileUse, source: Source, sheet: SheetInfo) -> Iterator[dict[str, Any]]:
    needed = source.needed_columns()
    wanted = dict.fromkeys([*needed, *source.source_columns()])
    known = {_plain(name) for name in wanted}
    spare = [name for name in sheet.columns if name not in known]
    for name in wanted:
        if _plain(name) in sheet.columns:
            continue
        is_needed = name in needed
        reason = (
            "a required column is missing; the sheet is not used"
            if is_needed
            else "a mapped column is missing"
        )
        similar = likely_name(name, spare)
        suggestion = f"map '{similar}' instead, if that is its new name" if similar else None
        severity = "error" if is_needed else "warning"
        yield _issue(use, "S02", severity, reason, sheet.sheet, column_name=name, suggestion=suggestion)
    for name in spare:
        if not any(fnmatch.fnmatchcase(name, _plain(one)) for one in source.ignore):
            reason = "the column is neither mapped nor ignored"
            yield _issue(
                use, "S02", "warning", reason, sheet.sheet, column_name=name, suggestion="map or ignore it"
            )


def likely_name(missing: str, spare: list[str]) -> str | None:
    """The spare header that looks most like a missing column, or None when none does."""
    folded = {comparison_key(name): name for name in reversed(spare)}
    close = difflib.get_close_matches(comparison_key(missing), list(folded), n=1, cutoff=_SIMILAR)
    return folded[close[0]] if close else None


def _plain(name: str) -> str:
    """A column's name as the readers give it: runs of blanks collapsed."""
    return " ".join(name.split())


def _issue(
    use: FileUse,
    rule_id: str,
    severity: str,
    reason: str,
    sheet: str | None = None,
    *,
    source_row: int | None = None,
    column_name: str | None = None,
    suggestion: str | None = None,
) -> dict[str, Any]:
    return {
        "rule_id": rule_id,
        "severity": severity,
        "submission_id": use.landed.submission_id,
        "source_file": use.landed.source_file,
        "source_name": use.source.name if use.source else None,
        "sheet": sheet,
        "source_row": source_row,
        "column_name": column_name,
        "reason": reason,
        "suggestion": suggestion,
        "value_text": None,
    }
