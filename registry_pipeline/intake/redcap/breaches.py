"""What judging a REDCap export gives: breaches, what was judged, notes on the whole file.

Belongs here: the frame of breaches and the collector that all REDCap rules share.
Does not belong here: any rule (``redcap_rules.py``, ``intake/redcap/expressions.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from registry_pipeline.core.frames import column_or_null
from registry_pipeline.intake.raw.lookup import LONGEST

BREACH = {
    "_row_id": pl.Int64,
    "column": pl.String,
    "rule_id": pl.String,
    "reason": pl.String,
    "suggestion": pl.String,
    "value_text": pl.String,
    "_other": pl.Int64,
}
"""``_other`` is the second row of a breach between two."""


@dataclass
class Judged:
    """What judging an export gave.

    Attributes:
        breaches: rows of ``BREACH``.
        counts: rule id -> how many values were judged.
        notes: rule id, column and sentence of what concerns the whole file.
    """

    breaches: list[pl.DataFrame] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[tuple[str, str, str]] = field(default_factory=list)

    def judge(self, rule_id: str, judged: int, *breaches: pl.DataFrame) -> None:
        """Add to what a rule has judged and found."""
        self.counts[rule_id] = self.counts.get(rule_id, 0) + judged
        self.breaches += [frame for frame in breaches if frame.height]


def breach(
    rows: pl.DataFrame,
    column: str,
    rule_id: str,
    reason: str,
    suggestions: Sequence[str | None] | None = None,
) -> pl.DataFrame:
    """A breach of one rule by one column of some rows, without its text yet; their ``_other`` is kept."""
    return rows.select("_row_id", column_or_null(rows, "_other", pl.Int64)).with_columns(
        pl.lit(column).alias("column"),
        pl.lit(rule_id).alias("rule_id"),
        pl.lit(reason[:LONGEST]).alias("reason"),
        pl.Series("suggestion", suggestions or [None] * rows.height, dtype=pl.String),
    )


def with_texts(breaches: pl.DataFrame, rows: pl.DataFrame, is_identifier: bool) -> pl.DataFrame:
    """Breaches of one column with the cell as received; a field that identifies is not repeated."""
    column = breaches["column"][0]
    text = pl.lit(None, dtype=pl.String) if is_identifier else pl.col(column).str.slice(0, LONGEST)
    texts = rows.select("_row_id", text.alias("value_text"))
    return breaches.join(texts, on="_row_id", how="left", maintain_order="left").select(list(BREACH))


def all_breaches(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The breaches of several exports in one frame."""
    return pl.concat([pl.DataFrame(schema=BREACH), *parts])
