"""Quality report: what became of every row, what is doubtful, what is missing.

Belongs here: counts for data managers. Does not belong here: values of records; nothing that the dictionary
marks as identifying, no record key and no text as received is read here at all.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from registry_pipeline.reporting.document.blocks import Column, Row, Section, Table, Text, missing
from registry_pipeline.reporting.document.wording import NOT_GIVEN, clean, count, is_given, share
from registry_pipeline.reporting.quality.columns import (
    coercion_section,
    completeness_section,
    reconciliation_section,
)
from registry_pipeline.reporting.sections.context import Context

PARTS = ("n_curated", "n_quarantined", "n_duplicate", "n_superseded", "n_blank", "n_rejected", "n_unrouted")
SEVERITIES = ("error", "warning", "info")
MOST_FILES = 400
STATUS = {
    "pass": "judged, none broken",
    "findings": "judged, some broken",
    "not_applicable": "nothing to judge",
    "failed_to_run": "the rule itself failed",
}


def quality_sections(context: Context) -> list[Section]:
    """The quality report in reading order."""
    return [
        _rows_section(context),
        _findings_section(context),
        _rules_section(context),
        _quarantine_section(context),
        completeness_section(context),
        coercion_section(context),
        reconciliation_section(context),
    ]


def _rows_section(context: Context) -> Section:
    section = Section("rows", "What became of every row")
    names = ["facility_id", "source_file", "sheet", "n_read", *PARTS]
    found = context.tables.query(
        f"SELECT {', '.join(names)} FROM quality.row_account ORDER BY facility_id, submission_id, source_file, sheet",
        {"quality.row_account": [*names, "submission_id"]},
    )
    if found is None or found.empty:
        return section.add(missing(context.why_empty("quality.row_account", of_cohort=False)))
    columns = tuple(Column(one.removeprefix("n_")) for one in ("n_read", *PARTS))
    total = found[["n_read", *PARTS]].sum()
    by_facility = found.groupby("facility_id", sort=True)[["n_read", *PARTS]].sum()
    rows = [Row(clean(name), _counts(one)) for name, one in by_facility.iterrows()]
    section.add(
        Text("Every row that was read has one fate; the six fates of a file add up to the rows read."),
        Table(
            "Rows by facility",
            "Facility",
            columns,
            (*rows, Row("All", _counts(total))),
            "quality.row_account",
        ),
    )
    shown = found.head(MOST_FILES)
    rows = [
        Row(
            " / ".join(
                clean(one[name])
                for name in ("facility_id", "source_file", "sheet")
                if is_given(one[name]) and one[name]
            ),
            _counts(one),
        )
        for one in shown.to_dict("records")
    ]
    notes = (
        (f"The first {MOST_FILES} of {count(len(found))} files and sheets.",)
        if len(found) > MOST_FILES
        else ()
    )
    return section.add(
        Table(
            "Rows by file and sheet", "File", columns, tuple(rows), "quality.row_account", notes, is_wide=True
        )
    )


def _counts(one: Any) -> tuple[str, ...]:
    return tuple(count(one[name]) for name in ("n_read", *PARTS))


def _findings_section(context: Context) -> Section:
    section = Section("findings", "Findings")
    found = context.tables.query(
        "SELECT facility_id, rule_id, severity, status, count(*) AS n FROM quality.finding "
        "WHERE systemic_finding_id IS NULL "
        "GROUP BY ALL ORDER BY facility_id, rule_id, severity, status",
        {"quality.finding": ["facility_id", "rule_id", "severity", "status"]},
    )
    if found is None:
        return section.add(missing(context.why_empty("quality.finding", of_cohort=False)))
    if found.empty:
        return section.add(Text("No finding: no record breaks any rule of the catalogue.", "quality.finding"))
    rules = context.tables.table("quality.rule").set_index("rule_id")
    return section.add(
        _severity_table(found),
        _by_rule_table(found, rules),
        _status_table(found),
    )


def _severity_table(found: pd.DataFrame) -> Table:
    rows = []
    for facility, part in [*found.groupby("facility_id", sort=True), ("All", found)]:
        by = part.groupby("severity")["n"].sum()
        rows.append(Row(clean(facility), tuple(count(by.get(one, 0)) for one in SEVERITIES)))
    columns = tuple(Column(one) for one in SEVERITIES)
    note = "error: the record is in quarantine until it is corrected; warning: a question, the record is used; info: nothing to do."
    return Table(
        "Findings by facility and severity", "Facility", columns, tuple(rows), "quality.finding", (note,)
    )


def _by_rule_table(found: pd.DataFrame, rules: pd.DataFrame) -> Table:
    order = {one: position for position, one in enumerate(SEVERITIES)}
    grouped = found.groupby(["severity", "rule_id", "facility_id"], as_index=False)["n"].sum()
    grouped = grouped.assign(rank=grouped["severity"].map(lambda one: order.get(one, 9))).sort_values(
        ["rank", "n", "rule_id", "facility_id"], ascending=[True, False, True, True]
    )
    rows = []
    for one in grouped.itertuples():
        rule = rules.loc[one.rule_id] if one.rule_id in rules.index else None
        rows.append(
            Row(
                clean(one.rule_id),
                (
                    clean(one.severity),
                    clean(one.facility_id),
                    count(one.n),
                    clean(rule["table_name"]) if rule is not None and is_given(rule["table_name"]) else "",
                    str(rule["message"]) if rule is not None and is_given(rule["message"]) else "",
                ),
            )
        )
    columns = (
        Column("Severity", is_number=False),
        Column("Facility", is_number=False),
        Column("Findings"),
        Column("Table", is_number=False),
        Column("What the rule says", is_number=False),
    )
    return Table(
        "Findings by rule and facility",
        "Rule",
        columns,
        tuple(rows),
        "quality.finding, quality.rule",
        is_wide=True,
    )


def _status_table(found: pd.DataFrame) -> Table:
    by = found.groupby("status")["n"].sum()
    rows = tuple(Row(clean(name), (count(n),)) for name, n in by.items())
    return Table(
        "Findings by where they are in their life", "Status", (Column("Findings"),), rows, "quality.finding"
    )


def _rules_section(context: Context) -> Section:
    section = Section("rules", "Rules and their outcome")
    found = context.tables.table("quality.rule_result")
    if found.empty:
        return section.add(missing(context.why_empty("quality.rule_result", of_cohort=False)))
    rules = context.tables.table("quality.rule").drop_duplicates("rule_id").set_index("rule_id")
    by_status = found.groupby(["facility_id", "status"]).size().unstack(fill_value=0)
    statuses = [one for one in STATUS if one in by_status]
    section.add(
        Table(
            "Outcome of the rules by facility",
            "Facility",
            tuple(Column(STATUS[one]) for one in statuses),
            tuple(
                Row(clean(name), tuple(count(one[status]) for status in statuses))
                for name, one in by_status.iterrows()
            ),
            "quality.rule_result",
        )
    )
    return section.add(_every_rule_table(found, rules))


def _every_rule_table(found: pd.DataFrame, rules: pd.DataFrame) -> Table:
    rows = []
    for one in found.sort_values(["rule_id", "facility_id"]).to_dict("records"):
        judged = int(one["n_denominator"]) if is_given(one["n_denominator"]) else 0
        broken = int(one["n_violated"]) if is_given(one["n_violated"]) else 0
        rule = rules.loc[one["rule_id"]] if one["rule_id"] in rules.index else None
        rows.append(
            Row(
                clean(one["rule_id"]),
                (
                    clean(one["facility_id"]),
                    clean(rule["severity"]) if rule is not None and is_given(rule["severity"]) else "",
                    clean(rule["category"]) if rule is not None and is_given(rule["category"]) else "",
                    STATUS.get(str(one["status"]), clean(one["status"])),
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


def _quarantine_section(context: Context) -> Section:
    section = Section("quarantine", "Records in quarantine")
    found = context.tables.query(
        "SELECT facility_id, table_name, reason, count(*) AS n, count(DISTINCT patient_id) AS n_patients "
        "FROM quality.quarantine GROUP BY ALL ORDER BY facility_id, table_name, reason",
        {"quality.quarantine": ["facility_id", "table_name", "reason", "patient_id"]},
    )
    if found is None:
        return section.add(missing(context.why_empty("quality.quarantine", of_cohort=False)))
    if found.empty:
        return section.add(Text("No record is in quarantine.", "quality.quarantine"))
    why = {"own": "an error of the record itself", "parent": "hangs on a record in quarantine"}
    rows = tuple(
        Row(
            clean(one.facility_id),
            (
                clean(one.table_name),
                why.get(str(one.reason), clean(one.reason)),
                count(one.n),
                count(one.n_patients),
            ),
        )
        for one in found.itertuples()
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
