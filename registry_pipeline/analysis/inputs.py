"""The one boundary through which the columns of a frame enter an analysis.

Belongs here: reading columns of pandas or polars frames into numpy arrays, and refusing what no estimate can
use. Messages name the column and the count of offending rows, never a value.
Does not belong here: times, events and groups (times.py), other arguments (arguments.py), any estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from textwrap import shorten
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Frame: TypeAlias = Any  # pandas or polars; both answer to `columns` and `__getitem__`

LARGEST = 1e100  # of a number in a column: its square, and that of the square, can be computed with

OK, NOT_ESTIMABLE, NOT_CONVERGED = "ok", "not_estimable", "not_converged"


class PreparedFrame:
    """A frame of which times and groups are read once, however many estimates are made of it.

    Stands for its frame wherever an analysis takes one. The frame must not be changed afterwards.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = (
            frame.collect() if hasattr(frame, "collect_schema") and hasattr(frame, "collect") else frame
        )
        self._read: dict[Hashable, Any] = {}

    @property
    def columns(self) -> Any:
        """Names of the frame's columns."""
        return self.frame.columns

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, name: Any) -> Any:
        return self.frame[name]

    def once(self, key: Hashable, read: Callable[[], Any]) -> Any:
        """What was read for this key before, or reads it."""
        if key not in self._read:
            self._read[key] = read()
        return self._read[key]


def as_pandas(frame: Frame) -> pd.DataFrame:
    """Give a pandas frame of whatever frame came in, rows numbered from 0.

    It may be the very frame that came in: nobody changes it.
    """
    if isinstance(frame, PreparedFrame):
        frame = frame.frame
    if hasattr(frame, "collect_schema") and hasattr(frame, "collect"):
        frame = frame.collect()
    if hasattr(frame, "to_pandas"):
        return pd.DataFrame(frame.to_pandas())
    is_numbered = isinstance(frame, pd.DataFrame) and frame.index.equals(pd.RangeIndex(len(frame)))
    return frame if is_numbered else pd.DataFrame(frame).reset_index(drop=True)


def require_columns(frame: Frame, names: Sequence[str | None]) -> None:
    """Raise ValueError naming the columns that are absent (names only, never values)."""
    absent = [name for name in names if name is not None and name not in list(frame.columns)]
    if absent:
        listed = shorten(", ".join(map(repr, absent)), 90, placeholder=" ...")
        many = f"columns {listed} are" if len(absent) > 1 else f"column {listed} is"
        present = shorten(", ".join(map(str, frame.columns)), 160, placeholder=" ...")
        raise ValueError(f"{many} not in the frame; it has {present}")


def series(frame: Frame, name: str) -> pd.Series:
    """Give one column of a pandas or polars frame as a pandas Series with a fresh index."""
    if not hasattr(frame, "columns"):
        raise ValueError("a pandas or polars data frame is needed")
    require_columns(frame, [name])
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
    if column.dtype.is_temporal():
        return pd.Series(column.to_pandas().to_numpy(), name=name)
    return pd.Series(column.to_list(), name=name, dtype=object)


def is_numeric(column: pd.Series) -> bool:
    """Say whether a column holds real numbers or truth values (all missing counts as numeric)."""
    if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_complex_dtype(column.dtype):
        return False
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True
    if column.dtype != object or is_text(column):  # texts are many, and are not asked one by one
        return False
    kinds = set(map(type, column.dropna()))
    return all(issubclass(kind, (bool, int, float, np.bool_, np.integer, np.floating)) for kind in kinds)


def numbers(frame: Frame, name: str, is_infinite_missing: bool = False) -> Floats:
    """Give a numeric column as floats, missing values as NaN; text, dates and durations are refused.

    Infinite values, and those beyond LARGEST, are refused, or count as missing. So are values of a column in which all
    are so small that their squares vanish: a variance of zero would make anything significant.
    """
    column = series(frame, name)
    if not is_numeric(column):
        raise ValueError(f"column {name!r} must be numeric, its type is {column.dtype}")
    values = pd.to_numeric(column.astype("Float64") if column.dtype == object else column)
    out = np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    largest = max(float(np.fmax.reduce(out, initial=0.0)), -float(np.fmin.reduce(out, initial=0.0)))
    vanishes = 0 < largest < 1 / LARGEST
    if is_infinite_missing:
        return np.where(np.abs(out) <= (0 if vanishes else LARGEST), out, np.nan)
    if vanishes:
        raise ValueError(f"column {name!r}: no value is as large as {1 / LARGEST:g}; give it in another unit")
    if largest > LARGEST:
        refuse_rows(name, int(np.isinf(out).sum()), "infinite")
        refuse_rows(name, int((np.abs(out) > LARGEST).sum()), f"beyond {LARGEST:g}; give it in another unit")
    return out


def refuse_unordered_values(column: pd.Series, name: str) -> None:
    """Refuse a column whose values are no levels: dates, durations, complex numbers, text among numbers."""
    kind = pd.api.types.infer_dtype(column.dropna(), skipna=True)
    words = {"datetime": "dates", "datetime64": "dates", "date": "dates", "timedelta": "durations",
             "timedelta64": "durations", "complex": "complex numbers", "time": "times of day"}  # fmt: skip
    if kind in words:
        raise ValueError(
            f"column {name!r} holds {words[kind]}, which are no levels: give a number, such as days or years"
        )
    if kind in ("mixed", "mixed-integer"):
        n_text = int(column.dropna().map(lambda value: isinstance(value, str)).sum())
        refuse_rows(name, n_text, "text among values of other types")


def refuse_rows(name: str, count: int, what: str) -> None:
    """Raise ValueError when a column holds values that no estimate can use."""
    if count:
        raise ValueError(f"column {name!r}: {count} {'row is' if count == 1 else 'rows are'} {what}")


def label(value: Any) -> str:
    """Write a group's level: true/false for truth values, 1 for 1.0, else its text."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def counted(n: int, noun: str) -> str:
    """A number with its noun: 1 lesion, 2 lesions."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def is_text(column: pd.Series | pd.Index) -> bool:
    """Say whether every value that is there is a text."""
    return bool(pd.api.types.infer_dtype(column, skipna=True) == "string")
