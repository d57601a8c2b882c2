"""A curated record back to the cells of the files that it was made of.

Belongs here: the source cells of each item, what parsing changed, which row was trusted, findings and decisions.
Does not belong here: patients behind an estimate (``results.py``), drawing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import nearest
from registry_pipeline.intake.mapping.column import ROW_NUMBER
from registry_pipeline.stewardship.trace.landed import Address, texts_of
from registry_pipeline.stewardship.trace.tables import ReleasedTable, records_of, released_table
from registry_pipeline.store.query import QueryError
from schemas.columns import SOURCE_NUMBER, items_of
from schemas.constraints import quote

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class SourceCell:
    """A cell of a file as received, behind an item of a record.

    Attributes:
        facility_id, submission_id, source_file, sheet, source_row: where it stands.
        sheet_no: number of the sheet among those of the facility (``meta.source_sheet``).
        source_column: header of its column; None where no cell gives the value.
        text: as received, at most 500 characters; None for a blank cell.
        origin: how the value came of it (code list ``value_origin``).
        is_used: whether the value rests on it; False where another row or column was trusted more.
        parser: what changed the text on the way to the value; None where it is as received.
    """

    facility_id: str
    submission_id: str
    source_file: str
    sheet: str
    sheet_no: int
    source_row: int
    source_column: str | None
    text: str | None
    origin: str
    is_used: bool
    parser: str | None = None


@dataclass(frozen=True)
class TracedItem:
    """One item of a record and the cells behind it.

    Attributes:
        correction: the row of ``quality.correction`` that replaces what the cells give, or None.
    """

    column_name: str
    value: object
    cells: tuple[SourceCell, ...]
    correction: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TracedRecord:
    """A curated record, cell by cell.

    Attributes:
        findings: of the record, as rows of ``quality.finding``.
        decisions: on these findings, as rows of ``quality.decision``.
    """

    table_name: str
    record_key: str
    items: tuple[TracedItem, ...]
    findings: tuple[Mapping[str, Any], ...]
    decisions: tuple[Mapping[str, Any], ...]


_LINEAGE = """
SELECT l.*, s.submission_id, s.source_file, coalesce(s.sheet, '') AS sheet
FROM meta.lineage l JOIN meta.source_sheet s USING (facility_id, sheet_no)
WHERE l.table_name = ? AND l.record_key = ?"""
_COLUMNS = """
SELECT c.column_name, c.position, c.origin, c.source_column, h.header
FROM meta.column_map c LEFT JOIN meta.source_header h
    ON h.facility_id = c.facility_id AND h.source_column = c.source_column AND h.sheet_no = ?
WHERE c.facility_id = ? AND c.mapping_no = ? AND c.table_name = ?
ORDER BY c.position, h.header"""
_COERCIONS = """
SELECT column_name, parser FROM quality.coercion
WHERE facility_id = ? AND submission_id = ? AND source_file = ? AND coalesce(sheet, '') = ? AND source_row = ?"""


def trace_record(
    home: Home, connection: duckdb.DuckDBPyConnection, table: str, record_key: str, column: str | None = None
) -> TracedRecord:
    """The source cells of a record, or of one column of it.

    Args:
        table: curated table, with or without ``curated.``.
        record_key: its key; the columns of a key of several are joined by ``|``. Or its number as the facility writes
            it, where only one record has it.

    Raises:
        QueryError: there is no such table, column or record, or the release has no lineage.
    """
    released = released_table(connection, "curated", table)
    name, items = released.name, items_of(released.columns)
    names = list(items) if column is None else [_item_of(items, name, column)]
    record_key, record = _record(connection, released, record_key)
    rows = records_of(connection, _LINEAGE, [name, record_key])
    gave = {item: released.key[0] if item == SOURCE_NUMBER else item for item in names}
    cells = [cell for row in rows for cell in _cells(connection, row, released.key, set(gave.values()))]
    cells = _with_texts(home, cells)
    corrected = corrections_of(connection, name, record_key)
    traced = tuple(
        TracedItem(
            item,
            record[item],
            _judged([cell for own, cell in cells if own == gave[item]]),
            corrected.get(item),
        )
        for item in names
    )
    findings = records_of(
        connection, "SELECT * FROM quality.finding WHERE table_name = ? AND record_key = ? ORDER BY rule_id",
        [name, record_key],
    )  # fmt: skip
    if column is not None:
        findings = [row for row in findings if names[0] in str(row["items"] or "").split(",")]
    return TracedRecord(name, record_key, traced, tuple(findings), tuple(decisions_on(connection, findings)))


def corrections_of(
    connection: duckdb.DuckDBPyConnection, table: str, record_key: str
) -> dict[str, Mapping[str, Any]]:
    """Column of a record -> the row of ``quality.correction`` that says what is used instead; older releases have none."""
    held = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'quality' AND table_name = 'correction'"
    if not records_of(connection, held)[0]["count_star()"]:
        return {}
    query = "SELECT * FROM quality.correction WHERE table_name = ? AND record_key = ?"
    return {row["column_name"]: row for row in records_of(connection, query, [table, record_key])}


def decisions_on(
    connection: duckdb.DuckDBPyConnection, findings: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of ``quality.decision`` on some findings, in the order in which they were taken."""
    ids = [row["finding_id"] for row in findings]
    query = "SELECT * FROM quality.decision WHERE list_contains(?, finding_id) ORDER BY decision_no"
    return records_of(connection, query, [ids]) if ids else []


def _item_of(items: Mapping[str, Sequence[str]], table: str, column: str) -> str:
    """The item that a column is a part of: of the bounds of a date the date."""
    match = next((item for item, columns in items.items() if column in columns), None)
    if match is None:
        raise QueryError(f"curated.{table} has no column {column}{nearest(column, list(items))}")
    return match


def _record(
    connection: duckdb.DuckDBPyConnection, released: ReleasedTable, subject: str
) -> tuple[str, dict[str, Any]]:
    """A curated record with its key, by the key or by the facility's own number of it."""
    table, key = released.name, released.key
    has_number = SOURCE_NUMBER in released.columns
    for condition in (released.key_sql, *([SOURCE_NUMBER] if has_number else [])):
        query = (
            f"SELECT {released.key_sql} AS record_key, * FROM curated.{quote(table)} WHERE {condition} = ?"
        )
        rows = records_of(connection, query, [subject])
        if len(rows) == 1:
            return str(rows[0]["record_key"]), rows[0]
    query = "SELECT 1 FROM quality.quarantine WHERE table_name = ? AND ? IN (record_key, source_record_id)"
    if records_of(connection, query, [table, subject]):
        raise QueryError("this record is in quarantine; see: registry findings --severity error")
    if rows:
        raise QueryError(f"{len(rows)} facilities have a record of this number; write its {' | '.join(key)}")
    named = f"{' | '.join(key)}{' or number of the facility' if has_number else ''}"
    raise QueryError(f"curated.{table} has no record with this {named}; it is written as in the release")


def _cells(
    connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any], key: Sequence[str], names: Collection[str]
) -> list[tuple[str, SourceCell]]:
    """The cells that a source row gave or could have given, with the item that each is of."""
    columns = records_of(
        connection, _COLUMNS, [row["sheet_no"], row["facility_id"], row["mapping_no"], row["table_name"]]
    )
    place = {
        name: row[name] for name in ("facility_id", "submission_id", "source_file", "sheet", "source_row")
    }
    parsers = dict(connection.execute(_COERCIONS, [*place.values()]).fetchall())
    # the key is what all rows of a record have in common: each of them gave it
    own = None if row["items"] is None else {*row["items"].split(","), *key}
    return [
        (
            column["column_name"],
            SourceCell(
                **place,
                sheet_no=row["sheet_no"],
                source_column=column["header"] or column["source_column"],
                text=None,
                origin=column["origin"],
                is_used=own is None or column["column_name"] in own,
                parser=parsers.get(f"{row['table_name']}.{column['column_name']}"),
            ),
        )
        for column in columns
        if column["column_name"] in names
    ]


def _with_texts(home: Home, cells: list[tuple[str, SourceCell]]) -> list[tuple[str, SourceCell]]:
    """The cells with their texts, looked up in the rows as read."""
    texts = texts_of(home, (address for _, cell in cells if (address := _address(cell)) is not None))
    return [(item, replace(cell, text=_text(cell, texts))) for item, cell in cells]


def _address(cell: SourceCell) -> Address | None:
    """Where to look for the text; headers are stored with single blanks."""
    if cell.source_column is None or cell.source_column == ROW_NUMBER:
        return None
    return cell.facility_id, cell.sheet_no, cell.source_row, " ".join(cell.source_column.split())


def _text(cell: SourceCell, texts: Mapping[Address, str | None]) -> str | None:
    if cell.source_column == ROW_NUMBER:
        return str(cell.source_row)
    address = _address(cell)
    return None if address is None else texts[address]


def _judged(cells: list[SourceCell]) -> tuple[SourceCell, ...]:
    """Of several columns of one row the first that is filled was used."""
    judged: list[SourceCell] = []
    rows_with_text: set[tuple[str, int, int]] = set()
    for cell in cells:
        row = (cell.facility_id, cell.sheet_no, cell.source_row)
        is_first = row not in rows_with_text
        if cell.origin == "column" and cell.text is not None:
            rows_with_text.add(row)
        is_alternative = cell.origin == "column" and (cell.text is None or not is_first)
        has_others = sum((other.facility_id, other.sheet_no, other.source_row) == row for other in cells) > 1
        judged.append(replace(cell, is_used=cell.is_used and not (is_alternative and has_others)))
    return tuple(judged)
