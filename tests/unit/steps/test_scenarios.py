"""Other readings of the records: what each changes, what it leaves alone, and that nothing open means no reading."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from registry_pipeline.core.settings import Settings, Study
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.study.marts import MART_TABLES, Marts
from registry_pipeline.study.scenarios import (
    INCLUDED,
    LONGEST,
    LOST_ALIVE,
    LOST_DEAD,
    SHORTEST,
    Scenario,
    Sources,
    scenarios,
)
from tests.sql.drawn import ELIGIBLE
from tests.support.ascii_table import Mart, frame_of
from tests.unit.steps.drawn_marts import drawn_marts, result_tables

END = date(2022, 12, 31)
FAR = date(2030, 1, 1)  # so late that everybody alive is lost
QUARANTINE = "patient_id | table_name | reason\nP1 | death | own"
PARTIAL_DEATH = """
patient_id | death_date | death_date_precision | death_date_lower | death_date_upper
P1         | 2022-06-15 | month                | 2022-06-01       | 2022-06-30
"""


def readings(folder: Path, **redrawn: str) -> tuple[Marts, dict[str, Scenario]]:
    """The mart as recorded, and the other readings by name."""
    drawn = {**ELIGIBLE, **redrawn}
    mart = Mart(folder, drawn, extract_date=END)
    held = folder / "_quarantine.parquet"
    write_parquet(frame_of("quality.quarantine", drawn.get("quarantine", "patient_id")), held)
    current = Marts(
        **{name: read_parquet(mart.folder / "mart" / f"{name}.parquet").to_pandas() for name in MART_TABLES}
    )
    work = folder / "work"
    work.mkdir()
    sources = Sources(folder / "curated", (held,), END, work)
    found = {one.name: one for one in scenarios(current, sources, Settings())}
    assert not list(work.iterdir()), "something was left behind"
    return current, found


def days(
    marts: Marts | None, patient: str, endpoint: str = "os", origin: str = "lrt_start"
) -> tuple[int, int]:
    assert marts is not None
    times = marts.survival_time
    own = times[
        (times["patient_id"] == patient) & (times["endpoint"] == endpoint) & (times["origin"] == origin)
    ]
    return int(own["duration_days"].iloc[0]), int(own["event"].iloc[0])


def test_where_nothing_is_open_there_is_no_other_reading(tmp_path: Path) -> None:
    _, found = readings(tmp_path)
    assert set(found) == {SHORTEST, LONGEST, INCLUDED, LOST_DEAD, LOST_ALIVE}
    for name in (SHORTEST, LONGEST, INCLUDED):
        assert found[name].marts is None
        assert found[name].note.endswith(".")


def test_a_death_known_to_the_month_moves_between_its_bounds(tmp_path: Path) -> None:
    current, found = readings(tmp_path, death=PARTIAL_DEATH)
    shortest, now, longest = (
        days(one, "P1") for one in (found[SHORTEST].marts, current, found[LONGEST].marts)
    )
    assert shortest[0] < now[0] < longest[0]
    assert (longest[0] - shortest[0], now[1]) == (29, 1)
    assert found[SHORTEST].n_open == 1
    assert days(found[SHORTEST].marts, "P2") == days(current, "P2")


def test_a_quarantined_record_counts_when_it_is_let_in(tmp_path: Path) -> None:
    current, found = readings(tmp_path, quarantine=QUARANTINE)
    included = found[INCLUDED]
    assert list(current.cohort["patient_id"]) == ["P2"]
    assert included.marts is not None
    assert sorted(included.marts.cohort["patient_id"]) == ["P1", "P2"]
    assert included.n_open == 1


def test_the_lost_die_or_live_and_nobody_else_changes() -> None:
    marts = drawn_marts()
    sources = Sources(Path("absent"), (), FAR, Path("absent"))
    settings = Settings(study=Study(bootstrap_max_patients=1))
    found = {one.name: one for one in scenarios(marts, sources, settings)}
    assert all("bootstrap_max_patients" in found[one].note for one in (SHORTEST, LONGEST, INCLUDED))
    alive = set(marts.vital_status.loc[~marts.vital_status["is_dead"], "patient_id"])
    assert found[LOST_DEAD].n_open == len(alive)
    for name in (LOST_DEAD, LOST_ALIVE):
        made = found[name].marts
        assert made is not None
        before, after = marts.survival_time, made.survival_time
        changed = before.loc[(before != after).any(axis=1), "patient_id"]
        assert set(changed) <= alive
    dead = found[LOST_DEAD].marts
    assert dead is not None
    ends = dead.survival_time[dead.survival_time["patient_id"].isin(alive)]
    assert (ends["event"] > 0).all()
    assert (ends.loc[ends["endpoint"] == "os", "event"] == 1).all()
    living = found[LOST_ALIVE].marts
    assert living is not None
    last = living.survival_time.query("endpoint == 'os' and origin == 'lrt_start'")
    own = marts.vital_status.set_index("patient_id").loc[list(alive), "last_alive_date"]
    gained = (
        last.set_index("patient_id").loc[list(alive), "duration_days"]
        - (
            marts.survival_time.query("endpoint == 'os' and origin == 'lrt_start'")
            .set_index("patient_id")
            .loc[list(alive), "duration_days"]
        )
    )
    assert (gained == (pd.Timestamp(FAR) - own).dt.days).all()


def test_bounds_hold_the_recorded_value_and_name_their_readings() -> None:
    marts, study = drawn_marts(), Study(bootstrap_replicates=0)
    sources = Sources(Path("absent"), (), FAR, Path("absent"))
    settings = Settings(study=replace(study, bootstrap_max_patients=1))
    found = result_tables(marts, study, scenarios=scenarios(marts, sources, settings))
    bounds = found["bounds"]
    known = bounds[bounds["computed_value"].notna()]
    assert len(known)
    assert (known["lowest"] <= known["computed_value"]).all()
    assert (known["computed_value"] <= known["highest"]).all()
    names = set(found["bounds_scenario"]["scenario"])
    assert set(bounds["lowest_scenario"].dropna()) <= names
    survival = bounds[(bounds["item"] == 8) & (bounds["part"] == "a")].iloc[0]
    assert survival["lowest"] < survival["highest"]
    assert survival["lowest_scenario"] == LOST_DEAD
    assert set(bounds["headline"]) == {
        *("item_" + bounds["item"].dropna().astype(str) + bounds["part"].dropna()),
        "follow_up_reverse_km", "os_36_overall", "hazard_ratio_size", "growth_onset",
    }  # fmt: skip
    others = bounds.set_index("headline")
    assert others.loc[["os_36_overall", "hazard_ratio_size", "growth_onset"], "item"].isna().all()
    as_recorded = {
        "follow_up_reverse_km": found["follow_up"].query("definition == 'reverse_km'")["median_months"],
        "os_36_overall": 100 * found["km_landmark"].query(
            "endpoint == 'os' and origin == 'lrt_start' and stratum_variable == 'overall' and landmark_months == 36"
        )["survival"],
        "hazard_ratio_size": found["cox_term"].query(
            "endpoint == 'os' and origin == 'lrt_start' and model == 'multivariable' and term == 'is_small'"
        )["hazard_ratio"],
        "growth_onset": found["growth_threshold"].query("model == 'exponential_interval_onset'")["months"],
    }  # fmt: skip
    for name, value in as_recorded.items():
        assert others.loc[name, "computed_value"] == value.iloc[0], name
    for name in ("follow_up_reverse_km", "os_36_overall", "hazard_ratio_size"):
        assert others.loc[name, "lowest"] < others.loc[name, "highest"], name
    assert others.loc["growth_onset", "lowest"] == others.loc["growth_onset", "highest"]


@pytest.mark.parametrize("origin", ["lrt_start", "omd_dx"])
def test_a_partial_death_moves_the_study_numbers_between_its_bounds(tmp_path: Path, origin: str) -> None:
    current, found = readings(tmp_path, death=PARTIAL_DEATH)
    study = Study(bootstrap_replicates=0, origin=origin)
    chosen = [found[SHORTEST], found[LONGEST]]
    bounds = result_tables(current, study, scenarios=chosen)["bounds"].set_index("headline")
    assert (bounds["n_scenarios"] == 3).all()
    row = bounds.loc["item_6c"]  # the longest follow-up, that of the death
    assert row["lowest"] < row["computed_value"] < row["highest"]
    assert (row["lowest_scenario"], row["highest_scenario"]) == (SHORTEST, LONGEST)
    assert (row["highest"] - row["lowest"]) * 30.4375 == pytest.approx(29)


def test_without_a_cohort_the_bounds_are_of_the_registry(tmp_path: Path) -> None:
    current, found = readings(
        tmp_path, death=PARTIAL_DEATH, omd_episode="episode_id | patient_id", lesion="lesion_id"
    )
    assert current.cohort.empty
    assert found[SHORTEST].n_open == 1
    chosen = [found[SHORTEST], found[LONGEST]]
    made = result_tables(current, Study(bootstrap_replicates=0), scenarios=chosen)
    bounds = made["bounds"].set_index("headline")
    assert bounds["item"].isna().all()
    assert set(bounds.index) >= {"registry_os_12", "registry_os_60", "registry_follow_up_reverse_km"}
    row = bounds.loc["registry_follow_up_observed"]
    assert row["lowest"] < row["computed_value"] < row["highest"]
    assert (row["lowest_scenario"], row["highest_scenario"]) == (SHORTEST, LONGEST)
    counts = made["bounds_scenario"].set_index("scenario")["n_patients"]
    assert counts["as recorded"] == len(current.registry_patient) > 0


@pytest.mark.parametrize("endpoint", ["local_control", "new_oligomet"])
def test_a_death_of_the_lost_competes(endpoint: str) -> None:
    marts = drawn_marts()
    sources = Sources(Path("absent"), (), FAR, Path("absent"))
    found = {
        one.name: one for one in scenarios(marts, sources, Settings(study=Study(bootstrap_max_patients=1)))
    }
    dead = found[LOST_DEAD].marts
    assert dead is not None
    before, after = marts.survival_time, dead.survival_time
    was_open = (before["event"] == 0) & (before["endpoint"] == endpoint)
    assert set(after.loc[was_open, "event"]) == {2}
