"""The scorecard, and the bounds over alternative readings."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import polars as pl
import pytest

from registry_pipeline.core.settings import Study
from registry_pipeline.study.headlines import headline_bounds
from registry_pipeline.study.published import PARTS
from registry_pipeline.study.scorecard import COLUMNS, agreement, scorecard
from registry_pipeline.study.scorecard_lookup import Frames
from tests.support import seed_cohort
from tests.support.seed_cohort import items_agreeing
from tests.support.shared import needs_shared


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return seed_cohort.frames()


def line(table: pd.DataFrame, item: int, part: str) -> pd.Series:
    return table[(table["item"] == item) & (table["part"] == part)].iloc[0]


@needs_shared
def test_the_seed_cohort_agrees_in_all_thirteen(frames):
    table = scorecard(frames)
    assert list(table.columns) == COLUMNS
    assert items_agreeing(table) == (13, 13)
    assert table["agrees"].notna().all()
    assert line(table, 13, "a")["computed_value"] == pytest.approx(5.7765, abs=1e-3)
    assert line(table, 13, "a")["n"] == 83
    assert line(table, 7, "b")["computed"] == "93.5 %"
    assert (table["assumption"].str.len() > 0).all()


def test_a_lesion_of_unknown_interval_is_not_counted_and_nobody_is_warned() -> None:
    growth = pd.DataFrame(
        {
            "is_included": True,
            "is_within_6_months": [True, None, False],
            "months_since_negative_ct": [3.0, None, 9.0],
            "diameter_mm": [10.0, 12.0, 20.0],
        }
    )
    within = Frames({"lesion_growth": growth}, Study()).within_six
    assert within is not None and within[:2] == (1, 1)


@needs_shared
def test_polars_frames_give_the_same(frames):
    table = scorecard({name: pl.from_pandas(frame) for name, frame in frames.items()})
    assert table["computed"].tolist() == scorecard(frames)["computed"].tolist()
    assert items_agreeing(table) == (13, 13)


@needs_shared
def test_item_10_depends_on_the_covariates_and_says_which(frames):
    """The study does not name its covariates. With age and concurrent recurrence beside size and site, the
    site has p = 0.034 in this cohort, and the item does not agree."""
    terms = seed_cohort.cox_terms(
        frames["cohort"], frames["survival_time"], ["age_years", "has_concurrent_regional"]
    )
    table = scorecard({**frames, "cox_term": terms})
    assert items_agreeing(table) == (12, 13)
    row = line(table, 10, "b")
    assert row["computed_value"] == 1
    assert "Concurrent pelvic or para-aortic recurrence" in row["assumption"]


@needs_shared
def test_one_changed_record_changes_its_items(frames):
    cohort = frames["cohort"].copy()
    cohort.loc[0, "lesion_site_group"] = "lung"
    table = scorecard({**frames, "cohort": cohort})
    assert items_agreeing(table) == (12, 13)
    assert line(table, 3, "a")["computed"] == "18"
    fewer = scorecard({**frames, "cohort": frames["cohort"].iloc[1:]})
    assert not line(fewer, 1, "a")["agrees"]


@needs_shared
def test_a_number_beyond_follow_up_is_null_and_does_not_agree(frames):
    landmarks = frames["km_landmark"].assign(survival=float("nan"), is_beyond_follow_up=True)
    table = scorecard({**frames, "km_landmark": landmarks})
    row = line(table, 8, "a")
    assert row["computed"] is None
    assert row["agrees"] is pd.NA
    assert "later than the last observation" in row["assumption"]
    assert items_agreeing(table) == (10, 13)


@needs_shared
def test_a_covariate_without_estimate_is_said(frames):
    terms = frames["cox_term"].copy()
    terms.loc[terms["term"] == "scf_vs_other[scf]", ["p_value", "status"]] = [float("nan"), "not_estimable"]
    row = line(scorecard({**frames, "cox_term": terms}), 10, "b")
    assert "1 term not estimable" in row["assumption"]
    firth = terms[terms["term"] == "scf_vs_other[scf]"].assign(p_value=0.01, method="firth", status="ok")
    row = line(scorecard({**frames, "cox_term": pd.concat([terms, firth])}), 10, "b")
    assert row["computed_value"] == 1  # the penalised fit stands in where the plain one has no estimate


def test_item_10_counts_patients_and_names_covariates_for_a_reader():
    where = {"endpoint": "os", "origin": "lrt_start", "model": "multivariable"}
    terms = pd.DataFrame(
        {
            "term": ["is_small", "lesion_site_group[lung]", "lesion_site_group[scf]"],
            "p_value": [0.01, 0.2, 0.3],
            "method": "firth",
        }
    )
    fits = pd.DataFrame({"n": [60, 56], "method": ["efron", "firth"]})
    frames = {
        "cohort": pd.DataFrame({"patient_id": ["a"]}),
        "cox_term": terms.assign(**where),
        "cox_fit": fits.assign(**where),
    }
    table = scorecard(frames)
    for part in "ab":
        row = line(table, 10, part)
        assert row["n"] == 56
        assert row["assumption"].endswith("here: Largest diameter, two groups; Site")
    assert pd.isna(line(scorecard(frames | {"cox_fit": None}), 10, "a")["n"])


@needs_shared
@pytest.mark.parametrize(
    ("changed", "items"),
    [
        ({"cutpoint_mm": 20.0}, {(10, "a"), (10, "b"), (11, "a"), (11, "b"), (11, "c"), (13, "a")}),
        ({"interval_months": 9}, {(12, "a"), (12, "b"), (12, "c")}),
        ({"landmark_months": (12, 24)}, {(7, "a"), (7, "b"), (8, "a"), (8, "b"), (11, "a"), (11, "b")}),
    ],
)
def test_what_was_published_under_another_parameter_is_not_compared(frames, changed, items):
    """Groups divided at 20 mm are not those whose 91.7 % was published."""
    terms = frames["cox_term"]
    assert terms["term"].eq("is_small").any() or terms["term"].str.startswith("size_group").any()
    table = scorecard(frames, replace(Study(), **changed)).set_index(["item", "part"])
    assert set(table.index[table["assumption"].str.startswith("not comparable")]) == items
    own = table.loc[sorted(items)]
    assert own["computed"].isna().all()
    assert own["agrees"].isna().all()
    assert own["assumption"].str.contains(next(iter(changed))).all()


def test_every_published_number_that_rests_on_a_parameter_says_so():
    """The description or the lookup of a part names a threshold: the part is published under its parameter."""
    for part in PARTS:
        if (
            "15 mm" in part.description and part.item != 12
        ):  # item 12 counts at 15 mm whatever the cutpoint is
            assert part.published_under.get("cutpoint_mm") == 15, part
        if "3-year" in part.description:
            assert part.published_under.get("landmark_months") == 36, part
        if "6 months" in part.description:
            assert part.published_under.get("interval_months") == 6, part


def test_a_range_says_what_agreement_means():
    cohort = pd.DataFrame({"patient_id": ["a"], "n_lesions": [1], "lrt_start_date": ["2010-05-01"]})
    table = scorecard({"cohort": cohort})
    for part in "abcd":
        row = line(table, 2, part)
        assert row["agrees"]
        assert "agrees means: inside the published" in row["assumption"]


def test_no_cohort_gives_thirteen_nulls_with_a_sentence():
    for frames in ({}, {"cohort": pd.DataFrame({"patient_id": []}), "lesion_growth": None}):
        table = scorecard(frames)
        assert table["item"].nunique() == 13
        assert table["computed"].isna().all()
        assert table["agrees"].isna().all()
        assert table["assumption"].str.contains("no patient").all()
        assert items_agreeing(table) == (0, 13)


def test_a_cohort_without_results_counts_what_it_can():
    cohort = pd.DataFrame(
        {"patient_id": ["a", "b"], "lesion_site_group": ["scf", "lung"], "months_primary_to_omd": [5.0, None]}
    )
    table = scorecard({"cohort": cohort})
    assert line(table, 1, "a")["computed"] == "2"
    assert line(table, 3, "a")["computed"] == "1"
    assert "1 patient without" in line(table, 4, "a")["assumption"]
    assert line(table, 5, "a")["computed"] is None
    assert table.loc[table["item"] > 5, "computed"].isna().all()
    assert (table["assumption"].str.len() > 0).all()


def test_agreement_is_rounding_to_the_printed_figure():
    parts = {(p.item, p.part): p for p in PARTS}
    assert agreement(parts[8, "b"], 55.2499) is True
    assert agreement(parts[8, "b"], 55.26) is False
    assert agreement(parts[8, "c"], 0.0351) is True
    assert agreement(parts[8, "c"], 0.0349) is False
    assert agreement(parts[11, "c"], 0.00099) is True
    assert agreement(parts[11, "c"], 0.001) is False
    assert agreement(parts[13, "a"], 5.85) is True
    assert agreement(parts[13, "a"], 5.86) is False
    assert agreement(parts[1, "a"], 57) is False
    assert agreement(parts[2, "c"], 200612) is False
    assert agreement(parts[2, "d"], 202206) is False
    assert agreement(parts[1, "a"], float("nan")) is None


@needs_shared
def test_bounds_over_alternative_records(frames):
    now = scorecard(frames)
    other = frames["cohort"].copy()
    other.loc[other.index[:2], "lesion_site_group"] = "other"
    bounds = headline_bounds(now, {"two queries answered 'other'": scorecard({**frames, "cohort": other}),
                                   "no follow-up": scorecard({**frames, "follow_up": None})})  # fmt: skip
    row = line(bounds, 3, "a")
    assert (row["lowest"], row["highest"], row["computed_value"]) == (17, 19, 19)
    assert row["lowest_scenario"] == "two queries answered 'other'"
    assert row["n_agreeing"] == 2
    follow_up = line(bounds, 6, "a")
    assert follow_up["n_not_estimable"] == 1
    assert follow_up["lowest"] == follow_up["highest"] == pytest.approx(24, abs=0.5)


def test_bounds_of_nothing_are_null():
    row = headline_bounds(scorecard({}), {"other": scorecard({})}).iloc[0]
    assert pd.isna(row["lowest"])
    assert row["n_not_estimable"] == 2
    assert "not estimable" in row["note"]
