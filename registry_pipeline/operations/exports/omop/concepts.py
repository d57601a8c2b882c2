"""Which concepts stand for the registry's codes: those of the model itself, the rest by what the user brings.

Belongs here: reading a user's vocabularies, the list of what has no concept. Does not belong here: tables (``write.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

import schemas
from registry_pipeline.core.toml_source import ConfigurationError
from schemas.constraints import literal, quote
from schemas.table import columns_of

MAP = "SOURCE_TO_CONCEPT_MAP.csv"
CONCEPT = "CONCEPT.csv"
NO_VOCABULARY = "none"
_MAP_COLUMNS = ("source_code", "source_vocabulary_id", "target_concept_id")
_CONCEPT_COLUMNS = (
    "concept_id",
    "concept_name",
    "vocabulary_id",
    "concept_class_id",
    "standard_concept",
    "concept_code",
)
SOURCE_VOCABULARY = "OMCC registry"

_RECURRENCE, _PROGRESSION, _FIRST, _REGIMEN = 32529, 32677, 32528, 32531
OF_THE_MODEL: Mapping[str, int] = {
    "record_type:registry": 32879,
    "cdm_version:5.4.0": 756265,
    "sex:F": 8532,
    "sex:M": 8507,
    "unit:mm": 8588,
    "unit:ng/mL": 8842,
    "size_qualifier:=": 4172703,
    "size_qualifier:<": 4171756,
    "size_qualifier:>": 4172704,
    "field:condition_occurrence": 1147127,
    "field:procedure_occurrence": 1147082,
    "field:drug_exposure": 1147094,
    "field:measurement": 1147138,
    "episode:primary_tumour": _FIRST,
    "episode:treatment": _REGIMEN,
    "omd_class:metachronous_oligorecurrence": _RECURRENCE,
    "omd_class:repeat_oligorecurrence": _RECURRENCE,
    "omd_class:induced_oligorecurrence": _RECURRENCE,
    "omd_class:metachronous_oligoprogression": _PROGRESSION,
    "omd_class:repeat_oligoprogression": _PROGRESSION,
    "omd_class:induced_oligoprogression": _PROGRESSION,
    "event_type:local_recurrence": _RECURRENCE,
    "event_type:regional": _RECURRENCE,
    "event_type:locoregional": _RECURRENCE,
    "event_type:new_oligomet": _PROGRESSION,
    "event_type:polymet": _PROGRESSION,
    "event_type:distant": _PROGRESSION,
}
"""Concepts of the model itself (kinds of records and episodes, fields, sex, units), the same in every vocabulary."""


def prepare_concepts(database: duckdb.DuckDBPyConnection, vocabularies: Path | None) -> str:
    """Make ``concept(source)`` known to a connection: what stands for a code of ours, 0 where nothing does.

    A line of the user's map goes before a concept that bears the same code (ICD-O-3, RxNorm), and that before ours.

    Args:
        vocabularies: folder with ``SOURCE_TO_CONCEPT_MAP.csv``, ``CONCEPT.csv`` (as Athena gives it), or both.

    Returns:
        What the vocabularies are, for ``cdm_source``.

    Raises:
        ConfigurationError: a file cannot be used; says which, and what it must hold.
    """
    database.execute("CREATE TABLE source_concept (source VARCHAR, concept_id INTEGER, priority INTEGER)")
    database.executemany(
        "INSERT INTO source_concept VALUES (?, ?, 3)", [list(pair) for pair in OF_THE_MODEL.items()]
    )
    version = NO_VOCABULARY if vocabularies is None else _read_vocabularies(database, vocabularies)
    database.execute("""
        CREATE TABLE chosen_concept AS
        SELECT source, first(concept_id ORDER BY priority) AS concept_id FROM source_concept GROUP BY source
    """)
    database.execute("""
        CREATE MACRO concept(wanted_source) AS
        coalesce((SELECT any_value(concept_id) FROM chosen_concept WHERE source = wanted_source), 0)
    """)
    return version


def _read_vocabularies(database: duckdb.DuckDBPyConnection, folder: Path) -> str:
    present = [name for name in (MAP, CONCEPT) if (folder / name).is_file()]
    if not present:
        raise ConfigurationError(folder, None, f"holds neither {MAP} nor {CONCEPT}")
    if MAP in present:
        _read_map(database, folder / MAP)
    if CONCEPT in present:
        _read_concepts(database, folder / CONCEPT)
    return str(folder.resolve().name)


def _scan(path: Path, columns: tuple[str, ...], delimiter: str) -> str:
    """SQL that reads a file as text, after a look at its header.

    Raises:
        ConfigurationError: columns are missing.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = [name.strip().strip('"').lower() for name in file.readline().split(delimiter)]
    if missing := [name for name in columns if name not in header]:
        raise ConfigurationError(path, 1, f"has no column {', '.join(missing)}; its header must name it")
    quoting = "quote = ''" if delimiter == "\t" else "quote = '\"'"
    return (
        f"(SELECT {', '.join(map(quote, columns))} FROM read_csv({literal(str(path))}, delim = {literal(delimiter)}, "
        f"header = true, all_varchar = true, normalize_names = true, {quoting}))"
    )


def _insert(database: duckdb.DuckDBPyConnection, path: Path, query: str) -> None:
    try:
        database.execute(query)
    except duckdb.Error as problem:
        reason = str(problem).splitlines()[0]
        raise ConfigurationError(path, None, f"cannot be read: {reason}") from None


def _read_map(database: duckdb.DuckDBPyConnection, path: Path) -> None:
    scan = _scan(path, _MAP_COLUMNS, ",")
    _insert(
        database,
        path,
        f"CREATE TEMP TABLE brought AS SELECT *, TRY_CAST(target_concept_id AS INTEGER) AS concept_id FROM {scan} "
        f"WHERE source_vocabulary_id = {literal(SOURCE_VOCABULARY)}",
    )
    if database.execute("SELECT 1 FROM brought LIMIT 1").fetchone() is None:
        raise ConfigurationError(
            path, None, f"has no line whose source_vocabulary_id is {SOURCE_VOCABULARY!r}, as in unmapped.csv"
        )
    wrong = database.execute("SELECT source_code FROM brought WHERE concept_id IS NULL LIMIT 1").fetchone()
    if wrong is not None:
        raise ConfigurationError(
            path, None, f"target_concept_id of {wrong[0]!r} is no whole number; write 0 for none"
        )
    double = database.execute(
        "SELECT source_code FROM brought GROUP BY source_code HAVING count(DISTINCT concept_id) > 1 LIMIT 1"
    ).fetchone()
    if double is not None:
        raise ConfigurationError(path, None, f"{double[0]!r} has two target concepts; leave one line of it")
    database.execute(
        "INSERT INTO source_concept SELECT source_code, concept_id, 1 FROM brought WHERE concept_id <> 0"
    )


def _read_concepts(database: duckdb.DuckDBPyConnection, path: Path) -> None:
    scan = _scan(path, _CONCEPT_COLUMNS, "\t")
    _insert(
        database,
        path,
        f"""
        INSERT INTO source_concept
        SELECT
            CASE vocabulary_id
                WHEN 'ICDO3' THEN 'ICDO3:' || concept_code
                WHEN 'UCUM' THEN 'unit:' || concept_code
                ELSE 'agents:' || lower(concept_name)
            END,
            CAST(concept_id AS INTEGER), 2
        FROM {scan}
        WHERE standard_concept = 'S'
            AND (vocabulary_id IN ('ICDO3', 'UCUM') OR (vocabulary_id = 'RxNorm' AND concept_class_id = 'Ingredient'))
        """,
    )


def labels() -> dict[str, str]:
    """What our codes mean: ``lesion_site:lung`` -> its label, ``long_axis_mm`` -> what the column is."""
    result: dict[str, str] = {}
    for model in schemas.tables_of("curated").values():
        for column in columns_of(model):
            result[column.name] = column.description
            if column.codes is not None:
                result |= {f"{column.name}:{code}": label for code, label in column.codes.labels.items()}
    return result
