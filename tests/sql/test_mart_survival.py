"""mart.vital_status, mart.recurrence, mart.survival_time: events, competing events and censoring (study.md 2.7)."""

from datetime import date
from pathlib import Path

import pytest

from tests.sql.drawn import ELIGIBLE
from tests.support.ascii_table import Mart

# P1: therapy starts 2020-02-01, episode diagnosed 2020-01-01, last visit (without evidence of disease) 2021-02-01.
VISIT = 366
EVENT_COLUMNS = "event_id | patient_id | event_type | event_date | event_date_lower | event_date_upper\n"
FOLLOWUP_COLUMNS = "followup_id | patient_id | contact_date | followup_source | is_alive | disease_status\n"


def events(*lines: str) -> dict[str, str]:
    return {"event": EVENT_COLUMNS + "\n".join(f"E{n} | P1 | {line} | |" for n, line in enumerate(lines))}


def death(day: str) -> dict[str, str]:
    return {"death": f"patient_id | death_date\nP1 | {day}"}


def times(mart: Mart, origin: str = "lrt_start") -> dict[str, tuple[int, int, str]]:
    rows = mart.rows(
        "survival_time", "patient_id", "origin", "endpoint", "duration_days", "event", "censor_reason"
    )
    return {row[2]: row[3:] for row in rows if row[:2] == ("P1", origin)}


LAST = (VISIT, 0, "last_assessment")
CASES = {
    "nothing happened": (
        {},
        {"os": (VISIT, 0, "last_contact"), "lrfs": LAST, "local_control": LAST, "pfs": LAST, "new_oligomet": LAST},
    ),
    "death only": (
        death("2021-06-01"),
        {
            "os": (486, 1, "event"),
            "lrfs": (486, 1, "event"),
            "local_control": (486, 2, "competing"),
            "pfs": (486, 1, "event"),
            "new_oligomet": (486, 2, "competing"),
        },
    ),
    "local recurrence": (
        events("local_recurrence | 2020-12-01"),
        {
            "os": (VISIT, 0, "last_contact"),
            "lrfs": (304, 1, "event"),
            "local_control": (304, 1, "event"),
            "pfs": (304, 1, "event"),
            "new_oligomet": (304, 2, "competing"),
        },
    ),
    "new oligometastasis, then polymetastatic, then death": (
        {**events("polymet | 2020-12-01", "new_oligomet | 2020-10-01"), **death("2021-06-01")},
        {
            "os": (486, 1, "event"),
            "lrfs": (486, 1, "event"),
            "local_control": (486, 2, "competing"),
            "pfs": (243, 1, "event"),
            "new_oligomet": (243, 1, "event"),
        },
    ),
    "polymetastatic first": (
        events("polymet | 2020-10-01", "new_oligomet | 2020-12-01"),
        {"pfs": (243, 1, "event"), "new_oligomet": (243, 2, "competing"), "local_control": LAST},
    ),
    "both on one day": (
        events("regional | 2020-10-01", "new_oligomet | 2020-10-01"),
        {"pfs": (243, 1, "event"), "new_oligomet": (243, 1, "event")},
    ),
    "locoregional is not in a treated lesion": (
        events("locoregional | 2020-10-01"),
        {"pfs": (243, 1, "event"), "local_control": LAST, "lrfs": LAST},
    ),
    "a marker and a new primary are no progression": (
        events("biochemical | 2020-10-01", "new_primary | 2020-11-01"),
        {"pfs": LAST, "new_oligomet": LAST},
    ),
    "an event on or before the day of therapy is what was treated": (
        events("regional | 2020-02-01", "polymet | 2019-01-01"),
        {"pfs": LAST, "new_oligomet": LAST},
    ),
    "an event is an assessment, also of what did not happen": (
        events("regional | 2021-05-01"),
        {"os": (455, 0, "last_contact"), "local_control": (455, 0, "last_assessment"), "pfs": (455, 1, "event")},
    ),
    "a call without disease status is life, not an assessment": (
        {"followup": FOLLOWUP_COLUMNS + "F1 | P1 | 2022-01-01 | phone | yes | unk"},
        {"os": (700, 0, "last_contact"), "lrfs": (0, 0, "last_assessment"), "pfs": (0, 0, "last_assessment")},
    ),
    "imaging is an assessment": (
        {"imaging_exam": "exam_id | patient_id | exam_date\nX9 | P1 | 2021-03-01", "measurement": "patient_id"},
        {"os": (394, 0, "last_contact"), "pfs": (394, 0, "last_assessment")},
    ),
    "alive in the civil register is no evidence of life": (
        {"followup": FOLLOWUP_COLUMNS + "F1 | P1 | 2022-01-01 | civil | yes | "},
        {"os": (0, 0, "last_contact")},
    ),
    "reported dead is no evidence of life": (
        {"followup": FOLLOWUP_COLUMNS + "F1 | P1 | 2022-01-01 | phone | no | awd"},
        {"os": (0, 0, "last_contact"), "pfs": (0, 0, "last_assessment")},
    ),
    "death on the day of therapy": (
        {**death("2020-02-01"), "followup": "patient_id"},
        {"os": (0, 1, "event"), "lrfs": (0, 1, "event"), "local_control": (0, 2, "competing")},
    ),
    "after the extract nothing is known": (
        {
            **death("2023-03-01"),
            "followup": FOLLOWUP_COLUMNS + "F1 | P1 | 2023-02-01 | visit | yes | ned",
        },
        {"os": (1064, 0, "last_contact"), "pfs": (1064, 0, "last_assessment")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_endpoints_from_the_start_of_therapy(case: str, tmp_path: Path) -> None:
    redrawn, expected = CASES[case]
    found = times(Mart(tmp_path, {**ELIGIBLE, **redrawn}))
    assert {name: found[name] for name in expected} == expected
    assert set(found) == {"os", "lrfs", "local_control", "pfs", "new_oligomet"}


def test_other_origins(tmp_path: Path) -> None:
    mart = Mart(tmp_path, {**ELIGIBLE, **events("regional | 2020-10-01"), **death("2021-06-01")})
    assert times(mart, "omd_dx") == {
        "os": (517, 1, "event"),
        "lrfs": (517, 1, "event"),
        "local_control": (517, 2, "competing"),
        "pfs": (274, 1, "event"),
        "new_oligomet": (274, 2, "competing"),
    }
    assert times(mart, "primary_dx") == {"os": (1180, 1, "event")}


def test_an_imprecise_death_lies_where_the_last_visit_allows_it(tmp_path: Path) -> None:
    drawn = "patient_id | death_date | death_date_lower | death_date_upper\nP1 | 2021-01-15 | 2021-01-01 | {}"
    visited = {"followup": FOLLOWUP_COLUMNS + "F1 | P1 | 2021-01-20 | visit | yes | awd"}
    within = Mart(tmp_path / "a", {**ELIGIBLE, **visited, "death": drawn.format("2021-01-31")})
    assert within.rows("vital_status", "death_date", "end_date")[0] == (date(2021, 1, 20),) * 2
    beyond = Mart(tmp_path / "b", {**ELIGIBLE, **visited, "death": drawn.format("2021-01-18")})
    assert beyond.rows("vital_status", "death_date")[0] == (date(2021, 1, 18),)


def test_an_imprecise_event_of_the_month_of_therapy_or_death_stays_inside(tmp_path: Path) -> None:
    drawn = EVENT_COLUMNS + "E1 | P1 | new_oligomet | 2020-01-15 | 2020-01-01 | 2020-02-28"
    early = Mart(tmp_path / "a", {**ELIGIBLE, "event": drawn})
    assert times(early)["new_oligomet"] == (0, 1, "event")
    drawn = EVENT_COLUMNS + "E1 | P1 | new_oligomet | 2020-07-15 | 2020-07-01 | 2020-07-31"
    late = Mart(tmp_path / "b", {**ELIGIBLE, **death("2020-07-10"), "event": drawn, "followup": "patient_id"})
    assert times(late)["new_oligomet"] == times(late)["os"] == (160, 1, "event")


def test_every_kind_of_dated_evidence_counts(tmp_path: Path) -> None:
    evidence = {
        "lrt_course": "lrt_id | episode_id | patient_id | lrt_modality | intent | start_date | end_date\n"
        "R1 | E1 | P1 | rt | definitive | 2020-02-01 | 2022-02-01",
        "systemic_line": "line_id | patient_id | start_date | end_date\nY | P1 | 2022-02-02 |",
        "toxicity": "toxicity_id | lrt_id | patient_id | onset_date\nA | R1 | P1 | 2022-02-02",
        "regional_recurrence": "regional_recurrence_id | patient_id | regional_site | dx_date\nG | P1 | pelvic | 2022-02-02",
        "primary_treatment": "treatment_id | tumour_id | patient_id | start_date\nB | T1 | P1 | 2022-02-02",
        "imaging_exam": "exam_id | patient_id | exam_date\nX1 | P1 | 2022-02-02",
        "event": "event_id | patient_id | event_type | event_date\nE | P1 | new_primary | 2022-02-02",
    }
    for table, drawing in evidence.items():
        last = date(2022, 2, 1) if table == "lrt_course" else date(2022, 2, 2)
        mart = Mart(tmp_path / table, {**ELIGIBLE, "measurement": "patient_id", table: drawing})
        assert mart.rows("vital_status", "last_alive_date", "last_alive_source")[0] == (last, table)


def test_first_recurrence_of_each_kind(tmp_path: Path) -> None:
    drawn = events(
        "regional | 2020-12-01", "regional | 2020-11-01", "new_oligomet | 2020-10-01", "polymet | 2020-10-01"
    )
    mart = Mart(tmp_path, {**ELIGIBLE, **drawn})
    assert mart.rows("recurrence", "patient_id", "event_type", "days_since_lrt", "is_first") == [
        ("P1", "new_oligomet", 243, True),
        ("P1", "polymet", 243, True),
        ("P1", "regional", 274, False),
    ]
