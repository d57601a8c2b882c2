"""Physical lines to logical records, carefully: quoted newlines, stray quotes, undecodable lines, NULs.

Belongs here: the slow, exact reading of delimited text that always knows its line number.
Does not belong here: encodings (encoding.py), headers (header.py), the fast way (blocks.py).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from registry_pipeline.intake.readers.encoding import decode_strictly, replacement_error
from registry_pipeline.intake.readers.model import ReadLimits

csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True)
class Dialect:
    """How lines decode and divide."""

    codec: str
    delimiter: str
    limits: ReadLimits


@dataclass(frozen=True)
class Record:
    """One logical record: its fields, or the reason why it has none.

    The reason ``incomplete`` means that the block ended within a quoted cell and more bytes follow.
    """

    source_row: int
    n_lines: int
    fields: list[str] | None
    reason: str = ""


class LineCursor:
    """Physical lines of a byte range with their numbers, and a way to look ahead."""

    def __init__(self, block: bytes, first_line: int, is_last: bool) -> None:
        self._lines = block.split(b"\n")
        if self._lines and self._lines[-1] == b"":
            self._lines.pop()
        self._first = first_line
        self._at = 0
        self.is_last = is_last

    def next(self) -> tuple[int, bytes] | None:
        """The next line with its number, without its line end; None at the end."""
        line = self.peek(0)
        if line is None:
            return None
        self._at += 1
        return self._first + self._at - 1, line

    def peek(self, ahead: int) -> bytes | None:
        """A line further on, without moving."""
        index = self._at + ahead
        return self._lines[index].removesuffix(b"\r") if index < len(self._lines) else None

    def skip(self, n: int) -> None:
        """Move on n lines."""
        self._at += n

    def move_to(self, index: int) -> None:
        """Go to a line of the block, counted from 0."""
        self._at = index


def read_records(block: bytes, first_line: int, dialect: Dialect, is_last: bool = True) -> Iterator[Record]:
    """Every logical record of the block; a line that cannot be read is a record with a reason."""
    cursor = LineCursor(block, first_line, is_last)
    while (record := read_record(cursor, dialect)) is not None:
        yield record
        if record.reason == "incomplete":
            return


def read_record(cursor: LineCursor, dialect: Dialect) -> Record | None:
    """The record that starts at the cursor's line; None at the end."""
    item = cursor.next()
    if item is None:
        return None
    number, line = item
    reason, text = _line_text(line, number, dialect)
    if reason:
        return Record(number, 1, None, reason)
    if '"' not in text:
        return Record(number, 1, text.split(dialect.delimiter))
    return _quoted_record(text, number, cursor, dialect)


def _line_text(line: bytes, number: int, dialect: Dialect) -> tuple[str, str]:
    if b"\0" in line:
        return "nul_byte", ""
    text = decode_strictly(line, dialect.codec)
    if text is None:
        return "undecodable", ""
    if "\ufffd" in text:
        raise replacement_error(number)
    return "", text


def _quoted_record(text: str, number: int, cursor: LineCursor, dialect: Dialect) -> Record:
    """A record with quotes; it may go on over the following lines."""
    fields, reason = _split_quoted(text, dialect.delimiter)
    if reason != "unclosed_quote":
        return Record(number, 1, fields, reason)
    joined, n_more, reason = _join_until_closed(text, number, cursor, dialect)
    if not reason:
        fields, reason = _split_quoted(joined, dialect.delimiter)
    if fields is None:
        return Record(number, 1, None, reason)
    cursor.skip(n_more)
    return Record(number, 1 + n_more, fields)


def _join_until_closed(text: str, number: int, cursor: LineCursor, dialect: Dialect) -> tuple[str, int, str]:
    """Add lines until the quotes pair up; give up at the limits, so that one stray quote costs one line."""
    parts, n_quotes, n_chars = [text], text.count('"'), len(text)
    for ahead in range(dialect.limits.max_record_lines):
        if n_chars > dialect.limits.max_cell_bytes * 4:
            break
        line = cursor.peek(ahead)
        if line is None:
            return "", 0, "unclosed_quote" if cursor.is_last else "incomplete"
        reason, more = _line_text(line, number + ahead + 1, dialect)
        parts.append(more)
        n_quotes, n_chars = n_quotes + more.count('"'), n_chars + len(more)
        if reason:
            break
        if n_quotes % 2 == 0 and '"' in more:
            return "\n".join(parts), ahead + 1, ""
    return "", 0, "unclosed_quote"


def _split_quoted(text: str, delimiter: str) -> tuple[list[str] | None, str]:
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        unclosed = "unexpected end of data" in str(error)
        return None, "unclosed_quote" if unclosed else "malformed_quotes"
    return (rows[0] if rows else [""]), ""
