"""Violations while there are many: by table and items, each as few bytes as it takes to tell.

Belongs here: holding what rules gave until it is listed, which of it keeps records out.
Does not belong here: judging, choosing what is listed (``listing.py``), verdicts (``quarantine.py``).

A column that a million rows of a file get wrong breaks several rules a million times each. What all rows of a part
share is held once, what none has is not held, and only what belongs together (one table, one list of items) is ever
laid out in full. So the memory of a screening grows with the rows of its largest table, not with what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from registry_pipeline.core.frames import with_schema

VIOLATION: dict[str, Any] = {
    "table_name": pl.Categorical,
    "_row_id": pl.Int64,
    "rule_id": pl.Categorical,
    "severity": pl.Categorical,
    "items": pl.Categorical,
    "detail": pl.String,
    "suggestion": pl.String,
    "_origin": pl.Int64,
    "_other": pl.Int64,
    "source_column": pl.Categorical,
    "value_text": pl.String,
}
"""``_origin`` is the source row, ``_other`` that of the second record of a rule between two.

There may be more violations than rows: what all of one kind share are categories."""
NO_VIOLATIONS = pl.DataFrame(schema=VIOLATION)
ABOUT = ("table_name", "items")
"""What violations that are compared with each other have in common."""
FEW = 20_000
"""Violations that are held as they come."""
AT_A_TIME = 1_000_000
"""Violations from which on no more are laid out in full at a time."""


def violation_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with every column of ``VIOLATION``, missing ones NULL."""
    return with_schema(frame, VIOLATION)


@dataclass(frozen=True)
class _Part:
    """Many violations of one table and items.

    Attributes:
        rows: the columns of ``VIOLATION`` in which they differ.
        shared: those in which they do not, NULL left out; one row.
        height: how many there are.
    """

    rows: pl.DataFrame
    shared: pl.DataFrame
    height: int

    def whole(self) -> pl.DataFrame:
        """All columns of ``VIOLATION``."""
        constants = [
            pl.lit(column[0], dtype=column.dtype).alias(column.name) for column in self.shared.iter_columns()
        ]
        rows = self.rows if self.rows.width else pl.DataFrame({"_at": pl.repeat(0, self.height, eager=True)})
        return violation_frame(rows.with_columns(constants))


class Violations:
    """The violations of one facility: added part by part, taken out in full once."""

    def __init__(self) -> None:
        self._few: list[pl.DataFrame] = []
        self._many: dict[tuple[Any, ...], list[_Part]] = {}

    def __len__(self) -> int:
        many = (part.height for parts in self._many.values() for part in parts)
        return sum(frame.height for frame in self._few) + sum(many)

    def add(self, frame: pl.DataFrame) -> None:
        """Hold further violations: columns of ``VIOLATION``, missing ones NULL."""
        if frame.is_empty():
            return
        frame = violation_frame(frame)
        if frame.height <= FEW:
            self._few.append(frame)
        else:
            self._add_many(frame)

    def _add_many(self, frame: pl.DataFrame) -> None:
        for about, part in frame.partition_by(ABOUT, maintain_order=True, as_dict=True).items():
            self._many.setdefault(about, []).append(_narrow(part))

    def whole(self) -> pl.DataFrame:
        """All of them, for where there are few."""
        many = [part.whole() for parts in self._many.values() for part in parts]
        return pl.concat([pl.DataFrame(schema=VIOLATION), *self._few, *many])

    def take(self) -> Iterator[pl.DataFrame]:
        """All of them, frame by frame, not held any longer; all about the same table and items stand in one frame."""
        few = pl.concat([pl.DataFrame(schema=VIOLATION), *self._few])
        self._few.clear()
        if not self._many:
            yield few
            return
        if few.height:
            self._add_many(few)
        del few
        together: list[pl.DataFrame] = []
        while self._many:
            together += [part.whole() for part in self._many.pop(next(iter(self._many)))]
            if sum(frame.height for frame in together) >= AT_A_TIME or not self._many:
                yield pl.concat(together)
                together.clear()


def _narrow(frame: pl.DataFrame) -> _Part:
    """Without what is NULL everywhere, and with what is the same everywhere once."""
    filled = [column for column in frame.iter_columns() if column.null_count() < frame.height]
    shared = [column for column in filled if (column.eq_missing(column[0])).all()]
    names = {column.name for column in shared}
    rows = pl.DataFrame([column for column in filled if column.name not in names])
    if "_row_id" in rows.columns:
        rows = rows.with_columns(pl.col("_row_id").cast(pl.UInt32))
    return _Part(rows, pl.DataFrame([column.head(1) for column in shared]), frame.height)


@dataclass
class ErrorRows:
    """The records that errors keep out of a release.

    Attributes:
        rows: table, rule and items -> numbers of the records that break the rule.
    """

    rows: dict[tuple[str, str, str | None], list[pl.Series]] = field(default_factory=dict)

    def add(self, violations: pl.DataFrame) -> None:
        """Note those of some violations that are errors of a record."""
        is_error = (pl.col("severity") == "error") & pl.col("_row_id").is_not_null()
        by = ["table_name", "rule_id", "items"]
        errors = violations.filter(is_error).select(*by, pl.col("_row_id").cast(pl.UInt32))
        for about, part in errors.partition_by(
            by, maintain_order=True, include_key=False, as_dict=True
        ).items():
            table, rule, items = about
            self.rows.setdefault((str(table), str(rule), items), []).append(part["_row_id"].rechunk())

    def lift(self, table: str, rule: str, items: str | None, records: pl.Series) -> None:
        """Let some records break a rule."""
        about = (table, rule, items)
        if about in self.rows:
            lifted = records.cast(pl.UInt32).implode()
            self.rows[about] = [part.filter(~part.is_in(lifted)) for part in self.rows[about]]

    def of_table(self, table: str) -> Mapping[str, pl.Series]:
        """Rule -> the records of a table that break it, each once."""
        by_rule: dict[str, list[pl.Series]] = {}
        for (name, rule, _), parts in self.rows.items():
            if name == table:
                by_rule.setdefault(rule, []).extend(parts)
        merged = {rule: pl.concat(parts).unique().cast(pl.Int64) for rule, parts in by_rule.items()}
        return {rule: records for rule, records in merged.items() if len(records)}
