"""What a table is: one pandera model per table, found by scanning this folder.

Belongs here: models, columns, code lists and what is derived from them.
Does not belong here: anything that reads, moves or stores rows.
"""

import importlib
import pkgutil
from functools import cache

import pandera.polars as pa

LAYERS = ("curated", "mart", "result", "quality", "meta")


@cache
def tables() -> dict[str, pa.DataFrameSchema]:
    """Every table of the release: ``layer.table`` -> model, in a stable order."""
    found: dict[str, pa.DataFrameSchema] = {}
    for layer in LAYERS:
        package = importlib.import_module(f"schemas.{layer}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
            name = f"{layer}.{module.name}"
            model = importlib.import_module(f"schemas.{name}").MODEL
            if model.name != name:
                raise ValueError(f"schemas/{layer}/{module.name}.py declares {model.name}")
            found[name] = model
    return found


def tables_of(layer: str) -> dict[str, pa.DataFrameSchema]:
    """The tables of one layer."""
    return {name: model for name, model in tables().items() if name.startswith(f"{layer}.")}


def __getattr__(name: str) -> dict[str, pa.DataFrameSchema]:
    if name == "TABLES":
        return tables()
    raise AttributeError(name)
