"""One cause behind many findings: a rule that most rows of a file break.

Belongs here: recognising such a rule and saying so in one finding beside those of the rows.
Does not belong here: the findings of the rows.
"""

import polars as pl

from registry_pipeline.core.frames import with_schema
from registry_pipeline.validation.rules.catalogue import Catalogue, message_of
from registry_pipeline.validation.screening.findings import FINDING, finding_ids
from registry_pipeline.validation.screening.places import count_by_place, source_locations

LEAST_ROWS = 20
CAUSE = (
    "{n_broken} of {n_rows} rows of the file break this rule, which points to one common cause (a column, unit,"
    " format or code list of the export), not to single records."
)
"""Stands before the rule's own message."""


def with_systemic(
    findings: pl.DataFrame, rows: pl.DataFrame, rules: Catalogue, facility_id: str, share: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One finding per file, sheet, rule and items broken by more than ``share`` of the file's rows.

    Returns:
        The findings of the rows, those behind a common cause with its ``systemic_finding_id``, and the
        findings of the causes. What is asked and counted is the cause; the rows hang on it.

    Args:
        findings: findings of records, with ``_row_id`` of their source row.
        rows: every source row read, with ``fate`` of reading.
        share: share of the rows with content; and more than 20 rows.
    """
    where = ["submission_id", "source_file", "sheet", "source_name"]
    filled = (
        count_by_place(rows, where, {"n_filled": rows["fate"].is_null()})
        .with_columns(pl.col("sheet").fill_null(""))
        .group_by(where)
        .agg(pl.col("n_filled").sum().alias("n_rows"))
    )
    needed = source_locations(rows, findings["_row_id"], where).with_columns(pl.col("sheet").fill_null(""))
    by_rule = ["rule_id", "table_name", "items", "source_column", "severity"]
    broken = (
        findings.select("_row_id", *by_rule)
        .drop_nulls("_row_id")
        .join(needed, on="_row_id")
        .group_by(*where, *by_rule)
        .agg(pl.col("_row_id").n_unique().alias("n_broken"))
        .join(filled, on=where, nulls_equal=True)
        .filter((pl.col("n_broken") > share * pl.col("n_rows")) & (pl.col("n_broken") > LEAST_ROWS))
        .sort(*where, *by_rule, nulls_last=True)
    )
    if broken.is_empty():
        return findings, pl.DataFrame(schema={**FINDING, "_row_id": pl.Int64})
    worded = _worded(broken, rules, facility_id)
    by = ["submission_id", "source_file", "sheet", *by_rule]
    causes = worded.select(*by, pl.col("finding_id").alias("_cause"))
    joined = findings.with_columns(pl.col("sheet").fill_null("").alias("_sheet")).join(
        causes.rename({"sheet": "_sheet"}),
        on=["_sheet" if name == "sheet" else name for name in by],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    attached = joined.with_columns(pl.col("_cause").alias("systemic_finding_id")).select(findings.columns)
    return attached, _as_findings(worded)


def _worded(broken: pl.DataFrame, rules: Catalogue, facility_id: str) -> pl.DataFrame:
    """The causes in words; a cause in several files has one id and stands in one finding."""
    messages = [
        CAUSE.format(n_broken=row["n_broken"], n_rows=row["n_rows"])
        + " "
        + message_of(rules.entries[row["rule_id"]], row["items"])
        for row in broken.iter_rows(named=True)
    ]
    source = pl.coalesce("source_name", "source_file") + pl.lit("|") + pl.col("sheet")
    frame = broken.with_columns(
        pl.Series("message", messages, dtype=pl.String),
        (pl.lit("systemic ") + source).alias("record_key"),
        pl.lit(facility_id).alias("facility_id"),
        pl.lit("open").alias("status"),
    )
    return frame.with_columns(finding_ids(frame, facility_id))


def _as_findings(worded: pl.DataFrame) -> pl.DataFrame:
    frame = worded.unique("finding_id", keep="first", maintain_order=True)
    return with_schema(frame, {**FINDING, "_row_id": pl.Int64})
