"""From which columns of its files a facility's mapping fills each curated column.

Belongs here: the declarations of the mapping turned into one row per curated and source column.
Does not belong here: which rows made which record (``validation/screening``), looking cells up (``stewardship/trace``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from registry_pipeline.intake.columns.readings import SIZE_FIELDS
from registry_pipeline.intake.mapping.column import ColumnMapping
from registry_pipeline.intake.mapping.model import Facility, Source, TableMapping
from registry_pipeline.intake.mapping.table import curated_tables
from registry_pipeline.intake.redcap.export import LABEL, Export
from registry_pipeline.intake.submissions.file_use import FileUse, plain_name
from schemas.columns import DATE_PARTS

COLUMN_MAP = {
    "mapping_no": pl.Int16,
    "table_name": pl.String,
    "column_name": pl.String,
    "position": pl.Int16,
    "origin": pl.String,
    "source_column": pl.String,
}
HEADERS = {"_sheet": pl.Int64, "source_column": pl.String, "header": pl.String}
PERSON_MAPPING_NO = 10_000
"""From here on ``[source.person]`` is numbered: a hundred numbers for each source."""
_XREF_OWN = ("facility_id", "source_name", "match_method")


def person_mapping_no(source: Source, kind: str) -> int:
    """The number of one kind of number of ``[source.person]``."""
    kinds = list(source.person.numbers) if source.person is not None else []
    return PERSON_MAPPING_NO + 100 * source.number + (kinds.index(kind) if kind in kinds else 99)


def column_map(facility: Facility) -> pl.DataFrame:
    """Columns of ``COLUMN_MAP``: one row per curated column of a ``[[source.table]]`` and source column behind it.

    ``origin`` says how the value comes about (code list ``value_origin``); ``source_column`` is NULL for values that
    no cell gives. The first that is not blank counts where there are several and ``origin`` is ``column``.
    """
    rows = [
        row
        for source in facility.sources
        for part in (*map(_of_table, source.tables), _of_person(source))
        for row in part
    ]
    return pl.DataFrame(rows, schema=COLUMN_MAP, orient="row").unique(maintain_order=True)


Row = tuple[int, str, str, int, str, str | None]


def _of_table(table: TableMapping) -> Iterator[Row]:
    declared = curated_tables()[table.table]
    for name, mapping in table.columns.items():
        behind, origin = list(_behind(table, mapping)), _origin(mapping)
        filled = [part for part in _filled(table, mapping) if part in declared]
        for column in filled:
            yield from _rows(table.number, table.table, column, origin, behind)
        if name == "patient_id":
            for column in ("source_patient_id", "patient_id", "own_patient_id"):
                yield from _rows(table.number, "patient_xref", column, origin, behind)
            if table.table == "patient" and "source_patient_id" not in table.columns:
                yield from _rows(table.number, "patient", "source_patient_id", origin, behind)
    yield from _rows(table.number, table.table, "facility_id", "registry", [])
    for column in _XREF_OWN:
        yield from _rows(table.number, "patient_xref", column, "registry", [])


def _of_person(source: Source) -> Iterator[Row]:
    for kind, column in source.person.numbers.items() if source.person is not None else ():
        number = person_mapping_no(source, kind)
        for name in ("source_patient_id", "patient_id", "own_patient_id"):
            yield from _rows(number, "patient_xref", name, "column", [column])
        for name in _XREF_OWN:
            yield from _rows(number, "patient_xref", name, "registry", [])


def _rows(number: int, table: str, column: str, origin: str, behind: Iterable[str]) -> Iterator[Row]:
    names: list[str | None] = [*dict.fromkeys(behind)] or [None]
    for position, name in enumerate(names, start=1):
        yield number, table, column, position, origin, name


def _behind(table: TableMapping, mapping: ColumnMapping) -> Iterator[str]:
    """Source columns of a curated column, through the columns that a template names."""
    yield from table.columns_behind(mapping)
    for placeholder in mapping.placeholders:
        if not table.is_source_column(mapping, placeholder.name):
            yield from _behind(table, table.columns[placeholder.name])


def _origin(mapping: ColumnMapping) -> str:
    if mapping.aggregate is not None:
        return "aggregate"
    if mapping.value is not None:
        return "constant"
    if mapping.template is not None:
        return "template"
    if mapping.anchor is not None or mapping.years_before is not None:
        return "computed"
    return "column"


def _filled(table: TableMapping, mapping: ColumnMapping) -> Iterator[str]:
    """The curated columns that one mapped column fills: a date its bounds, a size its axes."""
    name = mapping.target.name
    yield name
    if mapping.target.kind == "date":
        yield from (f"{name}_{part}" for part in DATE_PARTS)
    if mapping.is_size:
        yield from (column for column in (*SIZE_FIELDS, "size_text") if column not in table.columns)


def sheet_headers(uses: Iterable[FileUse]) -> pl.DataFrame:
    """Columns of ``HEADERS``: under which headers the source columns of the mapping stand in the sheets in force."""
    rows = [
        (use.landed.file_no << 8 | sheet.sheet_no, name, header)
        for use in uses
        if use.source is not None and use.raw is not None
        for sheet in use.sheets
        if use.fate_of(sheet) is None
        for export in [use.redcap.exports.get(sheet.sheet_no) if use.redcap is not None else None]
        for name in use.source.source_columns()
        for header in _headers(name, sheet.columns, export)
    ]
    return pl.DataFrame(rows, schema=HEADERS, orient="row")


def _headers(name: str, columns: Iterable[str], export: Export | None) -> list[str]:
    if export is None:
        return [plain_name(name)] if plain_name(name) in columns else []
    named: Mapping[str, str] = export.columns
    if name in named:
        return [named[name]]
    return [named[part] for part in export.behind(name.removesuffix(LABEL)) or export.behind(name)]


def first_columns(facility: Facility) -> dict[tuple[str, str, str], str]:
    """(source, table, column) -> the column of the file that it comes from, the first where there are several."""
    behind_column: dict[tuple[str, str, str], str] = {}
    for source in facility.sources:
        for table in source.tables:
            for name, mapping in table.columns.items():
                behind = next(table.columns_behind(mapping), None)
                if behind is not None:
                    behind_column.setdefault((source.name, table.table, name), behind.removesuffix(LABEL))
    return behind_column
