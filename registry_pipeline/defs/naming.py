"""Asset keys, groups and column schemas, made from the models.

Belongs here: from a table to its asset spec.
Does not belong here: what an asset does.
"""

from collections.abc import Sequence

import dagster as dg

import schemas
from registry_pipeline.core.row_id import LINEAGE
from schemas.columns import Column
from schemas.derive import column_comment
from schemas.table import columns_of

SUBMISSION = dg.AssetKey(["landing", "submission"])
SOURCE_ROW = dg.AssetKey(["raw", "source_row"])
RELEASE = dg.AssetKey(["release", "registry"])
FACILITY_LAYERS = ("staged", "screened")
LINEAGE_MEANING = {
    "_row_id": "Number of the row within its facility: file, sheet and physical row.",
    "submission_id": "Files of the facility that arrived together.",
    "source_file": "Name of the file as received.",
    "sheet": "Worksheet or archive member; empty for other files.",
    "source_row": "Physical row in the file, from 1.",
}


def key(layer: str, table: str) -> dg.AssetKey:
    """The asset key of a table: layer, name."""
    return dg.AssetKey([layer, table])


def record_tables() -> list[str]:
    """Tables that facilities' records go to, by bare name."""
    return [name.split(".")[1] for name in schemas.tables_of("curated")]


def layer_tables(layer: str) -> list[str]:
    """Tables of a layer of the release, by bare name; without what only the release step can know."""
    return [name.split(".")[1] for name in schemas.tables_of(layer) if name not in schemas.MADE_WITH_RELEASE]


def table_schema(model_name: str) -> dg.TableSchema:
    """The columns of a table for Dagster's page: type, meaning, unit, codes, constraints."""
    return dg.TableSchema(columns=[_column(column) for column in columns_of(schemas.tables()[model_name])])


def _column(column: Column) -> dg.TableColumn:
    return dg.TableColumn(
        name=column.name,
        type=column.duckdb_type,
        description=column_comment(column),
        constraints=dg.TableColumnConstraints(nullable=not column.is_required),
    )


def table_spec(
    layer: str, table: str, deps: Sequence[dg.AssetDep], model_layer: str | None = None
) -> dg.AssetSpec:
    """The spec of one table: group, description, column schema, what it is made from."""
    model_name = f"{model_layer or layer}.{table}"
    grain = schemas.tables()[model_name].description or ""
    described = {
        "staged": f"{grain} As read from the sources of a facility, typed, before judgement.",
        "screened": f"{grain} As judged: accepted or quarantined, with findings.",
    }
    return dg.AssetSpec(
        key(layer, table),
        deps=list(deps),
        group_name=layer,
        description=described.get(layer, grain),
        metadata={"dagster/column_schema": table_schema(model_name)},
        kinds={"parquet" if layer in FACILITY_LAYERS else "duckdb"},
    )


def source_row_spec() -> dg.AssetSpec:
    """The spec of the raw layer: every source row as text. Its other columns are those of the files."""
    types = {"_row_id": "BIGINT", "source_row": "BIGINT"}
    columns = [dg.TableColumn(name, types.get(name, "VARCHAR"), LINEAGE_MEANING[name]) for name in LINEAGE]
    return dg.AssetSpec(
        SOURCE_ROW,
        deps=[SUBMISSION],
        group_name="raw",
        description="Every row of every file as read: all values as text, with file, sheet and physical row.",
        metadata={"dagster/column_schema": dg.TableSchema(columns=columns)},
        kinds={"parquet"},
    )
