"""Writing the query workbook of a facility.

Belongs here: one row per finding, with the facility's own record numbers; protection, lists, filters.
Does not belong here: words and columns (``layout.py``), saying that the facility was asked (``stewardship/decide.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from registry_pipeline.core.files import whole_file
from registry_pipeline.core.frames import with_schema
from registry_pipeline.core.home import Home
from registry_pipeline.core.working_files import working_file
from registry_pipeline.pipeline.corrections import APPLIED
from registry_pipeline.reporting.document.rows import XLSX_OPTIONS
from registry_pipeline.stewardship.decide import ledger_entries
from registry_pipeline.stewardship.findings import translate
from registry_pipeline.stewardship.patients import read_numbers
from registry_pipeline.stewardship.queries.layout import (
    ANSWERED,
    ANSWERS,
    COLUMNS,
    CORRECTED,
    CORRECTIONS,
    HOW_TO,
    SHEET,
    WIDTHS,
    WORDS,
    cell_text,
    labels,
    seal,
)
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.store.parquet import read_parquet
from schemas.messages import supported_language

MOST_ROWS = 100_000


def write_queries(
    home: Home, facility_id: str, findings: pl.DataFrame, folder: Path, language: str = "en"
) -> Path:
    """One workbook with the questions to a facility; gives its path.

    Args:
        findings: rows of ``quality.finding`` of this facility.
        folder: where it is written, as ``queries_<facility>_<day>.xlsx``.
        language: ``en`` or ``zh``.

    Raises:
        ValueError: no such language, or more findings than a workbook should hold.
    """
    if findings.height > MOST_ROWS:
        raise ValueError(f"{findings.height} findings are more than {MOST_ROWS} rows; choose fewer")
    language_of_workbook = supported_language(language)
    rows = list(_rows(home, facility_id, translate(findings, language_of_workbook), language_of_workbook))
    path = folder / f"queries_{facility_id}_{datetime.now(UTC):%Y-%m-%d}.xlsx"
    corrections = list(_corrections(home, facility_id))
    with whole_file(path) as temporary:
        _write(temporary, rows, corrections, language_of_workbook)
    return path


def _rows(home: Home, facility_id: str, findings: pl.DataFrame, language: str) -> Iterator[dict[str, str]]:
    numbers, key = _own_numbers(home, facility_id), home.key()
    for number, finding in enumerate(findings.iter_rows(named=True), start=1):
        cells = {
            "number": str(number),
            "patient": "; ".join(numbers.get(str(finding["patient_id"]), ())),
            "file": cell_text(finding["source_file"]),
            "sheet": cell_text(finding["sheet"]),
            "row": cell_text(finding["source_row"]),
            "column": cell_text(finding["source_column"] or finding["items"]),
            "seen": cell_text(finding["value_text"]),
            "expected": cell_text(finding["message"]),
            "suggested": cell_text(finding["suggestion"]),
            "severity": WORDS[language][str(finding["severity"])],
            "finding": str(finding["finding_id"]),
        }
        yield {**cells, "seal": seal(facility_id, cells, key)}


def _corrections(home: Home, facility_id: str) -> Iterator[Sequence[str]]:
    """The values that the registry uses in place of what the facility sends, as of the last screening."""
    path = working_file(StoreLayout(home.store).screened_frame(facility_id, "corrections"), home.store)
    if path is None:
        return
    numbers = _own_numbers(home, facility_id)
    why = {entry.decision_no: entry.reason for entry in ledger_entries(home)}
    for row in with_schema(read_parquet(path), APPLIED).iter_rows(named=True):
        place = (row["source_file"], row["sheet"], row["source_row"], row["source_column"])
        values = (row["value_received"], row["new_value"], why.get(row["decision_no"]))
        own = "; ".join(numbers.get(str(row["patient_id"]), ()))
        yield [own, *(cell_text(value) for value in (*place, *values))]


def _own_numbers(home: Home, facility_id: str) -> dict[str, list[str]]:
    """Patient -> the numbers by which the facility knows her."""
    numbers: dict[str, list[str]] = {}
    for patient_id, _, number in read_numbers(home, [facility_id]).drop_nulls().iter_rows():
        numbers.setdefault(patient_id, []).append(cell_text(number))
    return numbers


def _write(
    path: Path, rows: list[dict[str, str]], corrections: Sequence[Sequence[str]], language: str
) -> None:
    import xlsxwriter

    words, last = WORDS[language], max(1, len(rows))
    with xlsxwriter.Workbook(str(path), {**XLSX_OPTIONS, "constant_memory": False}) as book:
        sheet = book.add_worksheet(SHEET)
        formats = _formats(book)
        for position, (label, width) in enumerate(zip(labels(language), WIDTHS, strict=True)):
            sheet.set_column(position, position, width)
            sheet.write_string(0, position, label, formats["head"])
        for number, row in enumerate(rows, start=1):
            for position, name in enumerate(COLUMNS):
                kind = "answer" if name in ANSWERED else "asked"
                sheet.write_string(number, position, row.get(name, ""), formats[kind])
        _restrict(sheet, words, last)
        if corrections:
            _list_corrections(book.add_worksheet(CORRECTIONS), corrections, words, formats)
        _explain(book.add_worksheet(HOW_TO), words, formats)


def _formats(book: Any) -> Mapping[str, Any]:
    cell = {"text_wrap": True, "valign": "top", "num_format": "@"}
    return {
        "head": book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1}),
        "asked": book.add_format({**cell, "bg_color": "#F1F3F5", "locked": True}),
        "answer": book.add_format({**cell, "locked": False, "border": 1, "border_color": "#D0D7DE"}),
    }


def _restrict(sheet: Any, words: Mapping[str, str], last: int) -> None:
    """Head, filters, the list of answers, and what cannot be changed."""
    answer = COLUMNS.index("answer")
    choices = {
        "validate": "list",
        "source": [words[code] for code in ANSWERS],
        "error_message": words["pick"],
    }
    sheet.data_validation(1, answer, last, answer, choices)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, last, len(COLUMNS) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:P{last + 1}"})
    sheet.protect(
        "",
        {
            "sort": True,
            "autofilter": True,
            "format_columns": True,
            "format_rows": True,
            "select_locked_cells": True,
        },
    )
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _list_corrections(
    sheet: Any, corrections: Sequence[Sequence[str]], words: Mapping[str, str], formats: Mapping[str, Any]
) -> None:
    """What the registry corrected by itself, to be corrected at the source; nothing is answered here."""
    sheet.set_column(0, len(CORRECTED) - 1, 22)
    for position, name in enumerate(CORRECTED):
        sheet.write_string(0, position, words[name], formats["head"])
    for number, row in enumerate(corrections, start=1):
        for position, text in enumerate(row):
            sheet.write_string(number, position, text, formats["asked"])
    sheet.freeze_panes(1, 0)
    sheet.protect()


def _explain(sheet: Any, words: Mapping[str, str], formats: Mapping[str, Any]) -> None:
    sheet.set_column(0, 0, 110)
    for number, line in enumerate(words["how_to"].split("\n")):
        sheet.write_string(number, 0, line, formats["head"] if number == 0 else None)
    sheet.protect()
