"""mart.exclusion, mart.attrition: one primary reason per patient, in a fixed order, and counts that add up."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from registry_pipeline.core.settings import Study
from tests.sql.drawn import ELIGIBLE
from tests.support.ascii_table import Mart

EPISODE_COLUMNS = "episode_id | patient_id | is_index | omd_dx_date\n"
LESION_COLUMNS = "lesion_id | episode_id | patient_id | lesion_site | detection_date | lesion_status | icd10_secondary_code\n"
COURSE_COLUMNS = "lrt_id | episode_id | patient_id | lrt_modality | intent | start_date\n"
P2_EPISODE = "E2 | P2 | yes | 2020-06-01\n"
P2_LESION = "L3 | E2 | P2 | scf | 2020-06-01 | index |\n"
P2_COURSE = "R2 | E2 | P2 | surgery | | 2020-07-01\n"


def episodes(*lines: str) -> dict[str, str]:
    return {"omd_episode": EPISODE_COLUMNS + P2_EPISODE + "\n".join(lines)}


def lesions(*lines: str) -> dict[str, str]:
    return {"lesion": LESION_COLUMNS + P2_LESION + "\n".join(lines)}


def courses(*lines: str) -> dict[str, str]:
    return {"lrt_course": COURSE_COLUMNS + P2_COURSE + "\n".join(lines)}


LUNG = "| E1 | P1 | lung | 2020-01-01 | index |"
PATIENT_COLUMNS = "patient_id | sex | birth_date | has_consent\n"
CASES = {
    "a quarantined death": (1, {"quarantine": "patient_id | table_name | reason\nP1 | death | own"}),
    "a quarantined lesion, full name": (
        1,
        {"quarantine": "patient_id | table_name | reason\nP1 | curated.lesion | parent"},
    ),
    "consent withdrawn": (
        2,
        {"patient": f"{PATIENT_COLUMNS}P1 | F | 1970-03-10 | no\nP2 | F | 1960-01-01 | yes"},
    ),
    "no episode": (3, episodes()),
    "two index episodes": (4, episodes("E1 | P1 | yes | 2020-01-01", "E9 | P1 | yes | 2021-01-01")),
    "two episodes, none flagged": (4, episodes("E1 | P1 | | 2020-01-01", "E9 | P1 | | 2021-01-01")),
    "an only episode that is not the index": (4, episodes("E1 | P1 | no | 2020-01-01")),
    "brain": (5, lesions(f"L1 {LUNG}", "L2 | E1 | P1 | brain | 2020-01-01 | index |")),
    "brain by ICD-10": (5, lesions("L1 | E1 | P1 | other | 2020-01-01 | index | C79.3")),
    "no lesions": (6, lesions()),
    "para-aortic nodes only": (6, lesions("L1 | E1 | P1 | paraaortic | 2020-01-01 | index |")),
    "regional and new lesions only": (
        6,
        lesions("L1 | E1 | P1 | lung | 2020-01-01 | new |", "L2 | E1 | P1 | other | 2020-01-01 | regional |"),
    ),
    "four lesions": (7, lesions(*(f"LL{number} {LUNG}" for number in range(4)))),
    "palliative radiotherapy": (8, courses("R1 | E1 | P1 | rt | palliative | 2020-02-01")),
    "radiotherapy of unknown intent": (8, courses("R1 | E1 | P1 | rt | | 2020-02-01")),
    "systemic therapy only": (8, courses("R1 | E1 | P1 | systemic | definitive | 2020-02-01")),
    "therapy of another episode": (8, courses("R1 | E2 | P1 | rt | definitive | 2020-02-01")),
    "a day before the window": (9, courses("R1 | E1 | P1 | rt | definitive | 2006-12-31")),
    "a day after the window": (9, courses("R1 | E1 | P1 | rt | definitive | 2022-06-01")),
    "death before therapy": (10, {"death": "patient_id | death_date\nP1 | 2020-01-15"}),
    "death without a date": (10, {"death": "patient_id | death_date\nP1 |"}),
}


@pytest.mark.parametrize("case", CASES)
def test_one_reason_each(case: str, tmp_path: Path) -> None:
    step, redrawn = CASES[case]
    mart = Mart(tmp_path, {**ELIGIBLE, **redrawn})
    assert mart.rows("exclusion", "patient_id", "step") == [("P1", step)]
    assert mart.rows("cohort", "patient_id") == [("P2",)]
    flow = mart.rows("attrition", "step", "n_before", "n_excluded", "n_after")
    assert flow == [
        (one, 2 if one <= step else 1, int(one == step), 2 if one < step else 1) for one in range(11)
    ]


STILL_ELIGIBLE = {
    "three lesions and a para-aortic node": lesions(
        *(f"LL{number} {LUNG}" for number in range(3)), "L9 | E1 | P1 | paraaortic | 2020-01-01 | index |"
    ),
    "a brain lesion that came later": lesions(f"L1 {LUNG}", "L9 | E1 | P1 | brain | 2020-01-01 | new |"),
    "an only episode without a flag": episodes("E1 | P1 | | 2020-01-01"),
    "a second episode that is not the index": episodes(
        "E1 | P1 | yes | 2020-01-01", "E9 | P1 | no | 2021-01-01"
    ),
    "first day of the window": courses("R1 | E1 | P1 | rt | definitive | 2007-01-01"),
    "last day of the window": courses("R1 | E1 | P1 | rt | definitive | 2022-05-31"),
    "ablation of unknown intent": courses("R1 | E1 | P1 | ablation | unk | 2020-02-01"),
    "a quarantined coercible item elsewhere": {
        "quarantine": "patient_id | table_name | reason\nP1 | toxicity | own\n | death | own"
    },
    "death on the day of therapy": {"death": "patient_id | death_date\nP1 | 2020-02-01"},
}


@pytest.mark.parametrize("case", STILL_ELIGIBLE)
def test_still_eligible(case: str, tmp_path: Path) -> None:
    redrawn = STILL_ELIGIBLE[case]
    first_of_window = {"omd_episode": EPISODE_COLUMNS + P2_EPISODE + "E1 | P1 | yes | 2006-12-01"}
    extra = first_of_window if case == "first day of the window" else {}
    mart = Mart(tmp_path, {**ELIGIBLE, **redrawn, **extra})
    assert mart.rows("cohort", "patient_id") == [("P1",), ("P2",)]


def test_the_first_reason_that_holds_is_the_primary_one(tmp_path: Path) -> None:
    redrawn = {
        **lesions(
            *(f"LL{number} {LUNG}" for number in range(4)), "LB | E1 | P1 | brain | 2020-01-01 | index |"
        ),
        **courses(),
    }
    assert Mart(tmp_path, {**ELIGIBLE, **redrawn}).rows("exclusion", "patient_id", "step") == [("P1", 5)]


def test_a_patient_whose_own_record_is_in_quarantine_is_counted_first(tmp_path: Path) -> None:
    held = "facility_id | patient_id | table_name | reason\nx | P8 | patient | own\nx | P8 | patient | own\nx | P9 | patient | own"
    mart = Mart(tmp_path, {**ELIGIBLE, "quarantine": held + "\nx | P1 | patient | own\nx | | patient | own"})
    assert mart.rows("exclusion", "patient_id", "step") == [("P8", 0), ("P9", 0)]
    assert mart.rows("attrition", "n_before", "n_excluded", "n_after")[:2] == [(4, 2, 2), (2, 0, 2)]
    assert mart.rows("cohort", "patient_id") == [("P1",), ("P2",)]


def test_parameters_move_the_bounds(tmp_path: Path) -> None:
    study = replace(Study(), omd_max_lesions=1, window_date="omd_dx", window_start=date(2020, 6, 1))
    mart = Mart(tmp_path, ELIGIBLE, study)
    assert mart.rows("exclusion", "patient_id", "step", "reason") == [("P1", 7, "More than 1 index lesions")]
    assert mart.rows("attrition", "reason")[9] == (
        "Diagnosis of the episode outside 2020-06-01 to 2022-05-31",
    )


def test_without_any_episode_everything_is_empty_and_says_so(tmp_path: Path) -> None:
    only = {name: ELIGIBLE[name] for name in ("patient", "primary_tumour", "followup")}
    mart = Mart(tmp_path, only)
    assert mart.counts["cohort"] == mart.counts["lesion_growth"] == mart.counts["index_lesion"] == 0
    assert mart.rows("exclusion", "step") == [(3,), (3,)]
    assert mart.rows("survival_time", "patient_id", "endpoint", "origin", "duration_days", "event") == [
        ("P1", "os", "primary_dx", 1060, 0),
        ("P2", "os", "primary_dx", 2373, 0),
    ]
