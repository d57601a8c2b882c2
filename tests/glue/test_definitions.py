"""The Dagster graph: what is in it, and that nothing of a record can enter it."""

import ast
import time
import tomllib
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.retries import auto_reexecution_should_retry_run

import registry_pipeline.definitions as loaded_by_dagster
import schemas
from registry_pipeline.core.files import exclusive
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.defs import abandoned
from registry_pipeline.defs.abandoned import end_abandoned_runs
from registry_pipeline.defs.automation import (
    FIRST_RETRY_SECONDS,
    LAST_RETRY_SECONDS,
    Attempt,
    inbox_sensor,
    range_tags,
    register_facilities,
)
from registry_pipeline.defs.checks import group_result, screening_check_results
from registry_pipeline.defs.graph import build_definitions
from registry_pipeline.defs.naming import (
    RELEASE,
    SOURCE_ROW,
    SUBMISSION,
    key,
    layer_tables,
    record_tables,
)
from registry_pipeline.defs.request import NO_RETRY_TAGS
from registry_pipeline.pipeline.refresh import take_in
from registry_pipeline.pipeline.screening_report import ScreeningReport
from registry_pipeline.pipeline.watched import inbox_signature, note_landed, note_served
from schemas import MADE_WITH_RELEASE
from tests.glue.asset_graph import GRAPH, described

REFRESH_TO_BE = dg.GraphDefinition(name="refresh").to_job()

OF_RELEASE = {key(*name.split(".")) for name in MADE_WITH_RELEASE}


DEFS = Path(__file__).resolve().parents[2] / "registry_pipeline" / "defs"


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(make_home(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> Any:
    return definitions.resolve_asset_graph()


def test_dagster_finds_its_definitions_whole(definitions: dg.Definitions) -> None:
    """What ``dagster definitions validate`` does once its own process has loaded the code location."""
    dg.Definitions.validate_loadable(definitions)
    location = tomllib.loads((DEFS.parents[1] / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    assert location["code_location_target_module"] == loaded_by_dagster.__name__
    assert isinstance(loaded_by_dagster.defs, dg.Definitions)


def test_every_table_of_every_layer_is_an_asset(graph: Any) -> None:
    wanted = {key(layer, table) for layer in ("staged", "screened") for table in record_tables()}
    wanted |= {
        key(layer, table)
        for layer in ("curated", "mart", "result", "quality")
        for table in layer_tables(layer)
    }
    wanted |= {SUBMISSION, SOURCE_ROW, RELEASE, *OF_RELEASE}
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
    told = group_result(asset, "conformance", {}, failed, ["G01"], {})
    assert (told.passed, told.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert told.metadata["failed to run"].value == "G01"
    other = group_result(asset, "plausibility", {}, failed, ["G01"], {})
    assert (other.passed, other.severity) == (True, dg.AssetCheckSeverity.WARN)


def test_a_failed_check_says_what_the_rule_says_where_how_often_and_how_to_see_the_rows() -> None:
    asset, sentences = key("screened", "patient"), {"V02": "Sex is one of F, M | U.", "V03": "Born before."}
    counts = {("V02", "warning", "conformance: value"): 3, ("V03", "info", "conformance: value"): 1}
    result = group_result(asset, "conformance", counts, [], [], sentences, {"north": 4})
    assert not result.passed and result.description is not None
    assert result.description.startswith("Nothing is stopped. 4 findings at north. V02 (warning, 3): Sex is")
    assert result.description.endswith("registry findings --facility north --rule V02 --rule V03")
    assert result.metadata["facility"].value == "north" and result.metadata["findings"].value == 4
    assert r"| V02 | warning | 3 | Sex is one of F, M \| U. |" in str(result.metadata["rules"].value)
    stopped = group_result(asset, "conformance", counts, [], ["V02"], sentences, {"north": 4})
    assert stopped.severity == dg.AssetCheckSeverity.ERROR
    assert str(stopped.description).startswith("STOPS THE REFRESH, for refresh.blocking_rules names V02.")
    asked_nothing = {("V03", "info", "conformance: value"): 1}
    assert group_result(asset, "conformance", asked_nothing, [], [], sentences, {"north": 4}).passed


def test_a_check_over_many_facilities_says_whose_it_is() -> None:
    asset, counts = key("screened", "patient"), {("V02", "warning", "conformance: value"): 12}
    whose = {"a": 0, "b": 1, "c": 4, "d": 2, "e": 1, "f": 2, "g": 2}  # of a, a rule failed to run
    result = group_result(asset, "conformance", counts, [], [], {}, whose)
    assert "12 findings at c, d, f, g, b and 2 more." in str(result.description)
    assert str(result.description).endswith("registry findings --rule V02")
    assert str(result.metadata["facilities"].value).splitlines()[2:4] == ["| c | 4 |", "| d | 2 |"]
    alone = screening_check_results("patient", {"a": _counted("V02", 3), "b": _counted("V02", 0)}, [], {})
    assert [result.metadata.get("facility", dg.MetadataValue.text("")).value for result in alone] == [
        "a",
        "",
        "",
    ]
    assert "Rules that failed to run at c: V02." in str(
        group_result(asset, "conformance", {}, [("V02", "conformance: value")], [], {}, {"c": 0}).description
    )


def _counted(rule: str, n: int) -> ScreeningReport:
    return ScreeningReport({}, {}, {"patient": [(rule, "warning", "conformance: value", n)] if n else []})


def started(instance: dg.DagsterInstance, seconds_ago: float) -> str:
    """A run that Dagster takes as running since a while ago."""
    run = instance.create_run_for_job(REFRESH_TO_BE)
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job_name="refresh")
    instance.handle_new_event(
        dg.EventLogEntry(
            error_info=None,
            level="debug",
            user_message="",
            run_id=run.run_id,
            timestamp=time.time() - seconds_ago,
            dagster_event=event,
        )
    )
    return run.run_id


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_whose_process_has_gone_is_ended_unless_a_refresh_is_alive(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        old, young = started(instance, 3600), started(instance, 0)
        with exclusive(home.store):
            assert end_abandoned_runs(instance, home, is_starting=True) == 0
        assert end_abandoned_runs(instance, home) == 1
        assert status_of(instance, old) == dg.DagsterRunStatus.FAILURE
        assert status_of(instance, young) == dg.DagsterRunStatus.STARTED
        starting = instance.create_run_for_job(REFRESH_TO_BE, status=dg.DagsterRunStatus.STARTING)
        assert end_abandoned_runs(instance, home, is_starting=True) == 2
        assert status_of(instance, starting.run_id) == dg.DagsterRunStatus.FAILURE


def test_a_run_of_a_time_to_come_is_ended_like_one_long_gone(tmp_path: Path) -> None:
    """The clock was ahead when it began: until that time comes it would keep every other run waiting."""
    home = make_home(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        ahead = started(instance, -3600 * 24 * 365)
        assert end_abandoned_runs(instance, home) == 1
        assert status_of(instance, ahead) == dg.DagsterRunStatus.FAILURE


def test_files_are_tried_again_although_the_clock_has_gone_back() -> None:
    attempt = Attempt("files", 3, at=1e9)
    assert attempt.seconds_left(1e9 + 1) > 0
    assert attempt.seconds_left(1e9 - 3600) == 0


def test_a_run_that_was_stopped_before_its_process_began_is_ended_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Ctrl-C: it would stand in the history for ever, which removes runs that have ended."""
    home = make_home(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        stopped = instance.create_run_for_job(REFRESH_TO_BE, status=dg.DagsterRunStatus.NOT_STARTED)
        assert end_abandoned_runs(instance, home) == 0
        monkeypatch.setattr(abandoned, "START_SECONDS", 0)
        assert end_abandoned_runs(instance, home) == 1
        assert status_of(instance, stopped.run_id) == dg.DagsterRunStatus.FAILURE


def test_the_daemon_does_not_try_a_refresh_of_the_command_again() -> None:
    """Whoever started it has been told."""
    settings = {"run_retries": {"enabled": True, "max_retries": 1}}
    with dg.DagsterInstance.ephemeral(settings=settings) as instance:
        for tags in (NO_RETRY_TAGS, {}):
            run = instance.create_run_for_job(REFRESH_TO_BE, tags=tags, status=dg.DagsterRunStatus.FAILURE)
            assert auto_reexecution_should_retry_run(instance, run, None) is not bool(tags)


def evaluated(home: Home, instance: dg.DagsterInstance, cursor: str | None) -> tuple[Any, str | None]:
    """What the sensor asks for, and its cursor afterwards."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    request = inbox_sensor(home)(context)
    return request, context.cursor


def west(tmp_path: Path) -> Home:
    home = make_home(tmp_path)
    (home.facilities / "west.toml").write_text("")
    (home.inbox / "west").mkdir()
    return home


def test_a_link_to_nowhere_does_not_stop_the_sensor(tmp_path: Path) -> None:
    home = west(tmp_path)
    (home.inbox / "west" / "gone.csv").symlink_to(tmp_path / "nowhere")
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(evaluated(home, instance, None)[0], dg.RunRequest)


def test_the_sensor_forgets_no_file_while_another_refresh_runs(tmp_path: Path) -> None:
    home = west(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        with exclusive(home.store):
            request, cursor = evaluated(home, instance, None)
        assert isinstance(request, dg.SkipReason)
        assert not cursor
        assert isinstance(evaluated(home, instance, cursor)[0], dg.RunRequest)


def test_the_sensor_tries_files_again_until_a_release_was_made_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, now = west(tmp_path), time.time()
    monkeypatch.setattr("registry_pipeline.defs.automation.time.time", lambda: now)
    with dg.DagsterInstance.ephemeral() as instance:
        first, cursor = evaluated(home, instance, "not written by this sensor")
        assert isinstance(evaluated(home, instance, cursor)[0], dg.SkipReason)
        now += FIRST_RETRY_SECONDS + 1
        second, cursor = evaluated(home, instance, cursor)
        assert first.run_key != second.run_key  # Dagster starts a key once only
        now += FIRST_RETRY_SECONDS + 1
        assert isinstance(evaluated(home, instance, cursor)[0], dg.SkipReason)
        for _ in range(40):
            now += LAST_RETRY_SECONDS + 1
            request, cursor = evaluated(home, instance, cursor)
            assert isinstance(request, dg.RunRequest)
        note_landed(home, inbox_signature(home))
        note_served(home)
        now += LAST_RETRY_SECONDS + 1
        assert isinstance(evaluated(home, instance, cursor)[0], dg.SkipReason)
        (home.inbox / "west" / "new.csv").write_text("a")
        assert isinstance(evaluated(home, instance, cursor)[0], dg.RunRequest)


def test_the_sensor_leaves_alone_what_the_command_has_made_a_release_of(tmp_path: Path) -> None:
    home = west(tmp_path)
    take_in(home)
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(evaluated(home, instance, None)[0], dg.RunRequest), "landed is not served"
        note_served(home)
        assert isinstance(evaluated(home, instance, None)[0], dg.SkipReason)
        take_in(home, ["west"])
        (home.facilities / "east.toml").write_text("")
        take_in(home, ["west"])
        note_served(home)
        assert isinstance(evaluated(home, instance, None)[0], dg.RunRequest), "east was left out"


def test_the_sensor_waits_for_a_run_that_has_its_turn_already(tmp_path: Path) -> None:
    home = west(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.create_run_for_job(REFRESH_TO_BE, status=dg.DagsterRunStatus.STARTING)
        assert evaluated(home, instance, "") == (
            dg.SkipReason("a refresh is running or waits for its turn"),
            "",
        )


def test_no_configuration_of_a_run_changes_the_home(tmp_path: Path) -> None:
    """Whoever may launch a run could else publish in a folder of their choice."""
    home = make_home(tmp_path / "home")
    job = build_definitions(home).resolve_job_def("refresh")
    for given in ({"root": str(tmp_path / "other")}, {"home": "x"}, "x"):
        with pytest.raises(dg.DagsterInvalidConfigError):
            job.execute_in_process(run_config={"resources": {"registry": {"config": given}}})
    assert not (tmp_path / "other").exists()


def test_the_release_is_downstream_of_everything(graph: Any) -> None:
    above, todo = set(), [RELEASE]
    while todo:
        parents = graph.get(todo.pop()).parent_keys - above
        above |= parents
        todo += parents
    assert above == set(graph.get_all_asset_keys()) - {RELEASE, *OF_RELEASE}


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
