"""The record of an analysis: it makes what it declares, of nothing but what it declares to read."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import schemas
from registry_pipeline.core.settings import Study
from registry_pipeline.pipeline.estimation import as_declared
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables
from registry_pipeline.study.estimates import _in_order, analyses
from registry_pipeline.study.mart_reader import MartReader, UndeclaredTable, times_of
from registry_pipeline.study.marts import MART_TABLES
from tests.unit.steps.drawn_marts import drawn_marts


def nothing(_: Inputs) -> Tables:
    return {}


def test_every_result_table_is_made_by_one_analysis() -> None:
    makes = [table for one in analyses().values() for table in one.makes]
    estimated = {*schemas.tables_of("result")} - {*schemas.MADE_WITH_RELEASE}
    assert sorted(makes) == sorted(name.partition(".")[2] for name in estimated)


def test_an_analysis_comes_after_those_whose_tables_it_reads() -> None:
    made: set[str] = set()
    for one in analyses().values():
        assert set(one.result_reads) <= made, one.name
        made |= set(one.makes)


def test_a_table_without_a_schema_cannot_register() -> None:
    with pytest.raises(ValueError, match="without a schema: km_curves"):
        Analysis("curves", ("mart.cohort",), ("km_curves",), nothing)
    with pytest.raises(ValueError, match=r"nobody declares: mart\.cohorts"):
        Analysis("curves", ("mart.cohorts",), ("km_curve",), nothing)


def test_a_table_that_nobody_makes_or_two_make_is_refused() -> None:
    every = list(analyses().values())
    with pytest.raises(ValueError, match=r"no analysis makes .*km_curve"):
        _in_order([one for one in every if "km_curve" not in one.makes])
    with pytest.raises(ValueError, match="two analyses"):
        _in_order([*every, Analysis("again", ("mart.cohort",), ("km_curve",), nothing)])


def test_a_table_that_was_not_declared_cannot_be_read_by_any_way_in() -> None:
    marts = drawn_marts()
    ways = {
        "column": lambda of: of["patient_id"],
        "attribute": lambda of: of.columns,
        "length": len,
        "rows": list,
        "membership": lambda of: "patient_id" in of,
    }
    for name in MART_TABLES:
        restricted = MartReader(marts, [table for table in MART_TABLES if table != name], "test")
        for way, read in ways.items():
            with pytest.raises(UndeclaredTable, match=f"'test' reads mart.{name} and"):
                pytest.fail(f"{name} by {way}: {read(getattr(restricted, name))}")
    blind = MartReader(marts, [table for table in MART_TABLES if table != "cohort"], "test")
    with pytest.raises(UndeclaredTable):
        blind.times("os", "lrt_start")


def test_making_another_table_than_declared_is_an_error() -> None:
    analysis = Analysis("curves", ("mart.cohort",), ("km_curve",), lambda _: {"km_summary": pd.DataFrame()})
    with pytest.raises(ValueError, match=r"made \['km_summary'\] and declares \['km_curve'\]"):
        analysis.tables(Inputs(drawn_marts(), Study()))


def test_an_analysis_says_what_it_read_and_makes_the_pairs_it_is_asked_for() -> None:
    inputs, follow_up = Inputs(drawn_marts(), Study()), analyses()["follow-up"]
    assert follow_up.result(inputs).reads == {"mart.cohort", times_of("os", Study().origin)}
    analysis = analyses()["comparisons of groups"]
    assert analysis.pairs is not None
    first, second = list(analysis.pairs(()))[1:3]
    both = analysis.tables(replace(inputs, pairs=(first, second)))
    part = analysis.result(replace(inputs, pairs=(second,)))
    assert part.reads == {times_of(*second)}
    for table, rows in both.items():
        own = rows[(rows["endpoint"] == second[0]) & (rows["origin"] == second[1])]
        declared = as_declared(f"result.{table}", own.reset_index(drop=True))
        assert as_declared(f"result.{table}", part.tables[table]).equals(declared), table


def test_an_analysis_of_pairs_reads_nothing_beside_them() -> None:
    analysis = Analysis(
        "curves", TIMES, ("km_curve",), lambda inputs: {"km_curve": inputs.marts.cohort}, pairs=tuple
    )
    with pytest.raises(ValueError, match=r"'curves' reads \['mart.cohort'\] beyond the times of its pairs"):
        analysis.tables(Inputs(drawn_marts(), Study()))


def test_marts_with_other_covariates_are_looked_up_anew() -> None:
    """Lookups are kept with the table they were made in: a copy of the marts shares them."""
    marts = drawn_marts()
    before = marts.times("os", "lrt_start")["age_years"]
    older = replace(marts, cohort=marts.cohort.assign(age_years=marts.cohort["age_years"] + 1))
    assert (older.times("os", "lrt_start")["age_years"] == before + 1).all()
    fewer = replace(marts, survival_time=marts.survival_time.iloc[1:].reset_index(drop=True))
    assert len(fewer.times(*marts.survival_time.iloc[0][["endpoint", "origin"]])) == len(before) - 1
