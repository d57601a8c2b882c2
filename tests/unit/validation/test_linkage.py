"""Probable pairs: found where the truth is known, sober where there are none, bounded in work."""

from __future__ import annotations

import time
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from registry_pipeline.validation.registry_wide.compare import LEVELS, PASSES, block, compare
from registry_pipeline.validation.registry_wide.linkage import find_pairs, persons_of
from registry_pipeline.validation.registry_wide.weights import STATED_M, STATED_U, weigh
from schemas import codes
from tests.support.duplicates import draw_duplicates

V05_SCORE = 0.9


def _quality(n: int, least_score: float = V05_SCORE, **how: float | bool) -> tuple[float, float]:
    """Precision and recall of the pairs at a score."""
    drawn = draw_duplicates(n, **how)  # type: ignore[arg-type]
    found = set(find_pairs(drawn.persons).pairs.filter(pl.col("score") >= least_score)["pair_key"])
    hits = len(found & drawn.truth)
    precision, recall = hits / max(len(found), 1), hits / len(drawn.truth)
    print(f"n={n} {how}: {len(drawn.truth)} pairs, precision {precision:.3f}, recall {recall:.3f}")
    return precision, recall


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pairs_are_found_with_names_and_numbers(seed: int) -> None:
    precision, recall = _quality(5_000, seed=seed)
    assert precision >= 0.97 and recall >= 0.95


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pairs_are_found_by_dates_and_histology_alone(seed: int) -> None:
    precision, recall = _quality(5_000, seed=seed, has_names=False)
    assert precision >= 0.95 and recall >= 0.65


def test_worse_records_are_found_less_often_but_not_wrongly() -> None:
    precision, recall = _quality(5_000, slips=3.0)
    assert precision >= 0.97 and recall >= 0.92


def test_thirty_patients_give_sober_weights_too() -> None:
    hits = [_quality(30, share=0.1, seed=seed) for seed in range(1, 6)]
    assert sum(precision for precision, _ in hits) / 5 >= 0.95
    assert sum(recall for _, recall in hits) / 5 >= 0.9


@pytest.mark.parametrize("has_names", [True, False])
def test_a_registry_without_duplicates_has_no_probable_pair(has_names: bool) -> None:
    for seed in (1, 2):
        persons = draw_duplicates(5_000, share=0.0, seed=seed, has_names=has_names).persons
        assert find_pairs(persons).pairs.filter(pl.col("score") >= V05_SCORE).is_empty()


def test_scores_are_probabilities() -> None:
    """Of the pairs about which the model is half sure, about half are one woman."""
    scores, is_one = [], []
    for seed in range(1, 5):
        drawn = draw_duplicates(20_000, has_names=False, seed=seed)
        unsure = find_pairs(drawn.persons).pairs.filter(pl.col("score").is_between(0.2, 0.8))
        scores += unsure["score"].to_list()
        is_one += [pair_key in drawn.truth for pair_key in unsure["pair_key"]]
    share, expected = sum(is_one) / len(is_one), sum(scores) / len(scores)
    print(f"{len(scores)} unsure pairs, mean score {expected:.2f}, of one woman {share:.2f}")
    assert len(scores) >= 20 and abs(share - expected) < 0.25


def test_a_million_known_by_dates_alone_are_not_thought_to_be_all_different() -> None:
    """Counts of a drawing of 1,020,000 persons, 20,000 of them a second time; no pattern is sure: 12,779 of 17,424.

    Where the share of true pairs counted squared probabilities only, these were called 0.46.
    """
    u = {
        "birth_date": [0.99448, 0.000059, 0.005363, 0.000093],
        "dx_date": [0.87355, 0.11537, 0.010878, 0.000202],
        "histology_group": [0.43951, 0.56049],
        "name": [0.989, 0.01, 0.001],
        "national_id": [0.999, 0.001],
    }
    counts = {
        (0, 3): (889_145, 1_131_268), (1, 3): (1_782, 2_333), (2, 0): (490_347, 622_436), (2, 1): (64_888, 82_433),
        (2, 2): (6_103, 8_116), (2, 3): (111_332, 142_605), (3, 0): (7_614_254, 9_675_475),
        (3, 1): (1_006_049, 1_279_118), (3, 2): (96_357, 124_592), (3, 3): (4_960, 17_424),
    }  # fmt: skip
    rows = [(*dates, kind, -1, -1, n) for dates, both in counts.items() for kind, n in enumerate(both)]
    patterns = pl.DataFrame(rows, schema=[*LEVELS, "len"], orient="row")
    weights = weigh(patterns, 1_020_000, {name: np.array(values) for name, values in u.items()})
    assert weights.probability(patterns)[-1] == pytest.approx(12_779 / 17_424, abs=0.05)
    assert max(weights.probability(patterns)[:-1]) < 0.5


def test_twenty_thousand_patients_take_little_time() -> None:
    persons = draw_duplicates(20_000).persons
    start = time.process_time()
    find_pairs(persons)
    assert time.process_time() - start < 4


def test_a_value_that_many_share_is_cut_and_said() -> None:
    """A placeholder for a birth date would make every pair of the registry a candidate."""
    persons = draw_duplicates(3_000, has_names=False).persons
    placeholder = pl.lit(date(1950, 6, 15))
    heaped = persons.with_columns(
        pl.when(pl.int_range(pl.len()) < 500)
        .then(placeholder)
        .otherwise(f"birth_date_{end}")
        .alias(f"birth_date_{end}")
        for end in ("lower", "upper")
    )
    found = block(heaped)
    row = found.passes.filter(pl.col("blocking_key") == "date of birth").row(0, named=True)
    assert row["n_blocks_cut"] == 1 and 500 <= row["n_patients_cut"] <= 502
    assert found.pairs.height <= len(PASSES) * persons.height * 100 / 2
    assert block(heaped, most_in_block=1_000).pairs.height > 500 * 499 / 2


def test_too_many_probable_pairs_are_counted_and_the_best_listed() -> None:
    """The same women at every facility: pairs beyond any steward were listed one by one."""
    once = draw_duplicates(60, share=0.0, seed=3).persons
    copies = pl.concat(
        once.with_columns(pl.col("patient_id") + f"-{number}", pl.lit(f"f{number}").alias("facility_id"))
        for number in range(12)
    )
    whole, cut = find_pairs(copies), find_pairs(copies, most_pairs=50)
    assert whole.pairs.height >= 60 * 12 * 11 / 2
    assert whole.blocks["n_pairs_left_out"].sum() == 0
    assert cut.pairs.height == 50
    assert cut.pairs["score"].min() >= whole.pairs["score"].sort(descending=True)[49]
    assert set(cut.pairs["pair_key"]) <= set(whole.pairs["pair_key"])
    assert cut.blocks["n_pairs_left_out"].sum() == whole.pairs.height - 50
    assert cut.blocks.drop("n_pairs_left_out").equals(whole.blocks.drop("n_pairs_left_out"))


def test_rows_are_those_of_the_released_tables() -> None:
    found = find_pairs(draw_duplicates(400, share=0.1).persons)
    for name, frame in (("patient_pair", found.pairs), ("linkage_block", found.blocks)):
        model = schemas.tables()[f"quality.{name}"]
        missing = [pl.lit(None, dtype=kind.dtype.type).alias(one) for one, kind in model.columns.items()
                   if one not in frame.columns]  # fmt: skip
        model.validate(frame.with_columns(missing), lazy=True)
    assert set(codes.AGREEMENT.codes) == {"unknown", *(word for words in LEVELS.values() for word in words)}
    assert all(len(STATED_M[one]) == len(STATED_U[one]) == len(words) for one, words in LEVELS.items())
    assert all(abs(sum(stated[one]) - 1) < 1e-9 for stated in (STATED_M, STATED_U) for one in LEVELS)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_anybody(n: int) -> None:
    found = find_pairs(draw_duplicates(50).persons.head(n))
    assert found.pairs.is_empty() and found.blocks.height == len(PASSES)


def test_a_finding_is_placed_at_the_record_that_arrived_later() -> None:
    one = {"patient_id": ["Pb"], "facility_id": ["x"], "birth_date_lower": [date(1960, 1, 2)],
           "birth_date_upper": [date(1960, 1, 2)], "_row_id": [5]}  # fmt: skip
    two = one | {"patient_id": ["Pa"], "_row_id": [3]}
    tumours = pl.DataFrame(
        {
            "source_record_id": ["t3", "t2", "t1"],
            "patient_id": ["Pa", "Pb", "Pb"],
            "histology_group": ["scc", "scc", "other"],
        }
    ).with_columns(
        pl.Series(f"dx_date_{end}", [date(2012, 3, 4), date(2012, 3, 4), date(2014, 1, 1)])
        for end in ("lower", "upper")
    )
    patients = pl.DataFrame({key: one[key] + two[key] for key in one})  # type: ignore[operator]
    keys = pl.DataFrame(
        {
            "patient_id": ["Pa", "Pa"],
            "name_key": [None, "n"],
            "sound_key": [None, "s"],
            "national_id_key": ["i", None],
        }
    )
    persons = persons_of(patients, tumours, keys)
    assert persons.filter(pl.col("patient_id") == "Pa").select("name_key", "national_id_key").row(0) == (
        "n",
        "i",
    )
    pair = find_pairs(persons).pairs.row(0, named=True)
    assert (pair["pair_key"], pair["_row_id"], pair["name_agreement"]) == ("Pa|Pb", 5, "unknown")
    assert pair["dx_date_agreement"] == pair["histology_group_agreement"] == "equal"


DAYS = st.dates(date(1930, 1, 1), date(1999, 12, 31))


def _births(*ranges: tuple[date, date]) -> pl.DataFrame:
    persons = draw_duplicates(len(ranges), share=0).persons.drop("birth_date_lower", "birth_date_upper")
    return persons.with_columns(
        pl.Series("birth_date_lower", [one[0] for one in ranges]),
        pl.Series("birth_date_upper", [one[1] for one in ranges]),
    )


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        (("1960-03-04",) * 2, ("1960-03-04",) * 2, "equal"),
        (("1960-03-04",) * 2, ("1960-04-03",) * 2, "close"),
        (("1960-03-04",) * 2, ("1960-03-14",) * 2, "close"),
        (("1960-03-04",) * 2, ("1961-03-04",) * 2, "close"),
        (("1960-03-04",) * 2, ("1960-01-01", "1960-12-31"), "possible"),
        (("1960-03-01", "1960-03-31"), ("1960-03-01", "1960-03-31"), "possible"),
        (("1960-03-04",) * 2, ("1961-01-01", "1961-12-31"), "different"),
        (("1960-03-04",) * 2, ("1961-04-03",) * 2, "different"),
        (("1960-03-13",) * 2, ("1960-12-03",) * 2, "different"),
    ],
)
def test_levels_of_dates_of_birth(one: tuple[str, str], other: tuple[str, str], level: str) -> None:
    both = [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in (one, other)]
    for order in (both, both[::-1]):
        levels = compare(_births(*order), pl.DataFrame({"_left": [0], "_right": [1]}))
        assert LEVELS["birth_date"][levels["birth_date"][0]] == level


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(DAYS, st.integers(0, 400)), min_size=2, max_size=2))
def test_agreement_does_not_depend_on_the_order_of_the_two(drawn: list[tuple[date, int]]) -> None:
    ranges = [(day, date.fromordinal(day.toordinal() + width)) for day, width in drawn]
    pair = pl.DataFrame({"_left": [0], "_right": [1]})
    forth, back = compare(_births(*ranges), pair), compare(_births(*ranges[::-1]), pair)
    assert forth["birth_date"].to_list() == back["birth_date"].to_list()
