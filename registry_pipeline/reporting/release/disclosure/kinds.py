"""What kind a table, an origin or a column of the release is, as the gate asks.

Belongs here: reading the declarations. Does not belong here: what is done with it (``gate.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

import schemas
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import is_given
from schemas.study import ORIGINS
from schemas.table import columns_of

SINGLE_PEOPLE = ("result.ph_residual",)
"""Tables of single people that name none of them: each residual is one death."""


def is_of_registry(origin: object) -> bool:
    """Whether an origin is of everybody on record."""
    declared = ORIGINS.get(str(origin))
    return declared is not None and declared.is_registry


def is_of_single_people(name: str) -> bool:
    """Whether a row of a table is one person, or of one person."""
    if name in SINGLE_PEOPLE or name.startswith(("curated.", "mart.")):
        return name != "mart.attrition"
    model = schemas.tables().get(name)
    return name.startswith("result.") and model is not None and "patient_id" in model.columns


def estimate_columns(table: str) -> list[str]:
    """Columns of estimates."""
    model = schemas.tables().get(f"result.{table}")
    return [] if model is None else [column.name for column in columns_of(model) if column.kind == "real"]


def hidden_where(rows: pd.DataFrame, where: pd.Series, columns: Sequence[str]) -> pd.DataFrame:
    """Estimates of some rows hidden; what was missing stays missing."""
    result = rows.copy()
    for column in columns if where.any() else ():
        values = [
            Hidden() if hides and is_given(value) else value
            for value, hides in zip(rows[column], where, strict=True)
        ]
        result[column] = pd.Series(values, index=rows.index, dtype=object)
    return result
