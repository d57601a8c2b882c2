"""Blanks of a source's text columns: outer blanks off, empty texts and sentinels to null.

Belongs here: what counts as no value. Does not belong here: what a text means (``values.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

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
    blanks = pl.Series([*sentinels, ""], dtype=pl.String).to_frame("text").select(folded(pl.col("text")))
    keys = blanks["text"].unique().implode()
    missing_texts = rows.select(_missing_texts(at, name, keys) for at, name in enumerate(columns)).row(0)
    is_padded = rows.select(_is_padded(name).alias(str(at)) for at, name in enumerate(columns)).row(0)
    changed = []
    for name, missing, has_blanks in zip(columns, missing_texts, is_padded, strict=True):
        stripped = pl.col(name).str.strip_chars()
        if missing:
            texts = pl.Series(missing, dtype=pl.String).implode()
            changed.append(pl.when(~stripped.is_in(texts)).then(stripped).alias(name))
        elif has_blanks:
            changed.append(stripped)
    return rows.with_columns(changed) if changed else rows


def _missing_texts(at: int, name: str, blanks: pl.Series) -> pl.Expr:
    """The distinct texts of a column, without outer blanks, that mean that there is no value; as one list."""
    text = _distinct(name).str.strip_chars()
    is_missing = folded(text).is_in(blanks) | text.str.contains(DECLARED_MISSING)
    return text.filter(is_missing).unique().implode().alias(str(at))


def _is_padded(name: str) -> pl.Expr:
    text = _distinct(name)
    return (text.str.strip_chars() != text).any()


def _distinct(name: str) -> pl.Expr:
    """The texts of a column; in order, for an expression that names them twice must find the same ones."""
    return pl.col(name).unique(maintain_order=True).drop_nulls()
