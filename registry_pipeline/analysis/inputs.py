"""The one gate through which durations, events, entries, groups and covariates enter an analysis.

Belongs here: reading columns of pandas or polars frames into numpy arrays, and refusing what no estimate can
use. Messages name the column and the count of offending rows, never a value.
Does not belong here: any estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Frame: TypeAlias = Any  # pandas or polars; both answer to `columns` and `__getitem__`

DAYS_PER_MONTH = 30.4375
Z95 = 1.959963984540054  # 0.975 quantile of the normal distribution
OVERALL = "overall"
OK, NOT_ESTIMABLE, NOT_CONVERGED = "ok", "not_estimable", "not_converged"
# R's aeqSurv: times closer than this, absolutely or relative to their mean, are one time.
MOST_DAYS = 100_000  # whole numbers up to here, or to their count, are counted one by one
TIE_TOLERANCE = float(np.sqrt(np.finfo(float).eps))


@dataclass(frozen=True)
class Times:
    """Checked follow-up of n rows: duration >= 0, event code 0, 1, 2 ..., entry < duration or None.

    kept: what was derived from these arrays, which nobody changes, for the next who asks.
    """

    duration: Floats
    event: Ints
    entry: Floats | None = None
    kept: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.duration)

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


class PreparedFrame:
    """A frame of which times and groups are read once, however many estimates are made of it.

    Stands for its frame wherever an analysis takes one. The frame must not be changed afterwards.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._kept: dict[Hashable, Any] = {}

    @property
    def columns(self) -> Any:
        """Names of the frame's columns."""
        return self.frame.columns

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, name: Any) -> Any:
        return self.frame[name]

    def once(self, asked: Hashable, make: Callable[[], Any]) -> Any:
        """What was made for this question before, or makes it."""
        if asked not in self._kept:
            self._kept[asked] = make()
        return self._kept[asked]


def series(frame: Frame, name: str) -> pd.Series:
    """Give one column of a pandas or polars frame as a pandas Series with a fresh index."""
    if hasattr(frame, "collect_schema") and hasattr(frame, "collect"):
        frame = frame.select(name).collect() if name in frame.collect_schema().names() else frame.collect()
    if not hasattr(frame, "columns"):
        raise ValueError("a pandas or polars data frame is needed")
    if name not in list(frame.columns):
        raise ValueError(f"column {name!r} is not in the frame; it has {', '.join(map(str, frame.columns))}")
    column = frame[name]
    if isinstance(column, pd.DataFrame):
        raise ValueError(f"column {name!r} occurs {column.shape[1]} times in the frame")
    if isinstance(column, pd.Series):
        return column.reset_index(drop=True)
    dtype = str(column.dtype)
    if dtype.startswith("Enum"):
        order = column.dtype.categories.to_list()
        return pd.Series(pd.Categorical(column.to_list(), categories=order), name=name)
    if dtype.startswith("Decimal"):
        return pd.Series([None if v is None else float(v) for v in column], name=name, dtype="float64")
    if column.dtype.is_numeric() or dtype == "Null":
        values = [math.nan] * len(column) if dtype == "Null" else column.to_numpy()
        return pd.Series(values, name=name, dtype="float64" if dtype == "Null" else None)
    return pd.Series(column.to_list(), name=name, dtype=object)


def is_numeric(column: pd.Series) -> bool:
    """Say whether a column holds numbers or truth values (all missing counts as numeric)."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True
    if column.dtype != object or _is_text(column):  # texts are many, and are not asked one by one
        return False
    kinds = set(map(type, column.dropna()))
    return all(issubclass(kind, (bool, int, float, np.bool_, np.number)) for kind in kinds)


def numbers(frame: Frame, name: str) -> Floats:
    """Give a numeric column as floats, missing values as NaN; text is refused."""
    column = series(frame, name)
    if not is_numeric(column):
        raise ValueError(f"column {name!r} must be numeric, its type is {column.dtype}")
    values = pd.to_numeric(column.astype("Float64") if column.dtype == object else column)
    out = np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    _refuse(name, int(np.isinf(out).sum()), "infinite")
    return out


def _refuse(name: str, count: int, what: str) -> None:
    """Raise when a column holds values that no estimate can use."""
    if count:
        raise ValueError(f"column {name!r}: {count} {'row is' if count == 1 else 'rows are'} {what}")


def merge_close_times(values: Floats) -> Floats:
    """Make times that differ by rounding only exactly equal; whole numbers pass unchanged.

    R's survival merges such ties (`timefix`); without it 0.1 + 0.2 and 0.3 would be two event times.
    """
    if not len(values) or bool(np.all(values == np.floor(values))):
        return values
    unique, inverse = np.unique(values, return_inverse=True)
    gap = np.diff(unique)
    scale = float(np.mean(np.abs(unique)))
    is_new = np.concatenate(([True], (gap > TIE_TOLERANCE) & (gap > TIE_TOLERANCE * scale)))
    merged: Floats = unique[is_new][np.cumsum(is_new) - 1][inverse]
    return merged


def distinct(values: Floats | Ints) -> tuple[Floats, Ints]:
    """Give the distinct values in increasing order and the position of each value among them.

    As `np.unique` with its inverse; whole numbers, as days are, are counted instead of sorted.
    """
    if len(values) and values.min() >= 0 and values.max() <= max(MOST_DAYS, len(values)):
        whole = values.astype(np.int64)
        if bool(np.all(whole == values)):
            is_there = np.bincount(whole) > 0
            found: Floats = np.flatnonzero(is_there).astype(np.float64)
            return found, (np.cumsum(is_there) - 1)[whole]
    unique, position = np.unique(values, return_inverse=True)
    return unique.astype(np.float64), position.astype(np.int64)


def check_times(
    frame: Frame, duration: str, event: str, entry: str | None = None, competing: bool = False
) -> Times:
    """Read and check duration, event and entry.

    Durations are finite and >= 0; 0 is kept. Events are whole codes: 0 and 1, or 0, 1, 2 ... where
    `competing`. An entry (left truncation) is less than its duration.
    Raises ValueError naming the column and the count of offending rows.
    """
    if isinstance(frame, PreparedFrame):
        asked = ("times", duration, event, entry, competing)
        known: Times = frame.once(asked, lambda: check_times(frame.frame, *asked[1:]))
        return known
    time = numbers(frame, duration)
    _refuse(duration, int(np.isnan(time).sum()), "missing")
    _refuse(duration, int((time < 0).sum()), "negative")
    code = _event_codes(numbers(frame, event), event, competing)
    if entry is None:
        return Times(merge_close_times(time), code)
    start = numbers(frame, entry)
    _refuse(entry, int(np.isnan(start).sum()), "missing")
    both = merge_close_times(np.concatenate([time, start]))
    time, start = both[: len(time)], both[len(time) :]
    _refuse(entry, int((start >= time).sum()), f"not less than column {duration!r}")
    return Times(time, code, start)


def _event_codes(values: Floats, name: str, competing: bool) -> Ints:
    """Check event codes; a competing event where none is expected is refused, not censored in silence."""
    _refuse(name, int(np.isnan(values).sum()), "missing")
    whole = (values == np.floor(values)) & (values >= 0)
    if competing:
        _refuse(name, int((~whole).sum()), "no event code (0 censored, 1, 2, ...)")
    else:
        hint = "neither 0 nor 1 (for competing events use cumulative_incidence, or cause_specific first)"
        _refuse(name, int((~(whole & (values <= 1))).sum()), hint)
    return values.astype(np.int64)


def distinct_durations(times: Times) -> tuple[Floats, Ints]:
    """:func:`distinct` of the durations, found once."""
    if "distinct" not in times.kept:
        times.kept["distinct"] = distinct(times.duration)
    found: tuple[Floats, Ints] = times.kept["distinct"]
    return found


def binned(index: npt.NDArray[np.integer[Any]], weight: npt.ArrayLike, size: int) -> Floats:
    """Sum weights by their index 0..size-1."""
    return np.asarray(np.bincount(index, weights=np.asarray(weight), minlength=size), dtype=np.float64)


def cause_specific(frame: Frame, event: str, cause: int = 1) -> pd.DataFrame:
    """Give the frame with `event` as 0/1 for one cause, other causes censored at their time.

    One minus Kaplan-Meier of the result is not a risk: `cumulative_incidence` is.
    """
    code = _event_codes(numbers(frame, event), event, competing=True)
    copy = frame.to_pandas() if hasattr(frame, "to_pandas") else frame.copy()
    copy[event] = (code == cause).astype(np.int64)
    return copy


def label(value: Any) -> str:
    """Write a group's level: true/false for truth values, 1 for 1.0, else its text."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def counted(n: int, one: str) -> str:
    """A number with its noun: 1 lesion, 2 lesions."""
    return f"{n} {one}{'' if n == 1 else 's'}"


def _is_text(column: pd.Series | pd.Index) -> bool:
    """Say whether every value that is there is a text."""
    return bool(pd.api.types.infer_dtype(column, skipna=True) == "string")


def check_groups(frame: Frame, by: str | None, n: int) -> Groups:
    """Read a grouping column; None puts everybody into one group called overall.

    Levels are in order of category where the column is categorical, else sorted.
    """
    if isinstance(frame, PreparedFrame):
        known: Groups = frame.once(("groups", by, n), lambda: check_groups(frame.frame, by, n))
        return known
    if by is None:
        return Groups(OVERALL, np.zeros(n, dtype=np.int64), (OVERALL,))
    column = series(frame, by)
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = column.cat.remove_unused_categories()
        code, levels = used.cat.codes.to_numpy(), used.cat.categories
    else:
        if column.dtype == object and not _is_text(column) and len(set(map(type, column.to_numpy()))) > 2:
            column = column.where(column.isna(), column.astype(str))
        code, levels = pd.factorize(column, sort=True)
    labels = tuple(levels) if _is_text(levels) else tuple(label(level) for level in levels)
    return Groups(by, np.asarray(code, dtype=np.int64), labels)
