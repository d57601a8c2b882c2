"""The body of a delimited file in blocks: the fast way for plain lines, the careful way for all others.

Belongs here: which way each line goes, and building text columns from either way.
Does not belong here: which lines are plain (lines.py), the record grammar itself (records.py), headers, blank rows.

The careful way starts at every line that is not plain and takes as many lines as its record has; the plain lines
that are left go through pyarrow together. Both ways agree on plain lines, row by row.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from registry_pipeline.intake.readers.encoding import Decoding, decode_strictly
from registry_pipeline.intake.readers.lines import Flags, Lines
from registry_pipeline.intake.readers.model import SOURCE_ROW, ReadError, Reject
from registry_pipeline.intake.readers.records import Dialect, LineCursor, Record, read_record
from registry_pipeline.intake.readers.sheet import column_ids

DELIMITERS = (",", ";", "\t", "|")
_BLOCK_BYTES = 4 * 2**20
_MAX_LINE_BYTES = 64 * 2**20
_CHUNK_ROWS = 20_000
_END_OF_FILE = "\x1a"
_MESSAGES = {
    "undecodable": "the line does not decode as {codec}; two encodings may be mixed in this file",
    "nul_byte": "the line holds a NUL byte; the file may be damaged",
    "unclosed_quote": "a quotation mark opens here and does not close; check the line",
    "malformed_quotes": "text follows a closing quotation mark; check the line",
    "cell_too_long": "a cell is longer than the limit of {limit:,} bytes",
    "too_few_fields": "fewer fields than the header; a delimiter or a line end may be wrong",
    "stray_quotes": "two stray quotation marks seem to make one record of these lines: each has the table's own number of"
    " delimiters; take the marks out",
    "lone_return": "a carriage return stands within the line, so two lines may have become one; use one line end",
    "too_many_fields": "more fields than the header; a delimiter may stand unquoted in a value",
}


class BlockParser:
    """Reads one decoded file from a given line on; ``rejects`` fills as it goes."""

    def __init__(self, decoding: Decoding, dialect: Dialect, n_columns: int, *, fast: bool = True) -> None:
        self._decoding = decoding
        self._dialect = dialect
        self._n_columns = n_columns
        self._fast = fast
        self._n_trimmed = 0
        self._by_other: dict[str, list[int]] = {}
        self._doubtful_cells: list[int] = []
        self.rejects: list[Reject] = []

    def read_from_line(self, first_line: int) -> pl.DataFrame:
        """All records that start at or below a physical line: positional columns and ``source_row``."""
        start = self._offset_of_line(first_line)
        line, chunks, size = first_line, list[pl.DataFrame](), _BLOCK_BYTES
        data, end = self._decoding.data.data, self._decoding.data.n_bytes
        while start < end:
            block = data[start : self._block_end(start, size)]
            chunk, n_lines, n_bytes = self._read_block(block, line, start + len(block) >= end)
            chunks.append(chunk)
            start, line = start + n_bytes, line + n_lines
            # a record longer than the block makes no progress: the next block must reach further
            size = _BLOCK_BYTES if n_bytes else 2 * size
            if sum(map(len, chunks)) + len(self.rejects) > self._dialect.limits.max_rows:
                raise ReadError("too_large", f"more than {self._dialect.limits.max_rows:,} rows; split it")
        return pl.concat(chunks) if chunks else self._grid([], [])

    def notes(self) -> list[str]:
        """What was changed without loss while reading."""
        return (
            [f"empty fields beyond the header left out in {self._n_trimmed} rows"] if self._n_trimmed else []
        )

    def warnings(self) -> list[str]:
        """One cause behind many rejected rows, where there is one."""
        warnings = []
        for mark, rows in self._by_other.items():
            name = "a tab" if mark == "\t" else f"'{mark}'"
            warnings.append(
                f"from line {rows[0]} on, {len(rows)} lines are divided by {name} and not by the delimiter of the"
                " header; export the whole file with one delimiter"
            )
        if self._doubtful_cells:
            warnings.append(
                f"{len(self._doubtful_cells)} quoted cells (the first begins in line {self._doubtful_cells[0]}) hold"
                " lines with as many delimiters as the table has; check them for stray quotation marks"
            )
        undecodable = [reject.source_row for reject in self.rejects if reject.reason_code == "undecodable"]
        if undecodable:
            warnings.append(
                f"{len(undecodable)} lines, the first is line {undecodable[0]}, are not {self._decoding.label}:"
                " two encodings are mixed in the file; export it again in one"
            )
        return warnings

    def _offset_of_line(self, line: int) -> int:
        data, offset = self._decoding.data, self._decoding.start
        for _ in range(line - 1):
            feed = data.data.find(b"\n", offset)
            if feed < 0:
                return data.n_bytes
            offset = feed + 1
        return offset

    def _block_end(self, start: int, size: int) -> int:
        data, end = self._decoding.data.data, self._decoding.data.n_bytes
        stop = min(start + size, end)
        if stop == end:
            return end
        cut = data.rfind(b"\n", start, stop)
        if cut < 0:
            cut = data.find(b"\n", stop)
            stop = end if cut < 0 else cut + 1
            if stop - start > _MAX_LINE_BYTES:
                raise ReadError("too_large", "a single line is longer than 64 MB; this is no table")
            return stop
        return cut + 1

    def _read_block(self, block: bytes, first_line: int, is_last: bool) -> tuple[pl.DataFrame, int, int]:
        """The block's records, and how many of its lines and bytes they took."""
        lines = Lines(self._as_utf8(block))
        limits = self._dialect.limits
        is_plain = lines.are_plain(self._dialect.delimiter, self._n_columns, limits.max_cell_bytes)
        if not self._fast:
            is_plain[:] = False
        if is_plain.all():
            return self._read_plain(lines, is_plain, first_line), len(lines), len(block)
        careful, n_lines = self._read_carefully(LineCursor(block, first_line, is_last), is_plain)
        n_bytes = len(block) if n_lines == len(lines) else _offset_in(block, n_lines)
        is_plain[n_lines:] = False
        chunk = pl.concat([careful, self._read_plain(lines, is_plain, first_line)])
        return chunk.sort(SOURCE_ROW), n_lines, n_bytes

    def _read_plain(self, lines: Lines, is_plain: Flags, first_line: int) -> pl.DataFrame:
        """The wanted lines, all plain, through pyarrow."""
        numbers = np.flatnonzero(is_plain) + first_line
        if not len(numbers):
            return self._grid([], [])
        names, text = column_ids(self._n_columns), lines.joined(is_plain)
        table = arrow_csv.read_csv(
            pa.BufferReader(text),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=len(text)),
            parse_options=arrow_csv.ParseOptions(delimiter=self._dialect.delimiter),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
        frame = pl.DataFrame(pl.from_arrow(table, rechunk=False))
        return frame.hstack([pl.Series(SOURCE_ROW, numbers, dtype=pl.Int64)])

    def _as_utf8(self, block: bytes) -> bytes:
        """The block as UTF-8; in place of a line that cannot be read stands a NUL, which is not plain."""
        if self._decoding.is_clean or block.isascii():
            return block
        text = self._readable(block)
        if text is not None:
            return text
        lines = (self._readable(line) for line in block.split(b"\n"))
        return b"\n".join(b"\0" if line is None else line for line in lines)

    def _readable(self, block: bytes) -> bytes | None:
        text = decode_strictly(block, self._dialect.codec)
        return None if text is None or "\ufffd" in text else text.encode("utf-8")

    def _read_carefully(self, cursor: LineCursor, is_plain: Flags) -> tuple[pl.DataFrame, int]:
        """The records that begin at lines that are not plain, and how many lines of the block are used up.

        Lines that turn out to belong to one of these records are marked as not plain.
        """
        chunks: list[pl.DataFrame] = []
        rows: list[list[str]] = []
        numbers: list[int] = []
        n_lines, after = len(is_plain), 0
        for index in np.flatnonzero(~is_plain).tolist():
            if index < after:
                continue
            cursor.move_to(index)
            record = read_record(cursor, self._dialect)
            if record is None or record.reason == "incomplete":
                n_lines = index
                break
            after = index + record.n_lines
            is_plain[index:after] = False
            fields = self._accept(record)
            if fields is not None:
                rows.append(fields)
                numbers.append(record.source_row)
            if len(rows) >= _CHUNK_ROWS:
                chunks.append(self._grid(rows, numbers))
                rows, numbers = [], []
        return pl.concat([*chunks, self._grid(rows, numbers)]), n_lines

    def _accept(self, record: Record) -> list[str] | None:
        """The record's fields at the header's width, or None after noting why not."""
        fields, width = record.fields, self._n_columns
        if fields is None:
            return self._reject(record, record.reason)
        if record.n_lines > 1 and self._swallows_records(record, fields):
            return None
        if len(fields) == 1 and not fields[0].strip(_END_OF_FILE).strip():
            return [""] * width
        if len(fields) > width and not any(map(str.strip, fields[width:])):
            fields = fields[:width]
            self._n_trimmed += 1
        if len(fields) != width:
            return self._reject(record, self._misfit(fields))
        limit = self._dialect.limits.max_cell_bytes
        if any(len(cell) * 4 > limit and len(cell.encode()) > limit for cell in fields):
            return self._reject(record, "cell_too_long")
        return fields

    def _swallows_records(self, record: Record, fields: list[str]) -> bool:
        """Whether a quoted cell over several lines is really several records; their lines are rejected.

        A line of a note has one or two delimiters easily: in narrow tables such a cell is only warned of, unless
        each line also begins as the record does.
        """
        mark, n_marks = self._dialect.delimiter, self._n_columns - 1
        lines = mark.join(fields).split("\n")
        n_alike = sum(line.count(mark) == n_marks for line in lines)
        shapes = {_shape(line.partition(mark)[0]) for line in lines}
        if (
            n_alike == len(lines)
            and "" not in shapes
            and (n_marks > 2 or (n_marks == 2 and len(shapes) == 1))
        ):
            for number in range(record.source_row, record.source_row + record.n_lines):
                self.rejects.append(Reject(number, "stray_quotes", _MESSAGES["stray_quotes"]))
            return True
        if n_marks >= 1 and (
            n_alike == len(lines) or any(line.count(mark) == n_marks for line in lines[1:-1])
        ):
            self._doubtful_cells.append(record.source_row)
        return False

    def _misfit(self, fields: list[str]) -> str:
        """Why a record has not the header's width."""
        if any("\r" in cell for cell in fields):
            return "lone_return"
        return "too_few_fields" if len(fields) < self._n_columns else "too_many_fields"

    def _note_other_delimiter(self, record: Record) -> None:
        """Whether another mark would divide the record into as many fields as the header has."""
        text = self._dialect.delimiter.join(record.fields or ())
        for mark in DELIMITERS:
            if mark != self._dialect.delimiter and text.count(mark) + 1 == self._n_columns > 1:
                self._by_other.setdefault(mark, []).append(record.source_row)

    def _reject(self, record: Record, reason: str) -> list[str] | None:
        if reason in ("too_few_fields", "too_many_fields"):
            self._note_other_delimiter(record)
        message = _MESSAGES[reason].format(
            codec=self._dialect.codec, limit=self._dialect.limits.max_cell_bytes
        )
        self.rejects.append(Reject(record.source_row, reason, message))
        return None

    def _grid(self, rows: list[list[str]], numbers: list[int]) -> pl.DataFrame:
        names = column_ids(self._n_columns)
        if not rows:
            return pl.DataFrame(schema=dict.fromkeys(names, pl.String) | {SOURCE_ROW: pl.Int64})
        columns = zip(names, zip(*rows, strict=True), strict=True)
        series = [pl.Series(name, values, dtype=pl.String) for name, values in columns]
        texts = pl.DataFrame(series).with_columns(pl.when(pl.all() != "").then(pl.all()))
        return texts.with_columns(pl.Series(SOURCE_ROW, numbers, dtype=pl.Int64))


def _shape(text: str) -> str:
    """What a text is made of: capital and small letters, digits, in order, whatever their number."""
    for pattern, letter in ((r"[0-9]+", "0"), (r"[A-Z]+", "A"), (r"[^\W0-9A-Z_]+", "a")):
        text = re.sub(pattern, letter, text.strip())
    return text


def _offset_in(block: bytes, n_lines: int) -> int:
    return sum(len(line) + 1 for line in block.split(b"\n", n_lines)[:n_lines])
