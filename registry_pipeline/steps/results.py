"""From mart to result: every estimate of the study as a table.

Belongs here: the list of result tables and what feeds each.
Does not belong here: estimation (``analysis/``), files (``steps/registry.py``).
"""

from collections.abc import Callable

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.growth import ERROR_MODELS, MODELS
from registry_pipeline.analysis.scorecard import scorecard
from registry_pipeline.settings import Study
from registry_pipeline.steps.marts import Marts
from registry_pipeline.steps.results_cox import cox_results
from registry_pipeline.steps.results_survival import survival_results

Progress = Callable[[str], None]


def result_tables(marts: Marts, study: Study, progress: Progress = lambda _: None) -> dict[str, pd.DataFrame]:
    """Every table of the result layer: ``km_curve`` -> rows.

    Where data cannot support an estimate, the rows say so (``status``, ``note``); a table without
    any row is empty and is still part of the release.
    """
    progress("survival")
    tables = survival_results(marts, study)
    progress("Cox models")
    tables |= cox_results(marts, study)
    progress("recurrence and growth")
    tables["recurrence_pattern"] = analysis.recurrence_patterns(marts.recurrence, len(marts.cohort))
    tables |= _growth(marts, study)
    tables["scorecard"] = scorecard(
        tables
        | {
            "cohort": marts.cohort,
            "survival_time": marts.survival_time,
            "attrition": marts.attrition,
            "lesion_growth": marts.lesion_growth,
            "recurrence": tables["recurrence_pattern"],
        }
    )
    return tables


def _growth(marts: Marts, study: Study) -> dict[str, pd.DataFrame]:
    """The growth models, the interval to the cutpoint, shares of small lesions, the surveillance planner."""
    lesions = marts.lesion_growth[marts.lesion_growth["is_included"].astype(bool)]
    columns = ("months_since_negative_ct", "diameter_mm")
    replicates = study.bootstrap_replicates if len(lesions) <= study.bootstrap_max_lesions else 0
    bootstrap = {"n_bootstrap": replicates, "seed": study.bootstrap_seed}
    fits = {
        (model, error): analysis.fit_growth(
            lesions, *columns, model, error, "patient_id", study.cutpoint_mm, **bootstrap
        )
        for model in MODELS
        for error in ERROR_MODELS
    }
    onset = analysis.fit_interval_onset(
        lesions, threshold_mm=study.cutpoint_mm, detection_limit_mm=study.detection_limit_mm
    )
    chosen = fits[study.growth_model, study.growth_error_model]
    planned = [analysis.plan_surveillance(fit, cutpoint_mm=study.cutpoint_mm) for fit in (chosen, onset)]
    return {
        "growth_fit": pd.concat([one.parameters for one in (*fits.values(), onset)], ignore_index=True),
        "growth_threshold": pd.concat([one.threshold for one in (*fits.values(), onset)], ignore_index=True),
        "growth_share": analysis.share_by_interval(lesions, cutpoint=study.cutpoint_mm),
        "surveillance": pd.concat(planned, ignore_index=True),
    }
