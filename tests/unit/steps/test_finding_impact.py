"""Findings ranked by how far they can move three-year survival."""

from __future__ import annotations

import polars as pl
import pytest

from registry_pipeline.study.finding_impact import finding_impact

DAYS = [100, 400, 900, 1200, 1500, 1600]


def _finding(
    name: str, patient: str | None, status: str = "open", severity: str = "error"
) -> dict[str, str | None]:
    return {"finding_id": name, "patient_id": patient, "status": status, "severity": severity}


def _times() -> pl.DataFrame:
    rows = [("os", "lrt_start", f"P{n}", days, n % 2) for n, days in enumerate(DAYS)]
    rows += [("os", "omd_dx", f"P{n}", days + 50, n % 2) for n, days in enumerate(DAYS)]
    names = ("endpoint", "origin", "patient_id", "duration_days", "event")
    return pl.DataFrame(rows, schema=list(names), orient="row")


def test_the_finding_that_moves_survival_farthest_is_first_and_patients_out_are_bounded() -> None:
    findings = pl.DataFrame(
        [_finding("in", "P1"), _finding("late", "P5", "sent", "warning"), _finding("out", "P9"), _finding("again", "P1"),
         _finding("closed", "P1", "waived"), _finding("info", "P1", severity="info"), _finding("nobody", None),
         _finding("elsewhere", "P8")]
    )  # fmt: skip
    quarantine = pl.DataFrame({"patient_id": ["P9", None, "P1"]})
    impact = finding_impact(findings, _times(), quarantine)
    rows = {row["finding_id"]: row for row in impact.iter_rows(named=True)}
    assert set(rows) == {"in", "late", "out", "again"}
    # 6 patients, one event (day 400, 5 at risk) before 1096 days
    assert rows["in"]["value_now"] == pytest.approx(0.8) and rows["in"][
        "value_if_confirmed"
    ] == pytest.approx(0.8)
    assert rows["in"]["value_if_corrected"] == pytest.approx(1.0)
    assert rows["late"]["value_if_corrected"] == pytest.approx(0.75)
    assert rows["out"]["value_if_corrected"] == pytest.approx(
        5 / 6 * 3 / 4
    )  # an event after day 900, three left
    assert [rows[name]["rank"] for name in ("in", "again", "out", "late")] == [1, 1, 3, 4]


def test_without_anybody_or_anything_there_is_no_row() -> None:
    nothing = pl.DataFrame(schema={"patient_id": pl.String})
    assert finding_impact(pl.DataFrame([_finding("a", "P1")]), _times().clear(), nothing).is_empty()
    assert finding_impact(pl.DataFrame([_finding("a", None)]), _times(), nothing).is_empty()
