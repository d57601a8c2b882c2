"""A release as a folder fit for a data repository: Parquet files that describe and prove themselves.

Sources: Data Package (https://datapackage.org), Citation File Format 1.2.0.

Belongs here: the files of such a folder. Does not belong here: which database it is made of (``cli/export.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from registry_pipeline.core.files import sha256_of, write_csv, write_json, write_text
from registry_pipeline.operations.exports.croissant import croissant
from registry_pipeline.operations.exports.tables import (
    Table,
    about_release,
    package_name,
    table_names,
    write_table,
)
from schemas.columns import Column, Kind
from schemas.derive import codes_text
from schemas.disease.wording import DISEASE

_FIELD_TYPE: dict[Kind, str] = {
    "text": "string",
    "integer": "integer",
    "real": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "datetime",
}
_DICTIONARY = ("table", "column", "type", "unit", "minimum", "maximum", "description", "codes", "is_key")


def write_datapackage(
    release: duckdb.DuckDBPyConnection, folder: Path, licence: str | None = None
) -> list[Path]:
    """Write every declared table of a database as Parquet, and what describes and proves the files.

    Args:
        release: a release or an analyst's database, open for reading.
        folder: an empty or new folder; ``data/`` is made in it.
        licence: SPDX identifier of the licence of the data, or None where the holder has not said.

    Returns:
        The files, the checksums last.
    """
    about = about_release(release)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    tables = [write_table(release, name, folder / "data") for name in table_names(release)]
    files = [table.path for table in tables]
    files.append(write_json(_datapackage(tables, about, licence), folder / "datapackage.json", indent=2))
    files.append(write_json(croissant(tables, about, licence), folder / "croissant.json", indent=2))
    rows = _dictionary(tables)
    files.append(write_json(rows, folder / "dictionary.json", indent=1))
    files.append(write_csv([_DICTIONARY, *(tuple(row.values()) for row in rows)], folder / "dictionary.csv"))
    files.append(write_text(_citation(about, licence), folder / "CITATION.cff"))
    files.append(write_text(_readme(tables, about, licence), folder / "README.md"))
    sums = "".join(f"{sha256_of(path)}  {path.relative_to(folder)}\n" for path in files)
    return [*files, write_text(sums, folder / "SHA256SUMS")]


def _datapackage(tables: Sequence[Table], about: Mapping[str, str], licence: str | None) -> dict[str, Any]:
    package: dict[str, Any] = {
        "profile": "data-package",
        "name": package_name(about),
        "title": f"Registry of {DISEASE}",
        "description": about["statement"],
        "version": about["release"],
        "created": f"{about['created']}T00:00:00Z",
        "resources": [_resource(table) for table in tables],
    }
    return package | ({"licenses": [{"name": licence}]} if licence else {})


def _resource(table: Table) -> dict[str, Any]:
    described = {
        "name": table.name.replace(".", "-").lower(),
        "path": table.place,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "description": table.description,
    }
    fields = [_field(column, column.name in table.key) for column in table.columns]
    # An empty text is a value (the sheet of a file without sheets); what is missing is NULL.
    return described | {"schema": {"fields": fields, "primaryKey": list(table.key), "missingValues": []}}


def _field(column: Column, is_key: bool) -> dict[str, Any]:
    is_given = column.is_required or is_key
    constraints: dict[str, Any] = {"required": True} if is_given else {}
    if column.codes is not None:
        constraints["enum"] = list(column.codes.codes)
    # Frictionless reads Parquet through pandas, where a whole number that may be missing is a float, and what is
    # missing lies in no range: ranges of such columns stand in the dictionary alone.
    kind = "number" if column.kind == "integer" and not is_given else _FIELD_TYPE[column.kind]
    for name, bound in (("minimum", column.minimum), ("maximum", column.maximum)):
        if is_given and bound is not None:
            constraints[name] = bound
    described = {"name": column.name, "type": kind, "description": column.description}
    return described | ({"unit": column.unit} if column.unit else {}) | {"constraints": constraints}


def _dictionary(tables: Sequence[Table]) -> list[dict[str, object]]:
    return [
        dict(
            zip(
                _DICTIONARY,
                (table.name, column.name, column.kind, column.unit, column.minimum, column.maximum,
                 column.description, codes_text(column), column.name in table.key),
                strict=True,
            )
        )
        for table in tables
        for column in table.columns
    ]  # fmt: skip


def _citation(about: Mapping[str, str], licence: str | None) -> str:
    lines = {
        "cff-version": "1.2.0",
        "message": "If you use these data, please cite the release.",
        "type": "dataset",
        "title": f"Registry of {DISEASE}, release {about['release']}",
        "version": about["release"],
        "date-released": about["created"],
    } | ({"license": licence} if licence else {})
    authors = 'authors:\n  - name: "The holders of the registry"\n'
    return (
        "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in lines.items())
        + authors
    )


def _readme(tables: Sequence[Table], about: Mapping[str, str], licence: str | None) -> str:
    rows = [f"| `{t.place}` | {t.n_rows:,} | {t.description} |" for t in tables]
    return "\n".join(
        [
            f"# Registry of {DISEASE}, release {about['release']}",
            "",
            about["statement"],
            "",
            f"Licence: {licence or 'not stated; ask the holders of the registry before any use'}.",
            "",
            "`datapackage.json` (Data Package) and `croissant.json` (Croissant) describe every file and column to programs,",
            "`dictionary.csv` and `dictionary.json` to people. `sha256sum -c SHA256SUMS` proves that nothing changed.",
            "",
            "    duckdb -c \"FROM 'data/mart.cohort.parquet'\"",
            "    pandas.read_parquet('data/mart.cohort.parquet')        # Python",
            "    nanoparquet::read_parquet('data/mart.cohort.parquet')  # R",
            "",
            "| file | rows | what it holds |",
            "| --- | ---: | --- |",
            *rows,
            "",
        ]
    )
