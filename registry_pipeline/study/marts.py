"""The mart tables as the analysis functions want them: one frame per endpoint and origin, with covariates.

Belongs here: joining times to covariates, naming strata.
Does not belong here: estimates (``analysis/``), SQL.
"""

from copy import copy
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from registry_pipeline import analysis
from registry_pipeline.store.parquet import read_parquet
from schemas import study

TIME = ("duration_days", "is_event")
"""Columns of the times to an endpoint, in the order in which estimators ask for them."""


@dataclass(frozen=True)
class Marts:
    """The mart tables, each a pandas frame.

    Attributes:
        cohort, registry_patient, survival_time, lesion_growth, recurrence, attrition, lesion_control,
            lesion_size, vital_status: the mart tables of the same names.
        lookups: what was looked up in them already.
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
    lookups: "Lookups" = field(default_factory=lambda: Lookups(), repr=False, compare=False)

    def strata(self, origin: str) -> tuple[str, ...]:
        """The variables that curves are drawn by, for an origin."""
        return study.REGISTRY_GROUPINGS if study.ORIGINS[origin].is_registry else study.COHORT_GROUPINGS

    def times(self, endpoint: str, origin: str) -> pd.DataFrame:
        """Times of one endpoint from one origin with the patients' covariates.

        The column ``is_event`` is 1 for the event of interest and 0 otherwise: competing events are
        censored, which is the reading of the Kaplan-Meier and cause-specific Cox estimates. Frames share
        the covariates: who changes one takes a copy.
        """
        times = self._times(endpoint, origin)
        return pd.concat([times, self._covariates(times, origin).covariates], axis=1, copy=False)

    def groups(self, endpoint: str, origin: str) -> analysis.PreparedFrame:
        """Patients, times and ``is_event`` with each stratum as labels, which every estimate reads but once.

        The stratum ``overall`` holds everybody.
        """
        times = self._times(endpoint, origin)
        labels = self._covariates(times, origin).labels
        return analysis.PreparedFrame(pd.concat([times, labels], axis=1, copy=False))

    def pairs(self) -> list[tuple[str, str]]:
        """The endpoints and origins that have times, in a stable order."""
        return sorted(self.lookups.rows(self.survival_time))

    def with_times(self, survival_time: pd.DataFrame) -> "Marts":
        """The same marts with other durations and events in the same rows, which need not be looked up again."""
        lookups = self.lookups.with_same_rows(self.survival_time, survival_time)
        marts = copy(self)  # a table that was not read yet is read once for both
        vars(marts).update(survival_time=survival_time, lookups=lookups)
        return marts

    def _times(self, endpoint: str, origin: str) -> pd.DataFrame:
        rows = self.lookups.rows(self.survival_time).get((endpoint, origin), [])
        times = self.survival_time.iloc[rows].reset_index(drop=True)
        return times.assign(is_event=(times["event"] == 1).astype(int))

    def _covariates(self, times: pd.DataFrame, origin: str) -> "Covariates":
        """What is known of the patients of these times."""
        patients = self.registry_patient if study.ORIGINS[origin].is_registry else self.cohort
        return self.lookups.covariates(patients, times["patient_id"].to_numpy(), self.strata(origin))


MART_TABLES = tuple(field_.name for field_ in fields(Marts) if field_.name != "lookups")
"""The mart tables that estimates read."""


class Lookups:
    """Where the times of an endpoint stand, and the covariates of the patients asked for last.

    Each is kept with the very table that it was looked up in, and looked up anew in another one.
    """

    def __init__(self) -> None:
        self._rows: tuple[pd.DataFrame, TimeRows] | None = None
        self._covariates: dict[tuple[str, ...], tuple[pd.DataFrame, Covariates]] = {}

    def rows(self, survival_time: pd.DataFrame) -> "TimeRows":
        """Positions of the rows of each endpoint and origin."""
        if self._rows is None or self._rows[0] is not survival_time:
            self._rows = (survival_time, _time_rows(survival_time))
        return self._rows[1]

    def with_same_rows(self, survival_time: pd.DataFrame, changed: pd.DataFrame) -> "Lookups":
        """The same lookups for a table whose rows are of the same patients, endpoints and origins."""
        lookups = Lookups()
        lookups._rows = (changed, self.rows(survival_time))
        lookups._covariates = self._covariates
        return lookups

    def covariates(self, table: pd.DataFrame, patients: Any, strata: tuple[str, ...]) -> "Covariates":
        """The rows of some patients."""
        last = self._covariates.get(strata)
        if last is None or last[0] is not table or not np.array_equal(last[1].patients, patients):
            last = self._covariates[strata] = (table, _look_up(table, patients, strata))
        return last[1]


TimeRows = dict[tuple[str, str], Any]


def _time_rows(survival_time: pd.DataFrame) -> TimeRows:
    if survival_time.empty:
        return {}
    pairs = survival_time.groupby(["endpoint", "origin"], sort=False, observed=True)
    return {(str(endpoint), str(origin)): rows for (endpoint, origin), rows in pairs.indices.items()}


@dataclass(frozen=True)
class Covariates:
    """The covariates of some patients, a row each, and which of them are strata."""

    patients: Any
    covariates: pd.DataFrame
    strata: tuple[str, ...]

    @cached_property
    def labels(self) -> pd.DataFrame:
        """The strata as labels."""
        labels = {name: _as_labels(self.covariates[name]) for name in self.strata}
        everybody = pd.Categorical.from_codes(np.zeros(len(self.patients), dtype=np.int8), ["all"])
        return pd.DataFrame({study.OVERALL.name: everybody, **labels})


def _look_up(table: pd.DataFrame, patients: Any, strata: tuple[str, ...]) -> Covariates:
    """Covariates of patients, missing for those whom the table does not know.

    Raises:
        ValueError: a patient has several rows.
    """
    if not (pd.Index(patients).is_unique and table["patient_id"].is_unique):
        raise ValueError("a patient has several rows")
    covariates = table.set_index("patient_id").reindex(patients).reset_index(drop=True)
    return Covariates(patients, covariates, strata)


def _as_labels(column: pd.Series) -> pd.Series:
    """Labels in order of the alphabet; as categories they are sorted once, not by every estimate."""
    labels = column.astype("category")
    return labels.cat.rename_categories(labels.cat.categories.astype(str)).cat.reorder_categories(
        sorted(map(str, labels.cat.categories))
    )


class StoredMarts(Marts):
    """The mart tables of a store's folder, each read when it is asked for: after a change of some records few are.

    Texts of few values in many rows are categories.
    """

    def __init__(self, folder: Path) -> None:
        """Of a folder, whose files stay the same meanwhile."""
        vars(self).update(_folder=folder, _read={}, lookups=Lookups())

    def __getattr__(self, name: str) -> pd.DataFrame:
        """A table, which has no attribute of its own here."""
        if name not in MART_TABLES:
            raise AttributeError(name)
        read: dict[str, pd.DataFrame] = vars(self)["_read"]
        if name not in read:
            table = read_parquet(vars(self)["_folder"] / f"{name}.parquet")
            few = pl.col("endpoint", "origin", "censor_reason").cast(pl.Categorical)
            read[name] = (table.with_columns(few) if name == "survival_time" else table).to_pandas()
        return read[name]
