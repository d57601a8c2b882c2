"""Findings: violations in the words and with the positions that a data manager needs.

Belongs here: record key, source cell, text as received, message and stable id of every violation.
Does not belong here: judging, the life of findings across releases (``lifecycle.py``).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from registry_pipeline.core.frames import column_or_null, with_schema
from registry_pipeline.validation.records import curated, record_keys
from registry_pipeline.validation.rules.catalogue import Catalogue, message_of
from registry_pipeline.validation.screening.facilities import Facilities
from registry_pipeline.validation.screening.identifiers import Identifiers
from registry_pipeline.validation.screening.other_rows import with_other_rows
from registry_pipeline.validation.screening.places import source_locations
from registry_pipeline.validation.screening.record_keys import own_identifier
from schemas.columns import SOURCE_NUMBER, Column
from schemas.quality.finding import MODEL
from schemas.table import columns_of, key_of

RawValue = Callable[[pl.DataFrame], pl.DataFrame]
FINDING: dict[str, type[pl.DataType] | pl.DataType] = {
    column.name: column.polars_type for column in columns_of(MODEL) if isinstance(column, Column)
}
RANK = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class FindingContext:
    """Where findings look things up.

    Attributes:
        facilities: those under judgement.
        records: records per table (``_row_id`` numbers them, ``_origin`` is their source row).
        origins: ``table_name, _row_id, column_name, _origin`` for records made of several rows.
        rows: every source row: ``_row_id, submission_id, source_file, sheet, source_row, source_name``.
        source_columns: of each facility (source name, table, column) -> header of the source column.
        raw_value: ``_row_id, source_column`` -> the same with ``value_text``; None: typed values are shown.
        identifiers: of the records as sent; None: they stand in the records.
    """

    facilities: Facilities
    records: Mapping[str, pl.DataFrame]
    origins: pl.DataFrame
    rows: pl.DataFrame
    source_columns: Sequence[Mapping[tuple[str, str, str], str]] = ()
    raw_value: RawValue | None = None
    identifiers: Identifiers | None = None

    def as_sent(self, table: str, column: str, places: pl.Series) -> pl.Series:
        """A column of a table at some places, identifiers as the facility sent them."""
        sent = None if self.identifiers is None else self.identifiers.as_sent(table, column, places)
        if sent is not None:
            return sent
        is_own = column == own_identifier(table) and self.identifiers is not None
        return self.records[table][SOURCE_NUMBER if is_own else column].gather(places).alias(column)

    def places(self, table: str, row_ids: pl.Series) -> pl.Series:
        """Where some records stand in their table."""
        return self.records[table]["_row_id"].is_in(row_ids.implode()).arg_true()

    def source_keys(self, table: str, row_ids: pl.Series) -> pl.DataFrame:
        """``_row_id, source_record_id`` of some records: their keys as the facility writes them, ``?`` for a blank."""
        places = self.places(table, row_ids)
        names = list(key_of(curated()[table]))
        needed = [name for name in self.facilities.key if name not in names]
        parts = [self.as_sent(table, column, places).cast(pl.String) for column in [*names, *needed]]
        keys = pl.DataFrame([self.records[table]["_row_id"].gather(places), *parts])
        own = [pl.col(name).str.strip_prefix(self.facilities.prefix).fill_null("?") for name in names]
        return keys.select("_row_id", pl.concat_str(own, separator="|").alias(SOURCE_NUMBER))

    def headers(self, item: str, header: str) -> tuple[pl.DataFrame, list[str]]:
        """The source columns as ``header`` of source name, table and ``item``, and what they are looked up by."""
        by = [*self.facilities.key, "source_name", "table_name", item]
        rows = [
            (*([facility_id] if self.facilities.key else []), *key, name)
            for facility_id, columns in zip(self.facilities.ids, self.source_columns, strict=False)
            for key, name in columns.items()
        ]
        return pl.DataFrame(rows, schema=dict.fromkeys([*by, header], pl.String), orient="row"), by


def build_findings(violations: pl.DataFrame, evidence: FindingContext, rules: Catalogue) -> pl.DataFrame:
    """Rows of ``quality.finding`` (status open, releases NULL) and ``_row_id``, the source row.

    Args:
        violations: listed ones (:func:`..listing.list_violations`), each of its own rule, record and items.
    """
    if violations.is_empty():
        return pl.DataFrame(schema={**FINDING, "_row_id": pl.Int64})
    whose = evidence.facilities.of_row("_origin").alias("facility_id")
    keyed = _keyed(violations.with_columns(pl.col(pl.Categorical).cast(pl.String), whose), evidence)
    placed = _placed(keyed.with_columns(_first_item(pl.col("items"))), evidence)
    worded = with_other_rows(with_words(_quoted(placed, evidence), rules), evidence.rows)
    return as_findings(worded.with_columns(finding_ids(worded)), "_origin").sort(
        "table_name", "_row_id", "rule_id", "items", nulls_last=True, maintain_order=True
    )


def _first_item(items: pl.Expr) -> pl.Expr:
    return items.str.split(",").list.first().alias("_item")


def finding_ids(frame: pl.DataFrame) -> pl.Series:
    """Stable ids from rule, facility, table, record key and items; never from row, file or value."""
    keys = frame.select("rule_id", "facility_id", "table_name", "record_key", "items").fill_null("")
    return pl.Series("finding_id", [finding_id(*key) for key in keys.iter_rows()], dtype=pl.String)


def finding_id(rule_id: str, facility_id: str, table_name: str, record_key: str, items: str) -> str:
    """The id of one finding: ``F`` and 16 hexadecimal digits."""
    return f"F{finding_number(rule_id, facility_id, table_name, record_key, items):016x}"


def finding_number(rule_id: str, facility_id: str, table_name: str, record_key: str, items: str) -> int:
    """The digits of an id as a number, which millions of findings are compared by."""
    key = "|".join((rule_id, facility_id, table_name, record_key, items))
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())


def as_findings(frame: pl.DataFrame, row_id: str) -> pl.DataFrame:
    """Open findings, with ``_row_id`` from the column ``row_id``."""
    own = frame.with_columns(
        pl.lit("open").alias("status"),
        pl.lit(1).alias("n_rows"),
        pl.col(row_id).alias("_row_id"),
    )
    return with_schema(own, {**FINDING, "_row_id": pl.Int64})


def with_origins(violations: pl.DataFrame, evidence: FindingContext) -> pl.DataFrame:
    """With ``_item``, the first of their items, and its source row as ``_origin``, unless the violation brings one."""
    names = violations.get_column("items").unique().drop_nulls().to_frame("items")
    first = names.with_columns(_first_item(pl.col("items").cast(pl.String)).cast(pl.Categorical))
    narrow = violations.select("table_name", "_row_id", "items", "_origin")  # joins copy what they are given
    frame = narrow.join(first, on="items", how="left", maintain_order="left")
    tables = [name for name in frame["table_name"].unique().drop_nulls() if name in evidence.records]
    is_about = pl.col("_row_id").is_in(frame["_row_id"].drop_nulls().unique().implode())
    first_rows = [  # a join of all records would take as much memory as they do
        evidence.records[name]
        .lazy()
        .filter(is_about)
        .select(
            "_row_id",
            pl.col("_origin").alias("_first"),
            pl.lit(name).cast(pl.Categorical).alias("table_name"),
        )
        .collect()
        for name in tables
    ]
    if first_rows:
        frame = frame.join(
            pl.concat(first_rows), on=["table_name", "_row_id"], how="left", maintain_order="left"
        )
        origins = evidence.origins.rename({"_origin": "_gave", "column_name": "_item"})
        origins = origins.with_columns(pl.col("_item", "table_name").cast(pl.Categorical))
        frame = frame.join(origins, on=["table_name", "_row_id", "_item"], how="left", maintain_order="left")
        frame = frame.with_columns(pl.coalesce("_origin", "_gave", "_first").alias("_origin"))
    return violations.with_columns(frame["_item"], frame["_origin"])


def _keyed(violations: pl.DataFrame, evidence: FindingContext) -> pl.DataFrame:
    """With the record's key, and whose record it is."""
    tables = violations.get_column("table_name").drop_nulls().unique(maintain_order=True)
    keys = [
        pl.DataFrame(
            schema=dict.fromkeys(("record_key", SOURCE_NUMBER, "patient_id", "table_name"), pl.String)
            | {"_row_id": pl.Int64}
        ),
    ]
    for name in tables:
        if name in evidence.records:
            records = evidence.records[name]
            row_ids = violations.filter(pl.col("table_name") == name)["_row_id"].drop_nulls().unique()
            patients = records.filter(pl.col("_row_id").is_in(row_ids.implode())).select(
                "_row_id", column_or_null(records, "patient_id", pl.String)
            )
            keyed = record_keys(name, records, row_ids).join(patients, on="_row_id")
            named = keyed.join(evidence.source_keys(name, row_ids), on="_row_id")
            table = pl.lit(name).alias("table_name")
            keys.append(named.select("record_key", SOURCE_NUMBER, "patient_id", table, "_row_id"))
    return violations.join(pl.concat(keys), on=["table_name", "_row_id"], how="left", maintain_order="left")


def _placed(frame: pl.DataFrame, evidence: FindingContext) -> pl.DataFrame:
    """With file, sheet, row and source column."""
    where = ["submission_id", "source_file", "sheet", "source_row", "source_name"]
    rows = source_locations(evidence.rows, frame["_origin"], where).rename({"_row_id": "_origin"})
    placed = frame.join(rows, on="_origin", how="left", maintain_order="left")
    headers, by = evidence.headers("_item", "_header")
    joined = placed.join(headers, on=by, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("source_column", "_header").alias("source_column")).drop("_header")


def _quoted(frame: pl.DataFrame, evidence: FindingContext) -> pl.DataFrame:
    """With the text of the cell as received, else the typed value of the first item."""
    if evidence.raw_value is not None:
        cells = frame.filter(pl.col("value_text").is_null()).select(
            pl.col("_origin").alias("_row_id"), "source_column"
        )
        quoted = evidence.raw_value(cells.drop_nulls().unique())
        quoted = quoted.select(
            pl.col("_row_id").alias("_origin"), "source_column", pl.col("value_text").alias("_raw")
        )
        frame = frame.join(
            quoted.unique(["_origin", "source_column"]),
            on=["_origin", "source_column"],
            how="left",
            maintain_order="left",
        )
        frame = frame.with_columns(pl.coalesce("value_text", "_raw").alias("value_text")).drop("_raw")
    typed = _typed_values(
        frame.filter(pl.col("value_text").is_null() & pl.col("_row_id").is_not_null()), evidence
    )
    joined = frame.join(typed, on=["table_name", "_row_id", "_item"], how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("value_text", "_typed").alias("value_text")).drop("_typed")


def _typed_values(frame: pl.DataFrame, evidence: FindingContext) -> pl.DataFrame:
    schema = {"_row_id": pl.Int64, "_typed": pl.String, "table_name": pl.String, "_item": pl.String}
    parts = [pl.DataFrame(schema=schema)]
    for (table, item), group in frame.group_by("table_name", "_item"):
        records = evidence.records.get(str(table))
        if records is None or item not in records.columns:
            continue
        places = evidence.places(str(table), group["_row_id"])
        sent = evidence.as_sent(str(table), str(item), places).cast(pl.String)
        broken = pl.DataFrame([records["_row_id"].gather(places), sent.alias("_typed")])
        parts.append(broken.with_columns(pl.lit(table).alias("table_name"), pl.lit(item).alias("_item")))
    return pl.concat(parts)


def with_words(frame: pl.DataFrame, rules: Catalogue) -> pl.DataFrame:
    """With message (thresholds and column filled in, the detail appended) and suggestion."""
    pairs = frame.select("rule_id", "items").unique(maintain_order=True)
    rows = []
    for rule_id, items in pairs.iter_rows():
        entry = rules.entries[rule_id]
        rows.append((rule_id, items, message_of(entry, items), entry.suggestion))
    words = pl.DataFrame(
        rows,
        schema={"rule_id": pl.String, "items": pl.String, "message": pl.String, "_suggestion": pl.String},
        orient="row",
    )
    joined = frame.join(words, on=["rule_id", "items"], how="left", nulls_equal=True, maintain_order="left")
    detail = (pl.lit(" (") + pl.col("detail") + pl.lit(")")).fill_null("")
    return joined.with_columns(
        pl.col("message") + detail, pl.coalesce("suggestion", "_suggestion").alias("suggestion")
    )
