"""An analysis of which nothing that it read has changed is kept, and so are its endpoints: what is kept is what would be made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from registry_pipeline.pipeline import estimation
from registry_pipeline.pipeline.analysis_keys import AnalysisKeys
from registry_pipeline.pipeline.context import RefreshContext, read_context
from registry_pipeline.pipeline.estimation import Estimation
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.study.estimates import analyses
from registry_pipeline.study.mart_reader import Pair
from tests.support.registry_home import QUICK_SETTINGS, small_home
from tests.unit.steps.drawn_marts import drawn_marts

NAMES = ("survival", "comparisons of groups", "follow-up", "recurrences")


@pytest.fixture(scope="module")
def marts() -> dict[str, pl.DataFrame]:
    drawn = {name: frame for name, frame in vars(drawn_marts()).items() if isinstance(frame, pd.DataFrame)}
    times = drawn["survival_time"].assign(censor_reason="end of observation")
    drawn["survival_time"] = times[times["endpoint"].isin(["os", "pfs"])]
    return {name: pl.from_pandas(frame, nan_to_null=True) for name, frame in drawn.items()}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[Pair]]]:
    """Analysis -> endpoints and origins, as they are made."""
    ran: dict[str, list[Pair]] = {}
    run_analyses = estimation.run_analyses

    def noted(
        names: object, inputs: object, progress: object, stored: object, pairs: dict[str, list[Pair]]
    ) -> object:
        ran.update({name: list(own) for name, own in pairs.items()})
        return run_analyses(names, inputs, progress, None, pairs)  # type: ignore[arg-type]

    monkeypatch.setattr(estimation, "run_analyses", noted)
    yield ran


class Store:
    """A store whose mart is given."""

    def __init__(self, root: Path) -> None:
        self.home = small_home(root)

    def keep(self, marts: dict[str, pl.DataFrame]) -> RefreshContext:
        """Write the mart."""
        context = read_context(self.home)
        keyed = KeyedTables(context.layout.layer("mart"))
        keyed.folder.mkdir(parents=True, exist_ok=True)
        for name, frame in marts.items():
            frame.write_parquet(keyed.path(name))
            keyed.remember(name, "", frame.height)
        keyed.save()
        return context

    def bounds_key(self, marts: dict[str, pl.DataFrame], end: str) -> str:
        """What the bounds of the headline numbers rest on, if the observation ends on a day."""
        settings = QUICK_SETTINGS.format(refresh="").replace("2023-06-30", end)
        self.home.settings_file.write_text(f"{settings}bootstrap_max_patients = 10\n")
        context = self.keep(marts)
        return AnalysisKeys(context, KeyedTables(context.layout.layer("result"))).key("bounds")

    def estimate(self, marts: dict[str, pl.DataFrame], force: bool = False) -> dict[str, bytes]:
        """Result tables as bytes."""
        context = self.keep(marts)
        results = KeyedTables(context.layout.layer("result"), force)
        results.folder.mkdir(parents=True, exist_ok=True)
        Estimation(context, results, lambda _: None).make(NAMES)
        results.save()
        return {table: results.path(table).read_bytes() for name in NAMES for table in analyses()[name].makes}


def a_day_less(marts: dict[str, pl.DataFrame], endpoint: str, origin: str) -> dict[str, pl.DataFrame]:
    """The same marts, with one patient watched for a day less."""
    times = marts["survival_time"].with_row_index("row")
    row = times.filter(endpoint=endpoint, origin=origin)["row"][0]
    shorter = pl.col("duration_days") - (pl.col("row") == row).cast(pl.Int64)
    return {**marts, "survival_time": times.with_columns(shorter).drop("row")}


def test_endpoints_whose_times_did_not_change_are_kept(
    tmp_path: Path, marts: dict[str, pl.DataFrame], run: dict[str, list[Pair]]
) -> None:
    store = Store(tmp_path / "home")
    before = store.estimate(marts)
    assert set(run) == set(NAMES) and len(run["survival"]) == 4
    run.clear()
    assert store.estimate(marts) == before and not run
    changed = a_day_less(marts, "pfs", "omd_dx")
    after = store.estimate(changed)
    assert run == {"survival": [("pfs", "omd_dx")], "comparisons of groups": [("pfs", "omd_dx")]}
    assert after["km_curve"] != before["km_curve"]
    run.clear()
    path = store.home.store / "result" / "km_curve.parquet"
    path.write_bytes(after["km_curve"][:-9] + b"x" + after["km_curve"][-8:])
    assert store.estimate(changed) == after
    assert list(run) == ["survival"] and len(run["survival"]) == 4
    assert store.estimate(changed, force=True) == after


def test_whatever_an_analysis_read_makes_it_anew(
    tmp_path: Path, marts: dict[str, pl.DataFrame], run: dict[str, list[Pair]]
) -> None:
    store = Store(tmp_path / "home")
    store.estimate(marts)
    older = {**marts, "cohort": marts["cohort"].with_columns(pl.col("age_years") + 1)}
    is_gone = (pl.col("endpoint") == "pfs") & (pl.col("origin") == "omd_dx")
    fewer = {**older, "survival_time": marts["survival_time"].filter(~is_gone)}
    for changed, names in (
        (a_day_less(marts, "os", "lrt_start"), set(NAMES)),
        (older, set(NAMES)),
        (fewer, {"survival", "comparisons of groups"}),
    ):
        run.clear()
        results = store.estimate(changed)
        assert set(run) == names
    assert results == store.estimate(changed, force=True)


def test_bounds_of_many_patients_follow_the_end_of_observation_where_somebody_is_lost(
    tmp_path: Path, marts: dict[str, pl.DataFrame]
) -> None:
    store, cohort = Store(tmp_path / "home"), marts["cohort"]
    seen = pl.DataFrame({"patient_id": cohort["patient_id"]}).with_columns(
        is_dead=pl.lit(False), last_alive_date=pl.lit(date(2023, 6, 1))
    )
    nobody_lost = {**marts, "vital_status": seen}
    key = store.bounds_key(nobody_lost, "2023-06-30")
    assert store.bounds_key(nobody_lost, "2023-07-01") == key
    assert store.bounds_key(nobody_lost, "2029-07-01") != key
    assert store.bounds_key({**nobody_lost, "cohort": cohort.head(40)}, "2023-06-30") != key
    is_first = pl.int_range(pl.len()) == 0
    long_ago = pl.when(is_first).then(date(2015, 1, 1)).otherwise("last_alive_date").alias("last_alive_date")
    somebody = {**marts, "vital_status": seen.with_columns(long_ago)}
    assert store.bounds_key(somebody, "2023-06-30") != store.bounds_key(somebody, "2023-07-01")
