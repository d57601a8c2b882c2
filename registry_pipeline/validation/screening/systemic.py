"""One cause behind many findings: a rule that most rows of a file break, or too many to list each of them.

Belongs here: recognising such a rule and saying so in one finding beside those of the rows.
Does not belong here: the findings of the rows (``findings.py``), which of them are listed (``listing.py``).
"""

import polars as pl

from registry_pipeline.core.frames import with_schema
from registry_pipeline.validation.rules.catalogue import Catalogue, message_of
from registry_pipeline.validation.screening.facilities import Facilities
from registry_pipeline.validation.screening.findings import FINDING, finding_ids
from registry_pipeline.validation.screening.listing import BY_RULE, UNLISTED, Listing
from registry_pipeline.validation.screening.places import PLACE, count_by_place

LEAST_ROWS = 20
CAUSE = (
    "{n_broken} of {n_rows} rows of the file break this rule, which points to one common cause (a column, unit,"
    " format or code list of the export), not to single records."
)
SAMPLED = (
    "{n_broken} of {n_rows} rows of the file break this rule, too many to list each of them: {n_listed} of the"
    " {n_findings} findings are listed, all are counted."
)
"""Each stands before the rule's own message."""


def systemic_causes(
    listing: Listing, rows: pl.DataFrame, rules: Catalogue, facilities: Facilities, share: float
) -> pl.DataFrame:
    """The causes that stand in a finding of their own: columns of ``Listing.causes`` and of ``quality.finding``.

    One per file, sheet, rule and items broken by more than ``share`` of the file's rows, and every one of which only
    a sample is listed.

    Args:
        rows: every source row read, with ``fate`` of reading.
        share: share of the rows with content; and more than 20 rows.
    """
    filled = count_by_place(rows, PLACE, {"n_filled": rows["fate"].is_null()})
    filled = filled.select(*PLACE, pl.col("n_filled").alias("n_rows"))
    texts = listing.causes.with_columns(pl.col(pl.Categorical).cast(pl.String))
    is_common = (pl.col("n_broken") > share * pl.col("n_rows")) & (pl.col("n_broken") > LEAST_ROWS)
    causes = (
        texts.join(filled, on=PLACE, nulls_equal=True)
        .filter(is_common | (pl.col("n_listed") < pl.col("n_findings")))
        .with_columns(
            pl.col("sheet").fill_null(""), facilities.of_row("_origin").cast(pl.String).alias("facility_id")
        )
        .sort(*PLACE, *BY_RULE, nulls_last=True)
    )
    return causes_in_words(causes, rules)


def attached(findings: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    """The findings of the rows, those behind a common cause with its ``systemic_finding_id``.

    What is asked and counted is the cause; the rows hang on it.
    """
    if causes.is_empty():
        return findings
    by = ["submission_id", "source_file", "sheet", *BY_RULE]
    cause_ids = causes.select(*by, pl.col("finding_id").alias("_cause")).rename({"sheet": "_sheet"})
    joined = findings.with_columns(pl.col("sheet").fill_null("").alias("_sheet")).join(
        cause_ids.unique(
            ["_sheet" if name == "sheet" else name for name in by], keep="first", maintain_order=True
        ),
        on=["_sheet" if name == "sheet" else name for name in by],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    return joined.with_columns(pl.col("_cause").alias("systemic_finding_id")).select(findings.columns)


def with_causes(unlisted: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    """The findings that are not listed with the finding that counts them: columns of ``UNLISTED``.

    Args:
        unlisted: ``finding_number`` and ``_cause``.
        causes: of :func:`systemic_causes`, in which every cause stands that is not listed as a whole.
    """
    named = with_schema(
        causes.rename({"finding_id": "systemic_finding_id"}), {**UNLISTED, "_cause": pl.UInt32}
    )
    about = named.drop("finding_number")
    return with_schema(unlisted.join(about, on="_cause", how="left", maintain_order="left"), UNLISTED)


def cause_findings(causes: pl.DataFrame) -> pl.DataFrame:
    """The findings of the causes; a cause in several files has one id and stands in one finding."""
    numbered = causes.with_columns(pl.col("n_broken").cast(pl.Int64).alias("n_rows"))
    counted = numbered.with_columns(pl.col("n_rows").sum().over("finding_id"))
    frame = counted.unique("finding_id", keep="first", maintain_order=True)
    return with_schema(frame, {**FINDING, "_row_id": pl.Int64})


def causes_in_words(causes: pl.DataFrame, rules: Catalogue) -> pl.DataFrame:
    """Causes, of which each has its facility, with message, key and id: columns of ``quality.finding`` beside their own."""
    messages = [
        (SAMPLED if row["n_listed"] < row["n_findings"] else CAUSE).format_map(row)
        + " "
        + message_of(rules.entries[row["rule_id"]], row["items"])
        for row in causes.iter_rows(named=True)
    ]
    source = pl.coalesce("source_name", "source_file") + pl.lit("|") + pl.col("sheet")
    frame = causes.with_columns(
        pl.Series("message", messages, dtype=pl.String),
        (pl.lit("systemic ") + source).alias("record_key"),
        pl.lit("open").alias("status"),
    )
    return frame.with_columns(finding_ids(frame))
