"""Quality report, folded: files, rules and their outcome, quarantine, completeness, parsing, proofs.

Belongs here: counts that a data manager looks up. Does not belong here: values of records; nothing that the dictionary
marks as identifying, no record key and no text as received is read here at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from registry_pipeline.reporting.document.blocks import Column, Folded, Row, Section, Table, Text, missing
from registry_pipeline.reporting.document.wording import NOT_GIVEN, clean, count, is_given, share
from registry_pipeline.reporting.quality.columns import (
    coercion_section,
    completeness_section,
    reconciliation_section,
)
from registry_pipeline.reporting.quality.scope import FATES, Scope

MOST_FILES = 400
STATUS = {
    "pass": "judged, none broken",
    "findings": "judged, some broken",
    "not_applicable": "nothing to judge",
    "failed_to_run": "the rule itself failed",
}


def details_section(scope: Scope) -> Section:
    """More about the release, each part behind a fold; what is of the whole registry is not on a facility's page."""
    parts = [_files(scope), _rules_section(scope), _quarantine_section(scope)]
    if not scope.facility:
        of_all = (completeness_section, coercion_section, reconciliation_section)
        parts += [make(scope.context) for make in of_all]
    section = Section("more", "More about this")
    return section.add(*(Folded(part.title, tuple(part.blocks)) for part in parts))


def _files(scope: Scope) -> Section:
    """What became of the rows of every file and sheet."""
    section = Section("rows", "Rows by file and sheet")
    if scope.rows.empty:
        return section.add(missing(scope.context.why_empty("quality.row_account", of_cohort=False)))
    names = ("facility_id", "source_file", "sheet")
    rows = tuple(
        Row(
            " / ".join(clean(record[name]) for name in names if is_given(record[name]) and record[name]),
            _counts(record),
        )
        for record in scope.rows.head(MOST_FILES).to_dict("records")
    )
    more = len(scope.rows) > MOST_FILES
    notes = (f"The first {MOST_FILES} of {count(len(scope.rows))} files and sheets.",) if more else ()
    columns = tuple(Column(name.removeprefix("n_")) for name in ("n_read", *FATES))
    source = "quality.row_account"
    return section.add(Table("Rows by file and sheet", "File", columns, rows, source, notes, is_wide=True))


def _counts(row: Any) -> tuple[str, ...]:
    return tuple(count(row[name]) for name in ("n_read", *FATES))


def _rules_section(scope: Scope) -> Section:
    section = Section("rules", "Rules and their outcome")
    results = scope.outcomes
    if results.empty:
        return section.add(missing(scope.context.why_empty("quality.rule_result", of_cohort=False)))
    by_status = results.groupby(["facility_id", "status"]).size().unstack(fill_value=0)
    statuses = [status for status in STATUS if status in by_status]
    section.add(
        Table(
            "Outcome of the rules by facility",
            "Facility",
            tuple(Column(STATUS[status]) for status in statuses),
            tuple(
                Row(clean(name), tuple(count(statuses_of[status]) for status in statuses))
                for name, statuses_of in by_status.iterrows()
            ),
            "quality.rule_result",
        )
    )
    return section.add(_every_rule_table(results, scope.rules_by_id))


def _every_rule_table(results: pd.DataFrame, rules: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = []
    for result in results.sort_values(["rule_id", "facility_id"]).to_dict("records"):
        judged = int(result["n_denominator"]) if is_given(result["n_denominator"]) else 0
        broken = int(result["n_violated"]) if is_given(result["n_violated"]) else 0
        rule = rules.get(result["rule_id"], {})
        rows.append(
            Row(
                clean(result["rule_id"]),
                (
                    clean(result["facility_id"]),
                    clean(rule["severity"]) if is_given(rule.get("severity")) else "",
                    clean(rule["category"]) if is_given(rule.get("category")) else "",
                    STATUS.get(str(result["status"]), clean(result["status"])),
                    count(judged),
                    count(broken),
                    share(broken / judged) if judged else NOT_GIVEN,
                ),
            )
        )
    columns = (
        Column("Facility", is_number=False),
        Column("Severity", is_number=False),
        Column("Category", is_number=False),
        Column("Outcome", is_number=False),
        Column("Judged"),
        Column("Broken"),
        Column("Share"),
    )
    return Table(
        "Every rule", "Rule", columns, tuple(rows), "quality.rule_result, quality.rule", is_wide=True
    )


def _quarantine_section(scope: Scope) -> Section:
    section = Section("quarantine", "Records in quarantine")
    quarantined = scope.quarantined
    if quarantined is None:
        return section.add(missing(scope.context.why_empty("quality.quarantine", of_cohort=False)))
    if quarantined.empty:
        return section.add(Text("No record is in quarantine.", "quality.quarantine"))
    why = {"own": "an error of the record itself", "parent": "hangs on a record in quarantine"}
    rows = tuple(
        Row(
            clean(row.facility_id),
            (
                clean(row.table_name),
                why.get(str(row.reason), clean(row.reason)),
                count(row.n),
                count(row.n_patients),
            ),
        )
        for row in quarantined.itertuples()
    )
    columns = (
        Column("Table", is_number=False),
        Column("Why", is_number=False),
        Column("Records"),
        Column("Patients"),
    )
    return section.add(
        Table("Quarantine by facility and table", "Facility", columns, rows, "quality.quarantine")
    )
