"""Quality report: values that the registry uses in place of those received.

Belongs here: how many of which column, and where each stands. Does not belong here: the values, which no page shows.
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Column, Folded, Row, Section, Table, Text, missing
from registry_pipeline.reporting.document.wording import clean, count
from registry_pipeline.reporting.quality.scope import Scope

TABLE = "quality.correction"
MOST_LISTED = 200


def corrections_section(scope: Scope) -> Section:
    """Corrections in force by facility and column, and each with its place behind a fold."""
    section = Section("corrections", "Values corrected by the registry")
    if not scope.context.tables.has(TABLE):
        return section.add(missing(scope.context.why_empty(TABLE, of_cohort=False)))
    rows = scope.corrections
    if rows.empty:
        return section.add(Text("Every value of this release is one that a facility sent.", TABLE))
    what = rows["table_name"] + "." + rows["column_name"]
    by = rows.assign(what=what).groupby(["facility_id", "what"], sort=True).size()
    counted = [Row(clean(facility), (clean(name), count(n))) for (facility, name), n in by.items()]
    columns = (Column("Column", is_number=False), Column("Values"))
    summary = (
        f"{count(len(rows))} {'value of this release is' if len(rows) == 1 else 'values of this release are'} not what the "
        "facility sends, but a correction that the registry decided. Each ends by itself when the source sends another value."
    )
    return section.add(
        Text(summary, TABLE),
        Table("By facility and column", "Facility", columns, tuple(counted), TABLE),
        Folded("Where each of them is", (_places(rows.assign(what=what)),)),
    )


def _places(rows: pd.DataFrame) -> Table:
    columns = (
        *(Column(name, is_number=False) for name in ("Facility", "File", "Row", "Column", "Decided")),
        Column("Decision"),
    )
    listed = tuple(
        Row(
            clean(row["finding_id"]),
            (
                clean(row["facility_id"]),
                clean(row["source_file"] or ""),
                "" if pd.isna(row["source_row"]) else f"{int(row['source_row'])}",
                clean(row["what"]),
                "" if pd.isna(row["decided_at"]) else f"{row['decided_at']:%Y-%m-%d}",
                count(row["decision_no"]),
            ),
        )
        for _, row in rows.head(MOST_LISTED).iterrows()
    )
    notes = (f"The first {MOST_LISTED} of {len(rows)}.",) if len(rows) > MOST_LISTED else ()
    return Table("Each correction", "Finding", columns, listed, TABLE, notes, is_wide=True)
