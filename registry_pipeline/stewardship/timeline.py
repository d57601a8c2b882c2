"""Everything that came in about one patient, by date.

Belongs here: her judged records in order of time, the numbers by which facilities know her.
Does not belong here: one finding and its record (``records.py``), drawing (``web/``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.stewardship.records import (
    AppliedCorrection,
    applied_corrections,
    as_text,
    judged_files,
)
from registry_pipeline.validation.records import curated, date_stems, item_columns, references, whole_key
from schemas.columns import SOURCE_NUMBER
from schemas.table import columns_of, key_of


@dataclass(frozen=True)
class TimelineEntry:
    """One record of a patient.

    Attributes:
        day: its first date, or None.
        precision: of the day.
        label: what the date is, in the column's name.
        source_record_id: what its facility calls the record; None where it numbers none.
        values: the items that are known, without keys.
        corrected: those of them that are corrections of the registry.
        n_records: how many records that say the same it stands for.
    """

    day: date | None
    precision: str | None
    label: str | None
    table_name: str
    record_key: str
    outcome: str
    facility_id: str
    values: Mapping[str, str]
    corrected: Mapping[str, AppliedCorrection] = field(default_factory=dict)
    n_records: int = 1
    source_record_id: str | None = None


def timeline(home: Home, patient_id: str, facilities: list[str]) -> list[TimelineEntry]:
    """Every judged record of a patient by date; a record without one takes that of the record that it hangs on.

    Args:
        facilities: those that may know her; all if empty.
    """
    entries: dict[tuple[str, str], TimelineEntry] = {}
    corrected = applied_corrections(home, facilities or home.facility_ids())
    for table, facility_id, outcome, row in _rows_of_patient(home, patient_id, facilities):
        parents = [
            entries.get((parent, str(row[column.name]))) for column, parent, _ in references(curated()[table])
        ]
        entry = _entry(table, row, facility_id, outcome)
        entry = replace(entry, corrected=corrected.get((table, entry.record_key), {}))
        dated = next(
            (parent for parent in parents if parent and parent.day and parent.table_name != "patient"), None
        )
        if entry.day is None and dated is not None:
            entry = replace(entry, day=dated.day, precision=dated.precision)
        entries[table, entry.record_key] = entry
    order = list(curated())
    return sorted(
        entries.values(),
        key=lambda entry: (
            entry.day or date.min,
            order.index(entry.table_name),
            entry.source_record_id or entry.record_key,
        ),
    )


def _rows_of_patient(
    home: Home, patient_id: str, facilities: list[str]
) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Table, facility, outcome and row of every judged record of a patient, parents before children.

    The files are read at once, which costs half of reading one after the other.
    """
    senders = facilities or home.facility_ids()
    tables = [name for name, model in curated().items() if "patient_id" in model.columns]
    places = [
        (table, facility_id, outcome, path)
        for table in tables
        if table != "patient_xref"
        for path, facility_id, outcome in judged_files(home, senders, table)
    ]
    own = pl.col("patient_id") == patient_id
    frames = pl.collect_all(
        pl.scan_parquet(path, glob=False).filter(own).with_columns(whole_key(table).alias("_key"))
        for table, _, _, path in places
    )
    for (table, facility_id, outcome, _), frame in zip(places, frames, strict=True):
        for row in frame.iter_rows(named=True):
            yield table, facility_id, outcome, row


def _entry(table: str, row: Mapping[str, Any], facility_id: str, outcome: str) -> TimelineEntry:
    model = curated()[table]
    stems = [name for name in date_stems(model) if row.get(name) is not None]
    plain_dates = [
        column.name for column in columns_of(model) if column.kind == "date" and row.get(column.name)
    ]
    label = next(
        iter(
            [stem for stem in stems if stem != "birth_date"] or [d for d in plain_dates if "birth" not in d]
        ),
        None,
    )
    hidden = {*key_of(model), "patient_id", "facility_id", SOURCE_NUMBER}
    shown = {name: as_text(row.get(name), row.get(f"{name}_precision")) for name in item_columns(model)}
    return TimelineEntry(
        day=None if label is None else row[label],
        precision=None if label is None else row.get(f"{label}_precision", "day"),
        label=label,
        table_name=table,
        record_key=str(row["_key"]),
        outcome=outcome,
        facility_id=facility_id,
        values={name: value for name, value in shown.items() if value is not None and name not in hidden},
        source_record_id=row.get(SOURCE_NUMBER),
    )


def folded(entries: Sequence[TimelineEntry], findings: Sequence[Mapping[str, Any]]) -> list[TimelineEntry]:
    """The entries, those as one that follow each other and say the same of one day: eight regions of a CT, all free.

    Args:
        findings: rows of ``quality.finding``; a record that one of them speaks of stands by itself.
    """
    with_findings = {(finding["table_name"], finding["record_key"]) for finding in findings}
    rows: list[TimelineEntry] = []
    for entry in entries:
        alone = bool(entry.corrected) or (entry.table_name, entry.record_key) in with_findings
        before = rows[-1] if rows and not alone else None
        if (
            before is not None
            and _is_same(before, entry)
            and (before.table_name, before.record_key) not in with_findings
        ):
            rows[-1] = replace(before, n_records=before.n_records + 1)
        else:
            rows.append(entry)
    return rows


def _is_same(left: TimelineEntry, right: TimelineEntry) -> bool:
    keyless = (replace(entry, record_key="", source_record_id=None, n_records=1) for entry in (left, right))
    return next(keyless) == next(keyless)
