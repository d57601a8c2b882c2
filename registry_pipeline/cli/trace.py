"""The command that follows a number to the cells it rests on.

Belongs here: what the words after ``trace`` mean, what is shown. Does not belong here: following it (``stewardship/trace``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.cli.rows import as_json, print_json
from registry_pipeline.reporting.document.terminal import print_table

if TYPE_CHECKING:
    from registry_pipeline.stewardship.trace.cells import TracedItem, TracedRecord
    from registry_pipeline.stewardship.trace.patients import TracedPatient
    from registry_pipeline.stewardship.trace.results import TracedResult

_FINDING = ("finding_id", "rule_id", "severity", "status", "items", "source_file", "source_row")
_DECISION = (
    "decision_no",
    "finding_id",
    "state",
    "decided_by",
    "reason",
    "old_value",
    "new_value",
    "is_in_force",
)
_ROW = ("patient_id", "table_name", "record_key", "facility_id", "source_file", "sheet", "source_row")


@click.command()
@own_options
@click.argument("subject", metavar="TABLE|patient")
@click.argument("words", nargs=-1, metavar="[KEY [COLUMN] | COLUMN=VALUE ...]")
@click.option("--release", "release_id", metavar="ID", help="In this release; the current one if not given.")
@click.option(
    "--limit",
    default=20,
    type=click.IntRange(0),
    help="Of a result: show the source rows of so many patients.",
)
@as_json
def trace(subject: str, words: tuple[str, ...], release_id: str | None, limit: int, is_json: bool) -> None:
    """From a number to the cells of the files that it rests on.

    \b
    registry trace curated.lesion LESION_ID [COLUMN]
    registry trace patient P0123456789abcdef|NUMBER
    registry trace result.km_landmark endpoint=os stratum=all landmark_months=36

    NUMBER is a facility's own number of the patient. It quotes records: what it prints is for stewards.
    """
    with CONTEXT.release(release_id) as connection:
        if subject == "patient":
            _show_patient(connection, words, is_json)
        elif subject.startswith("result."):
            _show_result(connection, subject, words, limit, is_json)
        else:
            _show_record(connection, subject, words, is_json)


def _show_record(connection: Any, table: str, words: Sequence[str], is_json: bool) -> None:
    from registry_pipeline.stewardship.trace.cells import trace_record

    if not 1 <= len(words) <= 2:
        raise click.UsageError(
            "write the key of the record after the table, and a column if only that is wanted"
        )
    record = trace_record(CONTEXT.home(), connection, table, words[0], words[1] if len(words) > 1 else None)
    if is_json:
        print_json(asdict(record))
        return
    columns = (
        "item",
        "value",
        "used",
        "text as received",
        "file",
        "sheet",
        "row",
        "column",
        "how",
        "changed by",
    )
    print_table(columns, _cell_rows(record), f"curated.{record.table_name}")
    _show_findings(record)


def _cell_rows(record: TracedRecord) -> Iterable[tuple[Any, ...]]:
    for item in record.items:
        if not item.cells:
            yield item.column_name, _shown(item.value), None, None, "not in any file", *(None,) * 5
        for number, cell in enumerate(item.cells):
            name, value = (item.column_name, _shown(item.value)) if number == 0 else ("", "")
            place = (cell.source_file, cell.sheet, cell.source_row, cell.source_column)
            is_used = cell.is_used and item.correction is None
            yield name, value, is_used, cell.text, *place, _origin(item, cell.origin), cell.parser


def _origin(item: TracedItem, origin: str) -> str:
    """How the value came of the cell, or which decision replaces it."""
    if item.correction is None:
        return origin
    return f"corrected by the registry (decision {item.correction['decision_no']})"


def _shown(value: object) -> str | None:
    return None if value is None else str(value)


def _show_findings(traced: TracedRecord | TracedPatient) -> None:
    for columns, rows, title in (
        (_FINDING, traced.findings, "Findings"),
        (_DECISION, traced.decisions, "Decisions"),
    ):
        if rows:
            print_table(columns, _chosen(rows, columns), title)


def _chosen(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterable[list[Any]]:
    return ([row[column] for column in columns] for row in rows)


def _show_patient(connection: Any, words: Sequence[str], is_json: bool) -> None:
    from registry_pipeline.stewardship.patients import meant_patients, read_numbers
    from registry_pipeline.stewardship.trace.patients import trace_patient

    if len(words) != 1:
        raise click.UsageError("write one pseudonym, or a facility's own number, after patient")
    meant = meant_patients(read_numbers(CONTEXT.home()), (words[0],)) or [words[0]]
    if len(meant) > 1:
        raise click.UsageError(f"{len(meant)} patients have this number; write one of {', '.join(meant)}")
    patient = trace_patient(connection, meant[0])
    if is_json:
        print_json(asdict(patient))
        return
    print_table(_ROW[1:], _chosen(patient.records, _ROW[1:]), "Records and the rows that they come from")
    if patient.quarantined:
        columns = ("table_name", "record_key", "reason", "cause", "source_file", "sheet", "source_row")
        print_table(columns, _chosen(patient.quarantined, columns), "In quarantine")
    _show_findings(patient)


def _show_result(connection: Any, table: str, words: Sequence[str], limit: int, is_json: bool) -> None:
    from registry_pipeline.stewardship.trace.patients import source_rows
    from registry_pipeline.stewardship.trace.results import trace_result

    conditions = dict(_condition(word) for word in words)
    result = trace_result(connection, table, conditions)
    patients = [str(patient["patient_id"]) for patient in result.patients]
    rows = source_rows(connection, patients if is_json else patients[:limit])
    if is_json:
        print_json({**asdict(result), "is_exact": result.is_exact, "records": rows})
        return
    print_table(
        ("column", "value"), ((name, _shown(value)) for name, value in result.row.items()), result.table_name
    )
    click.echo(_summary(result))
    if result.patients and limit:
        columns = list(result.patients[0])
        print_table(columns, _chosen(result.patients[:limit], columns), "Patients")
        print_table(_ROW, _chosen(rows, _ROW), "Their records and the rows that they come from")
    if len(patients) > limit:
        click.echo(f"... {len(patients) - limit} more patients; --json gives all of them", err=True)


def _summary(result: TracedResult) -> str:
    patients = f"{len(result.patients)} {result.basis}"
    if result.is_exact is False:
        return f"{patients}; the row counts {result.n_stated}: those whose values it could use"
    return patients


def _condition(word: str) -> tuple[str, str]:
    name, separator, value = word.partition("=")
    if not separator or not name:
        raise click.UsageError("write conditions as column=value, such as endpoint=os")
    return name, value


COMMANDS = (trace,)
