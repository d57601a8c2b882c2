"""Reading a query workbook back.

Belongs here: which rows are answered, which were altered, the decisions that follow.
Does not belong here: reading workbooks (``intake/readers``), appending decisions (``stewardship/decide.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.intake.readers import read_file
from registry_pipeline.intake.readers.isolated import read_isolated
from registry_pipeline.intake.readers.model import ReadError, ReadOptions
from registry_pipeline.stewardship.decide import (
    DecisionRefused,
    Order,
    decide_each,
    ledger_entries,
    plain_text,
)
from registry_pipeline.stewardship.findings import Snapshot
from registry_pipeline.stewardship.queries.layout import COLUMNS, SHEET, answer_code, seal
from registry_pipeline.validation.decisions.ledger import Decision


class WorkbookRefused(ValueError):
    """A workbook that cannot be read back; the message names the row, and no value of it."""


@dataclass(frozen=True)
class Answer:
    """An answered row.

    Attributes:
        row: of the sheet, from 1.
        code: one of the answers of a workbook.
        reason: code, right value and remark in one line, for the ledger.
    """

    row: int
    finding_id: str
    code: str
    reason: str
    answered_by: str


@dataclass(frozen=True)
class Import:
    """What became of the rows of a workbook.

    Attributes:
        answered: decisions that were appended.
        n_open: rows without an answer.
        n_unknown: answered rows whose finding the registry does not have any more.
        n_repeated: answered rows whose answer the ledger holds already.
    """

    answered: Sequence[Decision]
    n_open: int
    n_unknown: int
    n_repeated: int


def read_answers(home: Home, path: Path) -> tuple[str, list[Answer], int]:
    """The facility, the answered rows and the number of rows without an answer.

    Raises:
        WorkbookRefused: it is no query workbook of this registry, or a row was altered.
    """
    rows = _rows_of(path)
    if not rows:
        raise WorkbookRefused(f"{path.name}: the sheet '{SHEET}' has no rows")
    facility_id = _facility_of(home, path, rows[0][1])
    answers, n_open = [], 0
    for number, cells in rows:
        if seal(facility_id, cells, home.key()) != cells["seal"]:
            raise WorkbookRefused(
                f"{path.name}, row {number}: a grey cell was changed or belongs to another row; "
                "restore the row, or export the queries again. Nothing was read"
            )
        if not (cells["answer"] or cells["value"] or cells["remark"]):
            n_open += 1
            continue
        answers.append(_answer(path, number, cells))
    return facility_id, answers, n_open


def import_answers(home: Home, snapshot: Snapshot, path: Path, imported_by: str) -> Import:
    """Append the answers of a workbook, all or none; a workbook that comes twice appends nothing twice.

    Args:
        imported_by: who reads it back, where a row does not say who answered.

    Raises:
        WorkbookRefused: see :func:`read_answers`.
        DecisionRefused: an answer cannot be taken.
    """
    facility_id, answers, n_open = read_answers(home, path)
    own = snapshot.findings.filter(pl.col("facility_id") == facility_id)
    findings = {row["finding_id"]: row for row in own.iter_rows(named=True)}
    repeated = {
        (entry.finding_id, entry.reason) for entry in ledger_entries(home) if entry.state == "answered"
    }
    orders = [
        (
            findings[answer.finding_id],
            Order("answered", answer.reason, f"{answer.answered_by or imported_by} ({facility_id})"),
        )
        for answer in answers
        if answer.finding_id in findings and (answer.finding_id, answer.reason) not in repeated
    ]
    n_unknown = sum(answer.finding_id not in findings for answer in answers)
    appended = decide_each(home, orders) if orders else []
    return Import(appended, n_open, n_unknown, len(answers) - n_unknown - len(appended))


def _rows_of(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Row number and cells of every row, by what stands in a column."""
    options = ReadOptions(format="xlsx", header_rows=(1,), sheets=(SHEET,), totals_row_markers=())
    try:
        result = read_isolated(path, ".xlsx", options, read_file, path, options)
    except (ReadError, OSError) as problem:
        raise WorkbookRefused(f"{path.name}: cannot be read ({problem})") from None
    sheets = [sheet for sheet in result.sheets if sheet.sheet == SHEET]
    if len(sheets) != 1 or len(sheets[0].header) < len(COLUMNS):
        raise WorkbookRefused(
            f"{path.name}: is no query workbook; it has no sheet '{SHEET}' with its {len(COLUMNS)} columns"
        )
    frame = sheets[0].frame
    names = [name for name in frame.columns if name != "source_row"][: len(COLUMNS)]
    return [
        (number, cells)
        for number, *texts in frame.select("source_row", *names).iter_rows()
        if (cells := _cells(texts))
    ]


def _cells(texts: Sequence[str | None]) -> dict[str, str]:
    return dict(zip(COLUMNS, ((text or "").strip() for text in texts), strict=True))


def _facility_of(home: Home, path: Path, cells: Mapping[str, str]) -> str:
    """The facility whose seal the first row carries."""
    for facility_id in home.facility_ids():
        if seal(facility_id, cells, home.key()) == cells["seal"]:
            return facility_id
    raise WorkbookRefused(
        f"{path.name}, row 2: a grey cell was changed, or the workbook is of another registry. Nothing was read"
    )


def _answer(path: Path, number: int, cells: Mapping[str, str]) -> Answer:
    code = answer_code(cells["answer"])
    if code is None:
        raise WorkbookRefused(
            f"{path.name}, row {number}: the answer is none of the list; choose one of it. Nothing was read"
        )
    parts = [code.replace("_", " ")]
    parts += [f"right value: {cells['value']}"] if cells["value"] else []
    parts += [cells["remark"]] if cells["remark"] else []
    try:
        reason = plain_text("reason", "; ".join(parts))
        by = plain_text("by", cells["by"]) if cells["by"] else ""
    except DecisionRefused as problem:
        raise WorkbookRefused(f"{path.name}, row {number}: {problem}. Nothing was read") from None
    return Answer(number, cells["finding"], code, reason, by)
