"""Follow-up of patients as arrays: durations, events, entries and the groups they are compared in.

Belongs here: checked times, groupings by one column or several, times split by group.
Does not belong here: reading single columns (inputs.py), any estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.counting import distinct, merge_close_times
from registry_pipeline.analysis.inputs import (
    Floats,
    Frame,
    Ints,
    PreparedFrame,
    as_pandas,
    is_text,
    label,
    numbers,
    refuse_rows,
    series,
)

OVERALL = "overall"


@dataclass(frozen=True)
class Times:
    """Checked follow-up of n rows: duration >= 0, event code 0, 1, 2 ..., entry < duration or None."""

    duration: Floats
    event: Ints
    entry: Floats | None = None

    def __len__(self) -> int:
        return len(self.duration)

    @cached_property
    def distinct(self) -> tuple[Floats, Ints]:
        """The distinct durations in increasing order, and the position of each row's own among them."""
        return distinct(self.duration)

    def take(self, rows: Any) -> Times:
        """Give the chosen rows."""
        return Times(self.duration[rows], self.event[rows], None if self.entry is None else self.entry[rows])


@dataclass(frozen=True)
class Groups:
    """A grouping of n rows: code -1 where the group is missing, else the position of its label."""

    variable: str
    code: Ints
    labels: tuple[str, ...]

    @property
    def n_missing(self) -> int:
        """Rows whose group is missing."""
        return int((self.code < 0).sum())

    @property
    def n_used(self) -> int:
        """Groups that have rows."""
        return int(np.count_nonzero(np.bincount(self.code[self.code >= 0])))

    def take(self, rows: Any) -> Groups:
        """Give the chosen rows; the labels stay."""
        return Groups(self.variable, self.code[rows], self.labels)


@dataclass(frozen=True)
class GroupedTimes:
    """The times of each group that has rows, in order of the labels; variable: what the groups are of."""

    variable: str
    parts: tuple[tuple[str, Times], ...]
    n_missing: int


def check_times(
    frame: Frame, duration: str, event: str, entry: str | None = None, competing: bool = False
) -> Times:
    """Read and check duration, event and entry.

    Durations are finite and >= 0; 0 is kept. Events are whole codes: 0 and 1, or 0, 1, 2 ... where
    `competing`. An entry (left truncation) is less than its duration.
    Raises ValueError naming the column and the count of offending rows.
    """
    if isinstance(frame, PreparedFrame):
        key = ("times", duration, event, entry, competing)
        times: Times = frame.once(key, lambda: check_times(frame.frame, *key[1:]))
        return times
    time = numbers(frame, duration)
    refuse_rows(duration, int(np.isnan(time).sum()), "missing")
    refuse_rows(duration, int((time < 0).sum()), "negative")
    code = _event_codes(numbers(frame, event), event, competing)
    if entry is None:
        return Times(merge_close_times(time), code)
    start = numbers(frame, entry)
    refuse_rows(entry, int(np.isnan(start).sum()), "missing")
    both = merge_close_times(np.concatenate([time, start]))
    time, start = both[: len(time)], both[len(time) :]
    refuse_rows(entry, int((start >= time).sum()), f"not less than column {duration!r}")
    return Times(time, code, start)


def _event_codes(values: Floats, name: str, competing: bool) -> Ints:
    """Check event codes; a competing event where none is expected is refused, not censored in silence."""
    refuse_rows(name, int(np.isnan(values).sum()), "missing")
    whole = (values == np.floor(values)) & (values >= 0)
    if competing:
        refuse_rows(name, int((~whole).sum()), "no event code (0 censored, 1, 2, ...)")
    else:
        hint = "neither 0 nor 1 (for competing events use cumulative_incidence, or cause_specific first)"
        refuse_rows(name, int((~(whole & (values <= 1))).sum()), hint)
    return values.astype(np.int64)


@checked
def cause_specific(frame: Frame, event: str, cause: int = 1) -> pd.DataFrame:
    """Give the frame with `event` as 0/1 for one cause, other causes censored at their time.

    One minus Kaplan-Meier of the result is not a risk: `cumulative_incidence` is.
    """
    code = _event_codes(numbers(frame, event), event, competing=True)
    return as_pandas(frame).assign(**{event: (code == cause).astype(np.int64)})


def check_groups(frame: Frame, by: str | Sequence[str] | None, n: int) -> Groups:
    """Read grouping columns; None puts everybody into one group called overall.

    Levels are in order of category where a column is categorical, else sorted. Of several columns each
    combination that occurs is a group, `a, b`; a row without one of them has no group.
    """
    if isinstance(frame, PreparedFrame):
        key = by if isinstance(by, str) or by is None else tuple(by)
        groups: Groups = frame.once(("groups", key, n), lambda: check_groups(frame.frame, by, n))
        return groups
    if by is None:
        return Groups(OVERALL, np.zeros(n, dtype=np.int64), (OVERALL,))
    names = [by] if isinstance(by, str) else list(by)
    parts = [_read_group(series(frame, name), name) for name in names]
    return parts[0] if len(parts) == 1 else _combined(parts)


def _read_group(column: pd.Series, name: str) -> Groups:
    """One grouping column."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = column.cat.remove_unused_categories()
        code, levels = used.cat.codes.to_numpy(), used.cat.categories
    else:
        if column.dtype == object and not is_text(column) and len(set(map(type, column.to_numpy()))) > 2:
            column = column.where(column.isna(), column.astype(str))
        try:
            code, levels = pd.factorize(column, sort=True)
        except TypeError:
            raise ValueError(f"column {name!r} holds lists or the like, which are no levels") from None
    labels = tuple(levels) if is_text(levels) else tuple(label(level) for level in levels)
    return Groups(name, np.asarray(code, dtype=np.int64), labels)


def _combined(parts: Sequence[Groups]) -> Groups:
    """The combinations of several groupings that occur, in order of the first, then the second ..."""
    is_complete = np.all([part.code >= 0 for part in parts], axis=0)
    codes = np.column_stack([part.code for part in parts])
    levels, position = np.unique(codes[is_complete], axis=0, return_inverse=True)
    code = np.full(len(codes), -1, dtype=np.int64)
    code[is_complete] = position.reshape(-1)
    labels = [", ".join(part.labels[at] for part, at in zip(parts, level, strict=True)) for level in levels]
    return Groups(", ".join(part.variable for part in parts), code, tuple(labels))


def grouped_times(
    frame: Frame,
    duration: str,
    event: str,
    by: str | Sequence[str] | None = None,
    entry: str | None = None,
    competing: bool = False,
) -> GroupedTimes:
    """Read the times of each group: :func:`check_times` and :func:`check_groups` together."""
    if isinstance(frame, PreparedFrame):
        key = (
            "parts",
            duration,
            event,
            by if by is None or isinstance(by, str) else tuple(by),
            entry,
            competing,
        )
        grouped: GroupedTimes = frame.once(key, lambda: _split(frame, *key[1:]))
        return grouped
    return _split(frame, duration, event, by, entry, competing)


def _split(
    frame: Frame, duration: str, event: str, by: Any, entry: str | None, competing: bool
) -> GroupedTimes:
    times = check_times(frame, duration, event, entry, competing)
    groups = check_groups(frame, by, len(times))
    parts = []
    for code, name in enumerate(groups.labels):
        rows = groups.code == code
        if rows.any():
            parts.append((name, times if bool(rows.all()) else times.take(rows)))
    return GroupedTimes(groups.variable, tuple(parts), groups.n_missing)
