"""What follows from a model: DuckDB DDL with keys and comments, dictionary rows, versions.

Belongs here: pure functions from a model to text or rows.
Does not belong here: running any of it (``registry_pipeline/store``).
"""

import hashlib
from collections.abc import Collection

import pandera.polars as pa

import schemas
from schemas.codes import CODE_LISTS
from schemas.columns import Column
from schemas.constraints import constraints_of, literal, possible_range, quote
from schemas.table import columns_of, is_key_declared, key_of


def create_table_sql(model: pa.DataFrameSchema, keyed: Collection[str] | None = None) -> str:
    """CREATE TABLE with types, NOT NULL, CHECK, PRIMARY KEY and FOREIGN KEY.

    Foreign keys are declared to tables whose key is that one column and is declared itself; the
    rest is proved by query at every release (``sql/checks``) and said in the comment.

    Args:
        keyed: tables that are small enough for declared keys; None for all.
    """
    key = key_of(model)
    lines = [_column_ddl(column, column.name in key) for column in columns_of(model)]
    if key and is_key_declared(model) and (keyed is None or model.name in keyed):
        lines.append(f"PRIMARY KEY ({', '.join(map(quote, key))})")
        lines += [
            _foreign_key(column)
            for column in columns_of(model)
            if column.references and (keyed is None or column.references.rsplit(".", 1)[0] in keyed)
        ]
    return f"CREATE TABLE {model.name} (\n  " + ",\n  ".join(lines) + "\n)"


def _column_ddl(column: Column, is_key: bool) -> str:
    parts = [quote(column.name), column.duckdb_type]
    if column.is_required or is_key:
        parts.append("NOT NULL")
    if check := check_sql(column):
        parts.append(f"CHECK ({check})")
    return " ".join(parts)


def check_sql(column: Column) -> str | None:
    """The CHECK expression of a column, or None."""
    demands = (constraint.sql for constraint in constraints_of(column) if constraint.demand != "required")
    return " AND ".join(demands) or None


def _foreign_key(column: Column) -> str:
    assert column.references is not None
    target, target_column = column.references.rsplit(".", 1)
    return f"FOREIGN KEY ({quote(column.name)}) REFERENCES {target} ({quote(target_column)})"


def comment_sql(model: pa.DataFrameSchema) -> list[str]:
    """COMMENT ON statements for the table and every column."""
    key = ", ".join(key_of(model))
    proved = f" Key: {key}, unique and without NULL, proved by query at every release." if key else ""
    statements = [f"COMMENT ON TABLE {model.name} IS {literal((model.description or '') + proved)}"]
    for column in columns_of(model):
        target = f"{model.name}.{quote(column.name)}"
        statements.append(f"COMMENT ON COLUMN {target} IS {literal(column_comment(column))}")
    return statements


def column_comment(column: Column) -> str:
    """Description, unit, codes and reference of a column in one line."""
    parts = [f"{column.description.rstrip('.')}."]
    if column.unit:
        parts.append(f"Unit: {column.unit}.")
    if column.codes is not None:
        parts.append(f"Codes: {codes_text(column)}.")
    if possible := possible_range(column):
        parts.append(f"Possible: {possible}.")
    if column.references:
        parts.append(f"References {column.references}, proved by query at every release.")
    return " ".join(parts)


def codes_text(column: Column) -> str | None:
    """``code = label; …`` of a coded column."""
    if column.codes is None:
        return None
    return "; ".join(f"{code} = {label}" for code, label in column.codes.labels.items())


def dictionary_rows() -> list[dict[str, object]]:
    """Rows of ``meta.dictionary`` for every table."""
    rows: list[dict[str, object]] = []
    for name, model in schemas.tables().items():
        layer, table_name = name.split(".")
        key = key_of(model)
        for position, column in enumerate(columns_of(model), start=1):
            rows.append(
                {
                    "schema_name": layer,
                    "table_name": table_name,
                    "column_name": column.name,
                    "position": position,
                    "key_position": key.index(column.name) + 1 if column.name in key else None,
                    "data_type": column.duckdb_type,
                    "unit": column.unit,
                    "is_nullable": not (column.is_required or column.name in key),
                    "codes": codes_text(column),
                    "description": column.description,
                    "is_identifying": column.is_identifying or column.is_free_text,
                    "is_quasi_identifier": column.is_quasi_identifier,
                    "is_date": column.is_date,
                    "is_free_text": column.is_free_text,
                    "minimum": column.minimum,
                    "maximum": column.maximum,
                }
            )
    return rows


def code_rows() -> list[dict[str, object]]:
    """Rows of ``meta.code`` for every code list."""
    return [
        {
            "code_list": result.name,
            "code": code,
            "label": label,
            "source": result.source,
            "position": position,
        }
        for result in CODE_LISTS.values()
        for position, (code, label) in enumerate(result.labels.items(), start=1)
    ]


def schema_version() -> str:
    """Hash of every table declaration; changes when a column, type, key or code list does."""
    text = "\n".join(create_table_sql(model) + model.description for model in schemas.tables().values())
    return hashlib.sha256(text.encode()).hexdigest()[:12]
