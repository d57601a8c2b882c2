"""The Dagster graph: what is in it, and that nothing of a record can enter it."""

import ast
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import schemas
from registry_pipeline.defs.automation import range_tags, register_facilities
from registry_pipeline.defs.graph import build_definitions
from registry_pipeline.defs.naming import (
    RECONCILIATION,
    RELEASE,
    SUBMISSION,
    key,
    layer_tables,
    record_tables,
)
from registry_pipeline.home import make_home

DEFS = Path(__file__).resolve().parents[2] / "registry_pipeline" / "defs"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from registry_pipeline.defs.resources import RegistryHome

    home = make_home(tmp_path_factory.mktemp("home"))
    return build_definitions(RegistryHome(root=str(home.root))).resolve_asset_graph()


def test_every_table_of_every_layer_is_an_asset(graph: Any) -> None:
    wanted = {key(layer, table) for layer in ("staged", "screened") for table in record_tables()}
    wanted |= {
        key(layer, table)
        for layer in ("curated", "mart", "result", "quality")
        for table in layer_tables(layer)
    }
    wanted |= {SUBMISSION, RELEASE, RECONCILIATION}
    found = set(graph.get_all_asset_keys())
    assert found == wanted, (
        f"missing {sorted(map(str, wanted - found))}, extra {sorted(map(str, found - wanted))}"
    )


def test_assets_are_grouped_described_and_have_columns(graph: Any) -> None:
    for asset_key in graph.get_all_asset_keys() - {SUBMISSION, RELEASE}:
        node = graph.get(asset_key)
        assert node.group_name == asset_key.path[0]
        assert node.description
        schema = node.metadata["dagster/column_schema"]
        layer, table = asset_key.path
        model = schemas.tables()[f"{'curated' if layer in ('staged', 'screened') else layer}.{table}"]
        assert [one.name for one in schema.columns] == list(model.columns)


def test_intake_and_screening_are_partitioned_by_facility(graph: Any) -> None:
    for asset_key in graph.get_all_asset_keys():
        is_per_facility = asset_key.path[0] in ("landing", "staged", "screened")
        assert (graph.get(asset_key).partitions_def is not None) is is_per_facility


def test_every_screened_table_has_a_check_per_rule_group(graph: Any) -> None:
    for table in record_tables():
        names = {one.name for one in graph.asset_check_keys if one.asset_key == key("screened", table)}
        assert names == {"conformance", "completeness", "plausibility"}


def test_the_release_is_downstream_of_everything(graph: Any) -> None:
    above, todo = set(), [RELEASE]
    while todo:
        parents = graph.get(todo.pop()).parent_keys - above
        above |= parents
        todo += parents
    assert above == set(graph.get_all_asset_keys()) - {RELEASE, RECONCILIATION}


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
