"""What an analysis of the study is: the tables it reads, the tables it makes, and the function between them.

Belongs here: :class:`Analysis`, what its function is given, and the proof that it reads and makes what it declares.
Does not belong here: any particular analysis (a module of this room each), the order of running (``estimates.py``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

import schemas
from registry_pipeline.core.settings import Study
from registry_pipeline.study.marts import MART_TABLES, Marts
from registry_pipeline.study.scenarios import Scenario
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
    """

    marts: Marts
    study: Study
    results: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    scenarios: Iterable[Scenario] = ()


@dataclass(frozen=True)
class Analysis:
    """One analysis. Dagster's lineage, the order of running and the tests of empty inputs follow from it.

    Attributes:
        name: what is being estimated, as it is said while it runs.
        reads: the tables that it reads, ``layer.table``.
        makes: the result tables that it makes, without layer; each has a declared schema.
        run: from inputs to the tables of ``makes``.
        is_slow: whether it takes about as long as all others, so that a second process begins with it.
    """

    name: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    run: Callable[[Inputs], Tables]
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
        """Its tables, made from nothing but what it declares to read.

        Raises:
            UndeclaredTable: it touched a table that it does not declare.
            ValueError: it made other tables than it declares.
        """
        declared = Inputs(
            inputs.marts.restricted_to(self._of_layer("mart"), self.name),
            inputs.study,
            {name: _declared(name, inputs.results[name]) for name in self.result_reads},
            inputs.scenarios,
        )
        tables = self.run(declared)
        if set(tables) != set(self.makes):
            raise ValueError(
                f"analysis {self.name!r} made {sorted(tables)} and declares {sorted(self.makes)}"
            )
        return tables

    def _of_layer(self, layer: str) -> tuple[str, ...]:
        names = [name.partition(".") for name in self.reads]
        return tuple(table for own, _, table in names if own == layer)


def _declared(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """A result table with its declared columns only: a kept table has no others, so nothing may rest on them."""
    names = [column.name for column in columns_of(schemas.tables()[f"result.{name}"])]
    return rows[[column for column in names if column in rows.columns]]


def all_marts() -> tuple[str, ...]:
    """All mart tables that estimates read, ``mart.table``."""
    return tuple(f"mart.{name}" for name in MART_TABLES)
