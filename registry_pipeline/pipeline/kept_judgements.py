"""What the registry-wide rules said last: a rule whose query would read the same says the same.

Belongs here: what a rule's rows follow from, as a key; keeping and finding them.
Does not belong here: judging (``validation/registry_wide/registry_rules.py``), what rules are shown (``quality.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import duckdb

from registry_pipeline.core.source_code import code_digest
from registry_pipeline.core.sql_files import SqlFile
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.step import digest_of
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.parquet import read_parquet, rows_digest, write_parquet
from registry_pipeline.store.refill import contents_of, source_digest
from registry_pipeline.validation.registry_wide.registry_rules import Judged, query_parameters
from registry_pipeline.validation.rules.catalogue import RuleEntry

if TYPE_CHECKING:
    from registry_pipeline.store.sql import Source

_CODE = ("registry_pipeline.validation.registry_wide.registry_rules", "registry_pipeline.store.sql")


@dataclass
class KeptJudgements:
    """The rows of registry-wide rules, in a folder of the store, for one refresh.

    Attributes:
        keyed: the rows that are there.
        connection: what the rules are judged on.
        shown: tables beside those of the curated and mart layers that it shows, with what they are made of.
        parameters: of the rules.
        compared: the release that it shows as the previous one.
    """

    context: RefreshContext
    keyed: KeyedTables
    connection: duckdb.DuckDBPyConnection
    shown: Mapping[str, Source]
    parameters: Mapping[str, Any]
    compared: str | None
    _contents: dict[str, object] = field(default_factory=dict)

    def __call__(self, entry: RuleEntry, judge: Callable[[], Judged]) -> Judged:
        """What a rule's query said of the same, or what it says now."""
        names, key = [entry.rule_id, f"{entry.rule_id}.n_judged"], self._key(entry)
        if key and all(self.keyed.is_current(name, key) for name in names):
            return Judged(*(read_parquet(self.keyed.path(name)) for name in names))
        judged = judge()
        for name, rows in zip(names, judged, strict=True):
            write_parquet(rows, self.keyed.path(name))
            self.keyed.remember(name, key, rows.height)
        return judged

    def _key(self, entry: RuleEntry) -> str:
        """Digest of all that the rule's rows follow from; empty where that cannot be told."""
        assert isinstance(entry.judged_by, SqlFile)
        header = entry.judged_by.header
        inputs = {
            name: self._content(name) for part in ("inputs", "optional") for name in header.get(part, ())
        }
        if None in inputs.values():
            return ""
        parameters = query_parameters(entry, self.parameters)
        return digest_of(code_digest(*_CODE), entry.judged_by.query, parameters, inputs)

    def _content(self, name: str) -> object:
        """Digest of the rows of a table that a rule reads; None where nothing says what they are."""
        if name not in self._contents:
            self._contents[name] = self._digest(name)
        return self._contents[name]

    def _digest(self, name: str) -> object:
        layer, _, table = name.partition(".")
        if layer == "comparison":
            return rows_digest(self.connection.execute(f"FROM {name}").pl())
        if layer == "previous":
            return self._released(table)
        if name in self.shown:
            return source_digest(self.shown[name])
        return self._layers[layer].content(table) or None

    @cached_property
    def _layers(self) -> dict[str, KeyedTables]:
        """The tables of the layers that are made by now."""
        return {layer: KeyedTables(self.context.layout.layer(layer)) for layer in ("curated", "mart")}

    def _released(self, name: str) -> object:
        """Of a table of the release before."""
        if self.compared is None:
            return "no release before"
        contents = contents_of(self.context.home, self.compared)
        # other code may have declared other columns
        return None if contents is None else [contents.built_by, contents.tables.get(name)]
