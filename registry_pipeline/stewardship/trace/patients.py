"""A patient's records in a release and the source rows of each.

Belongs here: which records and rows there are. Does not belong here: their cells (``cells.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry_pipeline.stewardship.trace.cells import decisions_on
from registry_pipeline.stewardship.trace.tables import ReleasedTable, records_of, released_tables
from registry_pipeline.store.query import QueryError
from schemas.constraints import literal, quote

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class TracedPatient:
    """Everything that a release holds of a patient.

    Attributes:
        records: one per curated record and source row: ``patient_id, table_name, record_key, facility_id, source_file,
            sheet, source_row, items``.
        quarantined: records kept out, as rows of ``quality.quarantine``.
        findings, decisions: on her records, as rows of ``quality.finding`` and ``quality.decision``.
    """

    patient_id: str
    records: tuple[Mapping[str, Any], ...]
    quarantined: tuple[Mapping[str, Any], ...]
    findings: tuple[Mapping[str, Any], ...]
    decisions: tuple[Mapping[str, Any], ...]


def trace_patient(connection: duckdb.DuckDBPyConnection, patient_id: str) -> TracedPatient:
    """Her records, source rows, findings and decisions.

    Raises:
        QueryError: the release does not know her, or has no lineage.
    """
    records = source_rows(connection, [patient_id])
    quarantined = records_of(
        connection, "SELECT * FROM quality.quarantine WHERE patient_id = ? ORDER BY ALL", [patient_id]
    )
    if not records and not quarantined:
        raise QueryError(
            "this release has no such patient; write her pseudonym, such as P0123456789abcdef, or a facility's own number"
        )
    findings = records_of(
        connection,
        "SELECT * FROM quality.finding WHERE patient_id = ? ORDER BY rule_id, record_key",
        [patient_id],
    )
    return TracedPatient(
        patient_id,
        tuple(records),
        tuple(quarantined),
        tuple(findings),
        tuple(decisions_on(connection, findings)),
    )


def source_rows(connection: duckdb.DuckDBPyConnection, patients: Sequence[str]) -> list[dict[str, Any]]:
    """The curated records of some patients with the source rows behind each."""
    tables = released_tables(connection, "curated").values()
    records = [_records_of_table(table) for table in tables if "patient_id" in table.columns]
    query = f"""
        WITH wanted AS ({" UNION ALL BY NAME ".join(records)})
        SELECT w.patient_id, w.table_name, w.record_key, l.facility_id, s.source_file, coalesce(s.sheet, '') AS sheet,
            l.source_row, l.items
        FROM wanted w JOIN meta.lineage l USING (table_name, record_key) JOIN meta.source_sheet s USING (facility_id, sheet_no)
        ORDER BY ALL"""
    return records_of(connection, query, [list(patients)])


def _records_of_table(table: ReleasedTable) -> str:
    return (
        f"SELECT patient_id, {literal(table.name)} AS table_name, {table.key_sql} AS record_key FROM curated.{quote(table.name)} "
        "WHERE patient_id IN (SELECT unnest($1))"
    )
