"""What every builder of result tables needs: labels, joining parts, a row that says why there is no estimate.

Belongs here: small helpers of the analyses. Does not belong here: estimates.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

NO_COHORT = "No patient of this release is in the study cohort."


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The parts under one another; those without rows or columns add nothing."""
    filled = [part.dropna(axis="columns", how="all") for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def nothing(note: str = NO_COHORT, **labels: Any) -> pd.DataFrame:
    """One row that says why there is no estimate."""
    return pd.DataFrame([{**labels, "status": "not_estimable", "note": note}])
