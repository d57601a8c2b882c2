"""What lies behind a finding: its source row as received, its record, the release's record, the patient's others.

Belongs here: looking records up in the working files and in the served release, for reading beside each other.
Does not belong here: which findings there are (``findings.py``), drawing (``web/``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from registry_pipeline.core.frames import with_schema
from registry_pipeline.core.home import Home
from registry_pipeline.core.working_files import working_file
from registry_pipeline.intake.raw.lookup import raw_row
from registry_pipeline.pipeline.corrections import APPLIED
from registry_pipeline.stewardship.released import ReleaseReader
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.validation.records import curated, item_columns, whole_key
from schemas.table import key_of

OUTCOMES = ("accepted", "quarantined")


@dataclass(frozen=True)
class AppliedCorrection:
    """A value that the registry uses in place of the one received, as of the last screening."""

    decision_no: int
    value_received: str | None


@dataclass(frozen=True)
class Item:
    """One item of a record.

    Attributes:
        name: its column; of a partial date the date.
        value: as text, None where it is unknown.
        released: the same in the served release; None where the record or the value is not in it.
        is_changed: whether both differ, and the release holds the record.
        is_of_finding: whether the finding looks at it.
        correction: the correction of the registry that stands in for what was received.
    """

    name: str
    value: str | None
    released: str | None
    is_changed: bool
    is_of_finding: bool
    correction: AppliedCorrection | None = None


@dataclass(frozen=True)
class FindingDetails:
    """What lies behind a finding.

    Attributes:
        source_row: column of the file -> text as received; empty where the finding has no row.
        items: of the record as it was judged last.
        outcome: ``accepted`` or ``quarantined``; None where no record is known.
        patient_id: whose record it is, where that is known.
    """

    source_row: Mapping[str, str | None]
    items: tuple[Item, ...]
    outcome: str | None
    patient_id: str | None


def finding_details(home: Home, released: ReleaseReader, finding: Mapping[str, Any]) -> FindingDetails:
    """What lies behind a finding.

    Args:
        released: the served release.
        finding: a row of ``quality.finding``.
    """
    table, key = str(finding["table_name"]), str(finding["record_key"] or "")
    facility_id = str(finding["facility_id"])
    record, outcome = _record(home, facility_id, table, key)
    before = _released_record(released, table, key)
    broken_items = set(str(finding["items"] or "").split(","))
    shown = record or before or {}
    corrected = applied_corrections(home, [facility_id]).get((table, key), {})
    items = tuple(_items(table, shown, before, broken_items, corrected)) if table in curated() else ()
    patient = finding.get("patient_id") or shown.get("patient_id")
    return FindingDetails(
        _source_row(home, finding), items, outcome, None if patient is None else str(patient)
    )


def _source_row(home: Home, finding: Mapping[str, Any]) -> dict[str, str | None]:
    facility_id = str(finding["facility_id"])
    path = working_file(StoreLayout(home.store).screened_frame(facility_id, "findings"), home.store)
    if path is None:
        return {}
    screened = pl.scan_parquet(path, glob=False).filter(pl.col("finding_id") == finding["finding_id"])
    rows = screened.select("_row_id").collect()["_row_id"].drop_nulls()
    return raw_row(home, facility_id, int(rows[0])) if rows.len() else {}


def _record(home: Home, facility_id: str, table: str, key: str) -> tuple[dict[str, Any] | None, str | None]:
    """A judged record and its outcome; of a finding of the whole registry, of whichever facility holds it."""
    if table not in curated():
        return None, None
    facilities = [facility_id] if facility_id in home.facility_ids() else home.facility_ids()
    for path, _, outcome in judged_files(home, facilities, table):
        rows = pl.scan_parquet(path, glob=False).filter(whole_key(table) == key).head(1).collect()
        if rows.height:
            return rows.row(0, named=True), outcome
    return None, None


def judged_files(home: Home, facilities: list[str], table: str) -> Iterator[tuple[Path, str, str]]:
    """The files of a table's judged records, with facility and outcome of each.

    Raises:
        DamagedFile: one is not what was written.
    """
    layout = StoreLayout(home.store)
    for facility_id in facilities:
        for outcome in OUTCOMES:
            path = working_file(layout.screened_table(facility_id, table, outcome), home.store)
            if path is not None:
                yield path, facility_id, outcome


def _released_record(released: ReleaseReader, table: str, key: str) -> dict[str, Any] | None:
    """A record of the served release; table and key columns are those of the schema, the key is a parameter."""
    if table not in curated():
        return None
    names = " || '|' || ".join(f'CAST("{name}" AS VARCHAR)' for name in key_of(curated()[table]))
    rows = released.rows(f'SELECT * FROM curated."{table}" WHERE {names} = ? LIMIT 1', [key])
    return rows[0] if rows else None


def _items(
    table: str,
    record: Mapping[str, Any],
    released: Mapping[str, Any] | None,
    broken_items: set[str],
    corrected: Mapping[str, AppliedCorrection],
) -> Iterator[Item]:
    for name in item_columns(curated()[table]):
        value = as_text(record.get(name), record.get(f"{name}_precision"))
        earlier = None if released is None else as_text(released.get(name), released.get(f"{name}_precision"))
        is_changed = released is not None and value != earlier
        yield Item(name, value, earlier, is_changed, name in broken_items, corrected.get(name))


def as_text(value: object, precision: object = None) -> str | None:
    """A value as it is shown; a partial date as far as it is known."""
    if isinstance(value, date):
        return {"year": f"{value:%Y}", "month": f"{value:%Y-%m}"}.get(str(precision), value.isoformat())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return None if value is None else str(value)


def applied_corrections(
    home: Home, facilities: list[str]
) -> dict[tuple[str, str], dict[str, AppliedCorrection]]:
    """Table and key of a record -> its columns whose value is a correction, as of the last screening."""
    applied: dict[tuple[str, str], dict[str, AppliedCorrection]] = {}
    for facility_id in facilities:
        path = working_file(StoreLayout(home.store).screened_frame(facility_id, "corrections"), home.store)
        frame = pl.DataFrame(schema=APPLIED) if path is None else with_schema(read_parquet(path), APPLIED)
        columns = frame.select("table_name", "record_key", "column_name", "decision_no", "value_received")
        for table, key, column, number, received in columns.iter_rows():
            applied.setdefault((table, key), {})[column] = AppliedCorrection(number, received)
    return applied
