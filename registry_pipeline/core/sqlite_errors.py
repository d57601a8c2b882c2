"""What keeps an SQLite file from being used, in words and with what to do.

Belongs here: SQLite's own codes, told without anything that the file holds. Does not belong here: which file it is.
"""

from __future__ import annotations

import sqlite3

_REASONS = {
    "READONLY": "it or its folder may not be written; check their owner and mode",
    "CANTOPEN": "it or its folder may not be read or written; check their owner and mode",
    "PERM": "it or its folder may not be read or written; check their owner and mode",
    "BUSY": "another process holds it; try again when that has ended",
    "LOCKED": "another process holds it; try again when that has ended",
    "FULL": "the disk is full",
    "IOERR": "the disk failed; look after it, and restore the file from the backup if it stays",
    "NOTADB": "it is damaged; restore it from the backup",
    "CORRUPT": "it is damaged; restore it from the backup",
}


def sqlite_reason(problem: sqlite3.Error) -> str:
    """Why SQLite refused, by its code; its own words where it has no code of these (they name columns, never values)."""
    name = str(getattr(problem, "sqlite_errorname", ""))  # such as SQLITE_READONLY_DIRECTORY
    return _REASONS.get("".join(name.split("_")[1:2])) or str(problem)
