"""From mart to result: every analysis of this room, found by its record and run in the order of what it reads.

Belongs here: finding analyses, their order, a second process for some of them.
Does not belong here: any particular analysis, estimation (``analysis/``), files (``pipeline/registry.py``).
"""

import importlib
import pkgutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from graphlib import TopologicalSorter
from pathlib import Path

import schemas
from registry_pipeline import study as room
from registry_pipeline.core.helper_process import Helper, helping, run_shared
from registry_pipeline.core.memory import give_back
from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import Analysis, AnalysisResult, Inputs
from registry_pipeline.study.mart_reader import Pair
from registry_pipeline.study.marts import Marts, StoredMarts

Progress = Callable[[str], None]
MANY_PATIENTS = 20_000
"""From here on all estimates together take longer than a process to make some of them in takes to start; after a change of
some records, of which not all estimates read, it costs a third more CPU time than it is worth."""
MOST_IN_TWO_PROCESSES = 500_000
"""Above, one process makes all: two would each hold the mart, which takes some 3 GB of a million patients."""


@cache
def analyses() -> dict[str, Analysis]:
    """Every analysis of the study by name, each after those whose tables it reads, the slow one last of those that read marts only.

    Raises:
        ValueError: two analyses have one name or make one table, or a declared result table is made by none.
    """
    modules = [f"{room.__name__}.{module.name}" for module in pkgutil.iter_modules(room.__path__)]
    declared = [
        analysis
        for name in modules
        if name != __name__
        for analysis in getattr(importlib.import_module(name), "ANALYSES", ())
    ]
    return _in_order(declared)


def _in_order(declared: list[Analysis]) -> dict[str, Analysis]:
    by_name = {analysis.name: analysis for analysis in declared}
    maker = {table: analysis.name for analysis in declared for table in analysis.makes}
    if len(by_name) < len(declared) or len(maker) < sum(len(analysis.makes) for analysis in declared):
        raise ValueError("two analyses have one name, or make one table")
    tables = {
        name.partition(".")[2] for name in {*schemas.tables_of("result")} - {*schemas.MADE_WITH_RELEASE}
    }
    if nobody := sorted(tables - set(maker)):
        raise ValueError(f"no analysis makes {', '.join(nobody)}")
    above = {analysis.name: {maker[table] for table in analysis.result_reads} for analysis in declared}
    order = list(TopologicalSorter(above).static_order())
    ordered = sorted(order, key=lambda name: (bool(above[name]), by_name[name].is_slow and not above[name]))
    return {name: by_name[name] for name in ordered}


@dataclass(frozen=True)
class Stored:
    """The mart tables as they are stored, for another process.

    Attributes:
        folder: where they are.
        content: hash of what they say: it reads them once for all that it is asked.
    """

    folder: Path
    content: str


def batches() -> list[list[str]]:
    """The analyses in the order of running: first all that read no results, then each of the others by itself."""
    independent = [name for name, analysis in analyses().items() if not analysis.result_reads]
    return [independent, *([name] for name in analyses() if name not in independent)]


def run_analyses(
    names: Collection[str],
    inputs: Inputs,
    progress: Progress = lambda _: None,
    stored: Stored | None = None,
    pairs: Mapping[str, Sequence[Pair]] | None = None,
) -> dict[str, AnalysisResult]:
    """Analysis -> what it made, of analyses of one batch.

    Where data cannot support an estimate, the rows say so (``status``, ``note``); a table without
    any row is empty and is still part of the release.

    Args:
        inputs: what they may read: all marts, the results of earlier batches, and other readings of the records,
            for the bounds of the headline numbers.
        progress: told what is being estimated.
        stored: the same marts in the store: some estimates are then made in a second process, if there is one.
        pairs: analysis -> the endpoints and origins that are to be made; all of those that are not named.
    """
    pairs = pairs or {}
    n_patients = len(inputs.marts.registry_patient)

    def run_in_process(name: str) -> AnalysisResult:
        progress(name)
        return analyses()[name].result(replace(inputs, pairs=pairs.get(name, ())))

    if len(names) < 2 or n_patients > MOST_IN_TWO_PROCESSES:
        return {name: run_in_process(name) for name in names}
    is_long = n_patients >= MANY_PATIENTS and len(names) == len(batches()[0])
    with helping(is_worth_starting=is_long and stored is not None) as helper:
        result = run_shared(names, run_in_process, _run_in(helper, stored, inputs.study, pairs))
        if helper is not None:
            helper.call(_forget)
    return {name: result[name] for name in names}


def _run_in(
    helper: Helper | None, stored: Stored | None, study: Study, pairs: Mapping[str, Sequence[Pair]]
) -> Callable[[str], AnalysisResult] | None:
    """What asks another process for the tables of an analysis; None without one."""
    if helper is None or stored is None:
        return None
    return partial(helper.call, _run_stored, stored, study, dict(pairs))


def _run_stored(
    stored: Stored, study: Study, pairs: Mapping[str, Sequence[Pair]], name: str
) -> AnalysisResult:
    """In the other process."""
    return analyses()[name].result(Inputs(_read_once(stored), study, pairs=pairs.get(name, ())))


def _forget() -> None:
    """In the other process: let go of the marts, whose memory the release needs."""
    _read_once.cache_clear()
    give_back()


@lru_cache(maxsize=1)
def _read_once(stored: Stored) -> Marts:
    return StoredMarts(stored.folder)
