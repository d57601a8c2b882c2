"""The release of the corrected exports against the truth that they were written from, patient by patient.

Hospital numbers and pseudonyms are linked by ``curated.patient_xref``; the truth is ``simulate``'s cases and the
seed cohort, which no step of the pipeline sees.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from registry_pipeline.simulate.demo.demo import demo_cases
from registry_pipeline.simulate.demo.seed import SeedPatient, read_seed
from registry_pipeline.simulate.demo.truth import Case
from tests.e2e.conftest import Demo
from tests.support.registry_home import ask

pytestmark = pytest.mark.slow

EXTRACT_DATE = date(2023, 6, 30)
REASONS = {
    "no_oligometastasis": "No oligometastatic episode on record",
    "near_twin": "No oligometastatic episode on record",
    "brain": "Intracranial metastasis",
    "five_lesions": "More than 3 index lesions",
    "palliative": "No definitive radiotherapy, surgery or ablation",
    "systemic_only": "No definitive radiotherapy, surgery or ablation",
    "never_treated": "No definitive radiotherapy, surgery or ablation",
    "before_window": "Start of locoregional therapy outside 2007-01-01 to 2022-05-31",
    "after_window": "Start of locoregional therapy outside 2007-01-01 to 2022-05-31",
}
Rows = dict[str, tuple[object, ...]]


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {one.local_id: one for one in demo_cases()}


@pytest.fixture(scope="module")
def seed(cases: dict[str, Case]) -> dict[str, SeedPatient]:
    by_id = {one.seed_id: one for one in read_seed()}
    return {number: by_id[case.seed_id] for number, case in cases.items() if case.seed_id is not None}


def by_number(demo: Demo, query: str) -> dict[str, list[tuple[object, ...]]]:
    """Rows of a query by the patient's number at the hospital; its first column is the pseudonym."""
    xref = "SELECT DISTINCT patient_id, source_patient_id FROM curated.patient_xref"
    joined = f"SELECT source_patient_id, made.* EXCLUDE (patient_id) FROM ({query}) made LEFT JOIN ({xref}) USING (patient_id)"
    found: dict[str, list[tuple[object, ...]]] = {}
    for number, *row in ask(demo.home, joined, demo.corrected).iter_rows():
        found.setdefault(number, []).append(tuple(row))
    return found


def only(rows: dict[str, list[tuple[object, ...]]]) -> Rows:
    assert all(len(one) == 1 for one in rows.values())
    return {number: one for number, (one,) in rows.items()}


def test_every_number_of_the_hospital_is_one_pseudonym(demo: Demo, cases: dict[str, Case]) -> None:
    xref = ask(demo.home, "FROM curated.patient_xref", demo.corrected)
    pairs = set(xref.select("source_patient_id", "patient_id").iter_rows())
    assert {number for number, _ in pairs} == set(cases)
    assert len(pairs) == len({pseudonym for _, pseudonym in pairs}) == len(cases) == 134
    assert not [pseudonym for number, pseudonym in pairs if number.lstrip("0") in pseudonym]
    patients = by_number(demo, "SELECT patient_id, birth_date, sex FROM curated.patient")
    assert only(patients) == {number: (case.birth, "F") for number, case in cases.items()}


def test_the_cohort_is_the_seed_cohort(demo: Demo, seed: dict[str, SeedPatient]) -> None:
    found = by_number(
        demo,
        "SELECT patient_id, lesion_site_group, max_diameter_mm, n_lesions, is_small, has_concurrent_regional, "
        "floor(age_years)::INT, figo_group, lrt_modality, primary_dx_date, omd_dx_date, lrt_start_date FROM mart.cohort",
    )
    modality = {"radiotherapy": "rt", "surgery": "surgery", "ablation": "ablation"}
    assert only(found) == {
        number: (
            one.site,
            max(one.diameters),
            len(one.diameters),
            max(one.diameters) <= 15,
            one.has_concurrent_regional,
            one.age,
            ("I", "II", "III", "IV")[one.figo - 1],
            modality.get(one.treatment, one.treatment),
            one.primary_dx,
            one.omd_dx,
            one.treated,
        )
        for number, one in seed.items()
    }


def test_overall_survival_of_every_patient(demo: Demo, seed: dict[str, SeedPatient]) -> None:
    for origin, start in (("lrt_start", "treated"), ("omd_dx", "omd_dx")):
        found = by_number(
            demo,
            "SELECT patient_id, duration_days, event, censor_reason FROM mart.survival_time "
            f"WHERE endpoint = 'os' AND origin = '{origin}'",
        )
        assert only(found) == {
            number: (
                (one.last_followup - getattr(one, start)).days,
                int(one.is_dead),
                "event" if one.is_dead else "last_contact",
            )
            for number, one in seed.items()
        }


def test_recurrences_of_every_patient(demo: Demo, seed: dict[str, SeedPatient]) -> None:
    query = "SELECT patient_id, duration_days, event FROM mart.survival_time WHERE origin = 'lrt_start' AND endpoint = '{}'"
    local = only(by_number(demo, query.format("local_control")))
    fresh = only(by_number(demo, query.format("new_oligomet")))
    free = only(by_number(demo, query.format("lrfs")))
    for number, one in seed.items():
        died = one.last_followup if one.is_dead else None
        assert local[number] == _time(one, [one.local_recurrence], [died]), number
        assert fresh[number] == _time(one, [one.new_oligomet], [one.local_recurrence, died]), number
        assert free[number] == _time(one, [one.local_recurrence, died], []), number


def _time(one: SeedPatient, events: list[date | None], competing: list[date | None]) -> tuple[int, int]:
    """Days and event (1, 2 competing, 0 censored) from the start of therapy; the event comes first on a tie."""
    event = min((day for day in events if day), default=None)
    other = min((day for day in competing if day), default=None)
    if event is not None and (other is None or event <= other):
        return (event - one.treated).days, 1
    if other is not None:
        return (other - one.treated).days, 2
    return (one.last_followup - one.treated).days, 0


def test_deaths_of_every_patient(demo: Demo, cases: dict[str, Case]) -> None:
    found = by_number(demo, "SELECT patient_id, death_date, death_cause FROM curated.death")
    dead = {number: case for number, case in cases.items() if case.death is not None}
    assert only(found) == {number: (case.death, case.death_cause) for number, case in dead.items()}


def test_survival_from_the_primary_diagnosis_of_every_patient(demo: Demo, cases: dict[str, Case]) -> None:
    """In the study or not: to death, else to the last dated evidence of life of any kind."""
    found = by_number(
        demo, "SELECT patient_id, duration_days, event FROM mart.survival_time WHERE origin = 'primary_dx'"
    )
    expected = {}
    for number, case in cases.items():
        end = case.death or min(max(_evidence(case)), EXTRACT_DATE)
        expected[number] = ((end - case.tumour.dx).days, int(case.death is not None))
    assert only(found) == expected


def _evidence(case: Case) -> list[date]:
    """Every day on which the patient is known to have been alive; a contact of the month counts to its middle."""
    contacts = [
        one.day.replace(day=15) if one.precision == "month" else one.day
        for one in case.contacts
        if one.is_alive
    ]
    lines = [(one.start, one.end) for one in case.lines] + [(one.start, one.end) for one in case.therapies]
    treated = [day for course in case.courses for day in (course.days[0], course.days[-1])]
    return [
        *contacts,
        *(one.day for one in case.exams),
        *(one.day for one in case.events),
        *(one.onset for one in case.toxicities),
        *(one.dx for one in case.episodes),
        *(day for pair in lines for day in pair),
        *treated,
    ]


def test_lesions_and_their_sizes_of_every_patient(demo: Demo, cases: dict[str, Case]) -> None:
    found = by_number(
        demo,
        "SELECT patient_id, source_record_id[-1:]::INT, lesion_site, laterality, detection_date, last_negative_date, lesion_status "
        "FROM curated.lesion",
    )
    expected = {
        number: sorted(
            (
                (one.number, one.site, one.laterality, one.detection, one.last_negative, one.status)
                for one in case.lesions
            ),
            key=str,
        )
        for number, case in cases.items()
        if case.lesions
    }
    assert {number: sorted(rows, key=str) for number, rows in found.items()} == expected
    sizes = by_number(
        demo,
        "SELECT measurement.patient_id, lesion.source_record_id[-1:]::INT, exam_date, long_axis_mm, series_role "
        "FROM curated.measurement JOIN curated.imaging_exam USING (exam_id) JOIN curated.lesion USING (lesion_id)",
    )
    assert {number: Counter(rows) for number, rows in sizes.items()} == {
        number: Counter(
            (size.lesion, exam.day, size.long_mm, size.role) for exam in case.exams for size in exam.sizes
        )
        for number, case in cases.items()
        if case.lesions
    }


def test_growth_has_every_index_lesion_of_the_seed(demo: Demo, seed: dict[str, SeedPatient]) -> None:
    found = by_number(
        demo,
        "SELECT patient_id, days_since_negative_ct, diameter_mm FROM mart.lesion_growth WHERE is_included",
    )
    assert {number: sorted(rows) for number, rows in found.items()} == {
        number: sorted(((one.omd_dx - one.last_negative).days, size) for size in one.diameters)
        for number, one in seed.items()
    }


def test_courses_and_doses_of_every_patient(demo: Demo, cases: dict[str, Case]) -> None:
    """Sessions in cGy, one row per fraction, become courses in Gy."""
    found = by_number(
        demo,
        "SELECT patient_id, lrt_modality, lrt_technique, intent, start_date, end_date, n_fractions_delivered, total_dose_gy "
        "FROM curated.lrt_course",
    )
    treated = {number: case.courses[0] for number, case in cases.items() if case.courses}
    assert all(len(case.courses) <= 1 for case in cases.values())
    courses = only(found)
    assert set(courses) == set(treated)
    for number, one in treated.items():
        *stated, n_fractions, total = courses[number]
        assert stated == [one.modality, one.technique, one.intent, one.days[0], one.days[-1]]
        if one.modality == "rt":
            assert n_fractions == len(one.days)
            assert total == pytest.approx(one.total_gy, abs=0.01)


def test_who_is_outside_the_study_and_why(demo: Demo, cases: dict[str, Case]) -> None:
    found = by_number(demo, "SELECT patient_id, reason FROM mart.exclusion")
    assert only(found) == {
        number: (REASONS[case.kind],) for number, case in cases.items() if case.kind != "cohort"
    }


def test_months_become_bounds(demo: Demo, cases: dict[str, Case]) -> None:
    """A date known to the month has the first and the last day of the month as its bounds."""
    n_monthly = sum(one.precision == "month" for case in cases.values() for one in case.contacts)
    assert n_monthly > 0
    found = ask(
        demo.home,
        "SELECT contact_date_lower, contact_date_upper FROM curated.followup WHERE contact_date_precision = 'month'",
        demo.corrected,
    )
    assert found.height == n_monthly
    for first, last in found.iter_rows():
        assert first.day == 1
        assert (last + timedelta(days=1)).day == 1
        assert (last - first).days < 31
