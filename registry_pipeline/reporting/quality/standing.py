"""Quality report: where the release stands, in pictures first.

Belongs here: counts by facility, what became of every row, open findings over releases, completeness, where findings
are. Does not belong here: single findings and rules (``findings.py``), everything else (``details.py``).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Column, Figure, Row, Section, Table, Text, missing
from registry_pipeline.reporting.document.wording import clean, count
from registry_pipeline.reporting.figures.quality import release_lines, share_grid, stacked_bars
from registry_pipeline.reporting.quality.scope import FATES, SEVERITIES, Scope

MOST_FACILITIES = 12
MOST_ITEMS = 24
MOST_RULES = 20


def standing_section(scope: Scope) -> Section:
    """The counts that matter, by facility."""
    section = Section("standing", "Where we stand")
    if scope.rows.empty and scope.findings.empty:
        return section.add(missing(scope.context.why_empty("quality.row_account", of_cohort=False)))
    n_open = {name: int((scope.open["severity"] == name).sum()) for name in SEVERITIES}
    n_waived = int((scope.findings["status"] == "waived").sum())
    section.add(
        Text(
            f"{count(scope.rows['n_read'].sum())} rows were read. Open now: {count(n_open['error'])} errors, "
            f"{count(n_open['warning'])} warnings, {count(n_open['info'])} remarks. Compared with "
            f"an earlier release {count(scope.open['is_new'].sum())} findings are new and {count(scope.closed['is_newly_closed'].sum())} were "
            f"closed; {count(n_waived)} are waived. An error keeps its record in quarantine until it is corrected; the record "
            "of a warning is used; a remark asks for nothing.",
            "quality.row_account, quality.finding",
        )
    )
    if not scope.facility:
        section.add(_facility_table(scope))
    return section


def _facility_table(scope: Scope) -> Table:
    findings = scope.findings
    is_counted = {
        **{name: findings["is_open"] & (findings["severity"] == name) for name in SEVERITIES},
        "new": findings["is_open"] & findings["is_new"],
        "closed": findings["is_newly_closed"],
        "waived": findings["status"] == "waived",
    }
    counted = pd.DataFrame(is_counted).astype(int).groupby(findings["facility_id"]).sum()
    read = scope.rows.groupby("facility_id")[["n_read", "n_curated", "n_quarantined"]].sum()
    numbers = read.join(counted, how="outer").fillna(0).sort_index()
    rows = [Row(clean(facility), tuple(map(count, own))) for facility, *own in numbers.itertuples()]
    columns = (
        *(Column(name, "Rows") for name in ("read", "curated", "in quarantine")),
        *(Column(name, "Open") for name in SEVERITIES),
        *(Column(name, "In this release") for name in ("new", "closed")),
        Column("Waived"),
    )
    return Table(
        "By facility", "Facility", columns, tuple(rows), "quality.row_account, quality.finding", is_wide=True
    )


def pictures_section(scope: Scope) -> Section:
    """What became of every row, open findings over releases, completeness, where findings are."""
    section = Section("pictures", "In pictures")
    section.add(_fates(scope), _trend(scope), _completeness(scope), _where(scope))
    return section if section.blocks else section.add(missing("This release has no row and no finding."))


def _fates(scope: Scope) -> Figure | None:
    if scope.rows.empty:
        return None
    by = "source_file" if scope.facility else "facility_id"
    sums = scope.rows.groupby(by, sort=True)[list(FATES)].sum()
    sums = sums.loc[sums.sum(axis=1).sort_values(ascending=False).index[:MOST_FACILITIES]]
    bars = {
        clean(name): {fate.removeprefix("n_"): int(row[fate]) for fate in FATES}
        for name, row in sums.iterrows()
    }
    what = "files" if scope.facility else "facilities"
    return scope.context.figures.add(
        "quality_rows",
        stacked_bars(bars, "Rows"),
        sums.reset_index(),
        title="What became of every row",
        description=f"Bars of the {len(bars)} {what} with most rows, divided by what became of the rows.",
        meaning="Every row that was read has one fate; the parts of a bar add up to the rows read.",
        limits="A curated row may still hold a doubtful value: that is a finding, not a fate.",
        source="quality.row_account",
    )


def _trend(scope: Scope) -> Figure | None:
    history = scope.by_release()
    if len(history) < 2:
        return None
    series = {name: history[name].tolist() for name in SEVERITIES}
    return scope.context.figures.add(
        "quality_open",
        release_lines(history["release_id"].tolist(), series, "Open findings"),
        history,
        title="Open findings over releases",
        description="; ".join(f"{name}: {values[-1]} open at the end" for name, values in series.items()),
        meaning="How many findings waited for somebody when each release was sealed.",
        limits="A finding that was closed and reopened counts as open throughout."
        + (" A release in which nothing changed here has no point." if scope.facility else ""),
        source="quality.finding",
    )


def _completeness(scope: Scope) -> Figure | None:
    shares = scope.completeness.pivot_table(index="item", columns="facility_id", values="share", sort=True)
    shares = shares[(shares.max(axis=1) > 0) & (shares.min(axis=1) < 1)]
    if shares.empty:
        return None
    shares = shares.loc[shares.mean(axis=1).sort_values().index[:MOST_ITEMS]]
    shares = shares[shares.mean().sort_values().index[:MOST_FACILITIES]]
    values = [[None if share != share else float(share) for share in row] for row in shares.to_numpy()]
    texts = [["" if share is None else f"{100 * share:.0f} %" for share in row] for row in values]
    return scope.context.figures.add(
        "quality_completeness",
        _grid(shares, values, texts),
        shares.reset_index(),
        title="Completeness: items that are filled in part",
        description=f"The {len(shares)} items with most missing values, of those that somebody fills; darker is fuller.",
        meaning="The share of a facility's records in which the item has a value.",
        limits="An item that does not apply to a record (a dose without radiotherapy) is missing rightly.",
        source="every table of curated",
    )


def _grid(frame: pd.DataFrame, values: list[list[float | None]], texts: list[list[str]]) -> str:
    """A frame as a grid of shades, under the names of its rows and columns."""
    return share_grid(
        [clean(name) for name in frame.index], [clean(name) for name in frame.columns], values, texts
    )


def _where(scope: Scope) -> Figure | None:
    if scope.open.empty:
        return None
    by = "source_file" if scope.facility else "facility_id"
    counts = scope.open.pivot_table(
        index="rule_id", columns=by, values="finding_id", aggfunc="count", fill_value=0
    )
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False).index[:MOST_RULES]]
    counts = counts[counts.sum().sort_values(ascending=False).index[:MOST_FACILITIES]]
    most = max(int(counts.to_numpy().max()), 1)
    values = [[float(n) / most if n else None for n in row] for row in counts.to_numpy()]
    texts = [[count(n) if n else "" for n in row] for row in counts.to_numpy()]
    return scope.context.figures.add(
        "quality_where",
        _grid(counts, values, texts),
        counts.reset_index(),
        title="Where the open findings are",
        description=f"Open findings of the {len(counts)} rules that are broken most, by {by.replace('_', ' ')}.",
        meaning="How many findings of a rule wait for somebody.",
        limits="A systemic finding is one here, however many rows it is about.",
        source="quality.finding",
    )
