"""The shape of records under judgement: complete columns, keys, references, order of the tables.

Belongs here: what every step of the screening needs to know of a curated table.
Does not belong here: judging, merging or counting records.

Inside the screening ``_row_id`` numbers the *records* of a table (one wide source row may feed several
records of one table, so the source row's own number is kept as ``_origin``).
"""

from collections.abc import Mapping
from functools import cache

import pandera.polars as pa
import polars as pl

import schemas
from registry_pipeline.core.frames import column_or_null
from schemas.columns import Column, items_of
from schemas.table import columns_of, key_of

TECHNICAL: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "_row_id": pl.Int64,
    "_row_ids": pl.List(pl.Int64),
    "_source_no": pl.Int16,
    "_mapping_no": pl.Int16,
    "_submission_no": pl.Int32,
}


@cache
def curated() -> dict[str, pa.DataFrameSchema]:
    """The curated models by bare table name, parents before children."""
    models = {name.split(".")[1]: model for name, model in schemas.tables_of("curated").items()}
    ordered: dict[str, pa.DataFrameSchema] = {}
    while len(ordered) < len(models):
        ready = [name for name in models if name not in ordered and parents(models[name]) <= ordered.keys()]
        if not ready:
            raise ValueError("references between the curated tables form a circle")
        ordered.update({name: models[name] for name in ready})
    return ordered


def references(model: pa.DataFrameSchema) -> list[tuple[Column, str, str]]:
    """Foreign keys of a model: column, bare name of the parent table, column of the parent."""
    result = []
    for column in columns_of(model):
        if column.references:
            _, table, parent_column = column.references.split(".")
            result.append((column, table, parent_column))
    return result


def parents(model: pa.DataFrameSchema) -> set[str]:
    """Bare names of the tables that a model refers to."""
    return {table for _, table, _ in references(model)}


def date_stems(model: pa.DataFrameSchema) -> list[str]:
    """Names of the dates of a model that carry a precision and bounds."""
    return [name for name, columns in items_of(model.columns).items() if len(columns) > 1]


def item_columns(model: pa.DataFrameSchema) -> dict[str, list[str]]:
    """Items of a record: name -> the columns that make it (a partial date is one item of four)."""
    return items_of(model.columns)


def complete(name: str, frame: pl.DataFrame | None) -> pl.DataFrame:
    """The staged rows of a table with every column of its model and the technical columns.

    Missing columns are NULL; bounds of a date that has none are the date itself.

    Raises:
        TypeError: a column has a type that its model cannot take; names the column, no value.
    """
    records = pl.DataFrame({"_row_id": pl.Series([], dtype=pl.Int64)}) if frame is None else frame
    columns, bounds = _completion(name, tuple(records.schema.items()))
    return records.select(columns).with_columns(bounds)


@cache
def _completion(
    name: str, schema: tuple[tuple[str, pl.DataType], ...]
) -> tuple[list[pl.Expr], list[pl.Expr]]:
    """Every column of a table from staged rows of a shape, and the bounds of its dates; facilities share the shapes."""
    arriving, model = dict(schema), curated()[name]
    columns = [
        *(_typed(name, arriving, column) for column in columns_of(model)),
        pl.col("_row_id").cast(pl.Int64),
        _technical(arriving, "_row_ids", pl.concat_list(pl.col("_row_id").cast(pl.Int64))),
        _technical(arriving, "_source_no", pl.lit(0, dtype=pl.Int16)),
        _technical(arriving, "_mapping_no", pl.lit(None, dtype=pl.Int16)),
        _technical(arriving, "_submission_no", pl.lit(0, dtype=pl.Int32)),
    ]
    return columns, _bounds(model)


def _typed(table: str, schema: Mapping[str, pl.DataType], column: Column) -> pl.Expr:
    dtype = column.polars_type
    if column.name not in schema:
        return pl.lit(None, dtype=dtype).alias(column.name)
    arriving = schema[column.name]
    safe = (
        arriving == dtype
        or arriving == pl.Null
        or (arriving.is_integer() and column.kind in ("integer", "real"))
    )
    if not safe:
        raise TypeError(f"{table}.{column.name} arrives as {arriving}, its model says {column.kind}")
    return pl.col(column.name).cast(dtype)


def _technical(schema: Mapping[str, pl.DataType], name: str, default: pl.Expr) -> pl.Expr:
    return pl.col(name).cast(TECHNICAL[name]) if name in schema else default.alias(name)


def _bounds(model: pa.DataFrameSchema) -> list[pl.Expr]:
    result = []
    for stem in date_stems(model):
        filled = {
            f"{stem}_precision": pl.col(f"{stem}_precision").fill_null("day"),
            f"{stem}_lower": pl.coalesce(f"{stem}_lower", stem),
            f"{stem}_upper": pl.coalesce(f"{stem}_upper", stem),
        }
        result += [
            pl.when(pl.col(stem).is_not_null()).then(value).alias(part) for part, value in filled.items()
        ]
    return result


def required_items(name: str) -> list[str]:
    """Columns of a curated table that a record cannot do without."""
    model = curated()[name]
    return [column.name for column in columns_of(model) if column.is_required or column.name in key_of(model)]


def has_null_key(model: pa.DataFrameSchema) -> pl.Expr:
    """True for records without a complete key."""
    return pl.any_horizontal(pl.col(list(key_of(model))).is_null())


def whole_key(name: str) -> pl.Expr:
    """The record key of a table's records: the columns of its key joined by ``|``; NULL where a part is missing."""
    return pl.concat_str(
        [pl.col(column).cast(pl.String) for column in key_of(curated()[name])], separator="|"
    )


def record_keys(name: str, records: pl.DataFrame, row_ids: pl.Series) -> pl.DataFrame:
    """``_row_id, record_key`` of the records of a table that are asked for.

    The key is its columns joined by ``|``. Where a part is missing it reads ``?`` and an ordinal keeps
    such records of a facility apart, for which all records are needed.

    Args:
        name: bare table name.
        records: all records of the table.
        row_ids: the records that are asked for, of millions mostly a few.
    """
    model = curated()[name]
    is_asked = pl.col("_row_id").is_in(row_ids.implode())
    if not records.select(has_null_key(model).any()).item():
        records = records.filter(is_asked)
    parts = [pl.col(column).cast(pl.String).fill_null("?") for column in key_of(model)]
    keyed = records.select(
        "_row_id",
        pl.concat_str(parts, separator="|").alias("record_key"),
        has_null_key(model).alias("_null"),
        column_or_null(records, "facility_id", pl.String).alias("_facility"),
    )
    if not keyed["_null"].any():
        return keyed.select("_row_id", "record_key")
    ordinal = pl.int_range(1, pl.len() + 1).over("record_key", "_facility").cast(pl.String)
    text = pl.when("_null").then(pl.col("record_key") + "#" + ordinal).otherwise("record_key")
    return keyed.select("_row_id", text.alias("record_key")).filter(is_asked)
