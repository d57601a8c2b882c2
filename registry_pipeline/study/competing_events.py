"""Where events compete: Gray's test, cause-specific and subdistribution hazard ratios, first recurrences by group.

Belongs here: which endpoint, cause and covariate each estimate is made for.
Does not belong here: how it is computed (``analysis/``); curves (study/survival.py).
"""

from collections.abc import Iterator

import pandas as pd
import polars as pl

from registry_pipeline import analysis
from registry_pipeline.analysis.times import check_groups
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables, from_cohort_origins
from registry_pipeline.study.cox_models import MANY_PATIENTS
from registry_pipeline.study.marts import Marts
from registry_pipeline.study.rows import joined, nothing
from schemas.study import (
    COMPETING,
    LRT_START,
    MAIN_COVARIATES,
    OMD_CLASS,
    OS,
    OVERALL,
    SITE,
    SITE_TWO,
    SIZE_GROUP,
)

CAUSES = (1, 2)
GROUPS = (SITE.name, SITE_TWO.name, SIZE_GROUP.name)
RECURRENCE_GROUPS = (SITE.name, SIZE_GROUP.name, OMD_CLASS.name)


def competing_results(inputs: Inputs) -> Tables:
    """``gray_test``, ``cause_specific_cox`` and ``fine_gray``."""
    marts = inputs.marts
    parts: dict[str, list[pd.DataFrame]] = {"gray_test": [], "cause_specific_cox": [], "fine_gray": []}
    for endpoint, origin in inputs.pairs:
        label = {"endpoint": endpoint, "origin": origin}
        times = marts.times(endpoint, origin)
        if not len(times):
            for rows in parts.values():
                rows.append(nothing(**label))
            continue
        frame = analysis.PreparedFrame(times[["duration_days", "event", *MAIN_COVARIATES]])
        tests = _gray(marts.groups(endpoint, origin))
        parts["gray_test"] += [test.assign(**label) for test in tests]
        for cause in CAUSES:
            own = {**label, "cause": cause}
            parts["cause_specific_cox"] += [table.assign(**own) for table in _cause_specific(frame, cause)]
            parts["fine_gray"] += [table.assign(**own) for table in _fine_gray(frame, cause)]
    return {name: joined(rows) for name, rows in parts.items()}


def recurrence_results(inputs: Inputs) -> Tables:
    """``recurrence_pattern``, ``recurrence_by_group`` and ``recurrence_course``."""
    marts = inputs.marts
    return {
        "recurrence_pattern": analysis.recurrence_patterns(marts.recurrence, len(marts.cohort)),
        "recurrence_by_group": _by_group(marts),
        "recurrence_course": _courses(marts),
    }


def _gray(everybody: analysis.PreparedFrame) -> Iterator[pd.DataFrame]:
    for variable in GROUPS:
        is_known = everybody[variable].notna()
        classified = everybody if is_known.all() else analysis.PreparedFrame(everybody.frame[is_known])
        if len(classified):
            for cause in CAUSES:
                yield analysis.gray_test(classified, "duration_days", "event", variable, cause)


def _cause_specific(frame: analysis.PreparedFrame, cause: int) -> Iterator[pd.DataFrame]:
    """One covariate at a time; penalised where the plain fit has no finite value or events are few."""
    judged = analysis.PreparedFrame(analysis.cause_specific(frame.frame, "event", cause))
    for covariate in MAIN_COVARIATES:
        if not frame[covariate].notna().any():
            continue
        # Of the event itself result.cox_term holds the same fit, at which a second engine has looked.
        is_second = cause != 1
        fits = analysis.fit_cox_reported(
            judged,
            "duration_days",
            "event",
            [covariate],
            cross_check=is_second,
            pool=len(judged) >= MANY_PATIENTS,
        )
        for fit in fits:
            counts = {"n": fit.data.n, "n_event": fit.data.n_event}
            yield fit.terms.assign(model=f"univariable:{covariate}", **counts)


def _fine_gray(frame: analysis.PreparedFrame, cause: int) -> Iterator[pd.DataFrame]:
    for covariate in MAIN_COVARIATES:
        if not frame[covariate].notna().any():
            continue
        fit = analysis.fit_fine_gray(frame, "duration_days", "event", [covariate], cause)
        counts = fit.summary[["n", "n_event"]].iloc[0].to_dict()
        yield fit.terms.assign(model=f"univariable:{covariate}", **counts)


def _by_group(marts: Marts) -> pd.DataFrame:
    """First recurrences overall and by group of the cohort; overall also every kind that a patient ever had."""
    if not len(marts.cohort):
        return nothing(stratum_variable=OVERALL.name, stratum="all")
    cohort, recurrence = marts.cohort, marts.recurrence
    parts = [
        _patterns(recurrence, len(cohort), counting).assign(stratum_variable=OVERALL.name, stratum="all")
        for counting in ("first_overall", "first_of_type")
    ]
    row = pd.Index(cohort["patient_id"]).get_indexer(recurrence["patient_id"])
    own, row = recurrence[row >= 0].assign(patient_id=row[row >= 0]), row[row >= 0]
    for variable in RECURRENCE_GROUPS:
        groups = check_groups(cohort, variable, len(cohort))
        for code, level in enumerate(groups.labels):
            members = groups.code == code
            rows = _patterns(own[members[row]], int(members.sum()), "first_overall")
            parts.append(rows.assign(stratum_variable=variable, stratum=level))
    return joined(parts).assign(status="ok", note="")


def _patterns(events: pd.DataFrame, n_patients: int, counting: str) -> pd.DataFrame:
    return analysis.recurrence_patterns(events, n_patients, counting=counting).assign(counting=counting)


def _courses(marts: Marts) -> pd.DataFrame:
    """What happened to patients one after the other, from local therapy to death or last contact.

    The kinds of recurrence in the order of their first days; those of one day stand together.
    """
    times = marts.groups(OS.name, LRT_START.name).frame
    if not len(times):
        return nothing()
    last = pl.when(pl.col("is_event") == 1).then(pl.lit("death")).otherwise(pl.lit("alive"))
    days = pl.col("duration_days")
    rows = (
        pl.from_pandas(times[["patient_id", "is_event", "duration_days"]])
        .join(_paths(marts.recurrence), on="patient_id", how="left")
        .select(pl.concat_str("path", last, separator=" > ", ignore_nulls=True).alias("course"), days)
        .group_by("course")
        .agg(
            pl.len().alias("n"),
            days.median().alias("median_days"),
            days.min().alias("min_days"),
            days.max().alias("max_days"),
        )
        .sort("n", "course", descending=[True, False])
        .to_pandas()
    )
    return rows.assign(n_patients=len(times), share=rows["n"] / len(times), status="ok", note="")


def _paths(recurrence: pd.DataFrame) -> pl.DataFrame:
    """The recurrences of each patient in order of their days, those of one day joined by a plus."""
    dated = recurrence[["patient_id", "days_since_lrt", "event_type"]].dropna()
    before = pl.col("days_since_lrt").shift().over("patient_id")
    is_same_day = before == pl.col("days_since_lrt")
    between = pl.when(is_same_day).then(pl.lit(" + ")).otherwise(pl.lit(" > "))
    mark = pl.when(before.is_null()).then(pl.lit("")).otherwise(between)
    return (
        pl.from_pandas(dated)
        .sort("patient_id", "days_since_lrt", "event_type")
        .with_columns(step=mark + pl.col("event_type"))
        .group_by("patient_id", maintain_order=True)
        .agg(path=pl.col("step").str.join(""))
    )


ANALYSES = (
    Analysis(
        name="competing events",
        reads=TIMES,
        makes=("gray_test", "cause_specific_cox", "fine_gray"),
        run=competing_results,
        pairs=from_cohort_origins(COMPETING),
    ),
    Analysis(
        name="recurrences",
        reads=("mart.recurrence", *TIMES),
        makes=("recurrence_pattern", "recurrence_by_group", "recurrence_course"),
        run=recurrence_results,
    ),
)
