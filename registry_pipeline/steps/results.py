"""From mart to result: every estimate of the study as a table.

Belongs here: the list of result tables and what feeds each.
Does not belong here: estimation (``analysis/``), files (``steps/registry.py``).
"""

from collections.abc import Callable, Iterable

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.scorecard import scorecard
from registry_pipeline.reporting.wording import Words
from registry_pipeline.settings import Study
from registry_pipeline.steps.alternatives import Scenario
from registry_pipeline.steps.marts import Marts
from registry_pipeline.steps.results_bounds import bound_results
from registry_pipeline.steps.results_checks import check_results
from registry_pipeline.steps.results_competing import competing_results
from registry_pipeline.steps.results_cox import cox_results
from registry_pipeline.steps.results_groups import group_results
from registry_pipeline.steps.results_growth import growth_results
from registry_pipeline.steps.results_lesions import lesion_results
from registry_pipeline.steps.results_shape import shape_results
from registry_pipeline.steps.results_survival import survival_results

Progress = Callable[[str], None]
BUILDERS = (
    ("survival", survival_results),
    ("comparisons of groups", group_results),
    ("Cox models", cox_results),
    ("size with and without a cutpoint", shape_results),
    ("checks of the model", check_results),
    ("competing events", competing_results),
    ("lesions", lesion_results),
    ("growth", growth_results),
)


def result_tables(
    marts: Marts,
    study: Study,
    progress: Progress = lambda _: None,
    scenarios: Iterable[Scenario] = (),
) -> dict[str, pd.DataFrame]:
    """Every table of the result layer: ``km_curve`` -> rows.

    Where data cannot support an estimate, the rows say so (``status``, ``note``); a table without
    any row is empty and is still part of the release.

    Args:
        progress: told what is being estimated.
        scenarios: other readings of the records, for the bounds of the headline numbers.
    """
    tables: dict[str, pd.DataFrame] = {}
    for what, build in BUILDERS:
        progress(what)
        tables |= build(marts, study)
    tables["recurrence_pattern"] = analysis.recurrence_patterns(marts.recurrence, len(marts.cohort))
    tables["scorecard"] = scorecard(
        tables
        | {
            "cohort": marts.cohort,
            "attrition": marts.attrition,
            "lesion_growth": marts.lesion_growth,
            "recurrence": tables["recurrence_pattern"],
        },
        study.growth_model,
        study.growth_error_model,
        Words(study.cutpoint_mm).variable,
    )
    progress("bounds")
    return tables | bound_results(marts, study, tables, scenarios)
