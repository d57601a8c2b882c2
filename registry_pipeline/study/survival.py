"""Survival results: curves, landmarks, medians, tests, restricted means, cumulative incidence, follow-up.

Belongs here: which estimate is made for which endpoint, origin and stratum.
Does not belong here: how it is computed (``analysis/``).
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.distributions import false_discovery_p
from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables
from schemas.study import COMPETING, FACILITY, OS, OVERALL, PRIMARY_COMPARISONS, PRIMARY_DX

OF_FACILITIES = ("km_landmark", "km_summary", "rmst")
"""What is given by facility; tests between facilities are those of ``facilities.py``."""
Label = tuple[str, str, str]
Estimator = Callable[[analysis.PreparedFrame, str], pd.DataFrame]


def survival_results(inputs: Inputs) -> Tables:
    """Every table of times: curves, landmarks, medians, tests, restricted means, cumulative incidence."""
    estimators = _estimators(inputs.study)
    parts: dict[str, list[tuple[Label, pd.DataFrame]]] = {name: [] for name in estimators}
    for endpoint, origin, variable, frame in _cells(inputs):
        for name, estimate in estimators.items():
            if _applies(name, endpoint, variable):
                parts[name].append(((endpoint, origin, variable), estimate(frame, variable)))
    tables = {name: _labelled(rows) for name, rows in parts.items()}
    tables["logrank_test"] = marked_comparisons(tables["logrank_test"])
    return tables | {"rmst": _in_months(tables["rmst"], inputs.study)}


def marked_comparisons(tests: pd.DataFrame) -> pd.DataFrame:
    """The tests with one primary comparison per endpoint and origin; the others are exploratory, counted and adjusted.

    adjusted_p_value: for the false discovery rate among the exploratory tests of the endpoint and origin.
    """
    if not len(tests):
        return tests
    marked = tests.assign(is_primary=False, n_exploratory=0, adjusted_p_value=np.nan)
    for _, rows in tests.groupby(["endpoint", "origin"], observed=True):
        variables = list(rows["stratum_variable"])
        primary = next((name for name in PRIMARY_COMPARISONS if name in variables), None)
        others = rows.index[rows["stratum_variable"] != primary]
        marked.loc[rows.index, "is_primary"] = (rows["stratum_variable"] == primary).to_numpy()
        marked.loc[rows.index, "n_exploratory"] = len(others)
        marked.loc[others, "adjusted_p_value"] = false_discovery_p(rows.loc[others, "p_value"].tolist())
    return marked


def _labelled(parts: list[tuple[Label, pd.DataFrame]]) -> pd.DataFrame:
    """The parts under one another, with endpoint, origin and stratum variable on every row."""
    if not parts:
        return pd.DataFrame()
    joined = pd.concat([frame for _, frame in parts], ignore_index=True)
    lengths = [len(frame) for _, frame in parts]
    for position, column in enumerate(("endpoint", "origin", "stratum_variable")):
        joined[column] = _repeated([label[position] for label, _ in parts], lengths)
    return joined


def _repeated(labels: list[str], lengths: list[int]) -> pd.Categorical:
    """Each label so many times; as categories, for curves have many rows."""
    code, names = pd.factorize(np.array(labels, dtype=object))
    return pd.Categorical.from_codes(np.repeat(code, lengths), names)


def _estimators(study: Study) -> dict[str, Estimator]:
    tau = study.rmst_months * study.days_per_month
    marks = [months * study.days_per_month for months in study.landmark_months]
    return {
        "km_curve": lambda frame, by: analysis.kaplan_meier(frame, "duration_days", "is_event", by),
        "km_landmark": lambda frame, by: analysis.landmark_survival(
            frame, "duration_days", "is_event", marks, by
        ),
        "km_summary": lambda frame, by: analysis.median_survival(frame, "duration_days", "is_event", by),
        "rmst": lambda frame, by: analysis.restricted_mean(frame, "duration_days", "is_event", tau, by),
        "logrank_test": lambda frame, by: analysis.logrank_test(frame, "duration_days", "is_event", by),
        "cumulative_incidence": lambda frame, by: analysis.cumulative_incidence(
            frame, "duration_days", "event", by
        ),
    }


def _applies(table: str, endpoint: str, variable: str) -> bool:
    """Tests need groups; cumulative incidence is told where events compete."""
    if variable == FACILITY.name:
        return endpoint == OS.name and table in OF_FACILITIES
    if table == "logrank_test":
        return variable != OVERALL.name
    return table != "cumulative_incidence" or endpoint in COMPETING


def _cells(inputs: Inputs) -> Iterator[tuple[str, str, str, analysis.PreparedFrame]]:
    """Endpoint, origin, stratum variable and the times of those whose stratum is known, where there are any."""
    for endpoint, origin in inputs.pairs:
        everybody = inputs.marts.groups(endpoint, origin)
        for variable in (OVERALL.name, *inputs.marts.strata(origin)):
            is_known = everybody[variable].notna()
            if is_known.all():
                yield endpoint, origin, variable, everybody
            elif is_known.any():
                columns = ["duration_days", "event", "is_event", variable]
                yield (
                    endpoint,
                    origin,
                    variable,
                    analysis.PreparedFrame(everybody.frame.loc[is_known, columns]),
                )


def _in_months(frame: pd.DataFrame, study: Study) -> pd.DataFrame:
    if not len(frame):
        return frame
    scaled = frame.assign(tau_months=frame["tau"] / study.days_per_month)
    scaled["estimate_months"] = frame["estimate"] / study.days_per_month
    for column in ("standard_error", "ci_lower", "ci_upper"):
        scaled[column] = frame[column] / study.days_per_month
    return scaled


def follow_up_results(inputs: Inputs) -> Tables:
    """Both definitions, the preferred one first; of the cohort if there is one, else of the registry."""
    marts, study = inputs.marts, inputs.study
    origin = study.origin if len(marts.cohort) else PRIMARY_DX.name
    frame = marts.groups(OS.name, origin)
    order = sorted(("reverse_km", "observed"), key=lambda name: name != study.follow_up_definition)
    parts = [analysis.follow_up(frame, "duration_days", "is_event", name) for name in order]
    return {"follow_up": pd.concat(parts, ignore_index=True)}


ANALYSES = (
    Analysis(
        name="survival",
        reads=TIMES,
        makes=("km_curve", "km_landmark", "km_summary", "rmst", "logrank_test", "cumulative_incidence"),
        run=survival_results,
        pairs=tuple,
    ),
    Analysis(name="follow-up", reads=TIMES, makes=("follow_up",), run=follow_up_results),
)
