"""Which lines of a block are provably one plain record each, told for all lines at once.

Belongs here: looking at bytes. Does not belong here: reading records, carefully (records.py) or fast (blocks.py).

A line is plain when its quotes only open and close whole fields and pair up within the line, it has neither NUL
nor lone carriage return nor byte-order mark nor Ctrl-Z, is not blank, not longer than a cell may be, and divides into the
right number of fields. At the start of a record, such a line is that record, whatever stands around it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_FEED, _RETURN, _QUOTE, _END_OF_FILE = 10, 13, 34, 26
_MARK = "\ufeff".encode()

Places = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]


class Lines:
    """The lines of a block.

    Attributes:
        text: the block as UTF-8.
        starts, ends: place of the first byte of every line, and of its line feed (or of the end of the block).
    """

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._codes = np.frombuffer(text, dtype=np.uint8)
        ends = np.flatnonzero(self._codes == _FEED)
        self.ends = ends if not text or text.endswith(b"\n") else np.append(ends, len(text))
        self.starts = np.append(0, self.ends[:-1] + 1)[: len(self.ends)]

    def __len__(self) -> int:
        return len(self.ends)

    def are_plain(self, delimiter: str, n_fields: int, max_bytes: int) -> Flags:
        """Whether each line is a plain record of ``n_fields`` fields and at most ``max_bytes`` bytes."""
        if not len(self) or not delimiter.isascii():
            return np.zeros(len(self), dtype=np.bool_)
        lengths = self.ends - self.starts
        is_blank = (lengths == 0) | ((lengths == 1) & (self._codes[self.starts] == _RETURN))
        plain: Flags = ~is_blank & (lengths <= max_bytes)
        plain[np.searchsorted(self.ends, self._strange_bytes())] = False
        marks = self._codes == ord(delimiter)
        n_marks: Places = np.add.reduceat(marks.view(np.uint8), self.starts, dtype=np.int32)
        if b'"' in self.text:
            quotes = np.flatnonzero(self._codes == _QUOTE)
            line_of = np.searchsorted(self.ends, quotes)
            is_opening = (np.arange(len(quotes)) - np.searchsorted(line_of, line_of)) % 2 == 0
            plain[line_of[~self._are_well_placed(quotes, is_opening, ord(delimiter))]] = False
            plain[np.bincount(line_of, minlength=len(self)) % 2 == 1] = False
            before = np.searchsorted(np.flatnonzero(marks), quotes)
            n_marks -= np.bincount(line_of, np.where(is_opening, -before, before), len(self)).astype(np.int32)
        plain &= n_marks == n_fields - 1
        return plain

    def joined(self, chosen: Flags) -> bytes:
        """The bytes of the wanted lines, with their line ends."""
        if chosen.all():
            return self.text
        edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
        runs = zip(self.starts[edges[0::2]], self.ends[edges[1::2] - 1], strict=True)
        return b"".join(self.text[start : end + 1] for start, end in runs)

    def _strange_bytes(self) -> Places:
        """NULs, marks of a file's begin or end, and carriage returns that do not end a line."""
        odd = [code for code in (0, _END_OF_FILE) if bytes([code]) in self.text]
        odd += [_MARK[0]] if _MARK[:1] in self.text and _MARK in self.text else []
        places = [np.flatnonzero(self._codes == code) for code in odd]
        if b"\r" in self.text:
            returns = np.flatnonzero(self._codes == _RETURN)
            places.append(returns[self._next_to(returns, 1) != _FEED])
        return np.concatenate(places) if places else np.empty(0, dtype=np.intp)

    def _next_to(self, places: Places, step: int) -> npt.NDArray[np.uint8]:
        """The byte beside each one; beyond the block stands a line feed."""
        last = len(self._codes) - 1
        neighbours = self._codes[np.clip(places + step, 0, last)]
        return np.where((places + step < 0) | (places + step > last), np.uint8(_FEED), neighbours)

    def _are_well_placed(self, quotes: Places, is_opening: Flags, mark: int) -> Flags:
        """Whether quotes that open stand where a field begins, and quotes that close where one ends."""
        before, after = self._next_to(quotes, -1), self._next_to(quotes, 1)
        begins = (before == mark) | (before == _FEED)
        ends = (after == mark) | (after == _FEED) | (after == _RETURN)
        placed: Flags = np.where(is_opening, begins, ends)
        return placed
