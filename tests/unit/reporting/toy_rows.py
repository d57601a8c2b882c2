"""Rows of a toy release: a row of any table, and the tables that stand beside the main estimates.

Belongs here: rows. Does not belong here: writing them (toy_release).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import schemas
from schemas.table import columns_of

Rows = list[dict[str, Any]]


def row(table: str, filler: Callable[[str], str], **given: Any) -> dict[str, Any]:
    """A row with every declared column: the given ones, else a value of the column's type."""
    made: dict[str, Any] = {}
    for column in columns_of(schemas.tables()[table]):
        kind = column.kind
        if column.name in given:
            made[column.name] = given[column.name]
        elif kind == "text":
            made[column.name] = filler(f"{table}.{column.name}")
        elif kind == "boolean":
            made[column.name] = True
        elif kind == "date":
            made[column.name] = date(2015, 3, 4)
        elif kind == "timestamp":
            made[column.name] = datetime(2024, 1, 2, 3, 4, 5)
        else:
            made[column.name] = 1 if kind == "integer" else 0.5
    return made


def add(rows: dict[str, Rows], filler: Callable[[str], str], table: str, **given: Any) -> None:
    rows.setdefault(table, []).append(row(table, filler, **given))


def further(rows: dict[str, Rows], filler: Callable[[str], str], n: int) -> None:
    """What stands beside the main estimates: one row or a few of each table."""
    os = {"endpoint": "os", "origin": "lrt_start"}
    size = {**os, "variable": "max_diameter_mm", "n": n, "n_event": 20}
    for value in (10.0, 20.0, 30.0):
        add(
            rows,
            filler,
            "result.cox_spline",
            **size,
            value=value,
            hazard_ratio=1.5,
            ci_lower=0.5,
            ci_upper=4.0,
        )
        add(
            rows,
            filler,
            "result.cutpoint_candidate",
            **size,
            cutpoint=value,
            n_at_or_below=int(value),
            statistic=2.0,
        )
        add(rows, filler, "result.cutpoint_stability", **size, cutpoint=value, n_selected=10, share=0.3)
    for kind in ("fixed", "searched"):
        add(rows, filler, "result.cutpoint_search", **size, kind=kind, cutpoint=15.0, n_at_or_below=20)
    for test in ("overall", filler("test")):
        add(rows, filler, "result.cox_spline_test", **size, test=test)
    model = {**os, "model": "multivariable"}
    for term in ("is_small", f"histology_group[{filler('term')}]"):
        add(rows, filler, "result.cox_influence", **model, term=term, rank=1)
        add(rows, filler, "result.imputed_cox", **model, term=term, n=n, n_missing=6)
        for days in (100, 200, 300):
            for kind in ("residual", "smooth"):
                add(rows, filler, "result.ph_residual", **model, term=term, kind=kind, duration_days=days)
    add(rows, filler, "result.cox_optimism", **model, n=n, n_event=20)
    add(rows, filler, "result.missing_data", n=n, n_missing=6)
    for pattern in (1, 2):
        add(rows, filler, "result.missing_pattern", pattern=pattern, n=n // 2)
    for endpoint in ("local_control", "new_oligomet"):
        own = {"endpoint": endpoint, "origin": "lrt_start", "n": n, "n_event": 10}
        add(rows, filler, "result.gray_test", **own, cause=1)
        for cause in (1, 2):
            for table in ("cause_specific_cox", "fine_gray"):
                add(rows, filler, f"result.{table}", **own, cause=cause, term="is_small", status="ok")
    add(rows, filler, "result.logrank_weighted", **os, stratum_variable="size_group")
    add(rows, filler, "result.rmst_difference", **os, stratum_variable="size_group")
    add(rows, filler, "result.landmark_analysis", **os, stratum_variable="size_group", n=n, n_at_risk=10)
    add(
        rows,
        filler,
        "result.immortal_time",
        **os,
        stratum_variable="overall",
        landmark_months=36.0,
        n_at_risk=10,
    )
    add(rows, filler, "result.lesion_local_control", estimator="kaplan_meier", n=n, n_cluster=n, n_at_risk=10)
    add(rows, filler, "result.lesion_cox", term=filler("lesion_term"), status="ok")
    for variant in ("as reported", filler("variant")):
        add(rows, filler, "result.growth_sensitivity", variant=variant, status="ok", n_lesions=n)
    for months in (1.0, 6.0, 12.0):
        add(
            rows, filler, "result.growth_curve", model="exponential", error_model="additive",
            months_since_negative_ct=months, diameter_mm=5.0 + months, ci_lower=4.0 + months, ci_upper=6.0 + months,
            scatter_lower=months, scatter_upper=20.0 + months, status="ok",
        )  # fmt: skip
    for number in range(6):
        add(rows, filler, "result.growth_influence", months_without=5.0 + number / 10, months=5.5)
        add(rows, filler, "result.growth_serial", status="ok")
    add(rows, filler, "result.growth_mixed", parameter="rate_per_month")
    add(rows, filler, "result.recurrence_by_group", counting="first_overall", n_patients=n, n_event=10)
    add(rows, filler, "result.recurrence_course", n=10)
    for source in ("his", "imaging"):
        add(rows, filler, "curated.patient_xref", source_patient_id=source, match_method="exact")
    add(rows, filler, "quality.linkage_block", n_pairs=3)
    add(
        rows,
        filler,
        "result.bounds",
        headline="item_8a",
        item=8,
        part="a",
        lowest=30.0,
        highest=50.0,
        computed_value=40.0,
    )
    add(rows, filler, "result.bounds_scenario", n_open=10, n_patients=n)
