"""Of a finding between two rows the second: which one it is, and how the message names it.

Belongs here: the row that contradicts the one a conflict is told at, the words for its place.
Does not belong here: that rows contradict each other (``consolidate.py``), the first row (``findings.py``).
"""

from collections.abc import Sequence

import polars as pl

from registry_pipeline.validation.screening.places import source_locations

OTHER_ROW = {"_origin": pl.Int64, "_other": pl.Int64, "suggestion": pl.String}
OTHER_ROW_BEFORE = " The other row: "
PLACE = ("source_file", "sheet", "source_row")


def contradicting_rows(
    conflicts: pl.DataFrame, rows: pl.DataFrame, origins: pl.DataFrame, key: Sequence[str]
) -> pl.DataFrame:
    """Conflicts with both rows: ``_origin``, of the value that counts, and ``_other``, whose value is ``suggestion``.

    Args:
        conflicts: ``key``, ``items``, ``is_free_text``, and ``_source_no`` where the rows of one source contradict each other.
        rows: staged rows, the most trusted first: ``key``, ``_row_id``, ``_source_no`` and the items.
        origins: ``key, column_name, _origin``: the row that gave the value of an item.
    """
    parts = [
        conflicts.clear().with_columns(
            pl.lit(None, dtype=kind).alias(name) for name, kind in OTHER_ROW.items()
        )
    ]
    for (item,), group in conflicts.group_by("items", maintain_order=True):
        of_item = origins.filter(pl.col("column_name") == item).select(*key, pl.col("_origin").alias("_gave"))
        about = group.with_row_index("_conflict").join(
            of_item, on=list(key), how="left", maintain_order="left"
        )
        bounds = [name for name in (f"{item}_lower", f"{item}_upper") if name in rows.columns]
        values = rows.select(
            *key, "_row_id", pl.col("_source_no").alias("_source"), pl.col(str(item)).alias("_value"), *bounds
        )
        sent = about.join(values.drop_nulls("_value"), on=list(key), maintain_order="left_right")
        sent = sent.filter(pl.col("_source_no").is_null() | (pl.col("_source_no") == pl.col("_source")))
        parts.append(_both(group, sent, bounds))
    return pl.concat(parts)


def _both(group: pl.DataFrame, sent: pl.DataFrame, bounds: Sequence[str]) -> pl.DataFrame:
    """The rows of the value that counts and of the first that contradicts it; dates that overlap come last."""
    is_first = (pl.col("_row_id") == pl.col("_gave")).fill_null(False)
    first = sent.sort("_conflict", ~is_first, maintain_order=True).unique(
        "_conflict", keep="first", maintain_order=True
    )
    compared = sent.join(
        first.select(
            "_conflict", *(pl.col(name).alias(f"_first_{name}") for name in ("_row_id", "_value", *bounds))
        ),
        on="_conflict",
        maintain_order="left",
    )
    differing = compared.filter(pl.col("_value") != pl.col("_first__value"))
    if bounds:
        lower, upper = bounds
        overlaps = (pl.col(lower) <= pl.col(f"_first_{upper}")) & (pl.col(upper) >= pl.col(f"_first_{lower}"))
        differing = differing.sort("_conflict", overlaps.fill_null(True), maintain_order=True)
    other = differing.unique("_conflict", keep="first", maintain_order=True)
    numbered = group.with_row_index("_conflict")
    numbered = numbered.join(
        first.select("_conflict", pl.col("_row_id").alias("_origin")),
        on="_conflict",
        how="left",
        maintain_order="left",
    )
    numbered = numbered.join(
        other.select("_conflict", pl.col("_row_id").alias("_other"), _advice()),
        on="_conflict",
        how="left",
        maintain_order="left",
    )
    return numbered.drop("_conflict")


def _advice() -> pl.Expr:
    """The value of the second row; of numbers of records and of free text none, which nobody could take over."""
    is_number = pl.col("items").str.ends_with("_id") | pl.col("is_free_text")
    value = pl.format("{}, if the other row is right", pl.col("_value").cast(pl.String))
    return pl.when(~is_number).then(value).alias("suggestion")


def with_other_rows(findings: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Messages that end with the place of the second row, where there is one.

    Args:
        findings: with ``message`` and ``_other``, the number of a source row.
        rows: every source row: ``_row_id`` and ``PLACE``.
    """
    if findings["_other"].null_count() == findings.height:
        return findings
    places = source_locations(rows, findings["_other"], PLACE)
    named = places.select(pl.col("_row_id").alias("_other"), place_in_words("").alias("_words"))
    joined = findings.join(named, on="_other", how="left", maintain_order="left")
    return joined.with_columns(pl.col("message") + other_row_in_words("_words")).drop("_words")


def other_row_in_words(column: str) -> pl.Expr:
    """What stands behind a message that is about two rows; nothing where the column is NULL."""
    return pl.format(f"{OTHER_ROW_BEFORE}{{}}.", pl.col(column)).fill_null("")


def place_in_words(prefix: str) -> pl.Expr:
    """File, sheet and row of the columns ``PLACE`` with a prefix; NULL where there is no file."""
    file, sheet, row = (pl.col(f"{prefix}{name}").cast(pl.String) for name in PLACE)
    in_sheet = pl.when(sheet.fill_null("") != "").then(pl.format(", sheet {}", sheet)).otherwise(pl.lit(""))
    return pl.concat_str(file, in_sheet, pl.format(", row {}", row))
