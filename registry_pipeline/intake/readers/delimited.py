"""Delimited text (CSV, TSV and relatives) to a ``RawSheet``.

Belongs here: the delimiter, the header, and choosing for each block of the file between the fast and the
careful way. Does not belong here: how either way reads a block (blocks.py, records.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from registry_pipeline.intake.readers.blocks import DELIMITERS, BlockParser
from registry_pipeline.intake.readers.encoding import Decoding, decode_strictly, detect_encoding
from registry_pipeline.intake.readers.formats import Format
from registry_pipeline.intake.readers.header import PREVIEW_ROWS, GridRow, Header, find_header, settles_header
from registry_pipeline.intake.readers.model import RawSheet, ReadError, ReadOptions
from registry_pipeline.intake.readers.records import Dialect, read_records
from registry_pipeline.intake.readers.sheet import finish_sheet
from registry_pipeline.intake.readers.source import Source

_SNIFF_LINES = 100
_PREVIEW_BYTES = 2**20
_MARK = b"\xef\xbb\xbf"


def read_delimited(source: Source, options: ReadOptions, *, fast: bool = True) -> list[RawSheet]:
    """Read a delimited text file. ``fast=False`` takes the careful way throughout (for the parity test).

    Raises:
        ReadError: undecodable, replacement_character, empty, too_large, no_such_header_row, bad_option.
    """
    source, line_notes = _only_line_feeds(source)
    decoding, marks = _without_inner_marks(detect_encoding(source, options.encoding))
    options = _with_sep_line(decoding, options)
    dialect = Dialect(decoding.codec, _delimiter(decoding, options), options.limits)
    rows, unreadable = _preview(decoding, dialect, options)
    header = find_header(rows, options)
    _check_above_header(unreadable, header, options)
    if len(header.names) > options.limits.max_columns:
        raise ReadError("too_large", f"more than {options.limits.max_columns:,} columns; check the delimiter")
    parser = BlockParser(decoding, dialect, len(header.names), fast=fast)
    grid = parser.read_from_line(header.first_data_row)
    notes = [*decoding.notes, *line_notes, *parser.notes()]
    sheet = finish_sheet(
        grid, header, options, sheet="", encoding=decoding.label, rejects=parser.rejects, notes=notes
    )
    return [replace(sheet, warnings=[*decoding.warnings, *marks, *parser.warnings()])]


def _without_inner_marks(decoding: Decoding) -> tuple[Decoding, list[str]]:
    """Files that were put one behind the other carry the byte-order mark of the second one in their middle."""
    data = decoding.data.data
    if decoding.codec != "utf-8" or data.find(_MARK, decoding.start) < 0:
        return decoding, []
    rest = data[decoding.start :]
    inner = Source(rest.replace(_MARK, b""), decoding.data.suffix)
    n = rest.count(_MARK)
    warning = f"{n} byte-order marks within the file were taken out; several files seem to be joined in it"
    return replace(decoding, data=inner, start=0), [warning]


def _only_line_feeds(source: Source) -> tuple[Source, list[str]]:
    """Old Macintosh files end their lines with a lone carriage return."""
    head = source.head()
    if b"\r" in head and b"\n" not in head and source.data.find(b"\n") < 0:
        return Source(source.whole().replace(b"\r", b"\n"), source.suffix), ["lines end with CR alone"]
    return source, []


def _with_sep_line(decoding: Decoding, options: ReadOptions) -> ReadOptions:
    """Excel's own hint, a first line such as ``sep=;``, names the delimiter and is not part of the table."""
    first = decoding.data.data[decoding.start : decoding.start + 8].split(b"\n")[0].strip().lower()
    if len(first) != 5 or not first.startswith(b"sep="):
        return options
    return replace(options, delimiter=options.delimiter or chr(first[4]), skip_rows=(1, *options.skip_rows))


def _delimiter(decoding: Decoding, options: ReadOptions) -> str:
    if options.delimiter is not None:
        if len(options.delimiter) != 1 or options.delimiter in '"\r\n':
            raise ReadError("bad_option", "the delimiter must be one character, such as ',' or ';'")
        return options.delimiter
    if options.format == "tsv":
        return "\t"
    return sniff_delimiter(_sample_lines(decoding))


def _sample_lines(decoding: Decoding) -> list[str]:
    lines = decoding.data.data[decoding.start : decoding.start + _PREVIEW_BYTES].split(b"\n")
    texts = (decode_strictly(line, decoding.codec) for line in lines[:_SNIFF_LINES])
    return [text for text in texts if text and text.strip()]


def sniff_delimiter(lines: list[str]) -> str:
    """The delimiter that divides most lines into the same number of fields; a comma when none divides."""
    scores = {mark: _consistency(lines, mark) for mark in DELIMITERS}
    return max(DELIMITERS, key=lambda mark: scores[mark])


def _consistency(lines: list[str], mark: str) -> tuple[float, int]:
    counts = Counter(_n_outside_quotes(line, mark) for line in lines)
    dividing = [(n_lines, n_marks) for n_marks, n_lines in counts.items() if n_marks]
    if not dividing:
        return 0.0, 0
    n_lines, n_marks = max(dividing)
    return round(n_lines / len(lines), 1), n_marks


def _n_outside_quotes(line: str, mark: str) -> int:
    return sum(part.count(mark) for part in line.split('"')[0::2])


def _preview(decoding: Decoding, dialect: Dialect, options: ReadOptions) -> tuple[list[GridRow], list[int]]:
    """The first records, down to where the header is settled, and the lines among them that could not be read."""
    source, start = decoding.data, decoding.start
    block = source.data[start : start + _PREVIEW_BYTES]
    is_last = start + len(block) >= source.n_bytes
    rows: list[GridRow] = []
    unreadable: list[int] = []
    for record in read_records(block, 1, dialect, is_last):
        if record.fields is not None:
            rows.append((record.source_row, record.n_lines, record.fields))
            if settles_header(rows[-1], options) or (len(rows) >= PREVIEW_ROWS and not options.header_rows):
                break
        else:
            unreadable.append(record.source_row)
    return rows, unreadable


def _check_above_header(unreadable: list[int], header: Header, options: ReadOptions) -> None:
    """A header that cannot be read must not be mistaken for one line further down."""
    above = [row for row in unreadable if row < header.first_data_row - options.skip_after_header]
    if options.header_rows is None and above:
        raise ReadError("undecodable", f"line {above[0]}, the header or above it, cannot be read; repair it")


FORMATS = (Format("csv", read_delimited), Format("tsv", read_delimited))
