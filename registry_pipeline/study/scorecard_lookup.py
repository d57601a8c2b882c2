"""Single numbers out of the mart and result frames, each with its n, its interval and its assumption.

Belongs here: finding a value in a tidy frame and saying why there is none.
Does not belong here: what was published, and whether it agrees (``scorecard.py``, ``published.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from registry_pipeline.analysis.distributions import exact_proportion_ci
from registry_pipeline.analysis.growth.lesions import usable_lesions
from registry_pipeline.analysis.inputs import Frame, as_pandas, counted, numbers
from registry_pipeline.core.settings import Study
from schemas.study import (
    INTERVAL,
    IS_SMALL,
    LRT_START,
    NEW_OLIGOMET,
    ONSET_MODEL,
    OS,
    SIZE_GROUP,
    SIZE_TERMS,
    VARIABLES,
)

NAN = float("nan")
GROUPED_SIZE = {SIZE_GROUP.name, IS_SMALL.name}
CUTPOINT_MM = 15.0
"""Largest diameter at which the publication divides lesions and patients."""
LANDMARK_MONTHS = 36
"""The publication's three years."""
CLUSTERED = "cluster_bootstrap"


@dataclass(frozen=True)
class Estimate:
    """A computed number. value NaN: not estimable, and note says why; otherwise note is the assumption."""

    value: float = NAN
    ci_lower: float = NAN
    ci_upper: float = NAN
    n: int | None = None
    note: str = ""


class Frames:
    """The frames a scorecard is built from; an absent frame is an empty one.

    study: the parameters that they were made under.
    """

    def __init__(self, frames: Mapping[str, Frame | None], study: Study) -> None:
        self._frames = {name: as_pandas(f) for name, f in frames.items() if f is not None}
        self.study = study

    def rows(self, table: str, **where: object) -> pd.DataFrame:
        """Rows of a table where each named column has the value; a column the table lacks is not a filter."""
        data = self._frames.get(table, pd.DataFrame())
        for column, value in where.items():
            if column in data.columns:
                data = data[(data[column] == value).fillna(False).astype(bool)]
        return data

    @property
    def size_axis(self) -> str:
        """The axis by which lesions are measured."""
        return self.study.size_metric.replace("_", " ")

    @property
    def cohort(self) -> pd.DataFrame:
        """The mart.cohort rows."""
        return self.rows("cohort")

    @cached_property
    def within_six(self) -> tuple[int, int, str] | None:
        """Lesions within six months of the last negative CT, those up to the published cutpoint of them, and how they were counted.

        None without a lesion that growth was measured of.
        """
        lesions = self.rows("lesion_growth", is_included=True)
        if lesions.empty:
            return None
        note = f"{self.size_axis}; last negative CT of the region"
        has_flag = "is_within_6_months" in lesions.columns
        if has_flag:
            lesions = lesions[lesions["is_within_6_months"].astype("boolean").fillna(False).astype(bool)]
            note += "; six calendar months, inclusive"
        usable = usable_lesions(lesions, "months_since_negative_ct", "diameter_mm")
        diameters = usable.diameter if has_flag else usable.diameter[usable.months <= 6]
        return len(diameters), int((diameters <= CUTPOINT_MM).sum()), note


def count(frames: Frames, column: str, value: object, note: str) -> Estimate:
    """Patients of the cohort with a value in a column; rows without a value are not counted, but said."""
    cohort = frames.cohort
    if column not in cohort.columns or cohort[column].isna().all():
        return Estimate(note=f"the cohort has no {column}")
    missing = int(cohort[column].isna().sum())
    note += f"; {counted(missing, 'patient')} without a value" if missing else ""
    matches = (cohort[column] == value).fillna(False).astype(bool)
    return Estimate(float(matches.sum()), n=len(cohort), note=note)


def extreme(frames: Frames, column: str, which: str, note: str, as_month: bool = False) -> Estimate:
    """Smallest ('min') or largest ('max') value of a cohort column; a date becomes the number yyyymm."""
    cohort = frames.cohort
    if column not in cohort.columns or cohort[column].isna().all():
        return Estimate(note=f"the cohort has no {column}")
    values = cohort[column].dropna()
    value = getattr(values, which)()
    if as_month:
        value = pd.Timestamp(value).year * 100 + pd.Timestamp(value).month
    return Estimate(float(value), n=len(values), note=note)


def diagnosed_within(frames: Frames, months: float, as_percent: bool) -> Estimate:
    """Patients whose oligometastases were diagnosed within so many months of the primary."""
    cohort = frames.cohort
    if INTERVAL.name not in cohort.columns or cohort[INTERVAL.name].isna().all():
        return Estimate(note="the cohort has no months_primary_to_omd")
    values = numbers(cohort, INTERVAL.name, is_infinite_missing=True)
    n, within = len(values), int((values <= months).sum())
    missing = int(np.isnan(values).sum())
    note = "cumulative count; month of 30.4375 days" + (
        f"; {counted(missing, 'patient')} without it" if missing else ""
    )
    lower, upper = exact_proportion_ci(within, n)
    if as_percent:
        return Estimate(100 * within / n, 100 * lower, 100 * upper, n, note)
    return Estimate(float(within), n=n, note=note)


def follow_up(frames: Frames, column: str) -> Estimate:
    """A number of the observed follow-up, with the reverse Kaplan-Meier median named beside it."""
    rows = frames.rows("follow_up", definition="observed")
    if rows.empty or pd.isna(rows[column].iloc[0]):
        return Estimate(note="no follow-up is observed")
    reverse = frames.rows("follow_up", definition="reverse_km")
    note = "observed time of all patients, dead or alive"
    if len(reverse) and pd.notna(reverse["median_months"].iloc[0]):
        note += f"; the reverse Kaplan-Meier median is {float(reverse['median_months'].iloc[0]):.1f} months"
    return Estimate(float(rows[column].iloc[0]), n=_integer(rows, "n"), note=note)


def survival(
    frames: Frames,
    endpoint: str,
    stratum_variable: str,
    stratum: str,
    note: str,
) -> Estimate:
    """Kaplan-Meier rate in percent at a landmark since the start of locoregional therapy."""
    rows = frames.rows(
        "km_landmark", endpoint=endpoint, origin=LRT_START.name,
        stratum_variable=stratum_variable, stratum=stratum, landmark_months=LANDMARK_MONTHS,
    )  # fmt: skip
    if rows.empty:
        return Estimate(note="no Kaplan-Meier estimate: nobody is in this group")
    row = rows.iloc[0]
    if pd.isna(row.get("survival")):  # a column without any value may have been left out
        beyond = "the landmark is later than the last observation of the group"
        return Estimate(n=_integer(rows, "n"), note=f"not estimable: {beyond}")
    note = note.format(axis=frames.size_axis)
    note += f"; {_integer(rows, 'n_at_risk')} at risk at {LANDMARK_MONTHS:g} months"
    values = (100 * _number(row["survival"]), 100 * _number(row["ci_lower"]), 100 * _number(row["ci_upper"]))
    return Estimate(*values, _integer(rows, "n"), note)


def logrank_p(frames: Frames, endpoint: str, stratum_variable: str, note: str) -> Estimate:
    """Two-sided log-rank p value over the whole curve."""
    rows = frames.rows(
        "logrank_test", endpoint=endpoint, origin=LRT_START.name, stratum_variable=stratum_variable
    )
    if rows.empty or pd.isna(rows["p_value"].iloc[0]):
        return Estimate(note="no log-rank test: fewer than two groups, or no events")
    note = note.format(axis=frames.size_axis)
    return Estimate(float(rows["p_value"].iloc[0]), n=_integer(rows, "n"), note=note)


def recurrence(frames: Frames, column: str, scale: float = 1.0) -> Estimate:
    """A number of the first new oligometastatic progression."""
    rows = frames.rows("recurrence_pattern", pattern=NEW_OLIGOMET.name)
    if rows.empty or frames.cohort.empty or pd.isna(rows[column].iloc[0]):
        return Estimate(note="no patient of the cohort had a new oligometastatic progression on record")
    row, n = rows.iloc[0], _integer(rows, "n_patients")
    if column == "share":
        return Estimate(
            scale * float(row["share"]), scale * _number(row["ci_lower"]), scale * _number(row["ci_upper"]),
            n, "first recurrence of this kind; exact interval",
        )  # fmt: skip
    if column == "n_event":
        return Estimate(float(row[column]), n=n, note="patients whose first recurrence is of this kind")
    note = "observed times of the patients with the event; not a median time to event"
    return Estimate(float(row[column]), n=_integer(rows, "n_event"), note=note)


def multivariable(frames: Frames, what: str) -> Estimate:
    """Of the multivariable Cox model for overall survival: 'size' its p value, 'others' how many have p < 0.05."""
    rows = frames.rows("cox_term", endpoint=OS.name, origin=LRT_START.name, model="multivariable")
    if rows.empty:
        return Estimate(note="no multivariable model was fitted")
    tested = rows[rows["p_value"].notna()].copy()
    if "method" in tested.columns:  # the plain fit where it was certified, else the penalised one
        tested = tested.sort_values("method").drop_duplicates("term")
    unknown = rows["term"].nunique() - tested["term"].nunique()
    is_size = tested["term"].astype(str).str.split("[", regex=False).str[0].isin(SIZE_TERMS)
    n = _patients_of(frames, tested)
    if not is_size.any():
        return Estimate(n=n, note="tumour size is not in the model, or is not estimable")
    names = dict.fromkeys(rows["term"].astype(str).str.split("[", regex=False).str[0])
    if GROUPED_SIZE & set(names) and frames.study.cutpoint_mm != CUTPOINT_MM:
        at = f"{frames.study.cutpoint_mm:g} mm (study.cutpoint_mm), and the published groups at {CUTPOINT_MM:g} mm"
        return Estimate(n=n, note=f"not comparable: the model divides size at {at}")
    labels = [VARIABLES[name].label if name in VARIABLES else name for name in names]
    note = f"the covariate set is not published; here: {'; '.join(labels)}"
    note += f"; {counted(unknown, 'term')} not estimable" if unknown else ""
    if what == "size":
        row = tested[is_size].sort_values("p_value").iloc[0]
        return Estimate(float(row["p_value"]), n=n, note=note)
    return Estimate(float((tested.loc[~is_size, "p_value"] < 0.05).sum()), n=n, note=note)


def _patients_of(frames: Frames, terms: pd.DataFrame) -> int | None:
    """Patients in the multivariable model that the terms are of."""
    method = {"method": terms["method"].iloc[0]} if "method" in terms.columns and len(terms) else {}
    fit = frames.rows("cox_fit", endpoint=OS.name, origin=LRT_START.name, model="multivariable", **method)
    return _integer(fit, "n") if len(fit) else None


def small_within_six(frames: Frames, what: str) -> Estimate:
    """Lesions within six months of the last negative CT: 'n', 'n_small' or 'share' in percent of those up to the cutpoint."""
    if frames.within_six is None:
        return _share_from_table(frames, what)
    n, small, note = frames.within_six
    return _share(n, small, what, note)


def _share_from_table(frames: Frames, what: str) -> Estimate:
    rows = frames.rows("growth_share", interval_months=6.0, cutpoint_mm=CUTPOINT_MM)
    if rows.empty:
        return Estimate(note="no lesion has an interval since the last negative CT")
    n, small = _integer(rows, "n_lesions") or 0, _integer(rows, "n_small") or 0
    return _share(n, small, what, "six months of 30.4375 days")


def _share(n: int, small: int, what: str, note: str) -> Estimate:
    if n == 0:
        return Estimate(n=0, note="no lesion was detected within six months of the last negative CT")
    if what == "share":
        lower, upper = exact_proportion_ci(small, n)
        return Estimate(100 * small / n, 100 * lower, 100 * upper, n, f"{note}; exact interval")
    return Estimate(float(n if what == "n" else small), n=n, note=note)


def growth_threshold(frames: Frames) -> Estimate:
    """Predicted months to the published cutpoint by the chosen curve, with the range of the other readings in the note."""
    model, error_model = frames.study.growth_model, frames.study.growth_error_model
    thresholds = frames.rows("growth_threshold", threshold_mm=CUTPOINT_MM)
    chosen = {"threshold_mm": CUTPOINT_MM, "model": model, "error_model": error_model}
    rows = frames.rows("growth_threshold", **chosen, ci_method="profile")
    if rows.empty or pd.isna(rows["months"].iloc[0]):
        why = str(rows["note"].iloc[0]) if len(rows) and "note" in rows.columns else ""
        return Estimate(note=f"not estimable: {why or 'no lesions, or no growth curve could be certified'}")
    row = rows.iloc[0]
    others = thresholds.loc[thresholds["model"] != ONSET_MODEL, "months"].dropna()
    note = f"form and error model are unknown: {model}, {error_model} error, all lesions"
    note += f"; over all forms {others.min():.1f} to {others.max():.1f} months"
    onset = thresholds.loc[thresholds["model"] == ONSET_MODEL, "months"].dropna()
    if len(onset):
        note += f"; {onset.iloc[0]:.1f} months from the detection limit when the onset is interval-censored"
    own = frames.rows("growth_threshold", **chosen, ci_method=CLUSTERED)
    of_patients = own[own["ci_lower"].notna()]
    limits = of_patients.iloc[0] if len(of_patients) else row
    kind = (
        "patients drawn with all their lesions"
        if len(of_patients)
        else "lesions taken as independent: too narrow"
    )
    values = (_number(row["months"]), _number(limits["ci_lower"]), _number(limits["ci_upper"]))
    return Estimate(*values, _integer(rows, "n_lesions"), f"{note}; interval: {kind}")


def _number(value: object) -> float:
    return NAN if value is None or value is pd.NA else float(value)  # type: ignore[arg-type]


def _integer(rows: pd.DataFrame, column: str) -> int | None:
    if column not in rows.columns or pd.isna(rows[column].iloc[0]):
        return None
    return int(rows[column].iloc[0])
