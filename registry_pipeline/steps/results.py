"""From mart to result: every estimate of the study as a table.

Belongs here: the list of result tables and what feeds each.
Does not belong here: estimation (``analysis/``), files (``steps/registry.py``).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.scorecard import scorecard
from registry_pipeline.reporting.wording import Words
from registry_pipeline.settings import Study
from registry_pipeline.steps.alternatives import Scenario
from registry_pipeline.steps.beside import beside, has_second_core
from registry_pipeline.steps.marts import Marts, read_marts, stored_marts
from registry_pipeline.steps.results_bounds import bound_results
from registry_pipeline.steps.results_checks import check_results
from registry_pipeline.steps.results_competing import competing_results
from registry_pipeline.steps.results_cox import cox_results
from registry_pipeline.steps.results_groups import group_results
from registry_pipeline.steps.results_growth import growth_results
from registry_pipeline.steps.results_lesions import lesion_results
from registry_pipeline.steps.results_shape import shape_results
from registry_pipeline.steps.results_survival import survival_results
from registry_pipeline.store.working import count_rows

Progress = Callable[[str], None]
Tables = dict[str, pd.DataFrame]
MANY_PATIENTS = (
    20_000  # from here on the Cox models take longer than a process to make them in takes to start
)
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


@contextmanager
def cox_beside(mart: Path, study: Study) -> Iterator[Callable[[], Tables] | None]:
    """The Cox models of the stored mart, made in a process of its own while the block runs; None where that is not worth it.

    A second engine looks at each of them, so that they take as long as all other estimates together.
    """
    if count_rows(mart / "registry_patient.parquet") < MANY_PATIENTS or not has_second_core():
        yield None
        return
    with beside(_stored_cox_results, mart, study) as made:
        yield made


def _stored_cox_results(mart: Path, study: Study) -> Tables:
    return cox_results(read_marts(stored_marts(mart)), study)


def result_tables(
    marts: Marts,
    study: Study,
    progress: Progress = lambda _: None,
    scenarios: Iterable[Scenario] = (),
    cox: Callable[[], Tables] | None = None,
) -> Tables:
    """Every table of the result layer: ``km_curve`` -> rows.

    Where data cannot support an estimate, the rows say so (``status``, ``note``); a table without
    any row is empty and is still part of the release.

    Args:
        progress: told what is being estimated.
        scenarios: other readings of the records, for the bounds of the headline numbers.
        cox: gives the tables of :func:`cox_results`, where :func:`cox_beside` makes them.
    """
    tables: Tables = {}
    for what, build in BUILDERS:
        if build is cox_results and cox is not None:
            continue
        progress(what)
        tables |= build(marts, study)
    if cox is not None:
        progress("Cox models")
        tables |= cox()
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
