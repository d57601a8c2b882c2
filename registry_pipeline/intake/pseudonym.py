"""Pseudonyms of patients.

Belongs here: the keyed hash and running it over columns.
Does not belong here: where the key lies (``registry_pipeline/core/home.py``), which numbers are one patient
(``identity.py``).

The key makes the hash useless to whoever knows a hospital's numbers but not the key; the facility in the
message keeps equal numbers of two hospitals apart, and the kind of number equal numbers of two systems.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import polars as pl

from registry_pipeline.core.side_by_side import place_of_row
from registry_pipeline.intake.mapping.person import LEADING_NUMBER
from registry_pipeline.intake.parsing import distinct_texts

PREFIX = "P"
Number = tuple[str, str]
"""A number and what it is: (kind, local id)."""
_NOBODY: Mapping[Number, Number] = MappingProxyType({})


def pseudonym(facility_id: str, local_id: str, key: bytes, kind: str = LEADING_NUMBER) -> str:
    """``P`` and 16 hexadecimal digits of BLAKE2b (RFC 7693), keyed, of facility, kind and local id."""
    tagged = local_id if kind == LEADING_NUMBER else f"\x1f{kind}\x1f{local_id}"
    message = f"{facility_id}|{tagged}".encode()
    return PREFIX + hashlib.blake2b(message, digest_size=8, key=key[:64]).hexdigest()


class _PseudonymCache:
    """Pseudonyms by kind and number: every number is hashed once."""

    def __init__(self) -> None:
        self._by_kind: dict[str, pl.DataFrame] = {}

    def of(self, kind: str, numbers: pl.Series, make: Callable[[str], str]) -> pl.Series:
        """The pseudonym of every number of a kind, in order; null for null."""
        distinct = distinct_texts(numbers.cast(pl.String))
        rows = distinct.texts.alias("number").to_frame()
        memory = self._by_kind.get(kind, pl.DataFrame(schema={"number": pl.String, "pseudonym": pl.String}))
        joined = rows.join(memory, on="number", how="left", maintain_order="left")
        if (new := joined.filter(pl.col("pseudonym").is_null() & pl.col("number").is_not_null())).height:
            result = pl.Series("pseudonym", [make(number) for number in new["number"].to_list()])
            memory = self._by_kind[kind] = pl.concat([memory, new.with_columns(result)])
            joined = rows.join(memory, on="number", how="left", maintain_order="left")
        return joined["pseudonym"].gather(distinct.places).alias(numbers.name)


class Pseudonyms:
    """The pseudonyms of one facility; every local id is hashed once."""

    def __init__(self, facility_id: str, key: bytes, stands_for: Mapping[Number, Number] = _NOBODY) -> None:
        """Args:
        stands_for: number -> the number that its patient's pseudonym is made of, where that is another.
        """
        self._facility_id = facility_id
        self._key = key
        self._stands_for = stands_for
        self._cache = _PseudonymCache()

    def of(self, local_ids: pl.Series, kind: str = LEADING_NUMBER) -> pl.Series:
        """The pseudonym of every local id, in order; null for null."""
        return self._cache.of(kind, local_ids, lambda local: self.of_number((kind, local)))

    @property
    def has_links(self) -> bool:
        """Whether any number stands for another one."""
        return bool(self._stands_for)

    def own(self, local_ids: pl.Series, kind: str = LEADING_NUMBER) -> pl.Series:
        """The pseudonym that every number has by itself, whatever it is linked to."""
        if not self.has_links:
            return self.of(local_ids, kind)
        return Pseudonyms(self._facility_id, self._key).of(local_ids, kind)

    def of_number(self, number: Number) -> str:
        """The pseudonym of one number."""
        kind, local = self._stands_for.get(number, number)
        return pseudonym(self._facility_id, local, self._key, kind)


class StackedPseudonyms:
    """The pseudonyms of facilities whose rows are stacked: one look for all of them."""

    def __init__(self, facilities: Sequence[Pseudonyms]) -> None:
        """Args:
        facilities: of each facility, in the order of their rows.
        """
        self._facilities = facilities
        self._cache = _PseudonymCache()

    def of(self, row_ids: pl.Series, numbers: pl.Series, kind: str) -> pl.Series:
        """The pseudonym of every number, as its own facility has it; null for null.

        Args:
            row_ids: the stacked row of each number.
        """
        if len(self._facilities) == 1:
            return self._facilities[0].of(numbers, kind)
        place = place_of_row(len(self._facilities), row_ids.name)
        placed = pl.concat_str(place, pl.lit("|"), pl.col(numbers.name)).alias("patient_id")
        return self._cache.of(
            kind,
            pl.DataFrame([row_ids, numbers]).select(placed).to_series(),
            lambda number: self._of_placed(kind, *number.split("|", maxsplit=1)),
        )

    def _of_placed(self, kind: str, place: str, local: str) -> str:
        return self._facilities[int(place)].of_number((kind, local))
