"""Result tables: an analysis of which nothing that it read has changed is kept, and so are its endpoints of which nothing has.

Belongs here: which analyses, and which of their endpoints, are made anew; writing their tables and what they read.
Does not belong here: the parts of a key (``analysis_keys.py``), estimates (``study/``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

import schemas
from registry_pipeline.core.frames import with_schema
from registry_pipeline.pipeline.analysis_keys import CODE, AnalysisKeys
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.step import digest_of
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.study.analysis import AnalysisResult, Inputs
from registry_pipeline.study.estimates import Progress, Stored, analyses, run_analyses
from registry_pipeline.study.mart_reader import Pair, times_of
from registry_pipeline.study.marts import MART_TABLES, Marts, StoredMarts
from registry_pipeline.study.scenarios import Sources, scenarios
from schemas.table import columns_of

Stale = Mapping[str, Sequence[Pair]]
"""Analysis -> its endpoints and origins that are to be made; none for one that is made as a whole."""


@dataclass
class Estimation:
    """Runs analyses over the stored mart, which is read when the first of them is run."""

    context: RefreshContext
    keyed: KeyedTables
    progress: Progress
    keys: AnalysisKeys = field(init=False)

    def __post_init__(self) -> None:
        """Keys of what there is now."""
        self.keys = AnalysisKeys(self.context, self.keyed)

    @cached_property
    def marts(self) -> Marts:
        """The stored mart tables."""
        return StoredMarts(self.context.layout.layer("mart"))

    def make(self, names: Sequence[str]) -> None:
        """Make the tables of analyses of one batch, as far as they are not up to date."""
        stale = {name: own for name in names if (own := self._stale(name)) is not None}
        for name, result in self._run(stale).items():
            analysis = analyses()[name]
            pairs = self._pairs(name)
            reads = result.reads if analysis.pairs is None else {times_of(*pair) for pair in pairs}
            parts = {CODE: self.keys.code(name), **{item: self.keys.content(item) for item in reads}}
            for table, rows in result.tables.items():
                frame = as_declared(f"result.{table}", rows)
                if len(stale[name]) < len(pairs):
                    frame = self._joined(table, frame, pairs, stale[name])
                write_parquet(frame, self.keyed.path(table))
                self.keyed.remember(table, self.keys.key(name), frame.height, parts)

    def _stale(self, name: str) -> Sequence[Pair] | None:
        """What of an analysis is to be made; None for nothing."""
        analysis, key, pairs = analyses()[name], self.keys.key(name), self._pairs(name)
        if all(self.keyed.is_current(table, key) for table in analysis.makes):
            return None
        noted = self._noted(name)
        if noted is None:
            return pairs
        reads = list(noted) if analysis.pairs is None else [times_of(*pair) for pair in pairs]
        changed = {item for item in reads if self.keys.content(item) != noted.get(item)}
        if changed or set(noted) > set(reads):
            is_comparable = len(changed) < len(reads) and set(noted) <= set(reads)
            return [pair for pair in pairs if times_of(*pair) in changed] if is_comparable else pairs
        for table in analysis.makes:  # tables differ, but not where it reads them
            self.keyed.renew(table, key)
        return None

    def _noted(self, name: str) -> dict[str, str] | None:
        """What an analysis read, with the content of it then; None where its tables are not of this code, or damaged."""
        tables = analyses()[name].makes
        parts = [self.keyed.parts(table) for table in tables]
        is_whole = all(own == parts[0] for own in parts) and all(map(self.keyed.is_whole, tables))
        if not is_whole or parts[0].get(CODE) != self.keys.code(name):
            return None
        return {item: content for item, content in parts[0].items() if item != CODE}

    def _pairs(self, name: str) -> Sequence[Pair]:
        """The endpoints and origins of an analysis that goes from one to the next."""
        pairs = analyses()[name].pairs
        return () if pairs is None else pairs(self.keys.pairs())

    def _joined(
        self, table: str, estimated: pl.DataFrame, pairs: Sequence[Pair], stale: Sequence[Pair]
    ) -> pl.DataFrame:
        """The rows of all pairs in their order: those made now, and those of the table that is there."""
        order = pl.DataFrame(pairs, schema=["endpoint", "origin"], orient="row").with_row_index("_place")
        is_kept = ~pl.struct("endpoint", "origin").is_in([{"endpoint": e, "origin": o} for e, o in stale])
        earlier = read_parquet(self.keyed.path(table)).filter(is_kept)
        rows = pl.concat([earlier.select(estimated.columns), estimated])
        placed = rows.join(order, on=["endpoint", "origin"], how="inner", maintain_order="left")
        return placed.sort("_place", maintain_order=True).drop("_place")

    def _run(self, stale: Stale) -> dict[str, AnalysisResult]:
        if not stale:
            return {}
        settings, folder = self.context.settings, self.context.layout.layer("mart")
        reads = {table for name in stale for table in analyses()[name].result_reads}
        results = {table: read_parquet(self.keyed.path(table)).to_pandas() for table in reads}
        readings = scenarios(self.marts, _sources(self.context), settings)
        inputs = Inputs(self.marts, settings.study, results, readings)
        contents = [self.keys.content(f"mart.{name}") for name in MART_TABLES]
        return run_analyses(list(stale), inputs, self.progress, Stored(folder, digest_of(contents)), stale)


def _sources(context: RefreshContext) -> Sources:
    """What the readings of open questions are built from."""
    quarantine = tuple(context.screened_files("quarantine"))
    return Sources(context.layout.layer("curated"), quarantine, context.extract_date(), context.home.store)


def as_declared(name: str, frame: object) -> pl.DataFrame:
    """An estimate's rows with exactly the declared columns and types."""
    rows = pl.from_pandas(frame, nan_to_null=True) if not isinstance(frame, pl.DataFrame) else frame
    types = {column.name: column.polars_type for column in columns_of(schemas.tables()[name])}
    return with_schema(rows, types) if rows.width else pl.DataFrame(schema=types)  # no column gives a row
