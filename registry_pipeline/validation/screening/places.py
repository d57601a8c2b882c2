"""Where source rows lie: file and sheet, and how many there are.

Belongs here: looking up rows, counting them by place. Does not belong here: what is counted and why
(``row_account.py``, ``listing.py``, ``rule_results.py``).

Rows come in the order of their files, so a place is a run of rows that comparing neighbours finds: the
millions of names are not grouped. The names are few and the rows many, so staging hands them over as
categories; what leaves this module holds texts, to be compared with those of findings and mappings.
"""

from collections.abc import Mapping, Sequence

import polars as pl

PLACE = ("submission_id", "source_file", "sheet", "source_name")
"""Where a source row stands, but for its number."""


def source_locations(
    rows: pl.DataFrame | pl.LazyFrame, row_ids: pl.Series, where: Sequence[str]
) -> pl.DataFrame:
    """``_row_id`` and ``where`` of some source rows, each once, texts for categories.

    Args:
        rows: source rows, or a scan of the file that they are in.
        row_ids: those that are wanted; NULLs and rows that are not known are left out.
        where: columns of ``rows``.
    """
    is_asked = pl.col("_row_id").is_in(row_ids.drop_nulls().unique().implode())
    return _in_words(rows.lazy().select("_row_id", *where).filter(is_asked).collect())


def _in_words(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def count_by_place(
    rows: pl.DataFrame, where: Sequence[str], flags: Mapping[str, pl.Series] | None = None
) -> pl.DataFrame:
    """One row per place in order of appearance: ``where``, ``n_rows`` and per flag how many rows have it.

    Args:
        rows: source rows, in any order; in that of their files they are counted fastest.
        where: columns that make a place; NULL is a place of its own.
        flags: name -> one boolean per row.
    """
    is_new = [pl.col(column).ne_missing(pl.col(column).shift()) for column in where]
    starts = rows.select((pl.int_range(pl.len()) == 0) | pl.any_horizontal(is_new)).to_series()
    runs = pl.DataFrame({"_run": starts.cum_sum(), **(flags or {})})
    counted = runs.group_by("_run", maintain_order=True).agg(
        pl.len().alias("n_rows"), pl.col(list(flags or {})).sum()
    )
    placed = _in_words(rows.select(where).filter(starts)).hstack(counted.drop("_run"))
    return placed.group_by(where, maintain_order=True).agg(pl.all().cast(pl.Int64).sum())
