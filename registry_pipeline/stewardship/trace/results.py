"""An estimate back to the patients whose records it rests on.

Belongs here: finding a row of a result table, and the patients of its endpoint, origin and group in the marts.
Does not belong here: the records of a patient (``patients.py``), estimating.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry_pipeline.stewardship.trace.tables import check_columns, records_of, released_table
from registry_pipeline.store.query import QueryError
from schemas import study
from schemas.constraints import quote

if TYPE_CHECKING:
    import duckdb

_OF_LESIONS = {
    "growth": ("mart.lesion_growth", "is_included"),
    "surveillance": ("mart.lesion_growth", "is_included"),
    "lesion": ("mart.lesion_control", "true"),
}
"""First word of a result table -> the mart of lesions that it is estimated from, and which of them."""
_COUNTS = ("n", "n_patients")


@dataclass(frozen=True)
class TracedResult:
    """A row of a result table and the patients behind it.

    Attributes:
        row: the estimate.
        basis: in words, whose records these are.
        patients: one row per patient: ``patient_id`` and what the estimate knows of her.
        n_stated: how many the row itself counts; None where it counts none.
    """

    table_name: str
    row: Mapping[str, Any]
    basis: str
    patients: tuple[Mapping[str, Any], ...]
    n_stated: int | None

    @property
    def is_exact(self) -> bool | None:
        """Whether the patients are as many as the row counts; None where it counts none."""
        return None if self.n_stated is None else self.n_stated == len(self.patients)


def trace_result(
    connection: duckdb.DuckDBPyConnection, table: str, conditions: Mapping[str, str]
) -> TracedResult:
    """The patients behind the one row of a result table that meets the conditions.

    Args:
        conditions: column -> value as text.

    Raises:
        QueryError: there is no such table or column, no row meets the conditions, or several do: then it says what
            tells them apart.
    """
    released = released_table(connection, "result", table)
    name = f"result.{released.name}"
    check_columns(conditions, name, released.columns)
    row = _row(connection, name, conditions)
    basis, query, parameters = _population(name, row)
    patients = records_of(connection, query, parameters)
    stated = next((int(row[column]) for column in _COUNTS if row.get(column) is not None), None)
    return TracedResult(name, row, basis, tuple(patients), None if "lesion" in basis else stated)


def _row(connection: duckdb.DuckDBPyConnection, name: str, conditions: Mapping[str, str]) -> dict[str, Any]:
    """The row that is meant; a number may be written with or without decimals."""
    tests = [
        f"(lower(CAST({quote(column)} AS VARCHAR)) = lower(?) OR TRY_CAST({quote(column)} AS DOUBLE) = TRY_CAST(? AS DOUBLE))"
        for column in conditions
    ]
    values = [value for value in conditions.values() for _ in range(2)]
    candidates = records_of(connection, f"SELECT * FROM {name} WHERE {' AND '.join(tests) or 'true'}", values)
    rows = _narrowed(connection, candidates)
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise QueryError(f"no row of {name} meets this{_choices(connection, name, conditions)}")
    apart = [
        column for column in rows[0] if len({row[column] for row in rows}) > 1 and column not in conditions
    ]
    keys = [column for column in apart if isinstance(rows[0][column], str)] or apart
    conditions_missing = "; ".join(
        f"{column}={'|'.join(_some({row[column] for row in rows}))}" for column in keys[:4]
    )
    raise QueryError(f"{len(rows)} rows of {name} meet this; say also {conditions_missing}")


def _narrowed(connection: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of several rows those from the study's own origin; one of those that give one group by two variables."""
    if len(rows) < 2:
        return rows
    origin = connection.execute("SELECT value FROM meta.parameter WHERE name = 'study.origin'").fetchone()
    own = [row for row in rows if origin is not None and row.get("origin") == origin[0]] or rows
    apart = {column for column in own[0] if any(row[column] != own[0][column] for row in own)}
    return own[:1] if apart <= {"stratum_variable"} else own


def _choices(connection: duckdb.DuckDBPyConnection, name: str, conditions: Mapping[str, str]) -> str:
    """What the columns asked for do hold."""
    parts = []
    for column in conditions:
        held = connection.execute(
            f"SELECT DISTINCT {quote(column)} FROM {name} WHERE {quote(column)} IS NOT NULL"
        )
        parts.append(
            f"{column} is {', '.join(_some({row[0] for row in held.fetchall()})) or 'nowhere filled'}"
        )
    return ": " + "; ".join(parts) if parts else ""


def _some(values: set[Any]) -> list[str]:
    texts = sorted(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
    return [*texts[:8], "..."] if len(texts) > 8 else texts


def _population(name: str, row: Mapping[str, Any]) -> tuple[str, str, Sequence[Any]]:
    """In words whose records an estimate rests on, and the query that names them."""
    for column in ("patient_id", "lesion_id"):
        if row.get(column):
            return _of_record(column, str(row[column]))
    first = name.removeprefix("result.").partition("_")[0]
    if first in _OF_LESIONS:
        return _of_lesions(*_OF_LESIONS[first], row)
    if row.get("endpoint") and row.get("origin"):
        return _of_times(row)
    if name == "result.follow_up":
        return _of_cohort("patients of the cohort, else of the registry", row, has_fallback=True)
    return _of_cohort("patients of the cohort", row)


def _of_record(column: str, value: str) -> tuple[str, str, Sequence[Any]]:
    if column == "patient_id":
        return "the patient of the row", "SELECT ? AS patient_id", [value]
    return (
        "the patient of the lesion",
        "SELECT patient_id, lesion_id FROM curated.lesion WHERE lesion_id = ?",
        [value],
    )


def _of_lesions(mart: str, condition: str, row: Mapping[str, Any]) -> tuple[str, str, Sequence[Any]]:
    test, parameters = _group(row, "m")
    return (
        f"lesions of {mart}",
        f"SELECT m.patient_id, count(*) AS n_lesions FROM {mart} m WHERE m.{condition} AND {test} GROUP BY 1 ORDER BY 1"
        if condition != "true"
        else f"SELECT m.patient_id, count(*) AS n_lesions FROM {mart} m WHERE {test} GROUP BY 1 ORDER BY 1",
        parameters,
    )


def _of_times(row: Mapping[str, Any]) -> tuple[str, str, Sequence[Any]]:
    """Those with a time of the endpoint from the origin, of the row's group or with the model's covariates."""
    origin = study.ORIGINS.get(str(row["origin"]))
    of = "mart.registry_patient" if origin is not None and origin.is_registry else "mart.cohort"
    test, parameters = _group(row, "c")
    basis = f"patients with a time of {row['endpoint']} from {row['origin']}"
    return (
        basis,
        f"""SELECT t.patient_id, t.duration_days, t.event, t.censor_reason
        FROM mart.survival_time t LEFT JOIN {of} c USING (patient_id)
        WHERE t.endpoint = ? AND t.origin = ? AND {test} ORDER BY t.patient_id""",
        [row["endpoint"], row["origin"], *parameters],
    )


def _group(row: Mapping[str, Any], alias: str) -> tuple[str, Sequence[Any]]:
    """The condition on a patient that a row's group, facility or covariate makes."""
    variable, stratum = row.get("stratum_variable"), row.get("stratum")
    if row.get("facility"):
        return f"{alias}.facility_id = ?", [row["facility"]]
    if variable is None or variable == study.OVERALL.name:
        covariates = [name for name in (row.get("variable"), row.get("model")) if name in study.COVARIATES]
        return (f"{alias}.{quote(str(covariates[0]))} IS NOT NULL", []) if covariates else ("true", [])
    if variable not in study.VARIABLES:
        return "true", []
    column = f"{alias}.{quote(str(variable))}"
    if stratum is None:
        return f"{column} IS NOT NULL", []
    return f"lower(CAST({column} AS VARCHAR)) = lower(?)", [stratum]


def _of_cohort(
    basis: str, row: Mapping[str, Any], has_fallback: bool = False
) -> tuple[str, str, Sequence[Any]]:
    test, parameters = _group(row, "c")
    cohort = f"SELECT c.patient_id FROM mart.cohort c WHERE {test}"
    if has_fallback:
        cohort += " UNION SELECT patient_id FROM mart.registry_patient WHERE NOT EXISTS (FROM mart.cohort)"
    return basis, f"{cohort} ORDER BY 1", parameters
