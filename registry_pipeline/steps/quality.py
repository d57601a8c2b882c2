"""The quality tables of a release: rules, their results, findings with their life, accounting.

Belongs here: joining what the facilities' screenings found with the rules that judge the registry as a
whole and with what earlier releases knew.
Does not belong here: judging (``validation/``), writing (``steps/registry.py``).
"""

import polars as pl

from registry_pipeline.home import Home
from registry_pipeline.steps.stored import facility_files
from registry_pipeline.store.working import read_parquet
from registry_pipeline.validation.rules import catalogue


def quality_tables(home: Home) -> dict[str, pl.DataFrame]:
    """Rows of ``quality.*``: name of the table -> frame."""
    return {
        "rule": pl.DataFrame(catalogue(home.settings()).rows(), infer_schema_length=None),
        "rule_result": _of_facilities(home, "_rule_results"),
        "finding": _of_facilities(home, "_findings").drop("_row_id"),
        "quarantine": _of_facilities(home, "_quarantine"),
        "row_account": _of_facilities(home, "_row_account"),
        "coercion": _of_facilities(home, "_coercions", "staged").drop("_row_id"),
    }


def _of_facilities(home: Home, name: str, layer: str = "screened") -> pl.DataFrame:
    return pl.concat([read_parquet(path) for path in facility_files(home, name, layer)])
