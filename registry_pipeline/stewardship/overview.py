"""Where the findings stand as a whole: how many wait, how old they are, what is broken most, how that has changed.

Belongs here: counts and times over all findings of a snapshot.
Does not belong here: single findings (``findings.py``), drawing (``web/``, ``cli/``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.stewardship.findings import (
    CAUSE,
    SEVERITIES,
    Filters,
    Snapshot,
    count_findings,
    select_findings,
    severity_order,
)
from registry_pipeline.stewardship.released import ReleaseReader
from registry_pipeline.store.releases import created_at, release_ids

FATES = ("n_curated", "n_quarantined", "n_duplicate", "n_superseded", "n_blank", "n_rejected", "n_unrouted")
AGE_BUCKETS = ((7, "up to a week"), (30, "up to a month"), (90, "up to three months"), (1_000_000, "older"))
"""Upper bound in days, and its name."""


@dataclass(frozen=True)
class TrendPoint:
    """Findings that were open when a release was made."""

    release_id: str
    released_on: date
    n_open: Mapping[str, int]


@dataclass(frozen=True)
class Overview:
    """Where the findings stand.

    Attributes:
        n_open: severity -> open findings; rows of one cause are one.
        n_new: those shown for the first time.
        n_sent, n_answered, n_overdue: asked, answered, and asked with a due date that has passed.
        by_rule, by_facility: rows of :func:`count_findings`.
        ages: name of an age -> open findings of it.
        days_to_close: severity -> median days from the first release to the closing one, and of how many.
        trend: open findings at each release.
        row_account: facility -> fate -> rows of files in force.
    """

    n_open: Mapping[str, int]
    n_new: int
    n_sent: int
    n_answered: int
    n_overdue: int
    by_rule: Sequence[Mapping[str, Any]]
    by_facility: Sequence[Mapping[str, Any]]
    ages: Mapping[str, int]
    days_to_close: Mapping[str, tuple[float, int]]
    trend: Sequence[TrendPoint]
    row_account: Mapping[str, Mapping[str, int]]


def overview(home: Home, released: ReleaseReader, snapshot: Snapshot, today: date) -> Overview:
    """Where the findings of a snapshot stand."""
    waiting = select_findings(snapshot, Filters())
    status, due = waiting["status"], waiting["due_date"]
    return Overview(
        n_open={severity: waiting.filter(pl.col("severity") == severity).height for severity in SEVERITIES},
        n_new=select_findings(snapshot, Filters(new=True)).height,
        n_sent=int((status == "sent").sum()),
        n_answered=int((status == "answered").sum()),
        n_overdue=int((due < today).sum()),
        by_rule=count_findings(waiting, "rule_id").head(12).to_dicts(),
        by_facility=count_findings(waiting, "facility_id").to_dicts(),
        ages=_ages(waiting, today),
        days_to_close=_days_to_close(snapshot.findings),
        trend=_trend(home, snapshot.findings),
        row_account=_row_account(released),
    )


def _day(release_id: str) -> date | None:
    try:
        return created_at(release_id).date()
    except ValueError:
        return None


def _days_of(releases: pl.Series) -> pl.Series:
    days = {
        release_id: _day(release_id) for release_id in releases.drop_nulls().unique().to_list() if release_id
    }
    return releases.replace_strict(days, default=None, return_dtype=pl.Date)


def _ages(waiting: pl.DataFrame, today: date) -> dict[str, int]:
    days = (pl.Series([today]) - _days_of(waiting["first_seen_release"])).dt.total_days().fill_null(0)
    ages, lower = {}, -1
    for upper, name in AGE_BUCKETS:
        ages[name] = int(((days > lower) & (days <= upper)).sum())
        lower = upper
    return ages


def _days_to_close(findings: pl.DataFrame) -> dict[str, tuple[float, int]]:
    closed = findings.filter(pl.col("closed_release") != "")
    times = closed.select("severity").with_columns(
        (_days_of(closed["closed_release"]) - _days_of(closed["first_seen_release"]))
        .dt.total_days()
        .alias("days")
    )
    median = times.drop_nulls().group_by("severity").agg(pl.col("days").median(), pl.len().alias("n"))
    return {severity: (days, n) for severity, days, n in median.iter_rows()}


def _trend(home: Home, findings: pl.DataFrame) -> list[TrendPoint]:
    """Open findings at each release, as first and closing release tell it."""
    direct = findings.filter(pl.col("systemic_finding_id").is_null())
    points = []
    for release_id in release_ids(home)[-24:]:
        first, closed = pl.col("first_seen_release"), pl.col("closed_release")
        is_open = (
            (first != "")
            & (first <= release_id)
            & (closed.is_null() | (closed == "") | (closed > release_id))
        )
        counts = dict(direct.filter(is_open).group_by("severity").len().iter_rows())
        if (released_on := _day(release_id)) is not None:
            points.append(
                TrendPoint(release_id, released_on, {name: counts.get(name, 0) for name in SEVERITIES})
            )
    return points


def _row_account(released: ReleaseReader) -> dict[str, dict[str, int]]:
    """What became of the rows of every facility, in the served release; older ones know fewer fates."""
    sums: dict[str, dict[str, int]] = {}
    for row in released.rows("FROM quality.row_account ORDER BY facility_id"):
        account = sums.setdefault(row["facility_id"], {name: 0 for name in FATES if name in row})
        for name in account:
            account[name] += row[name]
    return sums


def causes(findings: pl.DataFrame, most_first: bool = False) -> pl.DataFrame:
    """Findings that one decision may settle, by cause: those that can move the study's numbers farthest first, then the most.

    Args:
        most_first: instead the causes with the most findings first.

    Returns:
        ``cause_id``, the columns of ``CAUSE``, ``items``, ``message`` and ``suggestion`` of one of them, ``n_values``,
        ``n_findings``, ``n_patients`` and the least ``impact_rank``.
    """
    grouped = findings.group_by("cause_id").agg(
        pl.col(*CAUSE, "items", "message", "suggestion").first(),
        pl.col("value_text").n_unique().alias("n_values"),
        pl.len().alias("n_findings"),
        pl.col("patient_id").drop_nulls().n_unique().alias("n_patients"),
        pl.col("impact_rank").min(),
    )
    number = -pl.col("n_findings").cast(pl.Int64)
    order = [severity_order(), pl.col("impact_rank"), number, pl.col("cause_id")]
    return grouped.sort([number, *order] if most_first else order, nulls_last=True)
