"""How alike two patients are, field by field, and which pairs are worth comparing.

Belongs here: blocking with bounded blocks, the levels of agreement of each field.
Does not belong here: what agreement is worth (``validation/registry_wide/weights.py``), the pairs that are reported
(``linkage.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

PERSON: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "patient_id": pl.String,
    "facility_id": pl.String,
    "birth_date_lower": pl.Date,
    "birth_date_upper": pl.Date,
    "dx_date_lower": pl.Date,
    "dx_date_upper": pl.Date,
    "histology_group": pl.String,
    "name_key": pl.String,
    "sound_key": pl.String,
    "national_id_key": pl.String,
}
"""Columns of a frame of persons, one row each. The keys are keyed hashes; NULL where nothing is known."""

LEVELS: Mapping[str, tuple[str, ...]] = {
    "birth_date": ("different", "possible", "close", "equal"),
    "dx_date": ("different", "possible", "close", "equal"),
    "histology_group": ("different", "equal"),
    "name": ("different", "close", "equal"),
    "national_id": ("different", "equal"),
}
"""Field -> levels of agreement, from the lowest; a field that is unknown of either has none (-1)."""

CLOSE_DAYS, POSSIBLE_DAYS = 31, 366
MOST_IN_BLOCK = 100
CHUNK_PAIRS = 1_000_000


@dataclass(frozen=True)
class Blocking:
    """What was compared.

    Attributes:
        pairs: ``_left, _right``: positions of persons, the left one lower, each pair once, and ``_pass``: the
            place in ``passes`` of the first key that it shares.
        passes: ``blocking_key, n_blocks, n_pairs, n_blocks_cut, n_patients_cut``.
    """

    pairs: pl.DataFrame
    passes: pl.DataFrame


def _year(stem: str) -> pl.Expr:
    lower, upper = pl.col(f"{stem}_lower"), pl.col(f"{stem}_upper")
    return pl.when(lower.dt.year() == upper.dt.year()).then(lower.dt.year().cast(pl.String))


def _day(stem: str) -> pl.Expr:
    lower = pl.col(f"{stem}_lower")
    return pl.when(lower == pl.col(f"{stem}_upper")).then(lower.cast(pl.String))


def _birth_whichever_way() -> pl.Expr:
    """The day of birth, the same where day and month were exchanged."""
    lower = pl.col("birth_date_lower")
    parts = [lower.dt.day(), lower.dt.month()]
    result = pl.concat_str(lower.dt.year(), pl.min_horizontal(parts), pl.max_horizontal(parts), separator="-")
    return pl.when(lower == pl.col("birth_date_upper")).then(result)


PASSES: Mapping[str, tuple[pl.Expr, ...]] = {
    "date of birth": (_birth_whichever_way(),),
    "name and year of birth": (pl.col("name_key"), _year("birth_date")),
    "sound of the name and year of birth": (pl.col("sound_key"), _year("birth_date")),
    "name and year of diagnosis": (pl.col("name_key"), _year("dx_date")),
    "end of the national number": (pl.col("national_id_key"),),
    "day of diagnosis and year of birth": (_day("dx_date"), _year("birth_date")),
}
"""Blocking key -> what has to be equal. A pair that shares one of them is compared."""


def block(persons: pl.DataFrame, most_in_block: int = MOST_IN_BLOCK) -> Blocking:
    """The pairs worth comparing.

    Work and memory are bounded by ``len(PASSES) * persons * most_in_block / 2`` pairs: a block of more
    persons (a placeholder date, a name that half a city bears) is left out of its pass and counted.
    """
    blocks: list[NDArray[np.int64]] = []
    pairs: list[pl.DataFrame] = []
    passes: list[tuple[str, int, int, int, int]] = []
    for name, keys in PASSES.items():
        keyed = persons.select(pl.concat_str(keys, separator="|").alias("_key")).with_row_index("_no")
        sizes = keyed.drop_nulls("_key").group_by("_key").agg(pl.len().alias("_size"))
        shared = sizes.filter(pl.col("_size") > 1)
        small, cut = (
            shared.filter(pl.col("_size") <= most_in_block),
            shared.filter(pl.col("_size") > most_in_block),
        )
        numbered = small.select("_key", pl.int_range(pl.len()).alias("_block"))
        in_order = keyed.join(numbered, on="_key", how="left", maintain_order="left")
        blocks.append(in_order.get_column("_block").fill_null(-1).to_numpy())
        n_pairs = 0
        for left, right in _within(blocks[-1]):
            n_pairs += len(left)
            is_first = ~_share_any(blocks[:-1], left, right)
            pairs.append(_pairs(left[is_first], right[is_first], len(passes)))
        passes.append((name, small.height, n_pairs, cut.height, int(cut["_size"].sum())))
    columns = ("n_blocks", "n_pairs", "n_blocks_cut", "n_patients_cut")
    schema = {"blocking_key": pl.String, **dict.fromkeys(columns, pl.Int64)}
    nobody = np.array([], dtype=np.int64)
    return Blocking(
        pl.concat([_pairs(nobody, nobody, 0), *pairs]), pl.DataFrame(passes, schema=schema, orient="row")
    )


def _pairs(left: NDArray[np.int64], right: NDArray[np.int64], number: int) -> pl.DataFrame:
    columns = {"_left": left.astype(np.uint32), "_right": right.astype(np.uint32)}
    return pl.DataFrame(columns).with_columns(pl.lit(number, dtype=pl.UInt8).alias("_pass"))


def _within(block_of: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Every pair of a block once, the lower position on the left: those next to each other, then those two apart, ...

    A join of the blocks with themselves would hold every pair twice, and each person with herself.
    """
    order = np.argsort(block_of, kind="stable")
    order = order[np.searchsorted(block_of[order], 0) :]
    own = block_of[order]
    for apart in range(1, len(order)):
        at = np.flatnonzero(own[:-apart] == own[apart:])
        if not len(at):
            return
        yield order[at], order[at + apart]


def _share_any(
    blocks: Sequence[NDArray[np.int64]], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether the persons of each pair stand together in a block of one of these passes."""
    result = np.zeros(len(left), dtype=np.bool_)
    for block_of in blocks:
        result |= (block_of[left] == block_of[right]) & (block_of[left] >= 0)
    return result


def compare(persons: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The level of agreement of every pair in every field (Int8, -1 where unknown), in order of ``pairs``."""
    parts = [
        _compare(persons, pairs.slice(start, CHUNK_PAIRS)) for start in range(0, pairs.height, CHUNK_PAIRS)
    ]
    return pl.concat([pl.DataFrame(schema=dict.fromkeys(LEVELS, pl.Int8)), *parts])


def _compare(persons: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    fields = [name for name in PERSON if name not in ("patient_id", "facility_id")]
    left = persons.select(fields)[pairs["_left"]]
    right = persons.select(pl.col(fields).name.suffix("_2"))[pairs["_right"]]
    return pl.concat([left, right], how="horizontal").select(
        _birth(),
        _diagnosis(),
        _equal("histology_group"),
        _name(),
        _equal("national_id_key").alias("national_id"),
    )


def _levels(is_comparable: pl.Expr, steps: Sequence[pl.Expr]) -> pl.Expr:
    """The highest step that holds, counted from 0 for none; -1 where not ``is_comparable``."""
    level = pl.lit(0, dtype=pl.Int8)
    for number, step in enumerate(steps, start=1):
        level = pl.when(step.fill_null(False)).then(pl.lit(number, dtype=pl.Int8)).otherwise(level)
    return pl.when(is_comparable).then(level).otherwise(pl.lit(-1, dtype=pl.Int8))


def _equal(name: str) -> pl.Expr:
    first, other = pl.col(name), pl.col(f"{name}_2")
    return _levels(first.is_not_null() & other.is_not_null(), [first == other]).alias(name)


def _name() -> pl.Expr:
    is_comparable = pl.col("name_key").is_not_null() & pl.col("name_key_2").is_not_null()
    steps = [pl.col("sound_key") == pl.col("sound_key_2"), pl.col("name_key") == pl.col("name_key_2")]
    return _levels(is_comparable, steps).alias("name")


def _is_day(stem: str) -> pl.Expr:
    first, other = (pl.col(f"{stem}_lower{end}") == pl.col(f"{stem}_upper{end}") for end in ("", "_2"))
    return first & other


def _gap_days(stem: str) -> pl.Expr:
    """Days between the nearest completions of two partial dates; 0 where they may be one day."""
    lower, upper = pl.col(f"{stem}_lower"), pl.col(f"{stem}_upper")
    first, last = pl.col(f"{stem}_lower_2"), pl.col(f"{stem}_upper_2")
    apart = pl.max_horizontal((lower - last).dt.total_days(), (first - upper).dt.total_days())
    return pl.max_horizontal(apart, pl.lit(0))


def _birth() -> pl.Expr:
    """Close: one of day, month and year differs, or day and month are exchanged. Possible: partial dates that fit."""
    first, other = pl.col("birth_date_lower"), pl.col("birth_date_lower_2")
    same = [getattr(first.dt, part)() == getattr(other.dt, part)() for part in ("year", "month", "day")]
    n_same = pl.sum_horizontal([each.cast(pl.Int8) for each in same])
    swapped = same[0] & (first.dt.day() == other.dt.month()) & (first.dt.month() == other.dt.day())
    is_day, fits = _is_day("birth_date"), _gap_days("birth_date") == 0
    steps = [fits, is_day & ((n_same == 2) | swapped), is_day & (first == other)]
    return _levels(first.is_not_null() & other.is_not_null(), steps).alias("birth_date")


def _diagnosis() -> pl.Expr:
    gap, first, other = _gap_days("dx_date"), pl.col("dx_date_lower"), pl.col("dx_date_lower_2")
    steps = [gap <= POSSIBLE_DAYS, gap <= CLOSE_DAYS, _is_day("dx_date") & (first == other)]
    return _levels(first.is_not_null() & other.is_not_null(), steps).alias("dx_date")
