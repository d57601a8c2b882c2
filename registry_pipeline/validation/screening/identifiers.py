"""Identifiers as numbers: which record a reference names.

Belongs here: numbering the keys that tables refer to, references as these numbers, numbers back to texts.
Does not belong here: judging references (``quarantine.py``), rules between tables (``cross_table.py``).

Identifiers are long texts, and millions of records name them. Looked up once, they are compared as numbers
wherever tables are joined.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import polars as pl

from registry_pipeline.validation.records import curated, references

NUMBER = pl.UInt32


@dataclass(frozen=True)
class Identifiers:
    """The identifiers of a facility.

    Attributes:
        texts: table that others refer to -> the keys of its records and, behind them, what was referred to
            in vain. The place in it is the number.
        n_known: table that others refer to -> how many of its texts are keys of records.
        numbers: table -> one column for every key and reference that is numbered, rows as in the records.
    """

    texts: Mapping[str, pl.Series]
    n_known: Mapping[str, int]
    numbers: Mapping[str, pl.DataFrame]

    def as_sent(self, table: str, column: str, places: pl.Series) -> pl.Series | None:
        """The identifiers of a column at some places, as they were numbered; None for a column that is not."""
        numbers = self.numbers.get(table)
        if numbers is None or column not in numbers.columns:
            return None
        return (
            self.texts[parents_by_column(table)[column]].gather(numbers[column].gather(places)).alias(column)
        )


def in_words(frame: pl.DataFrame, tables: Mapping[str, str], texts: Mapping[str, pl.Series]) -> pl.DataFrame:
    """A frame with texts for numbers.

    Args:
        frame: with text columns that hold a number where they hold anything.
        tables: column -> the table whose identifier it is.
        texts: of identifiers, by table.
    """
    return frame.with_columns(
        texts[table].gather(frame[column].cast(NUMBER)).alias(column) for column, table in tables.items()
    )


def number_identifiers(records: Mapping[str, pl.DataFrame]) -> Identifiers:
    """Number the keys of the tables that others refer to, and every reference to them.

    Args:
        records: per table, every curated table.
    """
    texts: dict[str, pl.Series] = {}
    n_known: dict[str, int] = {}
    numbers: dict[str, list[pl.Series]] = {name: [] for name in records}
    for (parent, key), named in _numbered_columns().items():
        distinct = records[parent].get_column(key).drop_nulls().unique(maintain_order=True)
        texts[parent], n_known[parent] = distinct, len(distinct)
        for name, column in named:
            identifiers = records[name].get_column(column)
            places = _places(identifiers, distinct)
            if places.null_count() > identifiers.null_count():
                strange = (places.is_null() & identifiers.is_not_null()).arg_true()
                texts[parent] = pl.concat([texts[parent], identifiers.gather(strange)]).unique(
                    maintain_order=True
                )
                places = places.scatter(strange, _places(identifiers.gather(strange), texts[parent]))
            numbers[name].append(places.alias(column))
    return Identifiers(texts, n_known, {name: pl.DataFrame(result) for name, result in numbers.items()})


@cache
def parents_by_column(name: str) -> dict[str, str]:
    """The numbered columns of a table -> the table whose records each names."""
    return {
        column: parent
        for (parent, _), named in _numbered_columns().items()
        for table, column in named
        if table == name
    }


@cache
def _numbered_columns() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Table and key that others refer to -> every table and column that holds it.

    By name, for not every column that holds an identifier is declared a reference.
    """
    keys = {(parent, key) for model in curated().values() for _, parent, key in references(model)}
    return {
        (parent, key): [(name, key) for name, model in curated().items() if key in model.columns]
        for parent, key in sorted(keys)
    }


def _places(texts: pl.Series, distinct: pl.Series) -> pl.Series:
    """The place of every text among the known ones; NULL for one that is not known."""
    if texts.equals(distinct):
        return pl.int_range(len(texts), dtype=NUMBER, eager=True)
    if texts.null_count() == len(texts):
        return pl.Series(texts.name, dtype=NUMBER).extend_constant(None, len(texts))
    # Rows of one patient mostly stand together: comparing neighbours is cheaper than looking each of them up.
    is_new = texts.ne_missing(texts.shift()) | (pl.int_range(len(texts), eager=True) == 0)
    numbered = distinct.alias("_text").to_frame().with_row_index("_number")
    changed = texts.filter(is_new).alias("_text").to_frame()
    joined = changed.join(numbered, on="_text", how="left", maintain_order="left")
    places = joined.get_column("_number").cast(NUMBER)
    return places if len(places) == len(texts) else places.gather(is_new.cum_sum() - 1)
