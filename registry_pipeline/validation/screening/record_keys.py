"""Keys of records: what a facility calls a record, as a keyed hash.

Belongs here: hashing the identifiers of judged records, the facility's own number in its one column.
Does not belong here: pseudonyms of patients (``intake/pseudonym.py``), which columns make a key (``schemas/``).

An identifier that a facility sends is an accession, record or visit number, or is made of one. Whoever knows the
number and holds a release would know the record, so every table holds a hash with the registry's key in its place:
the same record has the same key in every release, and references join as before. Records are brought together and
references are judged by the identifiers as sent; the hash takes their place after that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from registry_pipeline.validation.records import curated
from registry_pipeline.validation.screening.identifiers import Identifiers, parents_by_column
from schemas.columns import SOURCE_NUMBER
from schemas.table import key_of

PREFIX = "R"
_PURPOSE = b"record key"
_AT_A_TIME = 100_000
"""Texts that are Python objects at the same time."""


@dataclass(frozen=True)
class RecordKeys:
    """Makes the keys of records.

    Attributes:
        key: the registry's key.
    """

    key: bytes

    def of(self, table: str, identifiers: pl.Series) -> pl.Series:
        """``R`` and 16 hexadecimal digits of BLAKE2b (RFC 7693), keyed, of table and identifier; null for null."""
        state = hashlib.blake2b(f"{table}|".encode(), digest_size=8, key=self.key[:64], person=_PURPOSE)

        def hashed(identifier: str | None) -> str | None:
            if identifier is None:
                return None
            own = state.copy()
            own.update(identifier.encode())
            return PREFIX + own.hexdigest()

        parts = [
            pl.Series([hashed(identifier) for identifier in part], dtype=pl.String)
            for part in (
                identifiers.slice(start, _AT_A_TIME) for start in range(0, len(identifiers), _AT_A_TIME)
            )
        ]
        return pl.concat([pl.Series([], dtype=pl.String), *parts]).alias(identifiers.name)

    def record_keys(self, table: str, staged: pl.DataFrame) -> pl.Series:
        """The record keys of staged rows of a table, which hold identifiers; null where a part is missing."""
        named = {**parents_by_column(table), **{own: table for own in [own_identifier(table)] if own}}
        parts = [
            self.of(named[column], staged[column])
            if named.get(column, "patient") != "patient"
            else staged[column].cast(pl.String)
            for column in key_of(curated()[table])
        ]
        return (
            pl.DataFrame(parts).select(pl.concat_str(pl.all(), separator="|").alias("record_key")).to_series()
        )


def with_record_keys(
    records: Mapping[str, pl.DataFrame], identifiers: Identifiers, keys: RecordKeys, prefix: pl.Expr
) -> dict[str, pl.DataFrame]:
    """The records with keys for identifiers, and the facility's own number of each in ``source_record_id``.

    In an identifier as its facility writes it the patient's own number stays her pseudonym.

    Args:
        records: per table, as they were numbered.
        identifiers: of these records; each text that tables share is hashed once.
        prefix: the facility, which identifiers that do not begin with a pseudonym begin with.
    """
    hashed = {
        table: keys.of(table, texts) for table, texts in identifiers.texts.items() if table != "patient"
    }
    return {name: _keyed(name, frame, identifiers, hashed, keys, prefix) for name, frame in records.items()}


def _keyed(
    name: str,
    frame: pl.DataFrame,
    identifiers: Identifiers,
    hashed: Mapping[str, pl.Series],
    keys: RecordKeys,
    prefix: pl.Expr,
) -> pl.DataFrame:
    columns = [
        hashed[parent].gather(identifiers.numbers[name][column]).alias(column)
        for column, parent in parents_by_column(name).items()
        if parent in hashed
    ]
    own = own_identifier(name)
    if own is None:
        return frame.with_columns(columns)
    if own not in identifiers.numbers[name].columns:
        columns.append(keys.of(name, frame[own]))
    return frame.with_columns(*columns, pl.col(own).str.strip_prefix(prefix).alias(SOURCE_NUMBER))


def own_identifier(name: str) -> str | None:
    """The column of a curated table that holds the identifier of its own records, where it has one."""
    return key_of(curated()[name])[0] if SOURCE_NUMBER in curated()[name].columns else None
