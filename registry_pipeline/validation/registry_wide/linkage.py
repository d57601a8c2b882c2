"""Probable pairs: patients who may be one woman under two numbers, with a score.

Belongs here: persons from judged records, the pairs that are worth a steward's look, as rows of
``quality.patient_pair`` and ``quality.linkage_block``.
Does not belong here: the rule that makes findings of them (``sql/rules/V05.sql``), what a steward decides
(``decisions.py``). Names and national numbers never come here, only keyed hashes of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from registry_pipeline.core.frames import with_schema
from registry_pipeline.validation.registry_wide.compare import (
    CHUNK_PAIRS,
    LEVELS,
    PERSON,
    block,
    compare,
)
from registry_pipeline.validation.registry_wide.weights import Weights, estimate

LEAST_SCORE = 0.05
"""Pairs below it are not kept, unless birth, diagnosis and histology all agree."""
MOST_PAIRS = 20_000
"""More probable pairs than these have one cause (the same file sent by two facilities, a number given twice), which no
steward finds pair by pair: the best are listed, the others counted."""
_UNKNOWN = "unknown"
_KEYS = ("name_key", "sound_key", "national_id_key")


@dataclass(frozen=True)
class Linkage:
    """Probable pairs and how they were found.

    Attributes:
        pairs: rows of ``quality.patient_pair`` without the place of a record; instead of it
            ``_row_id`` and ``_other_row_id``, the source rows of the record that arrived later and of the other
            (of each facility's own, if the pair is of two).
        blocks: rows of ``quality.linkage_block``.
        weights: what agreement was worth.
    """

    pairs: pl.DataFrame
    blocks: pl.DataFrame
    weights: Weights


def persons_of(
    patients: pl.DataFrame, tumours: pl.DataFrame, keys: pl.DataFrame | None = None
) -> pl.DataFrame:
    """One row per patient for the comparison; from judged records, quarantined ones too.

    Args:
        patients: records of ``patient`` with ``_row_id``, which grows with arrival.
        tumours: records of ``primary_tumour``; the earliest diagnosis counts.
        keys: ``patient_id, name_key, sound_key, national_id_key`` as staging made them; the first known
            of each counts.
    """
    first = tumours.drop_nulls("dx_date_lower").sort("dx_date_lower", "dx_date_upper", "source_record_id")
    diagnosis = first.unique("patient_id", keep="first", maintain_order=True).select(
        "patient_id", "dx_date_lower", "dx_date_upper", "histology_group"
    )
    one_each = patients.drop_nulls("patient_id").unique("patient_id", keep="first", maintain_order=True)
    joined = one_each.join(diagnosis, on="patient_id", how="left", maintain_order="left")
    if keys is not None:
        first_keys = keys.group_by("patient_id", maintain_order=True).agg(pl.col(_KEYS).drop_nulls().first())
        joined = joined.join(first_keys, on="patient_id", how="left", maintain_order="left")
    return _shaped(joined)


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    """With every column of a person, missing ones NULL."""
    return with_schema(frame, {**PERSON, "_row_id": pl.Int64})


def find_pairs(persons: pl.DataFrame, most_pairs: int = MOST_PAIRS) -> Linkage:
    """Every pair of patients that may be one person.

    Args:
        persons: of :func:`persons_of`.
        most_pairs: pairs that are listed, the most probable first; what is left out is counted by blocking key.
    """
    ordered = _shaped(persons).sort("patient_id")
    blocking = block(ordered)
    levels = compare(ordered, blocking.pairs)
    weights = estimate(ordered, levels)
    likely = _likely(blocking.pairs, levels, weights)
    listed = likely
    if likely.height > most_pairs:
        listed = likely.sort("score", "_left", "_right", descending=[True, False, False]).head(most_pairs)
    return Linkage(_rows(ordered, listed), _with_left_out(blocking.passes, likely, listed), weights)


def _likely(pairs: pl.DataFrame, levels: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """The pairs that may be one person, with their levels of agreement, ``score`` and ``match_weight``.

    A pair's score is that of its pattern of agreement, of which there are some hundred: a million persons have fifty
    million pairs.
    """
    patterns = levels.unique()
    scored = patterns.with_columns(
        pl.Series("score", weights.probability(patterns)),
        pl.Series("match_weight", weights.bits(patterns)),
    ).filter((pl.col("score") >= LEAST_SCORE) | _is_exact())
    chunks = [
        pl.concat([pairs.slice(start, CHUNK_PAIRS), levels.slice(start, CHUNK_PAIRS)], how="horizontal")
        for start in range(0, pairs.height + 1, CHUNK_PAIRS)
    ]
    return pl.concat([chunk.join(scored, on=list(LEVELS), how="inner") for chunk in chunks])


def _with_left_out(passes: pl.DataFrame, likely: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """The passes with the number of probable pairs of each that are not listed; a pair counts for its first key."""
    n_kept, n_listed = (
        frame.get_column("_pass").value_counts(name="n").rename({"n": name})
        for frame, name in ((likely, "n_kept"), (listed, "n_listed"))
    )
    numbered = passes.with_row_index("_pass").with_columns(pl.col("_pass").cast(pl.UInt8))
    counted = numbered.join(n_kept, on="_pass", how="left", maintain_order="left")
    counted = counted.join(n_listed, on="_pass", how="left", maintain_order="left")
    left_out = (pl.col("n_kept").fill_null(0) - pl.col("n_listed").fill_null(0)).cast(pl.Int64)
    return counted.select(*passes.columns, left_out.alias("n_pairs_left_out"))


def _is_exact() -> pl.Expr:
    names = ("birth_date", "dx_date", "histology_group")
    return pl.all_horizontal(pl.col(name) == len(LEVELS[name]) - 1 for name in names)


def _rows(persons: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    left = persons[pairs["_left"]]
    right = persons[pairs["_right"]].select(pl.all().name.suffix("_2"))
    is_within, rows = pl.col("facility_id") == pl.col("facility_id_2"), ("_row_id", "_row_id_2")
    both = pl.concat([pairs, left.drop(_LEVEL_NAMES, strict=False), right], how="horizontal")
    return both.select(
        pl.concat_str("patient_id", "patient_id_2", separator="|").alias("pair_key"),
        "patient_id",
        pl.col("patient_id_2").alias("other_patient_id"),
        "facility_id",
        pl.col("facility_id_2").alias("other_facility_id"),
        pl.col("score"),
        pl.col("match_weight"),
        *(_in_words(name).alias(f"{name}_agreement") for name in LEVELS),
        pl.when(is_within).then(pl.max_horizontal(*rows)).otherwise("_row_id").alias("_row_id"),
        pl.when(is_within).then(pl.min_horizontal(*rows)).otherwise("_row_id_2").alias("_other_row_id"),
    ).sort("pair_key")


_LEVEL_NAMES = [name for name in LEVELS if name in PERSON]


def _in_words(name: str) -> pl.Expr:
    words: Mapping[int, str] = {-1: _UNKNOWN, **dict(enumerate(LEVELS[name]))}
    return pl.col(name).replace_strict(dict(words), return_dtype=pl.String)
