"""The truth of the demo agrees with the seed cohort and contradicts itself nowhere."""

from collections import Counter
from datetime import date, timedelta

import pandas as pd
import pytest

from registry_pipeline import analysis
from registry_pipeline.simulate.demo.cohort_truth import cohort_cases
from registry_pipeline.simulate.demo.demo import demo_cases
from registry_pipeline.simulate.demo.other_truth import KINDS
from registry_pipeline.simulate.demo.seed import read_seed
from registry_pipeline.simulate.demo.truth import Case

EXTRACT = date(2023, 6, 30)
CASES = demo_cases()


def test_seed_has_the_published_sizes() -> None:
    seed = read_seed()
    assert Counter(one.site for one in seed) == {"scf": 19, "lung": 33, "other": 4}
    assert sum(len(one.diameters) for one in seed) == 83
    assert sum(one.is_dead for one in seed) == 31
    assert sum(one.has_concurrent_regional for one in seed) == 7


def test_every_kind_outside_the_study_is_there() -> None:
    found = Counter(one.kind for one in CASES)
    assert found == Counter(dict(KINDS) | {"cohort": 56})


def test_local_numbers_are_unique() -> None:
    assert len({one.local_id for one in CASES}) == len(CASES)
    assert all(len(one.local_id) == 8 and one.local_id.startswith("00") for one in CASES)


def test_seed_facts_survive() -> None:
    for case, seed in zip(cohort_cases(), read_seed(), strict=True):
        index = [one for one in case.lesions if one.status == "index"]
        baseline = next(one for one in case.exams if one.day == seed.omd_dx)
        assert [one.long_mm for one in baseline.sizes] == list(seed.diameters)
        assert {one.detection for one in index} == {seed.omd_dx}
        assert case.courses[0].days[0] == seed.treated
        assert case.death == (seed.last_followup if seed.is_dead else None)
        if not seed.is_dead:
            assert case.contacts[-1].day == seed.last_followup and case.contacts[-1].status != "unk"
        assert {one.kind: one.day for one in case.events} == {
            kind: day
            for kind, day in (
                ("local_recurrence", seed.local_recurrence),
                ("new_oligomet", seed.new_oligomet),
            )
            if day
        }


def test_immortal_time_is_seen_in_the_seed() -> None:
    """The days from diagnosis to treatment differ, and patients died while others still waited for theirs."""
    seed = read_seed()
    frame = pd.DataFrame(
        {
            "days": [(patient.last_followup - patient.omd_dx).days for patient in seed],
            "is_dead": [patient.is_dead for patient in seed],
            "waited": [(patient.treated - patient.omd_dx).days for patient in seed],
        }
    )
    assert frame["waited"].between(1, 59).all() and frame["waited"].nunique() > 20
    estimates = analysis.immortal_time(frame, "days", "is_dead", "waited", [365])
    at_once, from_therapy = estimates.set_index("reading")["survival"][
        ["counted as at risk", "left truncated"]
    ]
    assert at_once > from_therapy + 0.005


def _dates_after_treatment(case: Case) -> list[date]:
    return [
        *(one.day for one in case.contacts),
        *(one.day for one in case.events),
        *(one.onset for one in case.toxicities),
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.local_id)
def test_dates_are_in_order(case: Case) -> None:
    end = case.death or EXTRACT
    tumour = case.tumour
    start = case.courses[0].days[0] if case.courses else tumour.dx
    age = (tumour.dx - case.birth).days / 365.25
    assert case.birth_precision == "year" or int(age) == tumour.age
    assert all(start <= day <= end for day in _dates_after_treatment(case))
    assert all(tumour.dx - timedelta(days=31) <= one.day <= end for one in case.exams)
    assert all(tumour.dx <= one.start <= one.end <= end for one in [*case.therapies, *case.lines])
    assert all(day <= end for one in case.courses for day in one.days)
    assert all(one.last_negative is None or one.last_negative < one.detection for one in case.lesions)
    assert all(one.dx >= tumour.dx for one in case.episodes)


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.local_id)
def test_last_negative_exam_is_the_stated_one(case: Case) -> None:
    regions = {"scf": "neck", "lung": "chest", "mediastinal_ln": "chest", "bone": "pelvis", "brain": "head"}
    for lesion in (one for one in case.lesions if one.status == "index"):
        region = regions.get(lesion.site, "abdomen")
        before = [
            one.day for one in case.exams if one.regions.get(region) == "neg" and one.day < lesion.detection
        ]
        assert max(before) == lesion.last_negative
        after = [one for one in case.exams if one.day >= lesion.detection]
        assert all(one.regions.get(region) != "neg" for one in after)


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.local_id)
def test_doses_are_doses(case: Case) -> None:
    for course in (one for one in case.courses if one.modality == "rt"):
        bed, eqd2 = course.biological_dose()
        assert 20 <= course.total_gy <= 100 and course.n_planned == len(course.days)
        assert bed >= 50 or course.intent == "palliative"
        assert eqd2 == pytest.approx(bed / 1.2)


def test_every_call_gives_the_same_patients() -> None:
    assert demo_cases() == CASES
