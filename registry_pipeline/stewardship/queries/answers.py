"""Reading a query workbook back.

Belongs here: which rows are answered, which were altered, the decisions that follow.
Does not belong here: reading workbooks (``intake/readers``), appending decisions (``stewardship/decide.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from registry_pipeline.stewardship.queries.layout import (
    COLUMNS,
    SHEET,
    WORDS,
    answer_code,
    cell_text,
    labels,
    seal,
)
from registry_pipeline.validation.decisions.ledger import CONVERSATION, Decision, value_digest

_NO_WORKBOOK = f"is no query workbook; it has no sheet '{SHEET}'"


class WorkbookRefused(ValueError):
    """A workbook that cannot be read back; the message names the row, and no value of it."""


@dataclass(frozen=True)
class Answer:
    """An answered row.

    Attributes:
        row: of the sheet, from 1.
        seen: the value that was asked about.
        code: one of the answers of a workbook.
        reason: code, right value and remark in one line, for the ledger.
    """

    row: int
    finding_id: str
    seen: str
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
        n_outdated: answered rows about a value in whose place another one stands now.
        n_repeated: answered rows whose answer the ledger holds already, and which nobody has asked for again since.
    """

    answered: Sequence[Decision]
    n_open: int
    n_unknown: int
    n_outdated: int
    n_repeated: int


def read_answers(home: Home, path: Path) -> tuple[str, list[Answer], int]:
    """The facility, the answered rows and the number of rows without an answer.

    Raises:
        WorkbookRefused: it is no query workbook of this registry, or a row was altered.
    """
    rows = _rows_of(path)
    if not rows:
        raise WorkbookRefused(f"{path.name}: the sheet '{SHEET}' has no rows")
    facility_id = _facility_of(home, path, *rows[0])
    answers: dict[str, Answer] = {}
    n_open = 0
    for number, cells in rows:
        if seal(facility_id, cells, home.key()) != cells["seal"]:
            raise WorkbookRefused(
                f"{path.name}, row {number}: a grey cell was changed or belongs to another row; "
                "restore the row, or export the queries again. Nothing was read"
            )
        if not (cells["answer"] or cells["value"] or cells["remark"]):
            n_open += 1
            continue
        answer = _answer(path, number, cells)
        first = answers.setdefault(answer.finding_id, answer)
        if (first.reason, first.answered_by) != (answer.reason, answer.answered_by):
            raise WorkbookRefused(
                f"{path.name}, row {number}: the query of row {first.row} stands here once more with another answer; "
                "leave one of the two rows. Nothing was read"
            )
    return facility_id, list(answers.values()), n_open


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
    known = [answer for answer in answers if answer.finding_id in findings]
    current = [answer for answer in known if _is_of_value(answer, findings[answer.finding_id])]
    given = _given(home)
    orders = [
        (
            findings[answer.finding_id],
            Order("answered", answer.reason, f"{answer.answered_by or imported_by} ({facility_id})"),
        )
        for answer in current
        if (
            answer.finding_id,
            value_digest(findings[answer.finding_id]["value_text"], home.key()),
            answer.reason,
        )
        not in given
    ]
    appended = decide_each(home, orders) if orders else []
    n_unknown, n_outdated = len(answers) - len(known), len(known) - len(current)
    return Import(appended, n_open, n_unknown, n_outdated, len(current) - len(appended))


def _is_of_value(answer: Answer, finding: Mapping[str, Any]) -> bool:
    """Whether the value that was asked about is the one that stands there; an answer says nothing of another."""
    return answer.seen.split() == cell_text(finding["value_text"]).split()


def _given(home: Home) -> set[tuple[str, str, str]]:
    """Finding, value and words of the answers that stand: what else was decided since, such as to ask again, ends one."""
    given: dict[str, set[tuple[str, str, str]]] = {}
    for entry in ledger_entries(home):
        if entry.state == "answered":
            answer = (entry.finding_id, entry.value_digest, entry.reason)
            given.setdefault(entry.finding_id, set()).add(answer)
        elif entry.state not in CONVERSATION:
            given.pop(entry.finding_id, None)
    return set().union(*given.values())


def _rows_of(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Row number and cells of every row, by what stands in a column."""
    options = ReadOptions(header_rows=(1,), sheets=(SHEET,), totals_row_markers=())
    try:
        result = read_isolated(path, path.suffix.lower(), options, read_file, path, options)
    except (ReadError, OSError) as problem:
        is_other = isinstance(problem, ReadError) and problem.code == "no_such_sheet"
        reason = _NO_WORKBOOK if is_other else f"cannot be read ({problem})"
        raise WorkbookRefused(f"{path.name}: {reason}") from None
    sheet = next((sheet for sheet in result.sheets if sheet.sheet == SHEET), None)
    if sheet is None:
        raise WorkbookRefused(f"{path.name}: {_NO_WORKBOOK}")
    frame = sheet.frame
    expected = max(
        (labels(language) for language in WORDS), key=lambda names: len({*names} & {*frame.columns})
    )
    if absent := [name for name in expected if name not in frame.columns]:
        raise WorkbookRefused(
            f"{path.name}, row 1: the sheet '{SHEET}' has no column '{absent[0]}'; restore the first row, "
            "or export the queries again. Nothing was read"
        )
    rows = frame.select("source_row", *expected).iter_rows()
    return [(number, cells) for number, *texts in rows if any((cells := _cells(texts)).values())]


def _cells(texts: Sequence[str | None]) -> dict[str, str]:
    return dict(zip(COLUMNS, ((text or "").strip() for text in texts), strict=True))


def _facility_of(home: Home, path: Path, number: int, cells: Mapping[str, str]) -> str:
    """The facility whose seal the first row carries."""
    for facility_id in home.facility_ids():
        if seal(facility_id, cells, home.key()) == cells["seal"]:
            return facility_id
    raise WorkbookRefused(
        f"{path.name}, row {number}: a grey cell was changed, or the workbook is of another registry. Nothing was read"
    )


def _answer(path: Path, number: int, cells: Mapping[str, str]) -> Answer:
    code = answer_code(cells["answer"])
    if not cells["answer"]:
        raise WorkbookRefused(
            f"{path.name}, row {number}: a value or a remark without an answer; choose one of the list beside it. "
            "Nothing was read"
        )
    if code is None:
        raise WorkbookRefused(
            f"{path.name}, row {number}: the answer is none of the list; choose one of it. Nothing was read"
        )
    parts = [code.replace("_", " ")]
    parts += [f"right value: {cells['value']}"] if cells["value"] else []
    parts += [cells["remark"]] if cells["remark"] else []
    try:
        reason = plain_text("right value with remark", "; ".join(parts))
        by = plain_text("by", cells["by"]) if cells["by"] else ""
    except DecisionRefused as problem:
        raise WorkbookRefused(f"{path.name}, row {number}: {problem}. Nothing was read") from None
    return Answer(number, cells["finding"], cells["seen"], code, reason, by)
