"""What Dagster's history holds of a run of many facilities: each event once, of those only that have something to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from registry_pipeline.core.home import Home, make_home
from registry_pipeline.defs import run
from registry_pipeline.defs.automation import range_tags, register_facilities
from registry_pipeline.defs.facility_assets import staged, submission
from registry_pipeline.defs.history import BATCH_SIZE
from registry_pipeline.defs.instance import open_instance
from registry_pipeline.defs.naming import key
from registry_pipeline.defs.request import request_tags
from registry_pipeline.defs.resources import FACILITIES, FACILITY_PARTITION, registry_resource
from registry_pipeline.simulate.population.write import write_simulation

PATIENTS = key("staged", "patient")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = make_home(tmp_path_factory.mktemp("history") / "home")
    write_simulation(6, 3, 1, home.root, 0.0)
    home.settings_file.write_text("[refresh]\nsettle_seconds = 0\n", encoding="utf-8")
    return home


def _run(home: Home, instance: dg.DagsterInstance, facilities: list[str]) -> str:
    with run._with_work(instance, home, facilities, False) as partitions:
        result = dg.materialize(
            [submission, staged],
            instance=instance,
            resources={"registry": registry_resource(home)},
            tags={**range_tags(partitions), **request_tags(facilities, False)},
        )
    assert result.success
    return result.run_id


def _materialized(instance: dg.DagsterInstance, run_id: str) -> dict[str | None, Any]:
    """Partition -> number of patients, as the events of one run tell them."""
    records = instance.fetch_materializations(PATIENTS, limit=100).records
    return {
        record.partition_key: record.asset_materialization.metadata["dagster/row_count"].value
        for record in records
        if record.run_id == run_id and record.asset_materialization is not None
    }


def test_a_run_works_for_all_and_has_events_of_the_facilities_with_something_to_do(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = home.facility_ids()
    with open_instance(home) as instance:
        assert register_facilities(instance, home) == names
        monkeypatch.setattr(run, "outdated_facilities", lambda _: {names[2]: "", names[0]: ""})
        first = _run(home, instance, [])
        assert _materialized(instance, first) == {names[0]: 2, names[2]: 2}  # each its own rows
        assert all(list((home.store / "staged" / name).glob("patient*.rows")) for name in names)
        assert list(instance.get_dynamic_partitions("facility")) == names
        monkeypatch.setattr(run, "outdated_facilities", lambda _: {})
        assert set(_materialized(instance, _run(home, instance, []))) == {names[0]}
        assert set(_materialized(instance, _run(home, instance, [names[1]]))) == {names[1]}


@dg.multi_asset(
    specs=[dg.AssetSpec("a"), dg.AssetSpec("b")],
    partitions_def=FACILITIES,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def _two() -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    yield dg.MaterializeResult("a", tags={"colour": "red"})
    yield dg.MaterializeResult("b")


def test_events_stored_together_are_those_that_are_stored_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, histories = ["n1", "n2", "n3"], []
    for size in ("0", "2", "1000"):
        monkeypatch.setenv(BATCH_SIZE, size)
        with open_instance(make_home(tmp_path / size)) as instance:
            instance.add_dynamic_partitions(FACILITY_PARTITION, names)
            for _ in range(2):
                result = dg.materialize([_two], instance=instance, tags=range_tags(names))
            events = Counter(
                (entry.dagster_event_type, event and event.asset_key, event and event.partition)
                for entry in instance.all_logs(result.run_id)
                for event in [entry.dagster_event]
            )
            latest, a = instance.get_latest_materialization_event(dg.AssetKey("a")), dg.AssetKey("a")
            assert latest is not None and latest.dagster_event is not None and latest.run_id == result.run_id
            records = instance.fetch_materializations(a, limit=100).records
            colours = Counter(
                (tag, value)
                for tags in instance.get_event_tags_for_asset(a)
                for tag, value in tags.items()
                if tag in ("colour", "dagster/partition")
            )
            index = [(record.partition_key, record.run_id == result.run_id) for record in records]
            histories.append((events, index, colours, latest.dagster_event.partition))
    assert histories[0] == histories[1] == histories[2]
    assert len(histories[0][1]) == 6 and histories[0][3] == histories[0][1][0][0]  # the last of them
