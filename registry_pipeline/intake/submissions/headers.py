"""Columns that a sheet should have, columns that it has, and what is wrong with a file as a whole.

Belongs here: rules S01, S02 and S15: unreadable files, missing and unexpected columns, ragged rows.
Does not belong here: values. Names of columns and files are shown, never a value of a record.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterator
from typing import Any

from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.parsing.text import comparison_key
from registry_pipeline.intake.raw.store import SheetInfo
from registry_pipeline.intake.readers.header import COLUMN_NOTES
from registry_pipeline.intake.readers.instants import offset_of
from registry_pipeline.intake.submissions.file_use import FileUse, plain_name
from registry_pipeline.intake.submissions.redcap_files import redcap_issues
from registry_pipeline.intake.submissions.renamed_columns import SIMILAR, Drift


def issues_of_file(use: FileUse, drift: Drift) -> Iterator[dict[str, Any]]:
    """What is wrong with a file and its sheets; nothing for one that a newer submission has replaced."""
    if use.is_superseded:
        return
    if use.landed.is_withdrawn:
        reason = f"{use.status} by {use.landed.withdrawn_by}: {use.landed.withdrawal_reason}; none of its rows counts"
        yield _issue(use, "S01", "info", reason)
    elif use.source is None:
        suggestion = "add its name to files of a source in the facility's TOML"
        yield _issue(use, "S02", "error", use.status, suggestion=suggestion)
    elif use.raw is not None and not use.raw.is_read:
        yield _issue(use, "S01", "error", use.status)
    elif not any(sheet.n_rows for sheet in use.sheets):
        suggestion = "send the rows; until then an earlier full export stays in force"
        yield _issue(use, "S01", "warning", "there are no rows in it", suggestion=suggestion)
    yield from (_issue(use, **values) for values in redcap_issues(use))
    for sheet in use.sheets:
        assert use.source is not None
        if use.source.tables and not use.source.tables_of(sheet.sheet):
            yield from _unused_sheet(use, sheet)  # nothing is said of columns that nobody reads
        elif use.is_usable:
            yield from _header_issues(use, use.source, sheet, drift)
        for warning in sheet.warnings:
            yield _issue(use, "S01", "warning", warning, sheet.sheet)
        for note in sheet.notes:
            if not note.startswith(COLUMN_NOTES):  # such a column is told as one that is not mapped
                yield _issue(use, "S01", "info", note, sheet.sheet)
        yield from _serial_issues(use, use.source, sheet)
        yield from _midnight_issues(use, use.source, sheet)
        for source_row, code, message in sheet.rejects:
            severity = "info" if code in ("totals_row", "repeated_header") else "warning"
            yield _issue(use, "S15", severity, message, sheet.sheet, source_row=source_row)


def _unused_sheet(use: FileUse, sheet: SheetInfo) -> Iterator[dict[str, Any]]:
    if sheet.n_rows:
        reason = "no table of the mapping takes this sheet or member; none of its rows is used"
        suggestion = "name it under sheets of a [[source.table]], if it holds records"
        yield _issue(use, "S02", "info", reason, sheet.sheet, suggestion=suggestion)


def _serial_issues(use: FileUse, source: Source, sheet: SheetInfo) -> Iterator[dict[str, Any]]:
    """Dates that stopped being dates half-way: one finding a column, for the cause is one.

    Where the mapping declares how the source counts days, they are expected and none.
    """
    if source.excel_serial is not None:
        return
    mapped = {plain_name(name) for name in source.source_columns(sheet.sheet)}
    for name, n in sheet.serial_columns.items():
        if name in mapped:
            reason = (
                f"{n} cells of this column of dates are bare day numbers; they were read as dates by the workbook's"
                f" own {sheet.excel_epoch} system"
            )
            suggestion = "format the whole column as a date and send the workbook again"
            yield _issue(use, "S11", "warning", reason, sheet.sheet, column_name=name, suggestion=suggestion)


def _midnight_issues(use: FileUse, source: Source, sheet: SheetInfo) -> Iterator[dict[str, Any]]:
    """Days that are the day before or after: moments of universal time that are midnight where they were entered."""
    mapped = {plain_name(name) for name in source.source_columns(sheet.sheet)}
    for name, (clocks, is_utc) in sheet.midnights.items():
        if name not in mapped or (source.timezone and (is_utc or source.times_are_utc)):
            continue
        offset = offset_of(clocks)
        say = "UTC" if is_utc else "o'clock"
        reason = f"every value is {clocks} {say}, midnight at {offset}: the days may be those before or after"
        keys = 'timezone, such as "Asia/Shanghai",' + ("" if is_utc else " and utc_times = true")
        suggestion = f"declare {keys} for the source, or have the local days exported"
        yield _issue(use, "S12", "warning", reason, sheet.sheet, column_name=name, suggestion=suggestion)


def _header_issues(use: FileUse, source: Source, sheet: SheetInfo, drift: Drift) -> Iterator[dict[str, Any]]:
    needed = source.needed_columns(sheet.sheet)
    expected = dict.fromkeys([*needed, *source.source_columns(sheet.sheet)])
    plain = {plain_name(name) for name in expected}
    spare = [name for name in sheet.columns if name not in plain]
    if plain and plain.isdisjoint(sheet.columns):
        # What stands in the place of the header may be the first record: nothing of it is shown.
        reason = f"none of the mapped columns is in the first row: {len(sheet.columns)} other texts, of a record or a header"
        advice = "export the file with its header row, or say under header_rows which row that is"
        yield _issue(use, "S02", "warning", reason, sheet.sheet, suggestion=advice)
        spare = []
    for name in expected:
        if plain_name(name) in sheet.columns:
            continue
        before = drift.earlier(use, sheet, plain_name(name))
        reason, severity = "the mapped column is missing", "warning"
        if name in needed:
            reason, severity = "the required column is missing; the sheet is not used", "error"
        elif before is not None:
            reason = (
                "the column, which the submission before had, is missing; nothing is known of its values now"
            )
            severity = "error"
        similar = likely_name(name, spare)
        if before is not None:
            similar = drift.likely(use, sheet, plain_name(name), spare, before) or similar
        suggestion = f"map '{similar}' instead, if that is its new name" if similar else None
        yield _issue(use, "S02", severity, reason, sheet.sheet, column_name=name, suggestion=suggestion)
    for name in spare:
        if not any(fnmatch.fnmatchcase(name, plain_name(glob)) for glob in source.ignore):
            reason = "the column is neither mapped nor ignored"
            yield _issue(
                use, "S02", "warning", reason, sheet.sheet, column_name=name, suggestion="map or ignore it"
            )


def likely_name(missing: str, spare: list[str]) -> str | None:
    """The spare header that looks most like a missing column, or None when none does."""
    folded = {comparison_key(name): name for name in reversed(spare)}
    close = difflib.get_close_matches(comparison_key(missing), list(folded), n=1, cutoff=SIMILAR)
    return folded[close[0]] if close else None


def _issue(
    use: FileUse,
    rule_id: str,
    severity: str | None = None,
    reason: str = "",
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
