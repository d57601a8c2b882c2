"""What a reader is asked for and what it gives back.

Belongs here: the options, limits, results and the one error that all readers share.
Does not belong here: anything that knows a file format.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field, replace
from typing import Literal

import polars as pl

SOURCE_ROW = "source_row"
DEFAULT_TOTALS_MARKERS = ("合计", "总计", "小计", "Total", "Totals", "Grand total", "Summe", "Gesamt")

DECLARED_MISSING = r"\A\[missing [^\]]*\]\z"
"""What a value looks like that the file itself declares to be missing and gives no label; staging blanks it."""


@dataclass(frozen=True)
class ReadLimits:
    """Bounds that keep a hostile or broken file from exhausting the machine.

    Sizes are bytes; ``max_ratio`` is unpacked size over packed size of an archive (judged above 10 MB).
    ``max_reader_seconds`` and ``max_reader_bytes`` bound the process that reads one file of a foreign format.
    """

    max_file_bytes: int = 8 * 2**30
    max_cell_bytes: int = 2**18
    max_record_lines: int = 1000
    max_unpacked_bytes: int = 2 * 2**30
    max_ratio: float = 200.0
    max_members: int = 1000
    max_rows: int = 20_000_000
    max_columns: int = 16_384
    max_sheets: int = 255
    max_reader_seconds: float = 1800.0
    max_reader_bytes: int = 4 * 2**30


@dataclass(frozen=True)
class ReadOptions:
    """How one source's files are to be read; every field left at its default is found out from the file.

    ``format``: the name of one of ``formats()`` (None: by content, then by name).
    ``header_rows``: physical 1-based rows that form the header; ``sheet_header_rows`` gives them by glob on the
    worksheet's name, the first that fits counts. None takes the first row that has more than
    one filled cell (or the first filled row when none has). ``header_join``: 'join' joins the parts of
    several header rows with a blank, 'first' takes the first filled part. ``skip_rows``: physical rows that
    are neither header nor data. ``skip_after_header``: that many physical rows below the header are not data
    (an alias or CDE row). ``sheets``: names of the worksheets (or archive members) wanted, all when None.
    ``totals_row_markers``: a row whose first filled cell is one of these is a totals row, not a record.
    """

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header_rows: tuple[int, ...] | None = None
    sheet_header_rows: tuple[tuple[str, tuple[int, ...]], ...] = ()
    header_join: Literal["join", "first"] = "join"
    skip_rows: tuple[int, ...] = ()
    skip_after_header: int = 0
    sheets: tuple[str, ...] | None = None
    totals_row_markers: tuple[str, ...] = DEFAULT_TOTALS_MARKERS
    limits: ReadLimits = field(default_factory=ReadLimits)

    def of_sheet(self, sheet: str) -> ReadOptions:
        """These options with the header rows that are declared for a worksheet."""
        fitting = (rows for glob, rows in self.sheet_header_rows if fnmatch.fnmatchcase(sheet, glob))
        header_rows = next(fitting, None)
        return self if header_rows is None else replace(self, header_rows=header_rows)


@dataclass(frozen=True)
class Reject:
    """A row that could not be read as a record. ``message`` never carries a value of the row.

    ``reason_code``: too_few_fields, too_many_fields, undecodable, nul_byte, cell_too_long, unclosed_quote,
    malformed_quotes, stray_quotes, lone_return, totals_row, repeated_header; of FHIR also malformed_json, nested_too_deeply, repeated_names,
    line_too_long, no_resource, nested_bundle, wrong_type.
    """

    source_row: int
    reason_code: str
    message: str


@dataclass(frozen=True)
class RawSheet:
    """One table of text as it stood in the file.

    ``frame``: every column text with empty cells null, under unique names, plus the integer ``source_row``
    (1-based physical row or line where the record starts). ``header``: the names as received, in order.
    ``notes``: what was changed without loss. ``warnings``: what may have been lost, which becomes a finding.
    ``member``: the file's name inside an archive, '' otherwise. ``serial_columns``: columns of dates in which a
    workbook holds some dates as bare day numbers -> how many; ``excel_epoch``: the system it counts them in.
    """

    frame: pl.DataFrame
    sheet: str
    header: tuple[str, ...]
    encoding: str
    blank_rows: list[int]
    rejects: list[Reject]
    notes: list[str]
    member: str = ""
    warnings: list[str] = field(default_factory=list)
    serial_columns: dict[str, int] = field(default_factory=dict)
    excel_epoch: Literal["1900", "1904"] | None = None

    @property
    def n_read(self) -> int:
        """Rows of data in the file: those in the frame, the blank ones and the rejected ones."""
        return len(self.frame) + len(self.blank_rows) + len(self.rejects)


@dataclass(frozen=True)
class ReadResult:
    """What ``read_file`` found in one file. ``reader`` names the format that was read."""

    sheets: list[RawSheet]
    encoding: str
    reader: str
    n_bytes: int


class ReadError(Exception):
    """A file that cannot be read at all: one line saying what was found and what to do, no content.

    ``code``: empty, missing, directory, not_a_file, binary, undecodable, replacement_character,
    password_protected, zip_bomb, unsafe_archive, not_a_workbook, unsupported_format, damaged, too_large,
    no_such_sheet, no_such_header_row, bad_option; exhausted, reader_died and reader_failed of a file that its
    reader did not survive.
    """

    rule_id = "S01"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[ReadError], tuple[str, str]]:
        return type(self), (self.code, str(self))
