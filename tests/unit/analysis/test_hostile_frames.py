"""Frames of every make, and of none: each public function answers, or refuses in a sentence that shows no value.

Numpy's and pandas' warnings are errors in tests, so that none of them reaches a user.
"""

from __future__ import annotations

import inspect
import math
import traceback

import numpy as np
import pandas as pd
import polars as pl
import pytest

from registry_pipeline import analysis
from tests.unit.analysis.test_arguments import FRAME, ROOM, arguments, functions

NUMBERS = {
    "time",
    "entry",
    "x",
    "y",
    "z",
    "size",
    "gap",
    "month",
    "weight",
    "half",
    "duration",
    "start",
    "stop",
}
TEXTS = ("group", "stratum", "patient", "who", "lesion")
COSTLY = {"growth_bands", "growth_sensitivity", "fit_growth_mixed", "leave_one_facility_out"}


def every_number(change):
    def make(frame):
        return frame.assign(**{name: change(frame[name]) for name in frame if name in NUMBERS})

    return make


def with_unused_levels(frame):
    levels = {name: [*dict.fromkeys(frame[name]), "never"] for name in TEXTS if name in frame}
    return frame.assign(**{name: pd.Categorical(frame[name], of) for name, of in levels.items()})


FRAMES = {
    "two rows": lambda frame: frame.iloc[:2],
    "nullable types with a row of NA": lambda frame: frame.convert_dtypes().apply(
        lambda column: column.where(np.arange(len(column)) > 0)
    ),
    "nothing but missing values": lambda frame: frame.map(lambda _: None),
    "infinite": every_number(lambda column: column.astype(float).where(np.arange(len(column)) > 0, math.inf)),
    "squares that overflow": every_number(lambda column: column * 1e200),
    "squares that vanish": every_number(lambda column: column * 1e-200),
    "lists": every_number(lambda column: column.map(lambda value: [value])),
    "days of a calendar": every_number(lambda column: pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(column, "D")),
    "levels that do not occur": with_unused_levels,
    "polars decimals": lambda frame: pl.from_pandas(frame).with_columns(
        pl.col(name).cast(pl.Decimal(20, 3)) for name in frame if name in NUMBERS
    ),
    "many columns, and not those": lambda frame: frame.add_prefix("a_long_name_that_nobody_asked_for_"),
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in functions() if "frame" in arguments(n) and n not in COSTLY])
def test_hostile_frames_end_in_a_sentence_or_a_result(name):
    call, usually = getattr(analysis, name), arguments(name)
    grouping = {"by": "group"} if "by" in inspect.signature(call).parameters else {}
    for what, make in FRAMES.items():
        frame = make(usually["frame"])
        try:
            call(**(usually | grouping | {"frame": frame}))
        except ValueError as refusal:
            assert traceback.extract_tb(refusal.__traceback__)[-1].filename.startswith(ROOM), what
            assert len(str(refusal)) < 300 and "\n" not in str(refusal), what


@pytest.mark.parametrize("values", [pd.Series([[1.0]] * 40), pd.Series([{"a": 1}] * 40)])
def test_what_cannot_be_compared_is_no_level(values):
    with pytest.raises(ValueError, match="column 'x' holds lists or the like"):
        analysis.describe_cohort(FRAME.assign(x=values), ["x"])


def test_lesions_of_a_category_without_rows_do_not_count():
    """A plain text and a category with a level that does not occur give the same mixed model, without a warning."""
    frame = FRAME.assign(lesion=[f"L{at // 2}" for at in range(40)], month=list(range(40)))
    levels = [*dict.fromkeys(frame["lesion"]), "never"]
    of_category = frame.assign(lesion=pd.Categorical(frame["lesion"], levels))
    plain, categorical = (
        analysis.fit_growth_mixed(each, "lesion", "month", "size") for each in (frame, of_category)
    )
    pd.testing.assert_frame_equal(plain.parameters, categorical.parameters)
