"""Pseudonyms of patients.

Belongs here: the keyed hash and running it over columns.
Does not belong here: where the key lies (``registry_pipeline/home.py``).

The key makes the hash useless to whoever knows a hospital's numbers but not the key; the facility in the
message keeps equal numbers of two hospitals apart.
"""

from __future__ import annotations

import hashlib

import polars as pl

PREFIX = "P"


def pseudonym(facility_id: str, local_id: str, key: bytes) -> str:
    """``P`` and 16 hexadecimal digits of BLAKE2b (RFC 7693), keyed, of ``facility|local id``."""
    message = f"{facility_id}|{local_id}".encode()
    return PREFIX + hashlib.blake2b(message, digest_size=8, key=key[:64]).hexdigest()


class Pseudonyms:
    """The pseudonyms of one facility; every local id is hashed once."""

    def __init__(self, facility_id: str, key: bytes) -> None:
        self._facility_id = facility_id
        self._key = key
        self._known = pl.DataFrame(schema={"local": pl.String, "made": pl.String})

    def of(self, local_ids: pl.Series) -> pl.Series:
        """The pseudonym of every local id, in order; null for null."""
        rows = local_ids.cast(pl.String).alias("local").to_frame()
        new = rows.unique().drop_nulls().join(self._known, on="local", how="anti")
        if new.height:
            made = [pseudonym(self._facility_id, one, self._key) for one in new["local"].to_list()]
            self._known = pl.concat([self._known, new.with_columns(pl.Series("made", made))])
        found = rows.join(self._known, on="local", how="left", maintain_order="left")
        return found["made"].alias(local_ids.name)
