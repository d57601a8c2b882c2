"""The body of a delimited file in blocks: the fast way where a block is regular, the careful way elsewhere.

Belongs here: proving cheaply that a block is regular, and building text columns from either way.
Does not belong here: the record grammar itself (records.py), headers, blank rows.

A block is regular when its quotes only open and close whole fields, it has no NUL, no blank line and no
lone carriage return, pyarrow's strict parser finds the right number of fields in every row, and the number
of rows equals the number of lines (so no line feed stands inside quotes). Then both ways agree, row by row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from registry_pipeline.intake.readers.encoding import Decoding, decode_strictly
from registry_pipeline.intake.readers.model import SOURCE_ROW, ReadError, Reject
from registry_pipeline.intake.readers.records import Dialect, Record, read_records
from registry_pipeline.intake.readers.sheet import column_ids

DELIMITERS = (",", ";", "\t", "|")
_BLOCK_BYTES = 16 * 2**20
_MAX_LINE_BYTES = 64 * 2**20
_CHUNK_ROWS = 20_000
_END_OF_FILE = "\x1a"
_FEED, _RETURN, _QUOTE = 10, 13, 34
_MESSAGES = {
    "undecodable": "the line does not decode as {codec}; two encodings may be mixed in this file",
    "nul_byte": "the line holds a NUL byte; the file may be damaged",
    "unclosed_quote": "a quotation mark opens here and does not close; check the line",
    "malformed_quotes": "text follows a closing quotation mark; check the line",
    "cell_too_long": "a cell is longer than the limit of {limit:,} bytes",
    "too_few_fields": "fewer fields than the header; a delimiter or a line end may be wrong",
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
        self.rejects: list[Reject] = []
        self.n_fast_blocks = 0

    def read_from_line(self, first_line: int) -> pl.DataFrame:
        """All records that start at or below a physical line: positional columns and ``source_row``."""
        start = self._offset_of_line(first_line)
        line, chunks, size = first_line, [self._grid([], [])], _BLOCK_BYTES
        data, end = self._decoding.data.data, self._decoding.data.n_bytes
        while start < end:
            block = data[start : self._block_end(start, size)]
            is_last = start + len(block) >= end
            chunk = self._read_fast(block, line) if self._fast else None
            if chunk is not None:
                n_bytes, n_lines = len(block), len(chunk)
            else:
                chunk, n_bytes = self._read_carefully(block, line, is_last)
                n_lines = block[:n_bytes].count(b"\n")
            chunks.append(chunk)
            start, line = start + n_bytes, line + n_lines
            # a record longer than the block makes no progress: the next block must reach further
            size = _BLOCK_BYTES if n_bytes else 2 * size
            if sum(map(len, chunks)) + len(self.rejects) > self._dialect.limits.max_rows:
                raise ReadError("too_large", f"more than {self._dialect.limits.max_rows:,} rows; split it")
        return pl.concat(chunks)

    def notes(self) -> list[str]:
        """What was changed without loss while reading."""
        return (
            [f"empty fields beyond the header left out in {self._n_trimmed} rows"] if self._n_trimmed else []
        )

    def warnings(self) -> list[str]:
        """One cause behind many rejected rows, where there is one."""
        found = []
        for mark, rows in self._by_other.items():
            name = "a tab" if mark == "\t" else f"'{mark}'"
            found.append(
                f"from line {rows[0]} on, {len(rows)} lines are divided by {name} and not by the delimiter of the"
                " header; export the whole file with one delimiter"
            )
        undecodable = [one.source_row for one in self.rejects if one.reason_code == "undecodable"]
        if undecodable:
            found.append(
                f"{len(undecodable)} lines, the first is line {undecodable[0]}, are not {self._decoding.label}:"
                " two encodings are mixed in the file; export it again in one"
            )
        return found

    def _offset_of_line(self, line: int) -> int:
        data, offset = self._decoding.data, self._decoding.start
        for _ in range(line - 1):
            found = data.data.find(b"\n", offset)
            if found < 0:
                return data.n_bytes
            offset = found + 1
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

    def _read_fast(self, block: bytes, first_line: int) -> pl.DataFrame | None:
        """The block through pyarrow, or None when it is not provably regular."""
        text = self._as_utf8(block)
        if text is None or not is_regular(text, self._dialect.delimiter):
            return None
        n_feeds = int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == _FEED))
        n_lines = n_feeds + (not text.endswith(b"\n"))
        table = self._parse(text)
        if table is None or table.num_rows != n_lines:
            return None
        frame = pl.DataFrame(table)
        longest = frame.select(pl.max_horizontal(pl.all().str.len_bytes().max())).item() if n_lines else 0
        if (longest or 0) > self._dialect.limits.max_cell_bytes:
            return None
        self.n_fast_blocks += 1
        return frame.with_columns(pl.int_range(first_line, first_line + n_lines).alias(SOURCE_ROW))

    def _as_utf8(self, block: bytes) -> bytes | None:
        if self._decoding.is_clean or block.isascii():
            return block
        text = decode_strictly(block, self._dialect.codec)
        return None if text is None or "\ufffd" in text else text.encode("utf-8")

    def _parse(self, text: bytes) -> pa.Table | None:
        names = column_ids(self._n_columns)
        try:
            return arrow_csv.read_csv(
                pa.BufferReader(text),
                read_options=arrow_csv.ReadOptions(column_names=names),
                parse_options=arrow_csv.ParseOptions(delimiter=self._dialect.delimiter),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
                ),
            )
        except (pa.ArrowInvalid, ValueError):
            return None

    def _read_carefully(self, block: bytes, first_line: int, is_last: bool) -> tuple[pl.DataFrame, int]:
        """The block record by record, and how many of its bytes that took."""
        chunks, rows, numbers = [], [], []
        used = len(block)
        for record in read_records(block, first_line, self._dialect, is_last):
            if record.reason == "incomplete":
                used = _offset_in(block, record.source_row - first_line)
                break
            fields = self._accept(record)
            if fields is not None:
                rows.append(fields)
                numbers.append(record.source_row)
            if len(rows) >= _CHUNK_ROWS:
                chunks.append(self._grid(rows, numbers))
                rows, numbers = [], []
        return pl.concat([*chunks, self._grid(rows, numbers)]), used

    def _accept(self, record: Record) -> list[str] | None:
        """The record's fields at the header's width, or None after noting why not."""
        fields, width = record.fields, self._n_columns
        if fields is None:
            return self._reject(record, record.reason)
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
        n_found = None if record.fields is None else len(record.fields)
        self.rejects.append(Reject(record.source_row, reason, message, self._n_columns, n_found))
        return None

    def _grid(self, rows: list[list[str]], numbers: list[int]) -> pl.DataFrame:
        columns = list(zip(*rows, strict=True)) if rows else [()] * self._n_columns
        series = [
            pl.Series(name, values, dtype=pl.String)
            for name, values in zip(column_ids(self._n_columns), columns, strict=True)
        ]
        texts = pl.DataFrame(series).with_columns(pl.when(pl.all() != "").then(pl.all()))
        return texts.with_columns(pl.Series(SOURCE_ROW, numbers, dtype=pl.Int64))


def _offset_in(block: bytes, n_lines: int) -> int:
    return sum(len(line) + 1 for line in block.split(b"\n", n_lines)[:n_lines])


def is_regular(block: bytes, delimiter: str) -> bool:
    """True when the block has no NUL, blank line, lone CR, nor a quote other than around a whole field."""
    if b"\0" in block or block.startswith((b"\n", b"\r")):
        return False
    codes = np.frombuffer(block, dtype=np.uint8)
    feeds = codes == _FEED
    if bool((feeds[1:] & feeds[:-1]).any()):
        return False
    if b"\r" in block and not _returns_are_regular(block):
        return False
    return b'"' not in block or _quotes_are_regular(codes, ord(delimiter))


def _returns_are_regular(block: bytes) -> bool:
    at_end = block.endswith(b"\r")
    return b"\n\r\n" not in block and block.count(b"\r") == block.count(b"\r\n") + at_end


def _quotes_are_regular(codes: npt.NDArray[np.uint8], mark: int) -> bool:
    """Quotes alternate between one that begins a field and one that ends a field; none is doubled."""
    places = np.flatnonzero(codes == _QUOTE)
    opening, closing = places[0::2], places[1::2]
    if len(opening) != len(closing) or mark > 127:
        return False
    last = len(codes) - 1
    before = np.where(opening == 0, _FEED, codes[np.maximum(opening - 1, 0)])
    after = np.where(closing == last, _FEED, codes[np.minimum(closing + 1, last)])
    begins = (before == mark) | (before == _FEED)
    ends = (after == mark) | (after == _FEED) | (after == _RETURN)
    return bool(begins.all() and ends.all())
