"""A facility's mapping as typed, frozen values: what its TOML declares about its sources.

Belongs here: the dataclasses and what follows from them without looking at any file.
Does not belong here: reading and refusing TOML (``facility.py``), applying a mapping (``stage.py``).
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from registry_pipeline.intake.mapping.column import ROW_NUMBER, ColumnMapping
from registry_pipeline.intake.mapping.person import LEADING_NUMBER, Person
from registry_pipeline.intake.readers import ReadOptions

Mode = Literal["full", "incremental"]
Calendar = Literal["absolute", "relative"]

_ORDINAL = re.compile(r"#[0-9]+\Z")


def fits_sheet(globs: Sequence[str], sheet: str) -> bool:
    """Whether a sheet is meant: its own name, its archive member's name or both fit a glob; or no glob is given."""
    plain = _ORDINAL.sub("", sheet)
    names = (plain, *plain.split(":"))
    return not globs or any(fnmatch.fnmatchcase(name, glob) for name in names for glob in globs)


@dataclass(frozen=True)
class Condition:
    """Which source rows feed a table. ``values`` are compared after folding width, case and blanks.

    Attributes:
        column: source column that is looked at.
        test: ``in`` and ``not_in`` compare with ``values``; ``not_blank`` and ``blank`` need none.
    """

    column: str
    test: Literal["in", "not_in", "not_blank", "blank"]
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableMapping:
    """One ``[[source.table]]``: how rows of a source become records of a table.

    Attributes:
        table: name of the curated table, without its layer.
        number: position among all ``[[source.table]]`` of the facility, from 0.
        where: conditions that all have to hold.
        group_by: source columns whose equal values make several rows one record.
        columns: curated column -> mapping, in the order of the TOML.
        sheets: globs on the sheets that feed the table; empty means every sheet of the source.
        instrument, events: of a REDCap project: the form whose records these are, and the events in which
            they count (all when empty); None and empty for other sources.
    """

    table: str
    number: int
    where: tuple[Condition, ...]
    group_by: tuple[str, ...]
    columns: Mapping[str, ColumnMapping]
    sheets: tuple[str, ...] = ()
    instrument: str | None = None
    events: tuple[str, ...] = ()

    def is_fed_by(self, sheet: str) -> bool:
        """Whether a sheet feeds the table: its own name, its archive member's name or both fit a glob."""
        return fits_sheet(self.sheets, sheet)

    def source_columns(self) -> Iterator[str]:
        """Every source column that the mapping reads, in order and possibly repeated."""
        yield from (condition.column for condition in self.where)
        yield from self.group_by
        for mapping in self.columns.values():
            yield from self.columns_behind(mapping)

    def columns_read(self) -> set[str]:
        """Source columns whose values reach a record, unlike those of which conditions only look at."""
        return {name for mapping in self.columns.values() for name in self.columns_behind(mapping)} | set(
            self.group_by
        )

    def columns_behind(self, mapping: ColumnMapping) -> Iterator[str]:
        """The source columns of one curated column, those of its unit and of the date of an age last."""
        yield from mapping.sources
        for placeholder in mapping.placeholders:
            if self.is_source_column(mapping, placeholder.name):
                yield placeholder.name
        yield from (name for name in (mapping.unit_from, mapping.years_before) if name is not None)

    def is_source_column(self, mapping: ColumnMapping, name: str) -> bool:
        """Whether a placeholder means a source column: it names no other mapped curated column."""
        return name == mapping.target.name or name not in self.columns


@dataclass(frozen=True)
class Redcap:
    """``[source.redcap]``: what an export cannot say of its project.

    Attributes:
        dictionary: globs on the names of the data dictionary's files, in the same inbox.
        missing_codes: the project's missing-data codes -> labels; they may stand in any field.
        export: ``raw``, ``labels``, or ``auto`` to tell by the headers.
        is_deidentified: fields that the dictionary marks as identifiers must not be in it.
        instruments, events: label -> unique name, for exports of labels whose labels are not the names in words.
    """

    dictionary: tuple[str, ...]
    missing_codes: Mapping[str, str] = field(default_factory=dict)
    export: Literal["auto", "raw", "labels"] = "auto"
    is_deidentified: bool = False
    instruments: Mapping[str, str] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """One ``[[source]]``: files of one make, what a submission of it means, how its texts are read.

    Attributes:
        number: position in the TOML, from 0; the default order of precedence.
        files: globs on file names.
        mode: ``full`` (the newest submission is the whole truth) or ``incremental`` (upsert by key).
        read_options: for the readers; ``sheet_globs`` chooses among the sheets that were read.
        sentinels: texts that mean blank.
        date_formats, day_first, excel_serial: how dates are written, where the source says so.
        year_cutoff: the first of the hundred years that years of two digits lie in, or None.
        timezone: name of the zone whose calendar its dates are of, for moments of universal time; or None.
        times_are_utc: whether moments without an offset are of universal time too.
        decimal: decimal mark of numbers, or None to accept a point only.
        required: columns without which a sheet is not used; those behind ``patient_id`` always are.
        ignore: globs of columns that are left out on purpose.
        leave_out: conditions on rows of whose value no table makes anything on purpose; any of them is enough.
        redcap: where the files are exports of a REDCap project.
        dictionary_of: name of the REDCap source whose data dictionaries this source takes, or None.
        patient_number: kind of the number that ``patient_id`` is made of; equal numbers of different kinds
            are nobody's link.
        person: what its rows say of who somebody is, or None.
    """

    name: str
    number: int
    files: tuple[str, ...]
    mode: Mode
    read_options: ReadOptions
    sheet_globs: tuple[str, ...]
    sentinels: tuple[str, ...]
    date_formats: tuple[str, ...]
    day_first: bool | None
    excel_serial: Literal["1900", "1904"] | None
    year_cutoff: int | None
    decimal: str
    required: tuple[str, ...]
    ignore: tuple[str, ...]
    tables: tuple[TableMapping, ...]
    leave_out: tuple[Condition, ...] = ()
    redcap: Redcap | None = None
    dictionary_of: str | None = None
    patient_number: str = LEADING_NUMBER
    person: Person | None = None
    timezone: str | None = None
    times_are_utc: bool = False

    def tables_of(self, sheet: str | None = None) -> tuple[TableMapping, ...]:
        """The tables that a sheet feeds; all for None."""
        return tuple(table for table in self.tables if sheet is None or table.is_fed_by(sheet))

    def source_columns(self, sheet: str | None = None) -> tuple[str, ...]:
        """Every column of the files that any table of the source (or of one of its sheets) reads, once."""
        of_tables = [name for table in self.tables_of(sheet) for name in table.source_columns()]
        of_tables += [condition.column for condition in self.leave_out]
        names = dict.fromkeys([*of_tables, *self._person_columns(sheet)])
        return tuple(name for name in names if name != ROW_NUMBER)

    @property
    def numbers_rows(self) -> bool:
        """Whether the mapping reads the number of a row."""
        return any(name == ROW_NUMBER for table in self.tables for name in table.source_columns())

    def _person_columns(self, sheet: str | None) -> tuple[str, ...]:
        if self.person is None or not (sheet is None or fits_sheet(self.person.sheets, sheet)):
            return ()
        return tuple(self.person.source_columns())

    def needed_columns(self, sheet: str | None = None) -> tuple[str, ...]:
        """Columns without which a sheet cannot be used; a sheet that feeds no table needs none."""
        tables = self.tables_of(sheet)
        if self.tables and not tables:
            return ()
        behind = [n for table in tables for n in table.columns_behind(table.columns["patient_id"])]
        links = self.person.numbers.values() if self.person is not None and not self.tables else ()
        names = dict.fromkeys([*self.required, *behind, *links])
        return tuple(name for name in names if name != ROW_NUMBER)


@dataclass(frozen=True)
class Anchor:
    """A date per patient that day offsets are counted from."""

    name: str
    table: str
    column: str


@dataclass(frozen=True)
class Facility:
    """A facility and all that its TOML declares.

    Attributes:
        path: the TOML file, for errors that are found later.
        facility_id: equals the file stem.
        name: shown in reports.
        calendar: ``relative`` when dates are day offsets from an anchor of which only the year is known.
        sources: in order.
        anchors: name -> anchor.
        precedence: ``table`` or ``table.column`` -> source names, the most trusted first.
        tolerance: ``table.column`` -> largest difference between sources that is no disagreement.
        rules: rule id -> overrides (severity, thresholds).
        language: in which findings are sent to the facility; a release keeps its messages in English.
    """

    path: Path
    facility_id: str
    name: str
    calendar: Calendar
    sources: tuple[Source, ...]
    anchors: Mapping[str, Anchor]
    precedence: Mapping[str, tuple[str, ...]]
    tolerance: Mapping[str, float]
    rules: Mapping[str, Mapping[str, Any]]
    language: str = "en"

    def source_of(self, file_name: str) -> Source | None:
        """The first source one of whose globs fits the name, whatever the case."""
        plain = _plain(file_name)
        for source in self.sources:
            if any(fnmatch.fnmatchcase(plain, _plain(file)) for file in source.files):
                return source
        return None


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
