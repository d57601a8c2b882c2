"""Facilities that are worked on together: which are, and each by itself where that fails.

Belongs here: grouping by a key and by size. Does not belong here: what is done with them (``staging.py``,
``screening.py``), how rows of several stand under one another (``core/side_by_side.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

MOST_TOGETHER = 25
Begun = TypeVar("Begun")
Ended = TypeVar("Ended")


def worked_together(
    groups: Iterable[list[str]],
    begin: Callable[[Sequence[str]], dict[str, Begun]],
    end: Callable[[str, Begun | None], Ended],
) -> dict[str, Ended]:
    """Facility -> what its work gives, which the facilities of a group begin together and each ends by itself."""
    results = {}
    for alike in groups:
        begun = begin(alike) if len(alike) > 1 else {}
        for facility_id in alike:
            results[facility_id] = end(facility_id, begun.pop(facility_id, None))
    return results


def grouped(
    facility_ids: Sequence[str], key_of: Callable[[str], str | None], size: Callable[[str], int], most: int
) -> Iterator[list[str]]:
    """Facilities of the same key, as many as are small enough together; those without a key one by one, and first."""
    by_key: dict[str, list[str]] = {}
    for facility_id in facility_ids:
        key = key_of(facility_id)
        if key is None:
            yield [facility_id]
        else:
            by_key.setdefault(key, []).append(facility_id)
    for alike in by_key.values():
        yield from _small_enough(alike, size, most)


def _small_enough(facility_ids: Sequence[str], size: Callable[[str], int], most: int) -> Iterator[list[str]]:
    together: list[str] = []
    n_bytes = 0
    for facility_id in facility_ids:
        own = size(facility_id)
        if together and (n_bytes + own > most or len(together) == MOST_TOGETHER):
            yield together
            together, n_bytes = [], 0
        together.append(facility_id)
        n_bytes += own
    if together:
        yield together
