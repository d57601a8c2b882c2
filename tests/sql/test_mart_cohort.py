"""mart.cohort, mart.index_lesion, mart.registry_patient: who is analysed, with what covariates."""

from dataclasses import replace
from pathlib import Path

import pytest

from registry_pipeline.core.settings import Study
from tests.sql.drawn import COURSES, ELIGIBLE
from tests.support.ascii_table import Mart

LESION_COLUMNS = "lesion_id | episode_id | patient_id | lesion_site | detection_date | lesion_status\n"
MEASURE_COLUMNS = (
    "measurement_id | exam_id | lesion_id | patient_id | long_axis_mm | short_axis_mm | series_role\n"
)


def test_the_drawn_cohort(tmp_path: Path) -> None:
    mart = Mart(tmp_path, ELIGIBLE)
    assert mart.rows(
        "cohort", "patient_id", "lesion_site_group", "scf_vs_other", "n_lesions", "max_diameter_mm",
        "sum_diameter_mm", "n_lesions_measured", "is_small", "size_group",
    ) == [
        ("P1", "lung", "non_scf", 2, 15.0, 27.0, 2, True, "small"),
        ("P2", "scf", "scf", 1, 15.1, 15.1, 1, False, "large"),
    ]  # fmt: skip
    assert mart.rows("cohort", "age_years", "age_group", "figo_group", "histology_group", "lrt_modality") == [
        (47.0, "<50", "II", "scc", "rt"),  # the day before her 48th birthday
        (55.0, "50-64", "IV", "adeno", "surgery"),
    ]
    bed = 5 * 6 * (1 + 6 / 10)
    assert mart.rows("cohort", "bed10_gy") == [(pytest.approx(bed),), (None,)]
    (months,) = mart.rows("cohort", "months_primary_to_omd")[0]
    assert months == pytest.approx(663 / 30.4375)


@pytest.mark.parametrize(
    ("sites", "stated", "group"),
    [
        (["scf", "scf"], "", "scf"),
        (["lung"], "", "lung"),
        (["scf", "lung"], "", "lung"),
        (["liver", "lung"], "", "lung"),
        (["scf", "liver"], "", "other"),
        (["mediastinal_ln", "bone"], "", "other"),
        (["scf", "lung"], "scf", "scf"),  # stated, and a lesion lies there
        (["liver", "lung"], "other", "other"),
        (["scf"], "lung", "scf"),  # stated, but no lesion lies there
    ],
)
def test_site_group(sites: list[str], stated: str, group: str, tmp_path: Path) -> None:
    drawn = LESION_COLUMNS + "\n".join(
        f"L{number} | E1 | P1 | {site} | 2020-01-01 | index" for number, site in enumerate(sites)
    )
    episode = f"episode_id | patient_id | omd_dx_date | lesion_site_group\nE1 | P1 | 2020-01-01 | {stated}"
    mart = Mart(tmp_path, {**ELIGIBLE, "lesion": drawn, "omd_episode": episode, "measurement": "patient_id"})
    assert mart.rows("cohort", "patient_id", "lesion_site_group") == [("P1", group)]


def test_size_at_detection_is_the_baseline_or_of_the_day(tmp_path: Path) -> None:
    exams = """
    exam_id | patient_id | exam_date
    X0      | P1         | 2019-12-20
    X1      | P1         | 2020-01-01
    X9      | P1         | 2020-09-01
    """
    sizes = (
        MEASURE_COLUMNS
        + """
    M1 | X9 | L1 | P1 | 40   | 30 | post
    M2 | X1 | L1 | P1 | 11   |  9 |
    M3 | X0 | L1 | P1 |  8   |  7 | baseline
    M4 | X1 | L2 | P1 | 12   | 10 | pre
    M5 | X1 | L2 | P1 | 12.5 | 10 |
    M6 | X9 | L3 | P1 | 30   |    | post
    """
    )
    lesions = LESION_COLUMNS + "\n".join(f"L{n} | E1 | P1 | lung | 2020-01-01 | index" for n in (1, 2, 3))
    mart = Mart(tmp_path, {**ELIGIBLE, "lesion": lesions, "imaging_exam": exams, "measurement": sizes})
    assert mart.rows("index_lesion", "lesion_id", "diameter_mm") == [("L1", 8), ("L2", 12.5), ("L3", None)]
    assert mart.rows("cohort", "max_diameter_mm", "sum_diameter_mm", "n_lesions", "n_lesions_measured") == [
        (12.5, None, 3, 2)
    ]


def test_missing_size_is_neither_small_nor_large(tmp_path: Path) -> None:
    mart = Mart(tmp_path, {**ELIGIBLE, "measurement": "patient_id"})
    assert mart.rows("cohort", "max_diameter_mm", "is_small", "size_group", "n_lesions_measured") == [
        (None, None, None, 0),
        (None, None, None, 0),
    ]


def test_size_parameters(tmp_path: Path) -> None:
    study = replace(Study(), size_metric="short_axis", cutpoint_mm=11.0)
    mart = Mart(tmp_path, ELIGIBLE, study)
    assert mart.rows("cohort", "max_diameter_mm", "is_small") == [(11.0, True), (14.0, False)]


@pytest.mark.parametrize(
    ("polymet", "omd", "systemic", "progressive", "dx", "expected"),
    [
        ("no", "no", "no", "", "2019-10-01", "de_novo_synchronous"),
        ("no", "no", "no", "", "2018-03-09", "metachronous_oligorecurrence"),
        ("no", "no", "yes", "no", "2018-03-09", "metachronous_oligoprogression"),
        ("no", "yes", "no", "", "2018-03-09", "repeat_oligorecurrence"),
        ("no", "yes", "yes", "yes", "2018-03-09", "repeat_oligoprogression"),
        ("no", "yes", "yes", "no", "2018-03-09", "repeat_oligopersistence"),
        ("yes", "unk", "yes", "no", "2018-03-09", "induced_oligopersistence"),
        ("yes", "no", "no", "", "2019-10-01", "induced_oligorecurrence"),
        ("unk", "yes", "no", "", "2018-03-09", None),
        ("no", "yes", "unk", "", "2018-03-09", None),
        ("", "", "", "", "2018-03-09", None),
    ],
)
def test_class_of_oligometastatic_disease(
    polymet: str, omd: str, systemic: str, progressive: str, dx: str, expected: str | None, tmp_path: Path
) -> None:
    episode = (
        "episode_id | patient_id | omd_dx_date | history_polymet | history_omd | active_systemic"
        " | has_progressive_lesion\n"
        f"E1 | P1 | 2020-01-01 | {polymet} | {omd} | {systemic} | {progressive}"
    )
    tumour = f"tumour_id | patient_id | dx_date\nT1 | P1 | {dx}"
    mart = Mart(tmp_path, {**ELIGIBLE, "omd_episode": episode, "primary_tumour": tumour})
    assert mart.rows("cohort", "omd_class") == [(expected,)]


def test_concurrent_regional_recurrence_by_flag_or_by_record(tmp_path: Path) -> None:
    recurrences = """
    regional_recurrence_id | patient_id | regional_site | dx_date    | is_treated
    G1                     | P1         | pelvic        | 2020-03-31 | yes
    G2                     | P2         | pelvic        | 2020-08-31 | yes
    """
    mart = Mart(tmp_path, {**ELIGIBLE, "regional_recurrence": recurrences})
    # 90 days after the episode, and 91.
    assert mart.rows("cohort", "has_concurrent_regional") == [(True,), (False,)]


def test_first_definitive_course_leads(tmp_path: Path) -> None:
    later = (
        COURSES
        + "R0 | E1 | P1 | surgery | palliative | 2020-01-05 | |\nR9 | E1 | P1 | ablation | | 2020-03-01 | |\n"
    )
    mart = Mart(tmp_path, {**ELIGIBLE, "lrt_course": later})
    assert [str(day) for (day,) in mart.rows("cohort", "lrt_start_date")] == ["2020-02-01", "2020-07-01"]
    assert mart.rows("cohort", "lrt_modality") == [("rt",), ("surgery",)]


def test_dose_is_recomputed_from_total_and_planned_where_needed(tmp_path: Path) -> None:
    courses = """
    lrt_id | episode_id | patient_id | lrt_modality | intent     | start_date | n_fractions_planned | total_dose_gy
    R1     | E1         | P1         | rt           | definitive | 2020-02-01 | 30                  | 60
    """
    mart = Mart(tmp_path, {**ELIGIBLE, "lrt_course": courses})
    assert mart.rows("cohort", "bed10_gy") == [(pytest.approx(72.0),)]


def test_registry_patient_of_several_tumours_and_partial_dates(tmp_path: Path) -> None:
    tumours = """
    tumour_id | patient_id | dx_date    | dx_date_lower | dx_date_upper | figo_stage | age_at_diagnosis_years
    T0        | P1         | 2017-01-01 |               |               | IA1        |
    T1        | P1         | 2018-03-09 |               |               | IIIC1r     |
    T2        | P2         | 2022-07-01 | 2022-01-01    | 2022-12-31    | IVA        | 60
    """
    patients = "patient_id | sex | birth_date\nP1 | F | 1970-03-10\nP2 | F |\nP3 | F | 1950-01-01"
    contacts = """
    followup_id | patient_id | contact_date | followup_source | is_alive
    F1          | P1         | 2016-12-31   | visit           | yes
    F2          | P2         | 2022-03-01   | visit           | yes
    """
    drawn = {"patient": patients, "primary_tumour": tumours, "followup": contacts}
    mart = Mart(tmp_path, drawn)
    assert mart.rows("registry_patient", "patient_id", "age_years", "figo_group", "dx_year") == [
        ("P1", 46.0, "I", 2017),
        ("P2", 60.0, "IV", 2022),
        ("P3", None, None, None),
    ]
    assert mart.rows("registry_patient", "last_known_days", "exclusion_reason") == [
        (None, "Observation ends before the diagnosis"),
        (0, None),  # the diagnosis is known to the year: it may lie before the contact
        (None, "No diagnosis of a primary tumour on record"),
    ]
    assert mart.rows("survival_time", "patient_id", "duration_days", "event") == [("P2", 0, 0)]
