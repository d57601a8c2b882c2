"""What a table is: one pandera model per table, found by scanning this folder.

Belongs here: models, columns, code lists and what is derived from them.
Does not belong here: anything that reads, moves or stores rows.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # names of the study are wanted where no table is: pandera takes a second to import
    import pandera.polars as pa

LAYERS = ("curated", "mart", "result", "quality", "meta")
MADE_WITH_RELEASE = ("quality.reconciliation", "result.disclosure_risk")
"""Tables that only the step of the release can make; their layers' steps do not."""


@cache
def tables() -> dict[str, pa.DataFrameSchema]:
    """Every table of the release: ``layer.table`` -> model, in a stable order."""
    models: dict[str, pa.DataFrameSchema] = {}
    for layer in LAYERS:
        package = importlib.import_module(f"schemas.{layer}")
        modules = pkgutil.walk_packages(package.__path__, f"schemas.{layer}.")
        names = {module.name: _table_name(module.name) for module in modules if not module.ispkg}
        for module_name, name in sorted(names.items(), key=lambda item: item[1]):
            model = importlib.import_module(module_name).MODEL
            if model.name != name:
                raise ValueError(f"{module_name} declares {model.name}")
            models[name] = model
    return models


def _table_name(module_name: str) -> str:
    """``schemas.result.cox.fit`` -> ``result.cox_fit``."""
    _, layer, *parts = module_name.split(".")
    return f"{layer}.{'_'.join(parts)}"


def tables_of(layer: str) -> dict[str, pa.DataFrameSchema]:
    """The tables of one layer."""
    return {name: model for name, model in tables().items() if name.startswith(f"{layer}.")}


def __getattr__(name: str) -> dict[str, pa.DataFrameSchema]:
    if name == "TABLES":
        return tables()
    raise AttributeError(name)
