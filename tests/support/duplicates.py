"""Women of whom some stand twice, with the mistakes that make them hard to recognise; the truth is known.

Belongs here: drawing such persons as the linkage sees them. Does not belong here: linking.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

FIRST_BIRTH, FIRST_DIAGNOSIS = date(1930, 1, 1), date(2007, 1, 1)
HISTOLOGY = {"scc": 0.72, "adeno": 0.2, "adenosquamous": 0.05, "other": 0.03}
SURNAMES, GIVEN_NAMES = 150, 2_000


@dataclass(frozen=True)
class Duplicates:
    """Drawn persons.

    Attributes:
        persons: columns of ``validation.linkage_compare.PERSON``, in no order that tells anything.
        truth: ``patient_id|other_patient_id``, sorted, of every pair that is one woman.
    """

    persons: pl.DataFrame
    truth: frozenset[str]


def draw_duplicates(
    n: int, share: float = 0.02, seed: int = 1, has_names: bool = True, slips: float = 1.0
) -> Duplicates:
    """``n`` women, of whom ``share`` stand twice.

    Args:
        has_names: the facilities send keys of names and national numbers, one in ten is missing.
        slips: factor on the rates of mistakes in the second record: 4 % a wrong birth date, 4 % known to
            the year only, 20 % another day of diagnosis, 5 % another year, 10 % another histology, 10 %
            another spelling of the name.
    """
    rng = np.random.default_rng(seed)
    birth = np.clip(rng.normal(11_000, 4_200, n), 0, 27_000).astype(int)
    diagnosis = rng.integers(0, 5_600, n)
    rank = 1 / np.arange(1, SURNAMES + 1)
    women = pl.DataFrame(
        {
            "woman": np.arange(n),
            "birth": birth,
            "dx": diagnosis,
            "histology_group": rng.choice(list(HISTOLOGY), n, p=list(HISTOLOGY.values())),
            "surname": rng.choice(SURNAMES, n, p=rank / rank.sum()),
            "given": rng.integers(0, GIVEN_NAMES, n),
            "national": rng.integers(0, 10_000, n),
            "spelling": np.zeros(n, dtype=int),
            "is_year": np.zeros(n, dtype=bool),
        }
    )
    again = _second(women.sample(int(n * share), seed=seed), rng, slips)
    both = pl.concat([women, again], how="vertical_relaxed")
    ids = [f"P{value:016x}" for value in rng.permutation(both.height) + seed * 10**9]
    persons = _as_seen(both.with_columns(pl.Series("patient_id", ids)), rng, has_names)
    return Duplicates(persons.sample(fraction=1, shuffle=True, seed=seed), _truth(both, ids))


def _second(chosen: pl.DataFrame, rng: np.random.Generator, slips: float) -> pl.DataFrame:
    n = chosen.height
    typo = np.where(rng.random(n) < 0.04 * slips, rng.choice([-365, -10, -1, 1, 9, 366], n), 0)
    other_day = np.where(rng.random(n) < 0.2 * slips, rng.integers(-25, 26, n), 0)
    other_year = np.where(rng.random(n) < 0.05 * slips, rng.integers(60, 800, n), 0)
    other_kind = rng.random(n) < 0.1 * slips
    return chosen.with_columns(
        pl.col("birth") + pl.Series(typo),
        pl.col("dx") + pl.Series(other_day + other_year),
        pl.when(pl.Series(other_kind))
        .then(pl.lit("other"))
        .otherwise("histology_group")
        .alias("histology_group"),
        pl.Series("spelling", (rng.random(n) < 0.1 * slips).astype(int)),
        pl.Series("is_year", rng.random(n) < 0.04 * slips),
    )


def _as_seen(rows: pl.DataFrame, rng: np.random.Generator, has_names: bool) -> pl.DataFrame:
    day = pl.lit(FIRST_BIRTH) + pl.duration(days="birth")
    year = pl.date(day.dt.year(), 1, 1), pl.date(day.dt.year(), 12, 31)
    born = [pl.when("is_year").then(end).otherwise(day).cast(pl.Date) for end in year]
    dx = (pl.lit(FIRST_DIAGNOSIS) + pl.duration(days="dx")).cast(pl.Date)
    named = pl.Series(rng.random(rows.height) < 0.9 * has_names)
    numbered = pl.Series(rng.random(rows.height) < 0.9 * has_names)
    sound = pl.format("{}-{}", "surname", pl.col("given") % 300)
    name = pl.format("{}-{}-{}", "surname", "given", "spelling")
    return rows.select(
        "patient_id",
        pl.when(pl.int_range(pl.len()) % 3 == 0)
        .then(pl.lit("east"))
        .otherwise(pl.lit("west"))
        .alias("facility_id"),
        born[0].alias("birth_date_lower"),
        born[1].alias("birth_date_upper"),
        dx.alias("dx_date_lower"),
        dx.alias("dx_date_upper"),
        "histology_group",
        pl.when(named).then(name).alias("name_key"),
        pl.when(named).then(sound).alias("sound_key"),
        pl.when(numbered).then(pl.col("national").cast(pl.String)).alias("national_id_key"),
        pl.int_range(pl.len()).alias("_row_id"),
    )


def _truth(rows: pl.DataFrame, ids: list[str]) -> frozenset[str]:
    named = rows.select("woman", pl.Series("patient_id", ids))
    pairs = (
        named.group_by("woman").agg(pl.col("patient_id").sort()).filter(pl.col("patient_id").list.len() == 2)
    )
    return frozenset("|".join(one) for one in pairs["patient_id"].to_list())
