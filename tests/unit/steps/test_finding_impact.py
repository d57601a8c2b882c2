"""Findings ranked by how far they can move the study's numbers."""

from __future__ import annotations

import polars as pl
import pytest

from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import Inputs
from registry_pipeline.study.finding_impact import finding_impact
from registry_pipeline.study.marts import MART_TABLES, Marts
from registry_pipeline.study.patient_influence import patient_influence_results

DAYS = [100, 400, 900, 1200, 1500, 1600]
NO_EPISODE = pl.DataFrame(schema={"patient_id": pl.String})


def _finding(
    name: str, patient: str | None, status: str = "open", severity: str = "error"
) -> dict[str, str | None]:
    return {"finding_id": name, "patient_id": patient, "status": status, "severity": severity}


def _numbers(origin: str = "lrt_start") -> tuple[pl.DataFrame, pl.DataFrame]:
    """What six patients do to survival; they have no size and no growth."""
    rows = [("os", origin, f"P{n}", days, n % 2) for n, days in enumerate(DAYS)]
    names = ["endpoint", "origin", "patient_id", "duration_days", "event"]
    times = pl.DataFrame(rows, schema=names, orient="row").to_pandas()
    patients = pl.DataFrame({"patient_id": [f"P{n}" for n in range(6)]}).to_pandas()
    empty = pl.DataFrame(schema={"patient_id": pl.String, "is_included": pl.Boolean}).to_pandas()
    tables = dict.fromkeys(MART_TABLES, empty) | {"survival_time": times, "cohort": patients}
    tables |= {"registry_patient": patients}
    results = patient_influence_results(Inputs(Marts(**tables), Study()))
    return pl.from_pandas(results["patient_influence"]), pl.from_pandas(results["one_more_patient"])


def _quarantine(*records: tuple[str | None, str]) -> pl.DataFrame:
    return pl.DataFrame(
        list(records), schema={"patient_id": pl.String, "table_name": pl.Categorical}, orient="row"
    )


def test_the_finding_that_moves_survival_farthest_is_first_and_patients_out_are_bounded() -> None:
    findings = pl.DataFrame(
        [_finding("in", "P1"), _finding("late", "P5", "sent", "warning"), _finding("out", "P9"), _finding("again", "P1"),
         _finding("closed", "P1", "waived"), _finding("info", "P1", severity="info"), _finding("nobody", None),
         _finding("elsewhere", "P8"), _finding("episode", "P7"), _finding("never", "P6")]
    )  # fmt: skip
    quarantine = _quarantine(
        ("P9", "lesion"), (None, "lesion"), ("P1", "death"), ("P7", "death"), ("P6", "followup")
    )
    episodes = pl.DataFrame({"patient_id": ["P7", "P1"]})
    impact = finding_impact(findings, *_numbers(), quarantine, episodes)
    assert set(impact["measure"]) == {"os_36_months"}
    rows = {row["finding_id"]: row for row in impact.iter_rows(named=True)}
    assert set(rows) == {
        "in",
        "late",
        "out",
        "again",
        "episode",
    }  # without an episode nobody comes into the cohort
    # 6 patients, one event (day 400, 5 at risk) before 1096 days
    assert rows["in"]["value_now"] == rows["in"]["value_if_confirmed"] == pytest.approx(0.8)
    assert rows["in"]["value_if_corrected"] == pytest.approx(1.0)
    assert rows["late"]["value_if_corrected"] == pytest.approx(0.75)
    # an event after day 900, three left
    assert rows["out"]["value_if_corrected"] == pytest.approx(5 / 6 * 3 / 4)
    assert rows["episode"]["value_if_corrected"] == rows["out"]["value_if_corrected"]
    assert [rows[name]["method"] for name in ("in", "out")] == ["exact", "bound"]
    assert [rows[name]["rank"] for name in ("in", "again", "out", "late")] == [1, 1, 3, 5]
    shifts = [rows[name]["standardised_shift"] for name in ("in", "out", "late")]
    assert shifts == sorted(shifts, reverse=True) and shifts[2] > 0


def test_without_a_cohort_findings_are_ranked_by_the_survival_of_the_registry() -> None:
    findings = pl.DataFrame([_finding("in", "P1"), _finding("out", "P9")])
    influence, one_more = _numbers("primary_dx")
    reasons = dict(one_more.select("measure", "note").iter_rows())
    assert reasons["os_36_months_registry"] == "" and all(
        reasons[name] for name in ("os_36_months", "hazard_ratio_size", "months_to_cutpoint")
    )
    impact = finding_impact(findings, influence, one_more, _quarantine(("P9", "death")), NO_EPISODE)
    assert set(impact["measure"]) == {"os_36_months_registry"} and impact.height == 2


def test_a_number_that_is_lost_without_a_patient_comes_first() -> None:
    influence, one_more = _numbers()
    lost = pl.when(pl.col("patient_id") == "P0").then(None).otherwise(pl.col("value_without"))
    findings = pl.DataFrame([_finding("lost", "P0"), _finding("in", "P1")])
    impact = finding_impact(
        findings, influence.with_columns(lost.alias("value_without")), one_more, _quarantine(), NO_EPISODE
    )
    rows = {row["finding_id"]: row for row in impact.iter_rows(named=True)}
    assert rows["lost"]["rank"] == 1 and rows["lost"]["standardised_shift"] is None
    assert rows["in"]["rank"] == 2


def test_without_anybody_or_anything_there_is_no_row() -> None:
    influence, one_more = _numbers()
    nobody = (influence.clear(), one_more.with_columns(value_now=pl.lit(None, dtype=pl.Float64)))
    assert finding_impact(pl.DataFrame([_finding("a", "P1")]), *nobody, _quarantine(), NO_EPISODE).is_empty()
    unowned = pl.DataFrame([_finding("a", None)], schema_overrides={"patient_id": pl.String})
    assert finding_impact(unowned, influence, one_more, _quarantine(), NO_EPISODE).is_empty()
