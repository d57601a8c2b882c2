"""What an analysis of the study is: the tables it reads, the tables it makes, and the function between them.

Belongs here: :class:`Analysis`, what its function is given and gives, the proof that it reads and makes what it declares.
Does not belong here: any particular analysis (a module of this room each), the order of running (``estimates.py``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

import schemas
from registry_pipeline.core.settings import Study
from registry_pipeline.study.mart_reader import MartReader, Pair, times_of
from registry_pipeline.study.marts import MART_TABLES, Marts
from registry_pipeline.study.scenarios import Scenario
from schemas.study import COHORT_ORIGINS
from schemas.table import columns_of

Tables = dict[str, pd.DataFrame]
TIMES = ("mart.survival_time", "mart.cohort", "mart.registry_patient")
"""What every estimate over times reads: durations, and the covariates of cohort and registry."""


@dataclass(frozen=True)
class Inputs:
    """What the function of an analysis is given.

    Attributes:
        marts: the mart tables that it declares; touching another one is an error.
        study: the parameters of the release.
        results: the result tables that it declares, by name without layer.
        scenarios: other readings of the records, for who declares curated tables.
        pairs: the endpoints and origins to go through, for who declares them; none: all.
    """

    marts: Marts
    study: Study
    results: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    scenarios: Iterable[Scenario] = ()
    pairs: Sequence[Pair] = ()


@dataclass(frozen=True)
class AnalysisResult:
    """What an analysis made.

    Attributes:
        tables: rows of each table that it makes.
        reads: what of the marts it read, as named by ``mart_reader.py``.
    """

    tables: Tables
    reads: frozenset[str]


@dataclass(frozen=True)
class Analysis:
    """One analysis. Dagster's lineage, the order of running and the tests of empty inputs follow from it.

    Attributes:
        name: what is being estimated, as it is said while it runs.
        reads: the tables that it reads, ``layer.table``.
        makes: the result tables that it makes, without layer; each has a declared schema.
        run: from inputs to the tables of ``makes``.
        pairs: the endpoints and origins that it goes through, of those that have times: the rows of each follow from
            its own times, name it, and stand in this order. None for an analysis that is made as a whole.
        is_slow: whether it takes about as long as all others, so that a second process begins with it.
    """

    name: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    run: Callable[[Inputs], Tables]
    pairs: Callable[[Sequence[Pair]], Sequence[Pair]] | None = None
    is_slow: bool = False

    def __post_init__(self) -> None:
        tables = schemas.tables()
        if unknown := [table for table in self.makes if f"result.{table}" not in tables]:
            raise ValueError(f"analysis {self.name!r} makes tables without a schema: {', '.join(unknown)}")
        if unknown := [table for table in self.reads if table not in tables]:
            raise ValueError(
                f"analysis {self.name!r} reads tables that nobody declares: {', '.join(unknown)}"
            )

    @property
    def result_reads(self) -> tuple[str, ...]:
        """The result tables that it reads, without layer."""
        return self._of_layer("result")

    def tables(self, inputs: Inputs) -> Tables:
        """The tables of :meth:`result`."""
        return self.result(inputs).tables

    def result(self, inputs: Inputs) -> AnalysisResult:
        """Its tables, made from nothing but what it declares to read.

        Raises:
            UndeclaredTable: it touched a table that it does not declare.
            ValueError: it made other tables than it declares, or read more than the times of the pairs.
        """
        reader = MartReader(inputs.marts, self._of_layer("mart"), self.name)
        pairs = inputs.pairs or (() if self.pairs is None else self.pairs(inputs.marts.pairs()))
        results = {name: _declared(name, inputs.results[name]) for name in self.result_reads}
        tables = self.run(Inputs(reader, inputs.study, results, inputs.scenarios, pairs))
        if set(tables) != set(self.makes):
            raise ValueError(
                f"analysis {self.name!r} made {sorted(tables)} and declares {sorted(self.makes)}"
            )
        if self.pairs is not None and (beyond := reader.read - {times_of(*pair) for pair in pairs}):
            raise ValueError(f"analysis {self.name!r} reads {sorted(beyond)} beyond the times of its pairs")
        return AnalysisResult(tables, frozenset(reader.read))

    def _of_layer(self, layer: str) -> tuple[str, ...]:
        names = [name.partition(".") for name in self.reads]
        return tuple(table for own, _, table in names if own == layer)


def _declared(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """A result table with its declared columns only: a kept table has no others, so nothing may rest on them."""
    names = [column.name for column in columns_of(schemas.tables()[f"result.{name}"])]
    return rows[[column for column in names if column in rows.columns]]


def from_cohort_origins(endpoints: Sequence[str]) -> Callable[[Sequence[Pair]], Sequence[Pair]]:
    """The pairs of endpoints with each origin of the cohort, whether they have times or not."""
    return lambda _: [(endpoint, origin) for endpoint in endpoints for origin in COHORT_ORIGINS]


def all_marts() -> tuple[str, ...]:
    """All mart tables that estimates read, ``mart.table``."""
    return tuple(f"mart.{name}" for name in MART_TABLES)
