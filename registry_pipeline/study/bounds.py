"""How far every headline number could move while queries are open: beside its interval, not instead of it.

Belongs here: the headline numbers of a reading of the records, lowest and highest over the readings.
Does not belong here: making the readings (``scenarios.py``), the published numbers (``published.py``).
"""

from collections.abc import Mapping

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import Analysis, Inputs, Tables, all_marts
from registry_pipeline.study.cox_models import reported_fits
from registry_pipeline.study.headlines import (
    headline_bounds,
    keyed_headlines,
    registry_headlines,
    study_headlines,
)
from registry_pipeline.study.marts import TIME, Marts
from registry_pipeline.study.rows import nothing
from registry_pipeline.study.scenarios import BEGINS, ENDS
from registry_pipeline.study.scorecard import scorecard
from registry_pipeline.study.scorecard_lookup import LANDMARK_MONTHS
from schemas.study import LOCAL_CONTROL, LRT_START, MAIN_GROUPINGS, OS, PRIMARY_DX


def bound_results(inputs: Inputs) -> Tables:
    """``bounds`` and ``bounds_scenario``: of the study's headline numbers, or the registry's where there is no cohort."""
    marts, study, tables = inputs.marts, inputs.study, inputs.results
    has_cohort = len(marts.cohort) > 0
    others: dict[str, pd.DataFrame] = {}
    rows = [_scenario_row("as recorded", marts, 0, "", has_cohort)]
    for scenario in inputs.scenarios:
        read = scenario.marts
        rows.append(_scenario_row(scenario.name, read, scenario.n_open, scenario.note, has_cohort))
        if read is not None:
            own = _estimated(read, marts, tables) if has_cohort else {}
            others[scenario.name] = _of_study(read, study, own) if has_cohort else _of_registry(read, study)
    if has_cohort:
        current = pd.concat([tables["scorecard"], study_headlines(tables, study)], ignore_index=True)
    else:
        current = registry_headlines(tables)
    bounds = headline_bounds(current, others)
    if not bounds["computed_value"].notna().any() and not has_cohort:
        return {"bounds": nothing(), "bounds_scenario": pd.DataFrame(rows)}
    is_computed = bounds["computed_value"].notna()
    bounds["status"] = is_computed.map({True: "ok", False: "not_estimable"})
    return {"bounds": bounds, "bounds_scenario": pd.DataFrame(rows)}


def _estimated(read: Marts, marts: Marts, tables: Mapping[str, pd.DataFrame]) -> Tables:
    """Result tables that a reading shares with the records, because it reads the same lesions or recurrences."""
    shared = {"growth_threshold": "lesion_growth", "recurrence_pattern": "recurrence"}
    return {
        table: tables[table] for table, mart in shared.items() if getattr(read, mart) is getattr(marts, mart)
    }


def _scenario_row(
    name: str, marts: Marts | None, n_open: int, note: str, has_cohort: bool
) -> dict[str, object]:
    patients = None if marts is None else marts.cohort if has_cohort else marts.registry_patient
    return {
        "scenario": name,
        "n_open": n_open,
        "n_patients": None if patients is None else len(patients),
        "status": "ok" if marts is not None else "not_applicable",
        "note": note,
    }


def _growth(marts: Marts, study: Study) -> pd.DataFrame:
    """The interval to the cutpoint by the curve that the scorecard reads it from, and by interval-censored onset."""
    lesions = marts.lesion_growth[marts.lesion_growth["is_included"].astype(bool)]
    columns = ("months_since_negative_ct", "diameter_mm")
    model, error_model = study.growth_model, study.growth_error_model
    fit = analysis.fit_growth(
        lesions, *columns, model, error_model, "patient_id", study.cutpoint_mm, n_bootstrap=0
    )
    limits = (study.cutpoint_mm, study.detection_limit_mm)
    onset = analysis.fit_interval_onset(lesions, *columns, "patient_id", *limits)
    return _stacked([fit.threshold, onset.threshold])


def headline_numbers(marts: Marts, study: Study) -> dict[str, float]:
    """Headline -> value in its unit, of the study's cohort or else of the registry; NaN where it is not estimable."""
    rows = _of_study(marts, study, {}) if len(marts.cohort) else _of_registry(marts, study)
    keyed = keyed_headlines(rows)
    return dict(zip(keyed["headline"].astype(str), keyed["computed_value"].astype(float), strict=True))


def _of_study(marts: Marts, study: Study, estimated: Tables) -> pd.DataFrame:
    """Scorecard and other headline numbers of one reading, from the few estimates that they rest on.

    Args:
        estimated: of these those that are there already.
    """
    frames = {
        "cohort": marts.cohort,
        "attrition": marts.attrition,
        "lesion_growth": marts.lesion_growth,
        **estimated,
    }
    if "recurrence_pattern" not in frames:
        frames["recurrence_pattern"] = analysis.recurrence_patterns(marts.recurrence, len(marts.cohort))
    if len(marts.cohort):
        frames |= _survival(marts, study)
        if "growth_threshold" not in frames:
            frames["growth_threshold"] = _growth(marts, study)
    card = scorecard(frames, study)
    return pd.concat([card, study_headlines(frames, study)], ignore_index=True)


def _of_registry(marts: Marts, study: Study) -> pd.DataFrame:
    """Headline numbers of one reading of a registry without a cohort."""
    frame = marts.groups(OS.name, PRIMARY_DX.name)
    marks = [months * study.days_per_month for months in study.landmark_months]
    rates = analysis.landmark_survival(frame, *TIME, marks, "overall")
    label = {"endpoint": OS.name, "origin": PRIMARY_DX.name}
    return registry_headlines({"km_landmark": rates.assign(**label), "follow_up": _follow_up(frame)})


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The parts under one another, with every column, so that a number that nobody could estimate is looked up as none."""
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _follow_up(frame: analysis.PreparedFrame) -> pd.DataFrame:
    return _stacked([analysis.follow_up(frame, *TIME, name) for name in ("reverse_km", "observed")])


def _survival(marts: Marts, study: Study) -> dict[str, pd.DataFrame]:
    """Rates, tests, follow-up and the multivariable model: published ones from the start of therapy, others the study's."""
    mark = LANDMARK_MONTHS * study.days_per_month
    label = {"origin": LRT_START.name}
    rates, tests = [], []
    for endpoint in (OS.name, LOCAL_CONTROL.name):
        frame = marts.groups(endpoint, LRT_START.name)
        for by in reversed(MAIN_GROUPINGS):
            own = {**label, "endpoint": endpoint, "stratum_variable": by}
            rates.append(analysis.landmark_survival(frame, *TIME, mark, by).assign(**own))
            tests.append(analysis.logrank_test(frame, *TIME, by).assign(**own))
    everybody = marts.groups(OS.name, study.origin)
    own = {"origin": study.origin, "endpoint": OS.name}
    rates.append(analysis.landmark_survival(everybody, *TIME, mark, "overall").assign(**own))
    terms = [_terms(marts, study, origin) for origin in dict.fromkeys((LRT_START.name, study.origin))]
    return {
        "km_landmark": _stacked(rates),
        "logrank_test": _stacked(tests),
        "follow_up": _follow_up(everybody),
        "cox_term": _stacked(terms),
    }


def _terms(marts: Marts, study: Study, origin: str) -> pd.DataFrame:
    """Terms of the multivariable model of overall survival, fitted as it is reported, without limits: nobody reads them."""
    frame = analysis.PreparedFrame(marts.times(OS.name, origin))
    fits = reported_fits(frame, study.multivariable, cross_check=False, limits=False)
    label = {"endpoint": OS.name, "origin": origin, "model": "multivariable"}
    return _stacked([fit.terms.assign(**label) for fit in fits])


ANALYSES = (
    Analysis(
        name="bounds",
        reads=(
            *all_marts(),
            *(f"curated.{table}" for table in sorted({*BEGINS, *ENDS})),
            "quality.quarantine",
            "result.scorecard",
            "result.km_landmark",
            "result.follow_up",
            "result.cox_term",
            "result.growth_threshold",
            "result.recurrence_pattern",
        ),
        makes=("bounds", "bounds_scenario"),
        run=bound_results,
    ),
)
