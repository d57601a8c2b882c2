"""Quality report: completeness by column, what parsing changed, what was proved.

Belongs here: counts by column and statement. Does not belong here: values of records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pandas as pd

from registry_pipeline.reporting.document.blocks import Column, Row, Section, Table, Text, missing
from registry_pipeline.reporting.document.wording import clean, count, share
from registry_pipeline.reporting.figures.drawing_cache import kept_text
from registry_pipeline.reporting.sections.context import Context
from schemas.constraints import quote


def completeness(context: Context) -> pd.DataFrame:
    """Share of filled values by facility and item of the curated tables: facility_id, item, share."""
    parts = [pd.DataFrame(columns=["facility_id", "item", "share"])]
    for name in context.tables.names("curated"):
        counts = _filled(context, name)
        if counts is not None and len(counts) and context.tables.has(name, "facility_id"):
            by_facility = counts.set_index("facility_id")
            shares = by_facility.div(by_facility.pop("n_records"), axis=0).reset_index()
            items = shares.melt("facility_id", var_name="item", value_name="share")
            parts.append(items.assign(item=f"{name.partition('.')[2]}." + items["item"]))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _filled(context: Context, name: str) -> pd.DataFrame | None:
    """``facility_id, n_records`` and of each column of a curated table how many values it has; None where nothing is counted."""
    columns = _completeness_columns(context, name)
    if not columns:
        return None
    facility = "facility_id" if context.tables.has(name, "facility_id") else "NULL"
    counts = ", ".join(f"count({quote(column)}) AS {quote(column)}" for column in columns)
    return _counts(
        context,
        f"SELECT {facility} AS facility_id, count(*) AS n_records, {counts} FROM {name} GROUP BY 1 ORDER BY 1",
        {name: columns},
    )


def _counts(context: Context, sql: str, needs: Mapping[str, Sequence[str]]) -> pd.DataFrame | None:
    """Texts and numbers that a query gives, not counted again where an earlier release held the same rows."""
    tables = context.tables
    digests = {name: tables.contents.get(name) for name in sorted(needs)}
    if tables.hides or None in digests.values() or not all(map(tables.has, needs)):
        return tables.query(sql, needs)
    answer = json.loads(kept_text(__name__, f"{sql} {digests}", lambda: _as_text(tables.query(sql, needs))))
    return None if answer is None else pd.DataFrame(answer)


def _as_text(answer: pd.DataFrame | None) -> str:
    return json.dumps(None if answer is None else answer.astype(object).to_dict("list"), ensure_ascii=False)


def completeness_section(context: Context) -> Section:
    """Share of filled values per column of the curated tables."""
    section = Section("completeness", "Completeness")
    if context.tables.hides:
        return section.add(missing(f"Not shown. {context.why_empty('curated.patient', of_cohort=False)}"))
    rows = [row for name in context.tables.names("curated") for row in _completeness_rows(context, name)]
    if not rows:
        return section.add(missing("This release has no curated record."))
    return section.add(
        Text(
            "Filled values per column of the curated tables. A column that no source sends is empty by design; what "
            "matters is a column that a facility sends and does not fill.",
        ),
        Table(
            "Filled values by table and column",
            "Column",
            (Column("Filled"), Column("Missing"), Column("Share")),
            tuple(rows),
            "every table of curated",
        ),
    )


def _completeness_rows(context: Context, name: str) -> list[Row]:
    n, counts = context.tables.n_rows(name), _filled(context, name)
    head = Row(f"{name}: {count(n)} records", kind="group")
    if not n or counts is None:
        return [head]
    filled = counts.drop(columns=["facility_id", "n_records"]).sum()
    return [
        head,
        *(
            Row(clean(column), (count(k), count(n - k), share(k / n)), "level")
            for column, k in filled.items()
        ),
    ]


def _completeness_columns(context: Context, name: str) -> list[str]:
    """Columns worth counting: no bounds of dates, whose date is counted, and neither keys nor free text."""
    schema, _, table = name.partition(".")
    columns = context.tables.query(
        "SELECT column_name FROM meta.dictionary WHERE schema_name = ? AND table_name = ? AND NOT coalesce(is_free_text, false) "
        "ORDER BY position",
        {"meta.dictionary": ["schema_name", "table_name", "column_name", "is_free_text", "position"]},
        [schema, table],
    )
    names = columns["column_name"].tolist() if columns is not None else []
    names_shown = [
        name
        for name in names
        if not name.endswith(("_precision", "_lower", "_upper", "_id")) and name != "residence_region"
    ]
    return [shown for shown in names_shown if context.tables.has(name, shown)]


def coercion_section(context: Context) -> Section:
    """How many values parsing changed, by column and parser; never the values."""
    section = Section("coercions", "What parsing changed")
    coercions = _counts(
        context,
        "SELECT facility_id, column_name, parser, count(*) AS n, count(DISTINCT source_file) AS n_files FROM quality.coercion "
        "GROUP BY ALL ORDER BY facility_id, column_name, parser",
        {"quality.coercion": ["facility_id", "column_name", "parser", "source_file"]},
    )
    if coercions is None:
        return section.add(missing(context.why_empty("quality.coercion", of_cohort=False)))
    if coercions.empty:
        return section.add(Text("Parsing changed no value.", "quality.coercion"))
    rows = tuple(
        Row(
            clean(row.column_name),
            (clean(row.facility_id), clean(row.parser), count(row.n), count(row.n_files)),
        )
        for row in coercions.itertuples()
    )
    columns = (
        Column("Facility", is_number=False),
        Column("Parser", is_number=False),
        Column("Values"),
        Column("Files"),
    )
    return section.add(
        Text(
            "Values that are stored otherwise than they were received: dates, codes, units, sizes. Each is on record with both forms."
        ),
        Table("Changed values by column", "Column", columns, rows, "quality.coercion"),
    )


def reconciliation_section(context: Context) -> Section:
    """The statements that were proved of the release."""
    section = Section("reconciliation", "What was proved before the release was sealed")
    reconciliation = context.tables.table("quality.reconciliation")
    if reconciliation.empty:
        return section.add(missing(context.why_empty("quality.reconciliation", of_cohort=False)))
    return section.add(
        Table(
            "Statements about this release",
            "Statement",
            (Column("Rows against it"), Column("Rows looked at")),
            tuple(
                Row(str(row.sentence), (count(row.n_violated), count(row.n_denominator)))
                for row in reconciliation.itertuples()
            ),
            "quality.reconciliation",
        )
    )
