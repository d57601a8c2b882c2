"""A hospital every identifying and free-text column of which holds a word that stands nowhere else.

Belongs here: its mapping, its files, where words are found. Does not belong here: where they may be (``tests/fault``).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from registry_pipeline.intake.mapping.table import AUTOMATIC, curated_tables
from schemas.columns import Column
from tests.support.staging import source, table

CANARY = re.compile(rb"Qz\d{3}v")
N_GOOD = 24
_DAYS = {
    "birth": "1961-03-05", "dx": "2015-04-07", "omd_dx": "2017-05-02", "detection": "2017-05-02", "exam": "2017-05-02",
    "last_negative": "2017-01-10", "start": "2017-06-01", "end": "2017-06-09", "contact": "2019-02-11",
    "death": "2020-03-12", "event": "2018-08-08", "onset": "2017-06-20", "resolved": "2017-07-20",
}  # fmt: skip
_NUMBERS = {
    "age_at_diagnosis_years": 54, "size_lower_mm": 8, "long_axis_mm": 9, "size_upper_mm": 30, "short_axis_mm": 6,
    "third_axis_mm": 6, "dose_per_fraction_gy": 6, "n_fractions_planned": 5, "n_fractions_delivered": 5, "total_dose_gy": 30,
    "bed10_gy": 48, "eqd2_gy": 40, "dose_gy": 30, "n_fractions": 5, "slice_mm": 3,
}  # fmt: skip
_VALID = {
    "topography_code": "C53.9", "morphology_code": "8070/3", "icd10_secondary_code": "C78.0", "ctcae_term": "Nausea",
    "grade_code": "3",
}  # fmt: skip
"""Of identifying columns with codes of their own: every other record has one, so that it is accepted."""
_CODES = {
    "sex": "F",
    "lesion_status": "index",
    "lrt_modality": "rt",
    "intent": "definitive",
    "figo_edition": "2009",
    "lesion_site": "lung",
    "basis_code": "7",
    "omd_class": "",
}


def columns_read() -> dict[str, dict[str, Column]]:
    """The columns of each table that a file fills; parts of a date come with the date."""
    derived = ("_precision", "_lower", "_upper", "_reason")
    return {
        name: {
            column: declared
            for column, declared in columns.items()
            if column not in AUTOMATIC and not column.endswith(derived)
        }
        for name, columns in curated_tables().items()
    }


def words() -> dict[str, str]:
    """Column -> its word; a number of a record has the same in every table."""
    names = sorted(
        {
            column if column.endswith("_id") else f"{name}.{column}"
            for name, columns in columns_read().items()
            for column in columns
        }
    )
    return {name: f"Qz{number:03d}v" for number, name in enumerate(names)}


def tagged_words() -> set[str]:
    """The words of identifying and free-text columns that hold text."""
    return {
        _word(name, column.name)
        for name, columns in columns_read().items()
        for column in columns.values()
        if column.kind == "text" and column.codes is None
    }


def _word(name: str, column: str) -> str:
    return words()[column if column.endswith("_id") else f"{name}.{column}"]


def mapping() -> str:
    """One source per table."""
    return "\n".join(
        source(
            table(name, *(f'"{column}" = "{column}"' for column in columns)),
            *(['required = ["patient_id", "birth_date"]'] if name == "patient" else []),
            name=name,
            files=f"{name}.*",
        )
        for name, columns in columns_read().items()
    )


def files() -> dict[str, bytes]:
    """Good records, and seven sorts of failure: rows whose every cell is a word, short rows, records that contradict each
    other, a cell too long, a file without a header, one in another encoding, one without a required column."""
    result = {}
    for name, columns in columns_read().items():
        rows = [[_good(name, column, number) for column in columns.values()] for number in range(N_GOOD)]
        rows += [[f"{_word(name, column)}b{number}" for column in columns] for number in range(3)]
        rows += [[_word(name, column) for column in columns][:2]]
        rows += [[*row[:-1], f"{_word(name, list(columns)[-1])} other"] for row in rows[:1]]
        text = "\n".join(",".join(row) for row in [list(columns), *rows])
        result[f"{name}.csv"] = (text + "\n").encode()
    every = ",".join(words().values())
    long = ",".join([_word("patient", column) * 400 for column in columns_read()["patient"]])
    result["patient.csv"] += f"{long}\n".encode()
    result["letters.txt"] = f"{every}\n{every}\n".encode()
    result["patient.latin.csv"] = result["patient.csv"].replace(b"Qz", "Qz\u00e9 Qz".encode("latin-1"))
    result["patient.short.csv"] = f"sex,residence_region\n{every[:13]}\n".encode()
    return result


def _good(name: str, column: Column, number: int) -> str:
    if column.name in _VALID and number % 2:
        return _VALID[column.name]
    if column.name.endswith("_date"):
        return _DAYS.get(column.name.removesuffix("_date"), "2017-08-01")
    if column.codes is not None:
        return _CODES.get(column.name, next(iter(column.codes.codes)))
    if column.kind == "boolean":
        return "true" if column.name in ("is_index", "is_alive", "is_treated") else ""
    if column.kind in ("integer", "real"):
        return str(_NUMBERS.get(column.name, int(max(column.minimum or 0, 1))))
    return f"{_word(name, column.name)}{number}" if column.name.endswith("_id") else _word(name, column.name)


def holds(path: Path) -> bool:
    """Whether a file's name or content holds a word; workbooks, archives and databases are opened."""
    if CANARY.search(path.name.encode()):
        return True
    return any(CANARY.search(content) is not None for content in _contents(path))


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif path.suffix in (".duckdb", ".parquet"):
        yield from _rows(path)


def _rows(path: Path) -> Iterator[bytes]:
    """Every cell of a database, or of a Parquet file, as text: compressed, words may not stand in it as they are."""
    is_database = path.suffix == ".duckdb"
    with duckdb.connect(str(path) if is_database else ":memory:", read_only=is_database) as connection:
        query = "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
        sources = [name for (name,) in connection.execute(query).fetchall()] if is_database else [f"'{path}'"]
        for name in sources:
            rows = connection.execute(f"SELECT CAST(t AS VARCHAR) FROM (FROM {name}) AS t").fetchall()
            yield "\n".join(str(row) for (row,) in rows).encode()
