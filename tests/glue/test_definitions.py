"""The Dagster graph: what is in it, and that nothing of a record can enter it."""

import ast
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.retries import auto_reexecution_should_retry_run

import schemas
from registry_pipeline.core.files import exclusive
from registry_pipeline.core.home import make_home
from registry_pipeline.defs.abandoned import HELD_TAG, HELD_TAGS, end_abandoned_runs
from registry_pipeline.defs.automation import inbox_sensor, range_tags, register_facilities
from registry_pipeline.defs.checks import group_result
from registry_pipeline.defs.graph import build_definitions
from registry_pipeline.defs.naming import (
    RECONCILIATION,
    RELEASE,
    SOURCE_ROW,
    SUBMISSION,
    key,
    layer_tables,
    record_tables,
)
from registry_pipeline.defs.resources import RegistryHome
from tests.glue.asset_graph import GRAPH, described

REFRESH_TO_BE = dg.GraphDefinition(name="refresh").to_job()


def started(run_id: str) -> dg.EventLogEntry:
    """The event by which Dagster takes a run as started."""
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job_name="refresh")
    return dg.EventLogEntry(
        error_info=None,
        level="debug",
        user_message="",
        run_id=run_id,
        timestamp=time.time(),
        dagster_event=event,
    )


DEFS = Path(__file__).resolve().parents[2] / "registry_pipeline" / "defs"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = make_home(tmp_path_factory.mktemp("home"))
    return build_definitions(RegistryHome(root=str(home.root))).resolve_asset_graph()


def test_every_table_of_every_layer_is_an_asset(graph: Any) -> None:
    wanted = {key(layer, table) for layer in ("staged", "screened") for table in record_tables()}
    wanted |= {
        key(layer, table)
        for layer in ("curated", "mart", "result", "quality")
        for table in layer_tables(layer)
    }
    wanted |= {SUBMISSION, SOURCE_ROW, RELEASE, RECONCILIATION}
    found = set(graph.get_all_asset_keys())
    assert found == wanted, (
        f"missing {sorted(map(str, wanted - found))}, extra {sorted(map(str, found - wanted))}"
    )


def test_assets_are_grouped_described_and_have_columns(graph: Any) -> None:
    for asset_key in graph.get_all_asset_keys() - {SUBMISSION, SOURCE_ROW, RELEASE}:
        node = graph.get(asset_key)
        assert node.group_name == asset_key.path[0]
        assert node.description
        schema = node.metadata["dagster/column_schema"]
        layer, table = asset_key.path
        model = schemas.tables()[f"{'curated' if layer in ('staged', 'screened') else layer}.{table}"]
        assert [one.name for one in schema.columns] == list(model.columns)


def test_intake_and_screening_are_partitioned_by_facility(graph: Any) -> None:
    for asset_key in graph.get_all_asset_keys():
        is_per_facility = asset_key.path[0] in ("landing", "raw", "staged", "screened")
        assert (graph.get(asset_key).partitions_def is not None) is is_per_facility


def test_every_screened_table_has_a_check_per_rule_group(graph: Any) -> None:
    for table in record_tables():
        names = {one.name for one in graph.asset_check_keys if one.asset_key == key("screened", table)}
        assert names == {"conformance", "completeness", "plausibility"}


def test_every_table_of_the_release_has_its_proofs_as_a_check(graph: Any) -> None:
    proved = {one.asset_key for one in graph.asset_check_keys if one.name == "proved"}
    layers = ("curated", "mart", "result", "quality")
    assert proved == {key(layer, table) for layer in layers for table in layer_tables(layer)}


def test_rules_over_the_registry_have_a_check_per_rule_group(graph: Any) -> None:
    names = {one.name for one in graph.asset_check_keys if one.asset_key == key("quality", "finding")}
    assert names == {"conformance", "completeness", "plausibility", "proved"}


def test_a_rule_that_failed_to_run_fails_its_check_and_blocks_where_it_is_set_to() -> None:
    asset, failed = key("quality", "finding"), [("G01", "conformance: value")]
    told = group_result(asset, "conformance", {}, failed, ["G01"])
    assert (told.passed, told.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert told.metadata["failed to run"].value == "G01"
    other = group_result(asset, "plausibility", {}, failed, ["G01"])
    assert (other.passed, other.severity) == (True, dg.AssetCheckSeverity.WARN)


def test_a_run_whose_process_has_gone_is_ended_unless_a_refresh_is_alive(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        for tags in ({HELD_TAG: "true"}, {}):
            run = instance.create_run_for_job(REFRESH_TO_BE, tags=tags)
            instance.report_run_canceling(run) if not tags else instance.handle_new_event(started(run.run_id))
        with exclusive(home.store):
            assert end_abandoned_runs(instance, home) == 0
        assert end_abandoned_runs(instance, home) == 1
        assert end_abandoned_runs(instance, home) == 0
        statuses = {bool(one.tags.get(HELD_TAG)): one.status for one in instance.get_runs()}
    assert statuses == {True: dg.DagsterRunStatus.FAILURE, False: dg.DagsterRunStatus.CANCELING}


def test_the_daemon_does_not_try_a_refresh_of_the_command_again() -> None:
    """A copy would carry the tag of a run that holds the lock, without the lock."""
    settings = {"run_retries": {"enabled": True, "max_retries": 1}}
    with dg.DagsterInstance.ephemeral(settings=settings) as instance:
        for tags in (HELD_TAGS, {}):
            run = instance.create_run_for_job(REFRESH_TO_BE, tags=tags, status=dg.DagsterRunStatus.FAILURE)
            assert auto_reexecution_should_retry_run(instance, run, None) is not bool(tags)


def test_a_link_to_nowhere_does_not_stop_the_sensor(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    (home.facilities / "west.toml").write_text("")
    (home.inbox / "west").mkdir()
    (home.inbox / "west" / "gone.csv").symlink_to(tmp_path / "nowhere")
    registry = RegistryHome(root=str(home.root))
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"registry": registry})
        assert isinstance(inbox_sensor(context), dg.RunRequest)


def test_the_release_is_downstream_of_everything(graph: Any) -> None:
    above, todo = set(), [RELEASE]
    while todo:
        parents = graph.get(todo.pop()).parent_keys - above
        above |= parents
        todo += parents
    assert above == set(graph.get_all_asset_keys()) - {RELEASE, RECONCILIATION}


def test_the_graph_is_the_reviewed_one(graph: Any) -> None:
    """Keys, groups, dependencies and checks; write it anew with ``python -m tests.glue.asset_graph`` and review it."""
    assert described(graph) == GRAPH.read_text(encoding="utf-8")


def test_a_facility_becomes_a_partition_when_its_mapping_appears(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        assert register_facilities(instance, home) == []
        (home.facilities / "north.toml").write_text("")
        (home.facilities / "south.toml").write_text("")
        assert sorted(register_facilities(instance, home)) == ["north", "south"]
        (home.facilities / "north.toml").unlink()
        assert register_facilities(instance, home) == ["south"]
    assert set(range_tags(["south"]).values()) == {"south"}


@pytest.mark.parametrize("path", sorted(DEFS.glob("*.py")), ids=lambda path: path.name)
def test_no_asset_logs_prints_or_pickles(path: Path) -> None:
    """Values of records leak into the event log through log calls, prints and the default IO manager."""
    tree = ast.parse(path.read_text())
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not called & {"info", "debug", "warning", "error", "exception", "critical"}
    assert not named & {"print", "IOManager", "FilesystemIOManager", "fs_io_manager"}
