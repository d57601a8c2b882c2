"""Other readings of the same records, one for each way in which open queries could be answered.

Belongs here: survival times with partial dates at their bounds, unknown vital status answered, patients in
quarantine let in. Does not belong here: estimates from them, and the range of those (bounds.py).

The readings are extremes, all queries of a kind answered the same way; the answers themselves will lie
between. Names carry no value of a record.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry_pipeline.analysis.gate import Flags
from registry_pipeline.analysis.growth_data import Frame, as_pandas, require_columns

KEYS = ["patient_id", "endpoint", "origin"]
UNCERTAIN = [*KEYS, "duration_lower_days", "duration_upper_days", "is_status_unknown", "status_days"]
EARLIEST, LATEST = "partial dates at their earliest", "partial dates at their latest"
ALIVE, DEAD = (
    "unknown vital status: alive at the extract date",
    "unknown vital status: dead after the last contact",
)
QUARANTINED = "patients in quarantine included"
DEATH_IS_THE_EVENT = ("os", "lrfs", "pfs")


def alternative_times(
    times: Frame, uncertainty: Frame, quarantined: Frame | None = None
) -> dict[str, pd.DataFrame]:
    """Rows of mart.survival_time under each extreme answer to the open queries, by the name of the answer.

    times: mart.survival_time. uncertainty: patient_id, endpoint, origin; duration_lower_days and
    duration_upper_days, between which the duration lies when both its dates run over their bounds (NULL: exact);
    is_status_unknown: nothing is known after the last contact; status_days: days from the origin to the
    extract date. quarantined: rows as `times` of patients who are left out while their records are. Only
    readings that change a row are given. Where the vital status is unknown, 'alive' moves the censoring to the
    extract date for overall survival, and for the other endpoints nothing (nobody assessed the disease);
    'dead' is a death one day after the last contact, an event of OS, LRFS and PFS and a competing event of
    the others. No date is moved before day 0. Raises KeyError for absent columns.
    """
    data, doubt = as_pandas(times), as_pandas(uncertainty)
    require_columns(data, [*KEYS, "duration_days", "event"])
    require_columns(doubt, UNCERTAIN)
    merged = data.merge(doubt[UNCERTAIN], on=KEYS, how="left", validate="one_to_one")
    readings = {
        EARLIEST: _moved(data, merged["duration_lower_days"]),
        LATEST: _moved(data, merged["duration_upper_days"]),
        ALIVE: _alive(data, merged),
        DEAD: _dead(data, merged),
    }
    if quarantined is not None and len(as_pandas(quarantined)):
        extra = as_pandas(quarantined)
        require_columns(extra, [*KEYS, "duration_days", "event"])
        readings[QUARANTINED] = pd.concat([data, extra[[c for c in data if c in extra]]], ignore_index=True)
    return {name: frame for name, frame in readings.items() if not _is_same(frame, data)}


def _moved(data: pd.DataFrame, bound: pd.Series) -> pd.DataFrame:
    """Durations at one bound where there is one."""
    value = pd.to_numeric(bound, errors="coerce").clip(lower=0)
    return data.assign(duration_days=value.fillna(data["duration_days"]).astype(data["duration_days"].dtype))


def _unknown(data: pd.DataFrame, merged: pd.DataFrame) -> Flags:
    """Censored rows of patients of whom nothing is known after the last contact."""
    flag = merged["is_status_unknown"].astype("boolean").fillna(False).to_numpy(dtype=bool)
    return np.asarray(flag & (data["event"].to_numpy() == 0), dtype=np.bool_)


def _alive(data: pd.DataFrame, merged: pd.DataFrame) -> pd.DataFrame:
    """Alive at the extract date: overall survival is censored there."""
    days = pd.to_numeric(merged["status_days"], errors="coerce")
    chosen = _unknown(data, merged) & (data["endpoint"] == "os").to_numpy() & days.notna().to_numpy()
    longer = np.maximum(days.fillna(0), data["duration_days"])
    return data.assign(
        duration_days=np.where(chosen, longer, data["duration_days"]).astype(data["duration_days"].dtype)
    )


def _dead(data: pd.DataFrame, merged: pd.DataFrame) -> pd.DataFrame:
    """Dead the day after the last contact."""
    chosen = _unknown(data, merged)
    code = np.where(data["endpoint"].isin(DEATH_IS_THE_EVENT), 1, 2)
    days = data["duration_days"] + chosen.astype(data["duration_days"].dtype)
    return data.assign(duration_days=days, event=np.where(chosen, code, data["event"]))


def _is_same(frame: pd.DataFrame, data: pd.DataFrame) -> bool:
    """Say whether a reading changes nothing."""
    return len(frame) == len(data) and bool(
        (frame["duration_days"].to_numpy() == data["duration_days"].to_numpy()).all()
        and (frame["event"].to_numpy() == data["event"].to_numpy()).all()
    )
