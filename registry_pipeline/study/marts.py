"""The mart tables as the analysis functions want them: one frame per endpoint and origin, with covariates.

Belongs here: joining times to covariates, naming strata.
Does not belong here: estimates (``analysis/``), SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from registry_pipeline import analysis
from registry_pipeline.store.parquet import read_parquet

COHORT_STRATA = (
    "lesion_site_group",
    "scf_vs_other",
    "size_group",
    "age_group",
    "figo_group",
    "histology_group",
    "lrt_modality",
    "has_concurrent_regional",
)
REGISTRY_STRATA = ("figo_group", "age_group", "histology_group")
OVERALL = "overall"


@dataclass(frozen=True)
class Marts:
    """The mart tables, each a pandas frame.

    Attributes:
        cohort, registry_patient, survival_time, lesion_growth, recurrence, attrition, lesion_control,
            lesion_size, vital_status: the mart tables of the same names.
    """

    cohort: pd.DataFrame
    registry_patient: pd.DataFrame
    survival_time: pd.DataFrame
    lesion_growth: pd.DataFrame
    recurrence: pd.DataFrame
    attrition: pd.DataFrame
    lesion_control: pd.DataFrame = field(default_factory=pd.DataFrame)
    lesion_size: pd.DataFrame = field(default_factory=pd.DataFrame)
    vital_status: pd.DataFrame = field(default_factory=pd.DataFrame)

    def strata(self, origin: str) -> tuple[str, ...]:
        """The variables that curves are drawn by, for an origin."""
        return REGISTRY_STRATA if origin == "primary_dx" else COHORT_STRATA

    def times(self, endpoint: str, origin: str) -> pd.DataFrame:
        """Times of one endpoint from one origin with the patients' covariates.

        The column ``is_event`` is 1 for the event of interest and 0 otherwise: competing events are
        censored, which is the reading of the Kaplan-Meier and cause-specific Cox estimates. Frames share
        the covariates: who changes one takes a copy.
        """
        chosen = self._chosen(endpoint, origin)
        return pd.concat([chosen, self._beside(chosen, origin).covariates], axis=1, copy=False)

    def groups(self, endpoint: str, origin: str) -> analysis.PreparedFrame:
        """Patients, times and ``is_event`` with each stratum as labels, which every estimate reads but once.

        The stratum ``overall`` holds everybody.
        """
        chosen = self._chosen(endpoint, origin)
        return analysis.PreparedFrame(
            pd.concat([chosen, self._beside(chosen, origin).labels], axis=1, copy=False)
        )

    def pairs(self) -> list[tuple[str, str]]:
        """The endpoints and origins that have times, in a stable order."""
        return sorted(self._rows)

    def with_times(self, survival_time: pd.DataFrame) -> "Marts":
        """The same marts with other durations and events in the same rows, whose patients are looked up already."""
        made = replace(self, survival_time=survival_time)
        vars(made).update(_rows=self._rows, _last=self._last)
        return made

    @cached_property
    def _rows(self) -> dict[tuple[str, str], Any]:
        """Where the times of every endpoint and origin stand."""
        if self.survival_time.empty:
            return {}
        pairs = self.survival_time.groupby(["endpoint", "origin"], sort=False, observed=True)
        return {(str(endpoint), str(origin)): rows for (endpoint, origin), rows in pairs.indices.items()}

    def _chosen(self, endpoint: str, origin: str) -> pd.DataFrame:
        chosen = self.survival_time.iloc[self._rows.get((endpoint, origin), [])].reset_index(drop=True)
        return chosen.assign(is_event=(chosen["event"] == 1).astype(int))

    def _beside(self, chosen: pd.DataFrame, origin: str) -> "_Beside":
        """What is known of the patients of these times; looked up once where they are those asked for last."""
        name = "registry_patient" if origin == "primary_dx" else "cohort"
        patients, last = chosen["patient_id"].to_numpy(), self._last.get(name)
        if last is None or not np.array_equal(last.patients, patients):
            last = self._last[name] = _look_up(getattr(self, name), patients, self.strata(origin))
        return last

    @cached_property
    def _last(self) -> dict[str, "_Beside"]:
        return {}


@dataclass(frozen=True)
class _Beside:
    """The covariates of some patients, a row each, and which of them are strata."""

    patients: Any
    covariates: pd.DataFrame
    strata: tuple[str, ...]

    @cached_property
    def labels(self) -> pd.DataFrame:
        """The strata as labels."""
        labels = {name: _as_labels(self.covariates[name]) for name in self.strata}
        everybody = pd.Categorical.from_codes(np.zeros(len(self.patients), dtype=np.int8), ["all"])
        return pd.DataFrame({OVERALL: everybody, **labels})


def _look_up(table: pd.DataFrame, patients: Any, strata: tuple[str, ...]) -> _Beside:
    """Covariates of patients, missing for those whom the table does not know.

    Raises:
        ValueError: a patient has several rows.
    """
    if not (pd.Index(patients).is_unique and table["patient_id"].is_unique):
        raise ValueError("a patient has several rows")
    covariates = table.set_index("patient_id").reindex(patients).reset_index(drop=True)
    return _Beside(patients, covariates, strata)


def _as_labels(column: pd.Series) -> pd.Series:
    """Labels in order of the alphabet; as categories they are sorted once, not by every estimate."""
    found = column.astype("category")
    return found.cat.rename_categories(found.cat.categories.astype(str)).cat.reorder_categories(
        sorted(map(str, found.cat.categories))
    )


def stored_marts(folder: Path) -> dict[str, pl.DataFrame]:
    """The mart tables of a store's folder, by name."""
    return {one.name: read_parquet(folder / f"{one.name}.parquet") for one in fields(Marts)}


def read_marts(tables: Mapping[str, pl.DataFrame]) -> Marts:
    """The mart tables as they are stored, by name; texts of few values in many rows as categories."""
    few = pl.col("endpoint", "origin", "censor_reason").cast(pl.Categorical)
    every = {**tables, "survival_time": tables["survival_time"].with_columns(few)}
    return Marts(**{one.name: every[one.name].to_pandas() for one in fields(Marts)})
