"""A cBioPortal study: clinical patient and sample files, and the course of each patient as time lines.

Source: cBioPortal's file formats (https://docs.cbioportal.org/file-formats/, clinical data and timeline data);
its own ``validateData.py -n`` accepts what is written here.

Belongs here: the files of the format. Does not belong here: what a time line holds (``sql/exports/cbioportal/``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

import schemas
from registry_pipeline.core.files import write_text
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.operations.exports.tables import about_release, held_columns
from schemas.columns import Column, Kind
from schemas.disease.wording import CBIOPORTAL_CANCER, CBIOPORTAL_CANCER_TYPE
from schemas.study import ENDPOINTS, LRT_START, OS
from schemas.table import columns_of

_SQL = "exports/cbioportal"
_DATATYPE: dict[Kind, str] = {"text": "STRING", "integer": "NUMBER", "real": "NUMBER", "boolean": "BOOLEAN"}
_SEX = {"F": "Female", "M": "Male"}
Row = Sequence[object]


@dataclass(frozen=True)
class Attribute:
    """A column of a clinical file, as its first five lines say it."""

    name: str
    label: str
    meaning: str
    datatype: str = "STRING"
    priority: int = 1


def write_cbioportal(release: duckdb.DuckDBPyConnection, folder: Path, study_id: str) -> list[Path]:
    """Write a study that cBioPortal loads; patients are those of ``mart.cohort``, samples their index lesions.

    Days count from the start of local therapy; no date, identifier of a facility or free text is written.

    Args:
        release: a release, open for reading.
        folder: an empty or new folder.
        study_id: cBioPortal's ``cancer_study_identifier``: letters, digits, ``_``, ``-`` and ``.``.

    Returns:
        The files, in the order in which they were written.
    """
    about = about_release(release)
    study = {
        "type_of_cancer": CBIOPORTAL_CANCER,
        "cancer_study_identifier": study_id,
        "name": f"{CBIOPORTAL_CANCER_TYPE}, oligometastatic: local therapy",
        "description": f"Release {about['release']}. {about['statement']}",
        "add_global_case_list": "true",
    }
    files = [_meta(folder / "meta_study.txt", study)]
    files += _clinical(folder, study_id, "patient", _patient_attributes(release), _patient_rows(release))
    files += _clinical(folder, study_id, "sample", _SAMPLE, _sample_rows(release))
    for name in sql_files(_SQL):
        files += _timeline(release, folder, study_id, name)
    return files


def _meta(path: Path, lines: Mapping[str, str]) -> Path:
    write_text("".join(f"{name}: {_text(value)}\n" for name, value in lines.items()), path)
    return path


def _meta_of(data: Path, study_id: str, datatype: str) -> Path:
    """The file that announces a file of data."""
    lines = {
        "cancer_study_identifier": study_id,
        "genetic_alteration_type": "CLINICAL",
        "datatype": datatype,
        "data_filename": data.name,
    }
    return _meta(data.with_name(data.name.replace("data_", "meta_", 1)), lines)


def _clinical(
    folder: Path, study_id: str, name: str, attributes: Sequence[Attribute], rows: Iterable[Row]
) -> Iterator[Path]:
    data = folder / f"data_clinical_{name}.txt"
    yield _meta_of(data, study_id, f"{name.upper()}_ATTRIBUTES")
    heads: list[list[object]] = [
        [attribute.label for attribute in attributes],
        [attribute.meaning for attribute in attributes],
        [attribute.datatype for attribute in attributes],
        [attribute.priority for attribute in attributes],
    ]
    lines = ["#" + _line(head) for head in heads]
    names = _line(attribute.name for attribute in attributes)
    write_text("\n".join([*lines, names, *map(_line, rows)]) + "\n", data)
    yield data


def _line(cells: Iterable[object]) -> str:
    return "\t".join(map(_text, cells))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return " ".join(text.split())


def _cohort_columns(release: duckdb.DuckDBPyConnection) -> list[Column]:
    """What a cohort row says of a patient beside her identifiers and dates."""
    held = set(held_columns(release, "mart.cohort"))
    return [
        column
        for column in columns_of(schemas.tables()["mart.cohort"])
        if column.name in held - {"patient_id"}
        and not (column.is_identifying or column.is_free_text or column.is_date)
    ]


def _endpoints(release: duckdb.DuckDBPyConnection) -> list[str]:
    query = "SELECT DISTINCT endpoint FROM mart.survival_time WHERE origin = ?"
    present = {name for (name,) in release.execute(query, [LRT_START.name]).fetchall()}
    return [name for name in ENDPOINTS if name in present]


def _patient_attributes(release: duckdb.DuckDBPyConnection) -> list[Attribute]:
    attributes = [
        Attribute("PATIENT_ID", "Patient", "Pseudonym of the patient"),
        Attribute("SEX", "Sex", "Sex"),
    ]
    for column in _cohort_columns(release):
        meaning = f"{column.description} ({column.unit})" if column.unit else column.description
        label = column.name.replace("_", " ").capitalize()
        attributes.append(Attribute(_attribute_name(column), label, meaning, _DATATYPE[column.kind]))
    for name in _endpoints(release):
        endpoint = ENDPOINTS[name]
        meaning = f"From the {LRT_START.label} to {endpoint.event}"
        prefix = name.upper()
        attributes += [
            Attribute(f"{prefix}_STATUS", f"{endpoint.label}, status", meaning),
            Attribute(f"{prefix}_MONTHS", f"{endpoint.label}, months", meaning, "NUMBER"),
        ]
    return attributes


def _attribute_name(column: Column) -> str:
    return "AGE" if column.name == "age_years" else column.name.upper()


def _patient_rows(release: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    """One row per patient of the cohort, in the order of the attributes."""
    columns = ", ".join(f"cohort.{column.name}" for column in _cohort_columns(release))
    times = _times(release)
    endpoints = _endpoints(release)
    query = f"""
        SELECT patient_id, patient.sex, {columns} FROM mart.cohort
        LEFT JOIN curated.patient USING (patient_id) ORDER BY patient_id
    """
    for patient_id, sex, *values in release.execute(query).fetchall():
        status = [cell for name in endpoints for cell in times.get((patient_id, name), ("", None))]
        yield [patient_id, _SEX.get(sex, "Unknown"), *values, *status]


def _times(release: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[str, float]]:
    """(patient, endpoint) -> status in words and months; what competes with an event ends the watching."""
    query = """
        SELECT patient_id, endpoint, event, duration_days / CAST(parameter.value AS DOUBLE)
        FROM mart.survival_time, meta.parameter
        WHERE origin = ? AND parameter.name = 'study.days_per_month'
    """
    return {
        (patient_id, endpoint): (_status(endpoint, event), months)
        for patient_id, endpoint, event, months in release.execute(query, [LRT_START.name]).fetchall()
    }


def _status(endpoint: str, event: int) -> str:
    if endpoint == OS.name:
        return "1:DECEASED" if event == 1 else "0:LIVING"
    return f"1:{ENDPOINTS[endpoint].event}" if event == 1 else "0:CENSORED"


_SAMPLE = (
    Attribute("PATIENT_ID", "Patient", "Pseudonym of the patient"),
    Attribute("SAMPLE_ID", "Lesion", "Pseudonym of the patient and number of her treated lesion"),
    Attribute("CANCER_TYPE", "Cancer type", "Cancer type"),
    Attribute("SAMPLE_TYPE", "Sample type", "Sample type"),
    Attribute("METASTATIC_SITE", "Site", "Site of the lesion"),
    Attribute("LESION_GROUP", "Site group", "Site of the lesion, grouped"),
    Attribute("DIAMETER_MM", "Diameter", "Largest diameter before treatment (mm)", "NUMBER"),
)


def _sample_rows(release: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    """One row per index lesion; a patient without one has a row of her own, for cBioPortal shows samples."""
    query = """
        SELECT patient_id,
            patient_id || '-' || row_number() OVER (
                PARTITION BY patient_id ORDER BY detection_date, lesion_site, diameter_mm, lesion_id
            ),
            lesion_site, index_lesion.lesion_site_group, diameter_mm
        FROM mart.cohort LEFT JOIN mart.index_lesion USING (patient_id) ORDER BY 1, 2
    """
    for patient_id, sample_id, *values in release.execute(query).fetchall():
        yield [patient_id, sample_id, CBIOPORTAL_CANCER_TYPE, "Metastasis", *values]


def _timeline(release: duckdb.DuckDBPyConnection, folder: Path, study_id: str, name: str) -> Iterator[Path]:
    """One time line; a kind of event that nobody had is left out."""
    answer = release.execute(sql_files(_SQL)[name].query)
    columns = [str(column[0]).upper() for column in answer.description]
    rows = answer.fetchall()
    if not rows:
        return
    data = folder / f"data_timeline_{name}.txt"
    yield _meta_of(data, study_id, "TIMELINE")
    write_text("\n".join([_line(columns), *map(_line, rows)]) + "\n", data)
    yield data
