"""Every result table: whole where data are, a status and a sentence where they are not, the same twice."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import polars as pl
import pytest

import schemas
from registry_pipeline.core.settings import Settings, Study
from registry_pipeline.pipeline.analysis_keys import AnalysisKeys
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.estimation import as_declared
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.study.analysis import Inputs
from registry_pipeline.study.estimates import analyses
from registry_pipeline.study.marts import Marts
from registry_pipeline.study.scenarios import Scenario
from schemas.table import columns_of
from tests.unit.steps.drawn_marts import drawn_marts, result_tables, without_rows

STUDY = Study(bootstrap_replicates=40)
Tables = dict[str, pd.DataFrame]
OF_EVERY_TIME = {"rmst", "logrank_test", "cox_fit", "cox_term", "cox_factor", "ph_test"}
OF_MARTS = tuple(name for name, one in analyses().items() if not one.result_reads)


def tables_of(name: str, marts: Marts, study: Study = STUDY) -> Tables:
    """What an analysis makes of drawn marts."""
    return analyses()[name].tables(Inputs(marts, study))


@pytest.fixture(scope="module")
def marts() -> Marts:
    return drawn_marts()


@pytest.fixture(scope="module")
def made(marts: Marts) -> Tables:
    return {table: rows for name in OF_MARTS for table, rows in tables_of(name, marts).items()}


def test_every_declared_table_is_made_with_known_columns(made: Tables, marts: Marts) -> None:
    tables = result_tables(without_rows(marts), STUDY)
    assert {
        name.partition(".")[2] for name in {*schemas.tables_of("result")} - {*schemas.MADE_WITH_RELEASE}
    } <= set(tables)
    for name, rows in made.items():
        known = {one.name for one in columns_of(schemas.tables()[f"result.{name}"])}
        declared = as_declared(f"result.{name}", rows)
        assert set(declared.columns) == known, name
        if name == "imputed_cox":  # nothing of the model is missing here
            continue
        filled = [one for one in known if declared[one].null_count() < declared.height]
        assert len(filled) >= len(known) / 2, f"{name}: hardly any declared column has a value"


def test_a_table_without_rows_stays_without_rows() -> None:
    assert as_declared("result.km_curve", pd.DataFrame()).height == 0


def test_without_a_patient_every_new_table_says_why(marts: Marts) -> None:
    empty = without_rows(marts)
    for analysis in OF_MARTS:
        for name, rows in tables_of(analysis, empty).items():
            declared = as_declared(f"result.{name}", rows)
            if not {"status", "note"} <= set(declared.columns) or name.startswith("growth_"):
                continue
            if name in OF_EVERY_TIME:  # a row per endpoint and origin that has times
                assert not declared.height, name
                continue
            assert declared.height, name
            assert declared["status"].to_list() == ["not_estimable"] * declared.height, name
            assert declared["note"].str.ends_with(".").all(), name


@pytest.mark.parametrize(
    "name", ["size with and without a cutpoint", "checks of the model", "competing events"]
)
def test_the_same_data_give_the_same_rows(name: str, marts: Marts, made: Tables) -> None:
    for table, rows in tables_of(name, drawn_marts()).items():
        assert as_declared(f"result.{table}", rows).equals(as_declared(f"result.{table}", made[table])), table


def test_the_fixed_cutpoint_stands_beside_the_searched_one(made: Tables, marts: Marts) -> None:
    rows = made["cutpoint_search"]
    rows = rows[rows["origin"] == "lrt_start"].set_index("kind")
    assert rows.loc["fixed", "cutpoint"] == STUDY.cutpoint_mm
    assert rows.loc["fixed", "n_at_or_below"] == int(marts.cohort["is_small"].sum())
    assert rows.loc["searched", "naive_p_value"] <= rows.loc["fixed", "naive_p_value"] + 1e-12
    searched = rows.loc["searched"]
    assert searched["p_value_lausen_92"] > searched["naive_p_value"]
    assert searched["correction"] == "permutation"
    assert searched["p_value_corrected"] == searched["permutation_p_value"] > 0
    assert pd.isna(rows.loc["fixed", "p_value_corrected"])
    candidates = made["cutpoint_candidate"]
    own = candidates[candidates["origin"] == "lrt_start"]
    assert own["statistic"].max() == pytest.approx(rows.loc["searched", "statistic"])
    stability = made["cutpoint_stability"]
    chosen = stability[stability["origin"] == "lrt_start"]
    assert chosen["n_selected"].sum() + chosen["n_without"].iloc[0] == STUDY.bootstrap_replicates


def test_the_spline_is_one_at_its_reference(made: Tables) -> None:
    curve = made["cox_spline"]
    at = curve[np.isclose(curve["value"], curve["reference_value"])]
    assert len(at) == 2
    assert np.allclose(at[["hazard_ratio", "ci_lower", "ci_upper"]].astype(float), 1.0)
    assert (curve["ci_lower"] <= curve["hazard_ratio"] + 1e-12).all()


def test_a_searched_ratio_has_no_interval(made: Tables) -> None:
    """Chosen to be extreme, it would hold the truth in about 70 of 100 searches."""
    rows = made["cutpoint_search"].set_index("kind")
    assert rows["hazard_ratio"].notna().all()
    assert rows.loc[["searched"], ["ci_lower", "ci_upper"]].isna().all(axis=None)
    assert rows.loc[["fixed"], ["ci_lower", "ci_upper"]].notna().all(axis=None)


def test_a_search_in_many_patients_is_corrected_by_the_formula_of_1994(marts: Marts) -> None:
    rows = tables_of("size with and without a cutpoint", marts, replace(STUDY, bootstrap_max_patients=10))[
        "cutpoint_search"
    ]
    searched = rows[rows["kind"] == "searched"]
    assert (searched["correction"] == "lausen_94").all()
    assert (searched["p_value_corrected"] == searched["p_value_lausen_94"]).all()


def test_too_many_patients_for_a_bootstrap_is_said(marts: Marts) -> None:
    few = replace(STUDY, bootstrap_max_patients=10, influence_max_patients=10)
    stability = tables_of("size with and without a cutpoint", marts, few)["cutpoint_stability"]
    assert "bootstrap_max_patients (10)" in stability["note"].iloc[0]
    checks = tables_of("checks of the model", marts, few)
    assert "bootstrap_max_patients" in checks["cox_optimism"]["note"].iloc[0]
    assert "influence_max_patients" in tables_of("growth", marts, few)["growth_influence"]["note"].iloc[0]


def test_influence_names_the_patient_without_whom_the_coefficient_moves(made: Tables) -> None:
    rows = made["cox_influence"]
    for _, part in rows.groupby("term"):
        assert part["rank"].tolist() == list(range(1, len(part) + 1))
        assert part["dfbetas"].abs().is_monotonic_decreasing
        assert np.allclose(part["coefficient"] - part["dfbeta"], part["coefficient_without"])


def test_missing_covariates_are_counted_and_imputed(marts: Marts) -> None:
    cohort = marts.cohort.copy()
    cohort.loc[cohort.index[:7], "age_years"] = np.nan
    changed = replace(marts, cohort=cohort)
    found = tables_of("checks of the model", changed) | tables_of("missing data", changed)
    counted = found["missing_data"].set_index("variable")["n_missing"]
    assert counted["age_years"] == 7
    assert found["missing_pattern"]["n"].sum() == len(cohort)
    terms = found["imputed_cox"].set_index("term")
    assert terms.loc["age_years", "n_missing"] == 7
    assert terms.loc["age_years", "status"] == "ok"
    assert 0 <= terms.loc["age_years", "fraction_missing_information"] < 1


def test_courses_hold_every_patient_once(made: Tables, marts: Marts) -> None:
    courses = made["recurrence_course"]
    assert courses["n"].sum() == len(marts.cohort)
    recurred = courses[courses["course"].str.contains(" > ")]["n"].sum()
    assert recurred == marts.recurrence["patient_id"].nunique()
    assert courses["course"].str.endswith(("death", "alive")).all()


def test_groups_of_recurrence_add_up(made: Tables, marts: Marts) -> None:
    rows = made["recurrence_by_group"]
    any_first = rows[(rows["pattern"] == "any") & (rows["counting"] == "first_overall")]
    for _, part in any_first.groupby("stratum_variable"):
        assert part["n_patients"].sum() == len(marts.cohort)
        assert part["n_event"].sum() == marts.recurrence["patient_id"].nunique()


def test_clusters_are_patients(made: Tables, marts: Marts) -> None:
    rows = made["lesion_local_control"]
    overall = rows[rows["stratum_variable"] == "overall"]
    assert set(overall["n"]) == {2 * len(marts.cohort)}
    assert set(overall["n_cluster"]) == {len(marts.cohort)}
    plain = made["lesion_cox"]
    assert set(plain["n_cluster"]) == {len(marts.cohort)}


def test_growth_curves_pass_through_the_threshold(made: Tables) -> None:
    curve = made["growth_curve"]
    thresholds = made["growth_threshold"]
    for (model, error), part in curve[curve["status"] == "ok"].groupby(["model", "error_model"]):
        own = thresholds[
            (thresholds["model"] == model)
            & (thresholds["error_model"] == error)
            & (thresholds["ci_method"] == "profile")
        ]
        months = own["months"].iloc[0]
        if part["months_since_negative_ct"].min() < months < part["months_since_negative_ct"].max():
            at = np.interp(months, part["months_since_negative_ct"], part["diameter_mm"])
            assert at == pytest.approx(STUDY.cutpoint_mm, rel=0.01), (model, error)
        assert (part["ci_lower"] <= part["diameter_mm"] + 1e-9).all()
        assert (part["scatter_lower"] <= part["ci_upper"]).all()


def test_repeated_measurements_give_rates_and_a_mixed_model(made: Tables) -> None:
    rates = made["growth_serial"]
    assert len(rates) == 12
    assert rates["rate_per_month"].median() == pytest.approx(0.12, abs=0.03)
    mixed = made["growth_mixed"].set_index("parameter")
    assert mixed.loc["rate_per_month", "estimate"] == pytest.approx(0.12, abs=0.03)


def test_landmark_groups_count_those_still_watched(made: Tables, marts: Marts) -> None:
    times = marts.times("os", "lrt_start")
    rows = made["landmark_analysis"]
    for months, part in rows[rows["stratum_variable"] == "had_recurred"].groupby("landmark_months"):
        left = int((times["duration_days"] > months * STUDY.days_per_month).sum())
        assert part["n"].sum() == left
    assert set(rows["horizon_months"]) == {24.0}


def test_frames_cast_to_polars_without_loss(made: Tables) -> None:
    for name, rows in made.items():
        declared = as_declared(f"result.{name}", rows)
        for column, kind in declared.schema.items():
            if kind == pl.Float64:
                assert not declared[column].is_infinite().any(), (name, column)


def test_the_scorecard_and_its_bounds_read_the_interval_from_the_chosen_curve(marts: Marts) -> None:
    study = replace(STUDY, bootstrap_replicates=0, growth_model="linear", growth_error_model="log")
    fewer = replace(marts, lesion_growth=marts.lesion_growth.iloc[:-6])
    tables = result_tables(marts, study, scenarios=[Scenario("fewer lesions", fewer, 6)])

    def months(of: Marts) -> float:
        found = tables_of("growth", of, study)["growth_threshold"]
        chosen = (found["model"] == "linear") & (found["error_model"] == "log")
        return float(found.loc[chosen, "months"].iloc[0])

    card, bounds = (tables[name].query("item == 13").iloc[0] for name in ("scorecard", "bounds"))
    assert card["computed_value"] == months(marts)
    assert "linear, log error" in card["assumption"]
    assert sorted((months(marts), months(fewer))) == pytest.approx([bounds["lowest"], bounds["highest"]])


def test_a_reading_of_few_events_is_fitted_as_the_records_are(marts: Marts) -> None:
    """With fewer than five events per variable only the penalised fit is reported, and the bounds are of it."""
    rare = marts.survival_time.copy()
    rare.loc[rare.groupby(["endpoint", "origin"]).cumcount() > 12, "event"] = 0
    few = replace(marts, survival_time=rare)
    tables = result_tables(few, STUDY, scenarios=[Scenario("the same records", few, 0)])
    term = tables["cox_term"].query("endpoint == 'os' and origin == 'lrt_start' and model == 'multivariable'")
    assert set(term["method"]) == {"firth"}
    row = tables["bounds"].query("item == 10 and part == 'a'").iloc[0]
    assert row["n_scenarios"] - row["n_not_estimable"] == 2
    assert row["lowest"] == row["highest"] == row["computed_value"]


def test_the_interval_censored_onset_knows_its_patients_and_is_drawn_again(made: Tables) -> None:
    onset = made["growth_threshold"].query("model == 'exponential_interval_onset'").set_index("ci_method")
    row = onset.loc["cluster_bootstrap"]
    assert row["n_bootstrap"] == STUDY.bootstrap_replicates
    assert row["ci_lower"] < row["months"] < row["ci_upper"]
    assert onset["note"].str.contains("of a lesion of median rate").all()
    fit = made["growth_fit"].query("model == 'exponential_interval_onset'")
    assert (fit["n_patients"] == 48).all()


class NotingStudy(Study):
    """Parameters that note which of them were read."""

    def __getattribute__(self, name: str) -> object:
        if name in PARAMETERS:
            READ.add(name)
        return super().__getattribute__(name)


PARAMETERS = tuple(field.name for field in fields(Study))
READ: set[str] = set()


@pytest.mark.parametrize("name", sorted(OF_MARTS))
def test_an_analysis_reads_no_parameter_beside_those_of_its_key(name: str, marts: Marts) -> None:
    """Its key holds the parameters that stand in its code; an estimate is kept where only others change."""
    context = SimpleNamespace(settings=Settings(), layout=StoreLayout(Path("nowhere")))
    keys = AnalysisKeys(cast(RefreshContext, context), KeyedTables(Path("nowhere")))
    read = set(keys.parameters_read(name))
    READ.clear()
    analyses()[name].tables(Inputs(marts, NotingStudy(bootstrap_replicates=4)))
    assert read.issuperset(READ)
    assert len(read) < len(PARAMETERS)
