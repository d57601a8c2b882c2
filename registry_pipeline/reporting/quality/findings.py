"""Quality report: findings by rule, open ones with where each is, closed and waived ones apart.

Belongs here: tables of findings. Does not belong here: values of records, which no page shows.
"""

from __future__ import annotations

from textwrap import shorten

import pandas as pd

from registry_pipeline.reporting.document.blocks import (
    Block,
    Column,
    Folded,
    Row,
    Section,
    Table,
    Text,
    missing,
)
from registry_pipeline.reporting.document.wording import clean, count, is_given
from registry_pipeline.reporting.quality.scope import SEVERITIES, Scope
from schemas.codes import FINDING_STATUS

MOST_LISTED = 40
"""Findings of a rule that a page lists; the command gives the others."""
MOST_RULES, SHORT = 15, 90
"""Rules that the table names, and characters of a rule's sentence in the line that opens its findings."""
_LISTED = [
    "finding_id",
    "facility_id",
    "source_file",
    "sheet",
    "source_row",
    "source_column",
    "items",
    "status",
]
_RANK = {name: position for position, name in enumerate(SEVERITIES)}


def open_section(scope: Scope) -> Section:
    """Open findings by rule, each rule with its findings behind a fold."""
    section = Section("findings", "Open findings")
    if not scope.context.tables.has("quality.finding"):
        return section.add(missing(scope.context.why_empty("quality.finding", of_cohort=False)))
    if scope.open.empty:
        return section.add(Text("No finding is open: nothing waits for anybody.", "quality.finding"))
    groups = sorted(
        iter(scope.open.groupby(["severity", "rule_id"], sort=True)),  # its length takes as long
        key=lambda group: (_RANK.get(group[0][0], 9), -len(group[1]), group[0][1]),
    )
    rows = [
        Row(
            clean(rule_id),
            (
                clean(severity),
                count(len(part)),
                count(part["is_new"].sum()),
                ", ".join(f"{clean(name)} {n}" for name, n in part["facility_id"].value_counts().items()),
                sentence(scope, rule_id),
            ),
        )
        for (severity, rule_id), part in groups[:MOST_RULES]
    ]
    order = ["facility_id", "source_file", "sheet", "source_row", "finding_id"]
    first = scope.open.sort_values(order).groupby(["severity", "rule_id"]).head(MOST_LISTED)
    shown = dict(
        iter(first.astype(object).groupby(["severity", "rule_id"]))
    )  # categories are slow row by row
    more = len(groups) - len(rows)
    notes = (
        (f"{count(more)} more rules are among the lines below, which open the findings of each.",)
        if more
        else ()
    )
    columns = (
        Column("Severity", is_number=False),
        Column("Open"),
        Column("New"),
        Column("Where", is_number=False),
        Column("What the rule says", is_number=False),
    )
    return section.add(
        Table(
            "Open findings by rule",
            "Rule",
            columns,
            tuple(rows),
            "quality.finding, quality.rule",
            notes,
            is_wide=True,
        ),
        *(
            _listed(scope, severity, rule_id, shown[severity, rule_id], len(part))
            for (severity, rule_id), part in groups
        ),
    )


def sentence(scope: Scope, rule_id: str) -> str:
    """What a rule says."""
    message = scope.rules_by_id.get(rule_id, {}).get("message")
    return str(message) if is_given(message) else ""


def _listed(scope: Scope, severity: str, rule_id: str, shown: pd.DataFrame, n_open: int) -> Folded:
    rows = tuple(
        Row(
            clean(finding["finding_id"]),
            (
                clean(finding["facility_id"]),
                " / ".join(
                    clean(finding[name])
                    for name in ("source_file", "sheet")
                    if is_given(finding[name]) and finding[name]
                ),
                count(finding["source_row"]),
                clean(
                    finding["source_column"] if is_given(finding["source_column"]) else finding["items"] or ""
                ),
                FINDING_STATUS.labels.get(str(finding["status"]), clean(finding["status"])),
            ),
        )
        for finding in shown[_LISTED].to_dict("records")
    )
    columns = (
        Column("Facility", is_number=False),
        Column("File", is_number=False),
        Column("Row"),
        Column("Column", is_number=False),
        Column("State", is_number=False),
    )
    more = n_open - len(shown)
    notes = (f"{count(more)} more: registry findings --rule {clean(rule_id)}",) if more else ()
    table = Table(
        f"Findings of {clean(rule_id)}", "Finding", columns, rows, "quality.finding", notes, is_wide=True
    )
    summary = shorten(sentence(scope, rule_id), SHORT, placeholder=" …")
    return Folded(f"{clean(rule_id)}, {clean(severity)}: {count(n_open)} open. {summary}".strip(), (table,))


def closed_section(scope: Scope) -> Section:
    """Findings that wait for nobody: how each came to its end."""
    section = Section("closed", "Closed and waived findings")
    if scope.closed.empty:
        return section.add(Text("No finding has been closed or waived.", "quality.finding"))
    states = [name for name in FINDING_STATUS.codes if (scope.closed["status"] == name).any()]
    by_rule = scope.closed.groupby(["rule_id", "status"]).size().unstack(fill_value=0)
    totals = [
        Row(
            upper(FINDING_STATUS.labels[name]),
            (
                count((scope.closed["status"] == name).sum()),
                count(((scope.closed["status"] == name) & scope.closed["is_newly_closed"]).sum()),
            ),
        )
        for name in states
    ]
    rows = tuple(
        Row(clean(rule), (*(count(counts[name]) for name in states), sentence(scope, str(rule))))
        for rule, counts in by_rule.iterrows()
    )
    columns = (
        *(Column(name.replace("_", " ")) for name in states),
        Column("What the rule says", is_number=False),
    )
    table = Table("By rule", "Rule", columns, rows, "quality.finding, quality.rule", is_wide=True)
    blocks: tuple[Block, ...] = (table,)
    return section.add(
        Table(
            "How they ended",
            "State",
            (Column("Findings"), Column("In this release")),
            tuple(totals),
            "quality.finding",
        ),
        Folded("Closed and waived findings by rule", blocks),
    )


def upper(label: str) -> str:
    """The part of a state's label after "closed: ", which begins a line."""
    text = label.partition(": ")[2] or label
    return text[:1].upper() + text[1:]
