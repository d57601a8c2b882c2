"""A small release built from the declared tables, every text of which is chosen by the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

import schemas
from schemas.constraints import quote
from schemas.derive import dictionary_rows
from schemas.table import columns_of
from tests.unit.reporting.toy_rows import Rows, add, further, row

LANDMARKS = (12.0, 24.0, 36.0, 60.0)
SITES = ("scf", "lung", "other")


def make_release(
    path: Path,
    filler: Callable[[str], str] = lambda name: name.split(".")[-1],
    *,
    n: int = 40,
    statement: str = "Records of real facilities.",
    drop: tuple[str, ...] = (),
) -> Path:
    """Write a release database with a cohort of n patients; 0 gives the tables without rows but for meta."""
    rows = _meta(filler, statement)
    if n:
        rows |= _mart(filler, n) | _results(filler, n) | _quality(filler)
    rows = {name: made for name, made in rows.items() if name not in drop}
    with duckdb.connect(str(path)) as connection:
        for layer in schemas.LAYERS:
            connection.execute(f"CREATE SCHEMA {layer}")
        for name in schemas.tables():
            if name in drop:
                continue
            connection.execute(_create(name))
            if rows.get(name):
                frame = pd.DataFrame(rows[name])
                connection.register("frame", frame)
                connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM frame")
                connection.unregister("frame")
    return path


def _create(name: str) -> str:
    """Columns and types alone, because hostile texts are no codes."""
    columns = columns_of(schemas.tables()[name])
    return f"CREATE TABLE {name} ({', '.join(f'{quote(one.name)} {one.duckdb_type}' for one in columns)})"


def _meta(filler: Callable[[str], str], statement: str) -> dict[str, Rows]:
    parameters = {
        "study.origin": "lrt_start",
        "study.cutpoint_mm": "15.0",
        "study.landmark_months": "12, 24, 36, 60",
        "study.growth_model": "exponential",
        "study.growth_error_model": "additive",
        "privacy.small_cell": "5",
    }
    return {
        "meta.release": [row("meta.release", filler, release_id="R-1", data_statement=statement)],
        "meta.parameter": [row("meta.parameter", filler, name=k, value=v) for k, v in parameters.items()],
        "meta.dictionary": list(dictionary_rows()),
        "meta.submission": [row("meta.submission", filler)],
    }


def _mart(filler: Callable[[str], str], n: int) -> dict[str, Rows]:
    rng = np.random.default_rng(7)
    ids = [f"PATIENT{i:06d}" for i in range(n)]
    size = rng.integers(5, 40, n).astype(float)
    site = [SITES[i % 3] if i % 9 else "other" for i in range(n)]
    days = rng.integers(0, 2500, n)
    dead = rng.random(n) < 0.5
    cohort, times, growth, registry = [], [], [], []
    for i, patient in enumerate(ids):
        cohort.append(
            row(
                "mart.cohort", filler, patient_id=patient, lesion_site_group=site[i],
                scf_vs_other="scf" if site[i] == "scf" else "non_scf", max_diameter_mm=size[i],
                is_small=bool(size[i] <= 15), size_group="small" if size[i] <= 15 else "large",
                age_group=None if i % 11 == 0 else "<50", n_lesions=1 + i % 3,
            )
        )  # fmt: skip
        for endpoint in ("os", "pfs"):
            times.append(
                row(
                    "mart.survival_time", filler, patient_id=patient, endpoint=endpoint, origin="lrt_start",
                    duration_days=int(days[i]), event=int(dead[i]),
                )
            )  # fmt: skip
        growth.append(
            row(
                "mart.lesion_growth", filler, patient_id=patient, lesion_id=f"{patient}-L1", diameter_mm=size[i],
                months_since_negative_ct=float(1 + i % 17), is_included=bool(i % 10),
                exclusion_reason=None if i % 10 else filler("mart.lesion_growth.exclusion_reason"),
            )
        )  # fmt: skip
        registry.append(row("mart.registry_patient", filler, patient_id=patient, is_in_cohort=bool(i % 4)))
    flow = [(50 + n, 10), (40 + n, 2), (38 + n, 38)]
    attrition = [
        row("mart.attrition", filler, step=i + 1, n_before=before, n_excluded=gone, n_after=before - gone)
        for i, (before, gone) in enumerate(flow)
    ]
    recurrence = [row("mart.recurrence", filler, patient_id=one, days_since_lrt=120) for one in ids[:3]]
    return {
        "mart.cohort": cohort,
        "mart.survival_time": times,
        "mart.lesion_growth": growth,
        "mart.registry_patient": registry,
        "mart.attrition": attrition,
        "mart.recurrence": recurrence,
        "curated.patient": [row("curated.patient", filler, patient_id=one) for one in ids],
    }


def _curve(n: int) -> list[dict[str, Any]]:
    survival, made = 1.0, []
    for i in range(min(n, 40)):
        at_risk = n - i
        survival *= 1 - (i % 2) / at_risk
        made.append(
            {
                "duration_days": 40 * (i + 1), "n_at_risk": at_risk, "n_event": i % 2, "n_censored": 1 - i % 2,
                "survival": survival, "ci_lower": survival * 0.8, "ci_upper": min(1.0, survival * 1.1),
            }
        )  # fmt: skip
    return made


def _results(filler: Callable[[str], str], n: int) -> dict[str, Rows]:
    rows: dict[str, Rows] = {}
    strata = {"overall": ["all"], "scf_vs_other": ["scf", filler("strata")], "size_group": ["small", "large"]}
    for endpoint in ("os", "lrfs", "local_control", "pfs", "new_oligomet"):
        for variable, levels in strata.items():
            key = {"endpoint": endpoint, "origin": "lrt_start", "stratum_variable": variable}
            add(rows, filler, "result.logrank_test", **key, p_value=0.04)
            for level in levels:
                own = {**key, "stratum": level}
                add(rows, filler, "result.km_summary", **own, n=n, n_event=n // 2)
                add(rows, filler, "result.rmst", **own, n=n, tau_months=36.0)
                for months in LANDMARKS:
                    add(
                        rows, filler, "result.km_landmark", **own, landmark_months=months, n=n, n_at_risk=n // 2,
                        survival=0.625, ci_lower=0.5, ci_upper=0.75, is_beyond_follow_up=False,
                    )  # fmt: skip
                for point in _curve(n):
                    add(rows, filler, "result.km_curve", **own, **point)
                    if endpoint in ("local_control", "new_oligomet"):
                        point = {k: point[k] for k in ("duration_days", "n_at_risk")}
                        add(
                            rows, filler, "result.cumulative_incidence", **own, **point, cause=1,
                            incidence=0.1, ci_lower=0.05, ci_upper=0.2,
                        )  # fmt: skip
    _models(rows, filler, n)
    _growth(rows, filler, n)
    further(rows, filler, n)
    add(rows, filler, "result.follow_up", definition="reverse_km", n=n)
    add(rows, filler, "result.follow_up", definition=filler("definition"), n=n)
    add(rows, filler, "result.recurrence_pattern", pattern=filler("pattern"), n_patients=n, n_event=10)
    add(rows, filler, "result.scorecard", item=1)
    return rows


def _models(rows: dict[str, Rows], filler: Callable[[str], str], n: int) -> None:
    for model in ("univariable:is_small", f"univariable:{filler('model')}", "multivariable"):
        key = {"endpoint": "os", "origin": "lrt_start", "model": model}
        fit = {"n": n, "n_missing": 0, "n_event": 20, "events_per_variable": 20.0}
        add(rows, filler, "result.cox_fit", **key, **fit, method="efron", status="ok")
        for term in ("is_small", f"histology_group[{filler('term')}]"):
            add(
                rows, filler, "result.cox_term", **key, term=term, method="efron", status="ok",
                hazard_ratio=0.5, ci_lower=0.25, ci_upper=1.0, p_value=0.05,
            )  # fmt: skip
            add(rows, filler, "result.ph_test", **key, transform="km", term=term)


def _growth(rows: dict[str, Rows], filler: Callable[[str], str], n: int) -> None:
    for model in ("exponential", "linear", filler("growth")):
        key = {"model": model, "error_model": "additive"}
        for parameter, estimate in (
            ("threshold_months", 6.0),
            ("rate_per_month", 0.1),
            ("slope_mm_per_month", 2.0),
        ):
            add(
                rows, filler, "result.growth_fit", **key, parameter=parameter, estimate=estimate, status="ok",
                n_lesions=n, residual_sd=4.0,
            )  # fmt: skip
        for method in ("profile", "cluster_bootstrap"):
            add(
                rows, filler, "result.growth_threshold", **key, ci_method=method, months=6.0, ci_lower=4.0,
                ci_upper=8.0, status="ok",
            )  # fmt: skip
        for months in (3.0, 6.0):
            add(rows, filler, "result.surveillance", **key, ct_interval_months=months)
    add(rows, filler, "result.growth_share", interval_months=6.0, n_lesions=n, n_small=n // 2)


def _quality(filler: Callable[[str], str]) -> dict[str, Rows]:
    rows: dict[str, Rows] = {}
    for table in (
        "row_account",
        "rule",
        "finding",
        "quarantine",
        "coercion",
        "rule_result",
        "reconciliation",
    ):
        add(rows, filler, f"quality.{table}")
    return rows
