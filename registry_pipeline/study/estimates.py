"""From mart to result: every estimate of the study as a table.

Belongs here: the list of result tables and what feeds each.
Does not belong here: estimation (``analysis/``), files (``pipeline/registry.py``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.core.helper_process import Helper, helping, shared
from registry_pipeline.core.settings import Study
from registry_pipeline.reporting.document.wording import Words
from registry_pipeline.study.bounds import bound_results
from registry_pipeline.study.competing_events import competing_results
from registry_pipeline.study.cox_models import cox_results
from registry_pipeline.study.group_comparisons import group_results
from registry_pipeline.study.growth import growth_results
from registry_pipeline.study.lesion_control import lesion_results
from registry_pipeline.study.marts import Marts, read_marts, stored_marts
from registry_pipeline.study.model_checks import check_results
from registry_pipeline.study.scenarios import Scenario
from registry_pipeline.study.scorecard import scorecard
from registry_pipeline.study.size_effect import shape_results
from registry_pipeline.study.survival import survival_results

Progress = Callable[[str], None]
Tables = dict[str, pd.DataFrame]
MANY_PATIENTS = 20_000
"""From here on estimates take longer than a process to make some of them in takes to start."""
BUILDERS: dict[str, Callable[[Marts, Study], Tables]] = {
    "survival": survival_results,
    "comparisons of groups": group_results,
    "size with and without a cutpoint": shape_results,
    "checks of the model": check_results,
    "competing events": competing_results,
    "lesions": lesion_results,
    "growth": growth_results,
    "Cox models": cox_results,
}
"""Another process begins at the end: a second engine looks at every Cox model, which takes as long as the rest."""


@dataclass(frozen=True)
class Stored:
    """The mart tables as they are stored, for the process beside this one.

    Attributes:
        folder: where they are.
        content: hash of what they say: it reads them once for all that it is asked.
    """

    folder: Path
    content: str


def result_tables(
    marts: Marts,
    study: Study,
    progress: Progress = lambda _: None,
    scenarios: Iterable[Scenario] = (),
    stored: Stored | None = None,
) -> Tables:
    """Every table of the result layer: ``km_curve`` -> rows.

    Where data cannot support an estimate, the rows say so (``status``, ``note``); a table without
    any row is empty and is still part of the release.

    Args:
        progress: told what is being estimated.
        scenarios: other readings of the records, for the bounds of the headline numbers.
        stored: the same marts in the store: some estimates are then made in a second process, if there is one.
    """
    is_large = len(marts.registry_patient) >= MANY_PATIENTS
    with helping(is_worth_starting=is_large and stored is not None) as helper:
        tables = _estimates(marts, study, progress, helper, stored)
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


def _estimates(
    marts: Marts, study: Study, progress: Progress, helper: Helper | None, stored: Stored | None
) -> Tables:
    """What the builders make."""

    def here(what: str) -> Tables:
        progress(what)
        return BUILDERS[what](marts, study)

    there = None if helper is None or stored is None else partial(helper.call, _made_there, stored, study)
    made = shared(BUILDERS, here, there)
    return {name: rows for what in BUILDERS for name, rows in made[what].items()}


def _made_there(stored: Stored, study: Study, what: str) -> Tables:
    """In the other process."""
    return BUILDERS[what](_read_once(stored), study)


@lru_cache(maxsize=1)
def _read_once(stored: Stored) -> Marts:
    return read_marts(stored_marts(stored.folder))
