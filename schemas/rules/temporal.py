"""Comparisons of dates that may be partial.

Belongs here: expressions over the ``_lower`` and ``_upper`` bounds of dates.
Does not belong here: rules themselves.

A temporal rule is an error only when it is broken for every completion of the partial dates, and a
warning when it is broken for some (NAACCR/CCR edits compare partial dates in the same spirit).
"""

import polars as pl

from schemas.table import Judgement, Parameters


def _bound(name: str, which: str) -> pl.Expr:
    return pl.coalesce(pl.col(f"{name}_{which}"), pl.col(name))


def gap_days_at_most(later: str, earlier: str) -> pl.Expr:
    """Largest number of days from ``earlier`` to ``later`` over all completions."""
    return (_bound(later, "upper") - _bound(earlier, "lower")).dt.total_days()


def gap_days_at_least(later: str, earlier: str) -> pl.Expr:
    """Smallest number of days from ``earlier`` to ``later`` over all completions."""
    return (_bound(later, "lower") - _bound(earlier, "upper")).dt.total_days()


def not_before(later: str, earlier: str, minimum_days: int = 0) -> tuple[Judgement, Judgement]:
    """``later`` lies at least ``minimum_days`` after ``earlier``: (error, warning) judgements."""

    def possible(_: Parameters) -> pl.Expr:
        return gap_days_at_most(later, earlier) >= minimum_days

    def certain(_: Parameters) -> pl.Expr:
        return gap_days_at_least(later, earlier) >= minimum_days

    return possible, certain
