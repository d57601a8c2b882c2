"""Counts and estimates on their way to analysts: through the gate, then rounded."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from registry_pipeline.core.settings import Analyst
from registry_pipeline.pipeline.analyst.aggregates import (
    _rounded_remark,
    aggregate_tables,
    for_analysts,
    published_aggregates,
    rounded_count,
)
from registry_pipeline.reporting.release.disclosure.relations import people_columns
from tests.unit.reporting.toy_release import make_release


def published(database: Path) -> dict[str, pd.DataFrame]:
    with for_analysts(database, Analyst()) as tables:
        return published_aggregates(tables, Analyst())


@pytest.fixture(scope="module")
def aggregates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return published(make_release(tmp_path_factory.mktemp("toy") / "registry.duckdb"))


def test_every_count_of_people_is_none_or_a_multiple_of_five_of_at_least_eight(
    aggregates: dict[str, pd.DataFrame],
) -> None:
    counts = [
        int(n)
        for rows in aggregates.values()
        for column in people_columns(rows.columns)
        for n in rows[column].dropna()
    ]
    assert len(counts) > 100 and any(counts)
    assert all(n == 0 or (n >= 10 and n % 5 == 0) for n in counts)


def test_no_table_of_single_people_and_no_calendar_month_of_somebody_is_published(
    aggregates: dict[str, pd.DataFrame],
) -> None:
    assert not {name for name, rows in aggregates.items() if "patient_id" in rows}
    assert {"result.km_curve", "result.cumulative_incidence", "mart.attrition"} <= set(aggregates)
    assert not {"result.ph_residual", "result.patient_influence", "mart.cohort"} & set(aggregate_tables())


def test_curves_have_no_counts_and_no_step_of_few(aggregates: dict[str, pd.DataFrame]) -> None:
    for name, level in (("result.km_curve", "survival"), ("result.cumulative_incidence", "incidence")):
        rows = aggregates[name]
        assert len(rows) and level in rows
        assert not {"n_at_risk", "n_event", "n_censored"} & set(rows.columns)


@pytest.mark.parametrize(("n", "rounded"), [(0, 0), (8, 10), (12, 10), (13, 15), (56, 55), (None, None)])
def test_a_count_becomes_the_nearest_multiple(n: int | None, rounded: int | None) -> None:
    assert rounded_count(n, 5) == rounded


@pytest.mark.parametrize(
    ("remark", "rounded"),
    [
        ("134 before, 56 after", "135 before, 55 after"),
        ("31 deaths in 56 patients; 12 months", "30 deaths in 55 patients; 12 months"),
        ("18 of 43 patients are alone", "20 of 45 patients are alone"),
        ("the 15 mm cutpoint, p = 0.031", "the 15 mm cutpoint, p = 0.031"),
        (None, None),
    ],
)
def test_counts_in_sentences_are_rounded_too(remark: str | None, rounded: str | None) -> None:
    assert _rounded_remark(remark, 5) == rounded


def test_published_numbers_that_count_are_rounded(tmp_path: Path) -> None:
    rows = published(make_release(tmp_path / "registry.duckdb", n=40))["result.scorecard"]
    assert len(rows)
    counted = rows[rows["computed"].astype(str).str.isdigit() & (rows["item"] == 1)]
    assert all(int(text) % 5 == 0 for text in counted["computed"])
