"""A minimal writer of old Excel workbooks (BIFF8 in an OLE container), for no library here writes them.

Belongs here: just enough of [MS-XLS] and [MS-CFB] for one small worksheet. Does not belong here: tests.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_END, _FREE, _FAT_SECTOR = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_SECTOR = 512


@dataclass(frozen=True)
class Dated:
    """A serial number in a cell with a date format."""

    serial: float


def write_xls(
    path: Path, sheet: str, rows: list[list[str | float | Dated]], has_password: bool = False
) -> None:
    """Write one worksheet; ``has_password`` adds the FILEPASS record that encrypted workbooks begin with."""
    head = _bof(0x05) + (_record(0x2F, struct.pack("<HHH", 1, 1, 1) + bytes(48)) if has_password else b"")
    head += _record(0x42, struct.pack("<H", 1200)) + _record(0x22, struct.pack("<H", 0))
    head += _cell_format(0) + _cell_format(14)
    name = struct.pack("<BB", len(sheet), 1) + sheet.encode("utf-16-le")
    offset = len(head) + 4 + 6 + len(name) + 4
    bound = _record(0x85, struct.pack("<IBB", offset, 0, 0) + name)
    path.write_bytes(_container(head + bound + _record(0x0A) + _worksheet(rows)))


def _record(code: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", code, len(data)) + data


def _bof(kind: int) -> bytes:
    return _record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 6))


def _cell_format(number_format: int) -> bytes:
    return _record(0xE0, struct.pack("<HHHBBBBIIH", 0, number_format, 1, 0x20, 0, 0, 0, 0, 0, 0x20C0))


def _worksheet(rows: list[list[str | float | Dated]]) -> bytes:
    size = struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0)
    cells = b"".join(_cell(r, c, value) for r, row in enumerate(rows) for c, value in enumerate(row))
    return _bof(0x10) + _record(0x0200, size) + cells + _record(0x0A)


def _cell(row: int, column: int, value: str | float | Dated) -> bytes:
    if isinstance(value, str):
        text = struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")
        return _record(0x0204, struct.pack("<HHH", row, column, 0) + text)
    style, number = (1, value.serial) if isinstance(value, Dated) else (0, value)
    return _record(0x0203, struct.pack("<HHHd", row, column, style, number))


def _container(stream: bytes) -> bytes:
    """One stream of at least 4096 bytes, so that no mini stream is needed."""
    n = max(8, -(-len(stream) // _SECTOR))
    table = [_FAT_SECTOR, _END, *range(3, n + 2), _END]
    fat = struct.pack("<128I", *table, *[_FREE] * (128 - len(table)))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += bytes(6) + struct.pack("<IIIIIIIIII", 0, 1, 1, 0, 4096, _END, 0, _END, 0, 0) + b"\xff" * 432
    folder = _entry("Root Entry", 5, 1, _END, 0) + _entry("Workbook", 2, _FREE, 2, n * _SECTOR) + bytes(256)
    return header + fat + folder + stream.ljust(n * _SECTOR, b"\0")


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<HBBIII", len(text), kind, 1, _FREE, _FREE, child)
    return text.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", start, size)
