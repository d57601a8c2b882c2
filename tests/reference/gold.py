"""Where reference numbers are: the copies beside the tests, and more of them in the shared folder where it is.

Belongs here: loading gold and inputs, and comparing numbers that may be missing. No tests.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from tests.support.shared import SHARED

OWN = Path(__file__).parent / "data"
SHARED_REFERENCE = SHARED / "reference"


def data_sets(copied: list[str], shared: list[str]) -> list[str]:
    """Parameters of a test: copied data sets always, the others where the shared folder is."""
    return [*copied, *(shared if SHARED_REFERENCE.is_dir() else ())]


@cache
def gold(name: str) -> dict[str, Any]:
    """R's numbers of a data set; not to be changed by a test."""
    return json.loads(_path(f"{name}.json", "gold").read_text())


def inputs(name: str) -> pd.DataFrame:
    """The data R used."""
    return pd.read_csv(_path(f"{name}.csv", "inputs"))


def _path(file: str, folder: str) -> Path:
    return OWN / file if (OWN / file).is_file() else SHARED_REFERENCE / folder / file


def agree(found: Any, expected: Any, tolerance: float) -> bool:
    """Say whether two numbers agree relatively; missing (None, NaN) agrees with missing only."""
    a, b = (math.nan if value is None else float(value) for value in (found, expected))
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance * 1e-3)


def assert_agree(found: Any, expected: Any, tolerance: float, what: str) -> None:
    """Fail with both numbers when they do not agree."""
    assert agree(found, expected, tolerance), f"{what}: {found!r}, R has {expected!r}"


SURVIVAL = data_sets(["lung", "veteran", "larynx"], ["gbsg", "mgus2_os", "rotterdam_os"])
COMPETING = data_sets(["mgus2_cr"], ["rotterdam_cr"])
