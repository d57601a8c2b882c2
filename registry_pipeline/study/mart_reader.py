"""What an analysis reads of the mart while it runs: refused where it is not declared, noted where it is.

Belongs here: the mart as an analysis sees it, the names of what can be read of it.
Does not belong here: the tables (``marts.py``), when an analysis is run again (``pipeline/estimation.py``).

An analysis is a function of what it reads: as long as that is there unchanged, it would read the same again and give the
same. Nobody declares which endpoints it needs, and nobody can forget to.
"""

from collections.abc import Collection

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.study.marts import MART_TABLES, Marts
from schemas import study

Pair = tuple[str, str]
"""An endpoint and an origin."""


def times_of(endpoint: str, origin: str) -> str:
    """The name of what is read where the times of an endpoint from an origin are, with their patients' covariates."""
    return f"mart.survival_time/{endpoint}/{origin}"


def patients_of(origin: str) -> str:
    """The mart table in which the covariates of an origin's patients stand."""
    return "registry_patient" if study.ORIGINS[origin].is_registry else "cohort"


class UndeclaredTable(Exception):
    """An analysis touched a mart table that it does not declare."""


class MartReader(Marts):
    """The mart tables that an analysis may read.

    Attributes:
        read: what it has read: ``mart.table``, or :func:`times_of` an endpoint and origin.
    """

    read: set[str]

    def __init__(self, marts: Marts, tables: Collection[str], reader: str) -> None:
        """Of some marts.

        Args:
            tables: those that may be read, without layer.
            reader: who is told of in the error.
        """
        vars(self).update(_marts=marts, _tables=frozenset(tables), _reader=reader, read=set())

    def __getattr__(self, name: str) -> pd.DataFrame:
        """A table, which has no attribute of its own here; noted as read."""
        if name not in MART_TABLES:
            raise AttributeError(name)
        self._require(name)
        self.read.add(f"mart.{name}")
        table: pd.DataFrame = getattr(vars(self)["_marts"], name)
        return table

    def times(self, endpoint: str, origin: str) -> pd.DataFrame:
        """As of the marts."""
        return self._noted(endpoint, origin).times(endpoint, origin)

    def groups(self, endpoint: str, origin: str) -> analysis.PreparedFrame:
        """As of the marts."""
        return self._noted(endpoint, origin).groups(endpoint, origin)

    def _noted(self, endpoint: str, origin: str) -> Marts:
        self._require("survival_time")
        self._require(patients_of(origin))
        self.read.add(times_of(endpoint, origin))
        marts: Marts = vars(self)["_marts"]
        return marts

    def _require(self, table: str) -> None:
        if table not in vars(self)["_tables"]:
            raise UndeclaredTable(
                f"analysis {vars(self)['_reader']!r} reads mart.{table} and does not declare it"
            )
