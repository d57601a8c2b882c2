"""Screening as a whole: quarantine, positions, ids, systemic findings, results, accounting."""

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue
from registry_pipeline.validation.screening.screen import ScreenOptions
from registry_pipeline.validation.screening.screened import Screened
from schemas.table import columns_of
from tests.support.staged import Staged, screen, staged_of

WOMAN = {"patient_id": "P1", "facility_id": "x", "sex": "F", "birth_date": date(1960, 1, 1)}
TUMOUR = {"tumour_id": "T1", "patient_id": "P1", "facility_id": "x", "dx_date": date(2015, 5, 1)}
EPISODE = {
    "episode_id": "E1",
    "patient_id": "P1",
    "facility_id": "x",
    "omd_dx_date": date(2017, 4, 1),
    "is_index": True,
}
LESION = {
    "lesion_id": "L1",
    "episode_id": "E1",
    "patient_id": "P1",
    "facility_id": "x",
    "lesion_site": "lung",
    "laterality": "L",
    "detection_date": date(2017, 4, 1),
}
EXAM = {"exam_id": "X1", "patient_id": "P1", "facility_id": "x", "exam_date": date(2017, 4, 1)}
SIZE = {"measurement_id": "M1", "exam_id": "X1", "lesion_id": "L1", "patient_id": "P1", "facility_id": "x"}


def _registry(**changes: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    base = {
        "patient": WOMAN,
        "primary_tumour": TUMOUR,
        "omd_episode": EPISODE,
        "lesion": LESION,
        "imaging_exam": EXAM,
        "measurement": SIZE | {"long_axis_mm": 12.0},
    }
    return {
        name: [{**row, **changes.get(name, {}), "_row_id": at}]
        for at, (name, row) in enumerate(base.items(), 1)
    }


def _rules_of(done: Screened, severity: str = "error") -> list[str]:
    return sorted(done.findings.filter(pl.col("severity") == severity)["rule_id"].to_list())


def test_a_clean_registry_has_no_error() -> None:
    done = screen(staged_of(_registry()))
    assert _rules_of(done) == []
    assert done.failures == {}
    assert all(frame.is_empty() for frame in done.quarantined.values())
    assert done.accepted["measurement"].height == 1
    assert {"_row_id", "_row_ids"} <= set(done.accepted["measurement"].columns)


def test_every_table_is_there_with_every_column_even_when_nothing_was_sent() -> None:
    done = screen(staged_of({}))
    wanted = schemas.tables_of("curated")
    assert {f"curated.{name}" for name in done.accepted} == set(wanted)
    for name, model in wanted.items():
        assert {one.name for one in columns_of(model)} <= set(done.accepted[name.split(".")[1]].columns)
    assert done.findings.is_empty()
    assert set(done.rule_results["status"]) == {"not_applicable"}


def test_children_follow_a_quarantined_parent_without_findings_of_their_own() -> None:
    done = screen(staged_of(_registry(patient={"sex": "M"})))
    assert _rules_of(done) == ["V02"]
    assert {name for name, frame in done.quarantined.items() if frame.height} == set(_registry())
    reasons = {
        row["table_name"]: (row["reason"], row["cause"]) for row in done.quarantine.iter_rows(named=True)
    }
    assert reasons["patient"] == ("own", "V02")
    assert reasons["omd_episode"] == ("parent", "patient P1")
    assert set(done.quarantine["patient_id"]) == {"P1"}


def test_the_cascade_reaches_grandchildren() -> None:
    done = screen(staged_of(_registry(imaging_exam={"exam_date": date(2190, 1, 1)})))
    assert {name for name, frame in done.quarantined.items() if frame.height} == {
        "imaging_exam",
        "measurement",
    }


def test_a_reference_to_nothing_is_a_finding() -> None:
    done = screen(staged_of(_registry(measurement={"lesion_id": "L9"})))
    found = done.findings.filter(pl.col("rule_id") == "S18").row(0, named=True)
    assert (found["table_name"], found["items"], found["value_text"]) == ("measurement", "lesion_id", "L9")
    assert done.quarantined["measurement"].height == 1


def test_a_warning_quarantines_nothing() -> None:
    done = screen(staged_of(_registry(measurement={"long_axis_mm": 2.0})))
    assert "M01" in _rules_of(done, "warning")
    assert done.accepted["measurement"].height == 1


def test_eligibility_is_not_validity() -> None:
    done = screen(staged_of(_registry(lesion={"lesion_site": "brain", "laterality": None})))
    assert "E04" in _rules_of(done, "info")
    assert done.accepted["lesion"].height == 1


def test_severity_and_thresholds_can_be_overridden() -> None:
    staged = staged_of(_registry(measurement={"long_axis_mm": 250.0}))
    softened = catalogue().overridden({"M01": {"severity": "warning"}})
    assert _rules_of(screen(staged, softened)) == []
    widened = catalogue().overridden(
        {"M01": {"thresholds": {"maximum_mm": 300.0, "usual_maximum_mm": 300.0}}}
    )
    assert "M01" not in screen(staged, widened).findings["rule_id"]
    off = screen(staged, catalogue().overridden({"M01": {"severity": "off"}}))
    assert "M01" not in off.findings["rule_id"]
    result = off.rule_results.filter(pl.col("rule_id") == "M01").row(0, named=True)
    assert (result["status"], result["n_denominator"]) == ("not_applicable", 0)


def test_findings_point_at_the_cell() -> None:
    def raw_value(wanted: pl.DataFrame) -> pl.DataFrame:
        return wanted.with_columns(pl.lit("25 cm").alias("value_text"))

    staged = staged_of(
        _registry(measurement={"long_axis_mm": 250.0}),
        rows=[
            {
                "_row_id": 6,
                "submission_id": "s7",
                "source_file": "ct.xlsx",
                "sheet": "2019",
                "source_row": 31,
                "source_name": "ct",
            }
        ],
        source_columns={("ct", "measurement", "long_axis_mm"): "最大径(cm)"},
    )
    done = screen(staged, options=ScreenOptions(raw_value=raw_value))
    found = done.findings.filter(pl.col("rule_id") == "M01").row(0, named=True)
    assert (found["submission_id"], found["source_file"], found["sheet"]) == ("s7", "ct.xlsx", "2019")
    assert (found["source_row"], found["source_column"], found["value_text"]) == (31, "最大径(cm)", "25 cm")
    assert found["record_key"] == "M1"


def test_a_finding_points_at_the_row_that_gave_the_item() -> None:
    base = {"patient_id": "P1", "facility_id": "x"}
    rows = [{**base, "birth_date": date(1960, 1, 1), "_row_id": 1}, {**base, "sex": "M", "_row_id": 2}]
    found = screen(staged_of({"patient": rows})).findings.filter(pl.col("rule_id") == "V02")
    assert found["source_row"].to_list() == [3]


def _ids(staged: Staged) -> set[str]:
    done = screen(staged)
    assert done.findings.height > 0
    return set(done.findings["finding_id"])


def test_ids_do_not_depend_on_row_file_or_value() -> None:
    first = _ids(staged_of(_registry(measurement={"long_axis_mm": 250.0})))
    other = _registry(measurement={"long_axis_mm": 900.0})
    for rows in other.values():
        rows[0]["_row_id"] += 40
    moved = [
        {
            "_row_id": 46,
            "submission_id": "s9",
            "source_file": "renamed.csv",
            "sheet": "",
            "source_row": 500,
            "source_name": "source0",
        }
    ]
    assert _ids(staged_of(other, rows=moved)) == first


def test_ids_depend_on_rule_record_and_items() -> None:
    done = screen(staged_of(_registry(measurement={"long_axis_mm": 250.0, "short_axis_mm": 300.0})))
    assert done.findings["finding_id"].n_unique() == done.findings.height
    again = screen(staged_of(_registry(measurement={"long_axis_mm": 250.0, "measurement_id": "M2"})))
    measured = pl.col("table_name") == "measurement"
    first = set(done.findings.filter(measured)["finding_id"])
    assert first and not first & set(again.findings.filter(measured)["finding_id"])


def test_records_without_a_key_are_findings_that_can_be_told_apart() -> None:
    done = screen(staged_of({"patient": [{"facility_id": "x", "sex": "F"}] * 3}))
    found = done.findings.filter((pl.col("rule_id") == "S14") & (pl.col("items") == "patient_id"))
    assert found["record_key"].to_list() == ["?#1", "?#2", "?#3"]
    assert done.quarantined["patient"].height == 3


def test_an_unreadable_required_value_is_one_finding() -> None:
    issue = {
        "table_name": "patient",
        "_row_id": 1,
        "column_name": "sex",
        "source_column": "性别",
        "rule_id": "S05",
        "reason": "not in the list",
        "value_text": "??",
    }
    done = screen(staged_of(_registry(patient={"sex": None}), issues=[issue]))
    assert _rules_of(done) == ["S05"]
    found = done.findings.filter(pl.col("rule_id") == "S05").row(0, named=True)
    assert (found["value_text"], found["source_column"]) == ("??", "性别")


def test_issues_of_superseded_rows_are_not_findings() -> None:
    issue = {
        "table_name": "patient",
        "_row_id": 1,
        "column_name": "sex",
        "rule_id": "S05",
        "value_text": "??",
    }
    rows = [{**WOMAN, "_row_id": 1, "_submission_no": 1}, {**WOMAN, "_row_id": 2, "_submission_no": 2}]
    done = screen(staged_of({"patient": rows}, issues=[issue]))
    assert "S05" not in done.findings["rule_id"]
    assert done.row_account.select("n_read", "n_curated", "n_superseded").rows() == [(2, 1, 1)]


def test_file_issues_keep_their_own_severity() -> None:
    issue = {"rule_id": "S02", "severity": "warning", "column_name": "备注", "reason": "unexpected column"}
    done = screen(staged_of({}, file_issues=[issue]))
    found = done.findings.row(0, named=True)
    assert (found["severity"], found["table_name"], found["items"]) == ("warning", "file", "备注")
    assert found["message"].endswith("(unexpected column)")


def _many(n: int, bad: int) -> Staged:
    rows = [
        {
            **WOMAN,
            "patient_id": f"P{at}",
            "sex": "M" if at < bad else "F",
            "birth_date": date(1950, 1, 1 + at % 28),
        }
        for at in range(n)
    ]
    return staged_of({"patient": rows})


def test_a_rule_that_most_rows_break_is_also_one_systemic_finding() -> None:
    done = screen(_many(40, 30))
    found = done.findings.filter(pl.col("rule_id") == "V02")
    systemic = found.filter(pl.col("record_key").str.starts_with("systemic"))
    assert (found.height, systemic.height) == (31, 1)
    assert systemic["message"][0].startswith("30 of 40 rows")
    assert done.rule_results.filter(pl.col("rule_id") == "V02")["n_violated"].to_list() == [30]


@pytest.mark.parametrize(("n", "bad"), [(40, 15), (20, 20)])
def test_few_rows_are_not_systemic(n: int, bad: int) -> None:
    found = screen(_many(n, bad)).findings.filter(pl.col("rule_id") == "V02")
    assert not found["record_key"].str.starts_with("systemic").any()


def test_a_failing_rule_never_stops_the_screening() -> None:
    rules = catalogue()
    file = rules.entries["M08"].judged_by
    broken = replace(
        rules.entries["M08"], judged_by=replace(file, query="SELECT no_such_column FROM nowhere")
    )  # type: ignore[type-var]
    done = screen(staged_of(_registry()), Catalogue({**rules.entries, "M08": broken}))
    result = done.rule_results.filter(pl.col("rule_id") == "M08").row(0, named=True)
    assert result["status"] == "failed_to_run"
    assert set(done.failures) == {"M08"}
    assert done.accepted["patient"].height == 1


def test_results_are_counted_against_what_was_judged() -> None:
    done = screen(_many(10, 3))
    result = done.rule_results.filter(pl.col("rule_id") == "V02").row(0, named=True)
    assert (result["status"], result["n_violated"], result["n_denominator"]) == ("findings", 3, 10)
    assert done.rule_results["rule_id"].is_unique().all()
    assert (done.rule_results["n_violated"] <= done.rule_results["n_denominator"]).all()


def test_frames_have_the_columns_of_their_tables() -> None:
    done = screen(staged_of(_registry(patient={"sex": "M"})))
    for name in ("finding", "rule_result", "row_account", "quarantine"):
        frame = getattr(done, {"finding": "findings", "rule_result": "rule_results"}.get(name, name))
        wanted = [one.name for one in columns_of(schemas.tables()[f"quality.{name}"])]
        assert set(wanted) <= set(frame.columns), name
    schemas.tables()["quality.finding"].validate(done.findings, lazy=True)
    schemas.tables()["quality.row_account"].validate(done.row_account, lazy=True)


ROW = st.fixed_dictionaries(
    {
        "patient_id": st.sampled_from(["P1", "P2", "P3", None]),
        "sex": st.sampled_from(["F", "M", None]),
        "_source_no": st.integers(0, 1),
        "_submission_no": st.integers(0, 2),
    }
)
CONTACT = st.fixed_dictionaries(
    {
        "followup_id": st.sampled_from(["F1", "F2", None]),
        "patient_id": st.sampled_from(["P1", "P2", "P9"]),
        "contact_date": st.sampled_from([date(2020, 1, 1), None]),
        "_submission_no": st.integers(0, 2),
    }
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    patients=st.lists(ROW, max_size=12),
    contacts=st.lists(CONTACT, max_size=8),
    fates=st.lists(st.sampled_from([None, "blank", "rejected", "superseded"]), max_size=5),
)
def test_every_row_has_one_fate(
    patients: list[dict[str, Any]], contacts: list[dict[str, Any]], fates: list[str | None]
) -> None:
    people = [{"facility_id": "x", "birth_date": date(1960, 1, 1), **row} for row in patients]
    followup = [{"facility_id": "x", **row, "_row_id": at} for at, row in enumerate(contacts, 5)]
    extra = [
        {
            "_row_id": 1000 + at,
            "submission_id": "s1",
            "source_file": "file0.csv",
            "sheet": "",
            "source_row": at,
            "source_name": "source0",
            "fate": fate,
        }
        for at, fate in enumerate(fates)
    ]
    staged = staged_of({"patient": people, "followup": followup}, rows=extra)
    few = Catalogue({name: catalogue().entries[name] for name in ("S10", "S14", "S16", "S18", "V01", "V02")})
    account = screen(staged, few).row_account
    parts = [name for name in account.columns if name.startswith("n_") and name != "n_read"]
    assert account.select(pl.sum_horizontal(parts).alias("n"), "n_read").rows() == [
        (n, n) for n in account["n_read"].to_list()
    ]
    assert account["n_read"].sum() == staged.rows.height


def test_an_issue_of_a_wide_row_belongs_to_the_record_that_it_names() -> None:
    rows = [{**LESION, "_row_id": 9, "lesion_id": lesion} for lesion in ("L1", "L2")]
    issue = {
        "table_name": "lesion",
        "_row_id": 9,
        "column_name": "laterality",
        "rule_id": "S05",
        "value_text": "??",
        "reason": "not_in_code_list",
    }
    staged = staged_of({"lesion": rows}, issues=[issue])
    staged.issues = staged.issues.with_columns(pl.lit("L2").alias("_record_key"))
    found = screen(staged).findings.filter(pl.col("rule_id") == "S05")
    assert found["record_key"].to_list() == ["L2"]
    assert found["message"][0].endswith("(not in the code list or the mapping)")


def test_several_broken_files_of_one_source_are_several_findings() -> None:
    issue = {"rule_id": "S01", "reason": "no encoding fits"}
    staged = staged_of({}, file_issues=[issue, {**issue, "source_file": "file1.csv"}])
    staged.file_issues = staged.file_issues.with_columns(pl.lit("his").alias("source_name"))
    assert screen(staged).findings["record_key"].to_list() == ["his", "his#2"]
