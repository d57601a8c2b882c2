"""Waived errors: findings that stay on record and no longer keep theirs out of the registry.

Belongs here: which violations a waiver lifts. Does not belong here: who waives (``decisions.py``), what is
quarantined (``quarantine.py``).

A waiver speaks of the value that was seen: where another one stands there now, it lifts nothing. And it
cannot lift what the release could not hold: a record without a required item or with a value outside the
table's limits stays out, waived or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from registry_pipeline.validation.decisions.ledger import value_digest
from registry_pipeline.validation.records import curated, record_keys
from registry_pipeline.validation.screening.violations import ErrorRows
from schemas.constraints import constraints_of
from schemas.table import columns_of, key_of


@dataclass(frozen=True)
class Waivers:
    """The waivers in force at a facility.

    Attributes:
        digests: finding -> digest of the value that was waived.
        key: of the digests.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    key: bytes = b""

    def lift(
        self, errors: ErrorRows, findings: pl.DataFrame, records: Mapping[str, pl.DataFrame]
    ) -> ErrorRows:
        """The errors without those that no longer keep their record out.

        Args:
            errors: of all records; changed in place.
            findings: made of them.
            records: per table; ``_row_id`` is that of the errors.
        """
        lifted = self._in_force(findings)
        for (name, rule_id, items), group in lifted.group_by("table_name", "rule_id", "items"):
            if isinstance(name, str) and name in records:
                can_be_held = records[name].filter(_can_be_held(name))["_row_id"]
                keys = record_keys(name, records[name], can_be_held)
                lifted_rows = keys.join(group.select("record_key"), on="record_key", how="semi")["_row_id"]
                errors.lift(name, str(rule_id), None if items is None else str(items), lifted_rows)
        return errors

    def _in_force(self, findings: pl.DataFrame) -> pl.DataFrame:
        """The waived errors whose value is still the one that was waived."""
        if not self.digests:
            return findings.clear()
        named = findings.filter(
            pl.col("finding_id").is_in(list(self.digests)) & (pl.col("severity") == "error")
        )
        is_same = [
            self.digests[finding_id] == value_digest(value, self.key)
            for finding_id, value in named.select("finding_id", "value_text").iter_rows()
        ]
        return named.filter(pl.Series(is_same, dtype=pl.Boolean))


def _can_be_held(name: str) -> pl.Expr:
    """Whether a release can hold a record: required items present, numbers within the table's limits."""
    key = key_of(curated()[name])
    demands = [
        demand.expression.fill_null(True)
        for column in columns_of(curated()[name])
        for demand in constraints_of(column, column.name in key)
    ]
    return pl.all_horizontal(pl.lit(True), *demands)
