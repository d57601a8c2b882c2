"""How far every headline number could move while queries are open: beside its interval, not instead of it.

Belongs here: the headline numbers of a reading of the records, lowest and highest over the readings.
Does not belong here: making the readings (``alternatives.py``), the published numbers (``analysis/``).
"""

from collections.abc import Iterable

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.scorecard import scorecard
from registry_pipeline.settings import Study
from registry_pipeline.steps.alternatives import Scenario
from registry_pipeline.steps.marts import Marts
from registry_pipeline.steps.results_cox import reported_fits
from registry_pipeline.steps.results_labels import joined, nothing

GROUPS = ("scf_vs_other", "size_group")


def bound_results(
    marts: Marts,
    study: Study,
    current: pd.DataFrame,
    growth: pd.DataFrame,
    scenarios: Iterable[Scenario],
) -> dict[str, pd.DataFrame]:
    """``bounds`` and ``bounds_scenario``.

    Args:
        current: the scorecard of the records as they are; growth: their growth_threshold rows.
        scenarios: the other readings.
    """
    cards: dict[str, pd.DataFrame] = {}
    rows = [_told("as recorded", marts, 0, "")]
    for one in scenarios:
        rows.append(_told(one.name, one.marts, one.n_open, one.note))
        if one.marts is not None:
            is_same = one.marts.lesion_growth is marts.lesion_growth
            cards[one.name] = _card(one.marts, study, growth if is_same else _growth(one.marts, study))
    if not len(marts.cohort):
        return {"bounds": nothing(), "bounds_scenario": pd.DataFrame(rows)}
    bounds = analysis.headline_bounds(current, cards)
    known = bounds["computed_value"].notna()
    bounds["status"] = known.map({True: "ok", False: "not_estimable"})
    return {"bounds": bounds, "bounds_scenario": pd.DataFrame(rows)}


def _told(name: str, marts: Marts | None, n_open: int, note: str) -> dict[str, object]:
    return {
        "scenario": name,
        "n_open": n_open,
        "n_patients": None if marts is None else len(marts.cohort),
        "status": "ok" if marts is not None else "not_applicable",
        "note": note,
    }


def _growth(marts: Marts, study: Study) -> pd.DataFrame:
    """The interval to the cutpoint by the curve that the scorecard reads it from."""
    lesions = marts.lesion_growth[marts.lesion_growth["is_included"].astype(bool)]
    columns = ("months_since_negative_ct", "diameter_mm")
    chosen = (study.growth_model, study.growth_error_model, "patient_id", study.cutpoint_mm)
    fit = analysis.fit_growth(lesions, *columns, *chosen, n_bootstrap=0)
    return fit.threshold


def _card(marts: Marts, study: Study, growth: pd.DataFrame) -> pd.DataFrame:
    """The scorecard of one reading, from the few estimates that it rests on."""
    frames = {
        "cohort": marts.cohort,
        "attrition": marts.attrition,
        "lesion_growth": marts.lesion_growth,
        "recurrence": analysis.recurrence_patterns(marts.recurrence, len(marts.cohort)),
    }
    if not len(marts.cohort):
        return scorecard(frames)
    made = frames | _survival(marts, study) | {"growth_threshold": growth}
    return scorecard(made, study.growth_model, study.growth_error_model)


def _survival(marts: Marts, study: Study) -> dict[str, pd.DataFrame]:
    """Rates, tests, follow-up and the multivariable model from the start of therapy."""
    label = {"origin": "lrt_start"}
    columns = ("duration_days", "is_event")
    mark = 36 * study.days_per_month
    rates, tests = [], []
    for endpoint in ("os", "local_control"):
        frame = marts.groups(endpoint, "lrt_start")
        for by in GROUPS:
            own = {**label, "endpoint": endpoint, "stratum_variable": by}
            rates.append(analysis.landmark_survival(frame, *columns, mark, by).assign(**own))
            tests.append(analysis.logrank_test(frame, *columns, by).assign(**own))
    follow_up = [
        analysis.follow_up(marts.groups("os", "lrt_start"), *columns, one)
        for one in ("reverse_km", "observed")
    ]
    frame = marts.times("os", "lrt_start")
    fits = reported_fits(analysis.Checked(frame), study.multivariable, second_engine=False)
    model = {**label, "endpoint": "os", "model": "multivariable"}
    return {
        "km_landmark": joined(rates),
        "logrank_test": joined(tests),
        "follow_up": joined(follow_up),
        "cox_term": joined([one.terms.assign(**model) for one in fits]),
    }
