"""What is suggested by undoing a slip: only where the finding goes, nothing else comes, and hardly anything else would do."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from registry_pipeline.core.settings import Settings
from registry_pipeline.validation.rules.catalogue import catalogue, parameters_of
from registry_pipeline.validation.screening import doubts, trials
from registry_pipeline.validation.screening.cross_table import judge_between_tables
from registry_pipeline.validation.screening.doubts import MOST_TRIALS, Doubts
from registry_pipeline.validation.screening.trials import suggestions
from tests.support.staged import EXTRACT_DATE, screen, staged_of

WOMAN = {"patient_id": "P1", "facility_id": "x", "sex": "F", "birth_date": date(1960, 5, 1)}
TUMOUR = {"tumour_id": "T1", "patient_id": "P1", "facility_id": "x", "dx_date": date(2015, 3, 1)}
DEATH = {"patient_id": "P1", "facility_id": "x", "death_date": date(2019, 11, 20)}
EXAM = {"exam_id": "X1", "patient_id": "P1", "facility_id": "x", "exam_date": date(2018, 6, 20)}
TREATMENT = {"treatment_id": "R1", "tumour_id": "T1", "patient_id": "P1", "facility_id": "x",
             "start_date": date(2015, 3, 20), "end_date": date(2015, 4, 25)}  # fmt: skip
EXCHANGED = TREATMENT | {"start_date": date(2015, 4, 3), "end_date": date(2015, 3, 30)}
MEASUREMENT = {"measurement_id": "M1", "patient_id": "P1", "facility_id": "x", "size_qualifier": "="}


def _tried(*facilities: str, **tables: list[dict[str, Any]]) -> pl.DataFrame:
    """The findings of facilities that have sent the same, with what trials suggest."""
    screened = {
        name: screen(staged_of({"patient": [WOMAN], "primary_tumour": [TUMOUR], **tables}), facility_id=name)
        for name in facilities
    }
    doubtful = {name: Doubts.unpacked(own.doubts.packed()) for name, own in screened.items()}
    tried = suggestions(doubtful, catalogue(), parameters_of(Settings(), EXTRACT_DATE))
    findings = pl.concat(own.findings for own in screened.values())
    return findings.drop("suggestion").join(
        tried, on=["facility_id", "finding_id"], how="left", maintain_order="left"
    )


def _suggested(
    rule_id: str, facilities: tuple[str, ...] = ("x",), **tables: list[dict[str, Any]]
) -> list[str | None]:
    found = _tried(*facilities, **tables).filter(pl.col("rule_id") == rule_id)
    assert found.height, f"{rule_id} is not broken"
    return found["suggestion"].to_list()


@pytest.mark.parametrize(
    ("rule_id", "tables", "expected"),
    [
        # day and month exchanged, a year, a century
        ("V21", {"primary_treatment": [EXCHANGED]}, "2015-03-04"),
        ("V23", {"primary_treatment": [TREATMENT | {"start_date": date(2016, 3, 20), "end_date": None}]}, "2015-03-20"),
        ("S09", {"patient": [WOMAN | {"birth_date": date(1860, 5, 1)}]}, "1960-05-01"),
        # a unit, a decimal point
        ("M01", {"measurement": [MEASUREMENT | {"long_axis_mm": 320.0}]}, "32 mm"),
        ("S19", {"primary_tumour": [TUMOUR | {"tumour_size_mm": 450.0}]}, "45 mm"),
    ],
)  # fmt: skip
def test_a_slip_that_people_make_is_undone(rule_id: str, tables: dict[str, Any], expected: str) -> None:
    """Facilities that know patients and records by the same numbers are tried apart."""
    assert _suggested(rule_id, ("x", "y"), **tables) == [expected, expected]


@pytest.mark.parametrize(("other_mm", "expected"), [(30.0, "32 mm"), (3.1, None)])
def test_what_another_finding_would_come_of_is_not_suggested(other_mm: float, expected: str | None) -> None:
    """32 mm would be ten times the size that was read before."""
    lesion = {"lesion_id": "L1", "patient_id": "P1", "facility_id": "x", "lesion_site": "lung"}
    exams = [
        EXAM | {"imaging_modality": "ct"},
        EXAM | {"exam_id": "X2", "exam_date": date(2018, 8, 20), "imaging_modality": "ct"},
    ]
    series = MEASUREMENT | {"lesion_id": "L1"}
    sizes = [
        series | {"exam_id": "X1", "long_axis_mm": other_mm},
        series | {"measurement_id": "M2", "exam_id": "X2", "long_axis_mm": 320.0},
    ]
    assert _suggested("M01", lesion=[lesion], imaging_exam=exams, measurement=sizes) == [expected]


@pytest.mark.parametrize("day", [date(2020, 1, 31), date(2023, 1, 31), date(1950, 6, 20)])
def test_a_date_that_any_other_day_would_mend_has_no_suggestion(day: date) -> None:
    """An examination after death or before birth: a year less or more may do, and so would half a year or three."""
    assert _suggested("M08", death=[DEATH], imaging_exam=[EXAM | {"exam_date": day}]) == [None]


def test_of_two_items_that_contradict_each_other_no_number_is_suggested() -> None:
    staged = TUMOUR | {"tumour_size_mm": 70.0, "figo_stage": "IB1", "figo_edition": "2009"}
    assert _suggested("V15", primary_tumour=[staged]) == [None]


def test_a_value_in_doubt_of_one_patient_says_nothing_of_another() -> None:
    other = {"patient_id": "P2"}
    rows = {
        "patient": [WOMAN, WOMAN | other],
        "primary_tumour": [TUMOUR, TUMOUR | other | {"tumour_id": "T2"}],
        "primary_treatment": [EXCHANGED, TREATMENT | other | {"treatment_id": "R2", "tumour_id": "T2"}],
    }
    found = _tried("x", **rows).filter(pl.col("rule_id") == "V21")
    assert found.select("patient_id", "suggestion").rows() == [("P1", "2015-03-04")]


def test_trials_have_an_end() -> None:
    sizes = [
        MEASUREMENT | {"measurement_id": f"M{n}", "long_axis_mm": 320.0, "patient_id": f"P{n}"}
        for n in range(MOST_TRIALS)
    ]
    suggested = _suggested("M01", measurement=sizes)
    assert MOST_TRIALS // 4 < sum(text is not None for text in suggested) < MOST_TRIALS


def test_a_patient_with_more_records_than_can_be_copied_has_no_trials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each trial is a copy of all her records: 800 copies of a million would take all memory."""
    other = {"patient_id": "P2"}
    tables = {
        "patient": [WOMAN, WOMAN | other],
        "primary_tumour": [TUMOUR, TUMOUR | other | {"tumour_id": "T2"}],
        "primary_treatment": [EXCHANGED, EXCHANGED | other | {"treatment_id": "R2", "tumour_id": "T2"}],
        "imaging_exam": [EXAM | {"exam_id": f"X{n}"} for n in range(30)],
    }
    assert _suggested("V21", **tables) == ["2015-03-04", "2015-03-04"]
    monkeypatch.setattr(doubts, "MOST_COPIES", 30)
    assert _suggested("V21", **tables) == [None, "2015-03-04"]


def test_records_of_many_findings_are_looked_up_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one after the other in a table of millions."""
    looked_up: list[int] = []
    lookup = doubts._sent

    def counted(table: Any, as_sent: Any, numbers: pl.Series) -> Any:
        looked_up.append(len(numbers))
        return lookup(table, as_sent, numbers)

    monkeypatch.setattr(doubts, "_sent", counted)
    n = doubts.MOST_FINDINGS + 1
    screen(staged_of({"patient": [WOMAN | {"patient_id": f"P{n}", "sex": None} for n in range(n)]}))
    assert looked_up == [doubts.MOST_FINDINGS]


@pytest.mark.parametrize(("few", "n_judgements"), [(0, 2), (100, 1)])
def test_of_few_trials_the_controls_are_judged_with_the_slips(
    few: int, n_judgements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is suggested is the same: a slip is undone, and a day that any other would mend is none."""
    judgements: list[int] = []

    def counted(*given: Any, **how: Any) -> None:
        judgements.append(1)
        judge_between_tables(*given, **how)

    monkeypatch.setattr(trials, "FEW_TRIALS", few)
    monkeypatch.setattr(trials, "judge_between_tables", counted)
    assert _suggested("V21", primary_treatment=[EXCHANGED]) == ["2015-03-04"]
    assert len(judgements) == n_judgements
    exam = EXAM | {"exam_date": date(2020, 1, 31)}
    assert _suggested("M08", death=[DEATH], imaging_exam=[exam]) == [None]
