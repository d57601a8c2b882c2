"""Blanks of a source's text columns: outer blanks off, empty texts and sentinels to null.

Belongs here: what counts as no value. Does not belong here: what a text means (``values.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import polars as pl

from registry_pipeline.intake.parsing.text import DASHES, INVISIBLE
from registry_pipeline.intake.readers.model import DECLARED_MISSING


def folded(column: pl.Expr) -> pl.Expr:
    """Text made comparable, as ``comparison_key`` does it: NFKC, invisible characters out, blanks collapsed, no case."""
    visible = column.str.replace_all(INVISIBLE, "").str.replace_all(DASHES, "-").str.normalize("NFKC")
    return visible.str.replace_all(r"[\s\x1c-\x1f]+", " ").str.strip_chars().str.to_lowercase()


def clean(rows: pl.DataFrame, columns: Sequence[str], sentinels: Sequence[str]) -> pl.DataFrame:
    """Outer blanks off; empty texts and sentinels (whatever their width and case) to null.

    Distinct texts are judged, and those of all columns in one plan: a plan for each takes longer than a small file.
    """
    if not columns:
        return rows
    # in order, for an expression that names them twice must find the same ones
    texts = pl.col(list(dict.fromkeys(columns))).unique(maintain_order=True).drop_nulls()
    stripped = texts.str.strip_chars()
    is_missing = folded(stripped).is_in(_blank_keys(tuple(sentinels))) | stripped.str.contains(
        DECLARED_MISSING
    )
    is_padded = (stripped != texts).any()
    seen = rows.select(
        stripped.filter(is_missing).unique().implode().name.prefix("missing "),
        is_padded.name.prefix("padded "),
    ).row(0, named=True)
    changed = []
    for name in columns:
        stripped = pl.col(name).str.strip_chars()
        if missing := seen[f"missing {name}"]:
            listed = pl.Series(missing, dtype=pl.String).implode()
            changed.append(pl.when(~stripped.is_in(listed)).then(stripped).alias(name))
        elif seen[f"padded {name}"]:
            changed.append(stripped)
    return rows.with_columns(changed) if changed else rows


@cache
def _blank_keys(sentinels: tuple[str, ...]) -> pl.Series:
    blanks = pl.Series([*sentinels, ""], dtype=pl.String).to_frame("text").select(folded(pl.col("text")))
    return blanks["text"].unique().implode()
