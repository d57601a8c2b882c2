"""The mart as it would be if open questions were answered one way or the other.

Belongs here: which questions, and how each answer changes the records. Every reading is judged by the same
SQL as the records themselves. Does not belong here: estimates (``study/bounds.py``), the SQL.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl

import schemas
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.sql_files import in_order, sql_files
from registry_pipeline.store import sql
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.study.marts import MART_TABLES, Marts
from schemas.study import COMPETING, OS
from schemas.table import key_of

# Dates at which a time begins, and at which it ends, by curated table. Examinations stay as they are: one and
# the same may begin the growth of a lesion and end the observation of its patient.
BEGINS = {
    "lrt_course": "start_date",
    "omd_episode": "omd_dx_date",
    "primary_tumour": "dx_date",
    "lesion": "last_negative_date",
}
ENDS = {"death": "death_date", "event": "event_date", "followup": "contact_date", "lesion": "detection_date"}
SHORTEST = "partial dates at their bounds, times as short as can be"
LONGEST = "partial dates at their bounds, times as long as can be"
INCLUDED = "patients with a record in quarantine included"
LOST_DEAD = "patients lost to follow-up died when last heard of"
LOST_ALIVE = "patients lost to follow-up are alive at the end"


@dataclass(frozen=True)
class Scenario:
    """A reading of the records.

    Attributes:
        name: what it says, without a value of any record.
        marts: the mart under it; None where nothing is open, or where it was left out.
        n_open: dates, or patients, that the question is open for.
        note: why there is no reading.
    """

    name: str
    marts: Marts | None
    n_open: int
    note: str = ""


@dataclass(frozen=True)
class Sources:
    """What alternative marts are built from: the curated folder, quarantine files, and the end of observation."""

    curated: Path
    quarantine: tuple[Path, ...]
    extract_date: date
    work: Path


def scenarios(current: Marts, sources: Sources, settings: Settings) -> Iterator[Scenario]:
    """The readings that the open questions allow, one question at a time; see the module's names."""
    patients = _patients(current)
    n, most = len(patients), settings.study.bootstrap_max_patients
    if not is_rebuilt(n, settings):
        note = f"{n} patients are more than study.bootstrap_max_patients ({most}): left out."
        yield from (Scenario(name, None, 0, note) for name in (SHORTEST, LONGEST, INCLUDED))
    else:
        yield from _rebuilt(sources, settings, has_cohort=len(current.cohort) > 0)
    lost = lost_to_follow_up(current.vital_status, patients, sources.extract_date, settings)
    if not len(lost):
        yield from (
            Scenario(name, None, 0, "Nobody is lost to follow-up.") for name in (LOST_DEAD, LOST_ALIVE)
        )
        return
    times = current.survival_time
    rows = np.flatnonzero(times["patient_id"].isin(lost.index))
    for name, answered in (
        (LOST_DEAD, _dead(times.iloc[rows])),
        (LOST_ALIVE, _alive(times.iloc[rows], lost)),
    ):
        yield Scenario(name, current.with_times(_replaced(times, rows, answered)), len(lost))


def is_rebuilt(n_patients: int, settings: Settings) -> bool:
    """Whether there are readings for which the mart is built anew, which takes too long of many patients."""
    return n_patients <= settings.study.bootstrap_max_patients


def _patients(current: Marts) -> pd.DataFrame:
    """The patients of whom the numbers are: the cohort, or everybody in a registry without one."""
    return current.cohort if len(current.cohort) else current.registry_patient


def _rebuilt(sources: Sources, settings: Settings, has_cohort: bool) -> Iterator[Scenario]:
    """Readings that the mart's SQL has to judge anew; with a cohort of patients with an episode, others cannot enter."""
    tables = {name: read_parquet(sources.curated / f"{name}.parquet") for name in {*BEGINS, *ENDS}}
    patients = (
        (tables["omd_episode"] if has_cohort else tables["primary_tumour"]).select("patient_id").unique()
    )
    n_partial = sum(
        _n_partial(tables[name].join(patients, on="patient_id"), column)
        for part in (BEGINS, ENDS)
        for name, column in part.items()
    )
    n_held = _n_quarantined(sources.quarantine)
    if not n_partial:
        yield from (Scenario(name, None, 0, "No date is known in part only.") for name in (SHORTEST, LONGEST))
    if not n_held:
        yield Scenario(INCLUDED, None, 0, "No record is in quarantine.")
    if n_partial or n_held:
        with _Judge(sources, settings) as judge:
            if n_partial:
                yield Scenario(SHORTEST, judge.marts(_moved(tables, "upper", "lower")), n_partial)
                yield Scenario(LONGEST, judge.marts(_moved(tables, "lower", "upper")), n_partial)
            if n_held:
                yield Scenario(INCLUDED, judge.marts(tables, ()), n_held)


def _n_partial(frame: pl.DataFrame, column: str) -> int:
    return int((frame[f"{column}_lower"] != frame[f"{column}_upper"]).sum())


def _moved(tables: Mapping[str, pl.DataFrame], begin: str, end: str) -> dict[str, pl.DataFrame]:
    """Curated tables with every partial date at a bound."""
    moved = dict(tables)
    for columns, bound in ((BEGINS, begin), (ENDS, end)):
        for name, column in columns.items():
            moved[name] = moved[name].with_columns(pl.coalesce(f"{column}_{bound}", column).alias(column))
    return moved


def _n_quarantined(files: tuple[Path, ...]) -> int:
    """Patients with a record in quarantine."""
    held = [read_parquet(path).get_column("patient_id").drop_nulls() for path in files]
    return pl.concat(held).n_unique() if held else 0


class _Judge:
    """The mart's SQL over curated tables of which some are changed, in a private database."""

    def __init__(self, sources: Sources, settings: Settings) -> None:
        self._sources = sources
        self._parameters = sql.study_parameters(settings.study, sources.extract_date)
        self._database = sql.private_database(settings.refresh.duckdb_memory, spill_folder=sources.work)

    def __enter__(self) -> "_Judge":
        self._connection = self._database.__enter__()
        for name in schemas.tables_of("curated"):
            path = self._sources.curated / f"{name.partition('.')[2]}.parquet"
            sql.add_view(self._connection, name, path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.__exit__(kind, error, trace)

    def marts(self, tables: Mapping[str, pl.DataFrame], quarantine: tuple[Path, ...] | None = None) -> Marts:
        """The mart under changed tables; `quarantine` in place of the quarantined records."""
        for name, frame in tables.items():
            sql.add_view(self._connection, f"curated.{name}", frame)
        held = self._sources.quarantine if quarantine is None else quarantine
        sql.add_view(self._connection, "quality.quarantine", list(held))
        return marts_of(self._connection, self._parameters)


def marts_of(connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, Any]) -> Marts:
    """The mart of the curated and quarantined records that a private database shows.

    In the order in which the store keeps it: p-values by permutation rest on the order of the patients.
    """
    for result in in_order(sql_files("mart"), "mart"):
        connection.execute(
            f"CREATE OR REPLACE TABLE mart.{result.name} AS {result.query}", result.parameters(parameters)
        )
    keys = {name: ", ".join(key_of(schemas.tables()[f"mart.{name}"])) for name in MART_TABLES}
    return Marts(
        **{name: connection.execute(f"FROM mart.{name} ORDER BY {keys[name]}").df() for name in MART_TABLES}
    )


def lost_to_follow_up(
    vital: pd.DataFrame, patients: pd.DataFrame, end: date, settings: Settings
) -> pd.Series:
    """Days from the last evidence of life to the end, by patient, of those whose vital status is unknown."""
    if vital.empty or patients.empty:
        return pd.Series(dtype="int64")
    limit = end - timedelta(days=settings.study.lost_after_months * settings.study.days_per_month)
    last_day = vital["last_alive_date"].to_numpy("datetime64[D]")
    lost = np.flatnonzero(~vital["is_dead"].to_numpy(bool) & (last_day < np.datetime64(limit)))
    lost = lost[vital["patient_id"].iloc[lost].isin(patients["patient_id"]).to_numpy()]
    days = (np.datetime64(end) - last_day[lost]).astype(np.int64)
    return pd.Series(days, index=vital["patient_id"].iloc[lost])


def _dead(times: pd.DataFrame) -> pd.DataFrame:
    """Who is lost died on the last day of evidence: an event of overall survival, a competing one elsewhere."""
    result = times.copy()
    ends = times[times["endpoint"] == OS.name].set_index(["patient_id", "origin"])["duration_days"]
    is_open = result["event"] == 0
    key = pd.MultiIndex.from_frame(result.loc[is_open, ["patient_id", "origin"]])
    result.loc[is_open, "duration_days"] = ends.reindex(key).to_numpy()
    is_competing = result["endpoint"].isin(COMPETING)
    result.loc[is_open & is_competing, "event"] = 2
    result.loc[is_open & ~is_competing, "event"] = 1
    return result


def _alive(times: pd.DataFrame, lost: pd.Series) -> pd.DataFrame:
    """Who is lost was watched to the end for overall survival; of the disease nothing more is known."""
    result = times.copy()
    is_open = (result["event"] == 0) & (result["endpoint"] == OS.name)
    result.loc[is_open, "duration_days"] += result.loc[is_open, "patient_id"].map(lost).astype("int64")
    return result


def _replaced(times: pd.DataFrame, rows: Any, answered: pd.DataFrame) -> pd.DataFrame:
    """All times, with those rows answered otherwise."""
    result = times.copy()
    for column in ("duration_days", "event"):
        values = result[column].to_numpy(copy=True)
        values[rows] = answered[column].to_numpy()
        result[column] = values
    return result
