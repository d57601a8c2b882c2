"""A release against its recount: every patient, every time, every reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

import schemas
from registry_pipeline.core.home import Home
from tests.recount.marts import (
    RESTS_ON,
    Rows,
    Study,
    patients_of,
    rows_of,
    step_of,
    survival_from_diagnosis,
    survival_times,
    vital_status,
)


def recounted_home(home: Home) -> int:
    """As :func:`recounted_patients`, of the served release with the settings of its home."""
    database = home.current / "registry.duckdb"
    settings, until = home.settings(), home.settings().refresh.extract_date
    if until is None:
        with duckdb.connect(str(database), read_only=True) as connection:
            until = connection.execute(
                "SELECT max(CAST(received_at AS DATE)) FROM meta.submission"
            ).fetchall()[0][0]
    study = settings.study
    limits = (study.omd_max_lesions, study.window_date, study.window_start, study.window_end)
    return recounted_patients(database, Study(until, *limits))


def recounted_patients(database: Path, study: Study) -> int:
    """How many patients were recounted; every one of them is equal, or an assertion names what is not."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows: Rows = {
            name.partition(".")[2]: rows_of(connection.execute(f"FROM {name}").df())
            for name in schemas.tables_of("curated")
        }

        def table(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        tables = ", ".join(f"'{one}', 'curated.{one}'" for one in RESTS_ON)
        held = {
            row[0]
            for row in table(f"SELECT patient_id FROM quality.quarantine WHERE table_name IN ({tables})")
        }
        names = "is_dead, death_date, last_alive_date, end_date, last_assessment_date"
        status = {row[0]: row[1:] for row in table(f"SELECT patient_id, {names} FROM mart.vital_status")}
        steps = dict(table("SELECT patient_id, step FROM mart.exclusion WHERE step > 0"))
        cohort = {row[0] for row in table("SELECT patient_id FROM mart.cohort")}
        times: dict[str, dict[tuple[str, str], tuple[int, int]]] = {}
        for patient_id, endpoint, origin, days, event in table(
            "SELECT patient_id, endpoint, origin, duration_days, event FROM mart.survival_time"
        ):
            times.setdefault(patient_id, {})[endpoint, origin] = (days, event)
    patients = patients_of(rows)
    assert set(status) == set(patients)
    for patient_id, patient in patients.items():
        assert status[patient_id] == tuple(vital_status(patient, study).values())
        step = step_of(patient, study, patient_id in held)
        assert steps.get(patient_id) == step
        assert (patient_id in cohort) == (step is None)
        wanted = survival_times(patient, study) if step is None else {}
        from_diagnosis = survival_from_diagnosis(patient, study)
        if from_diagnosis is not None:
            wanted["os", "primary_dx"] = from_diagnosis
        assert times.get(patient_id, {}) == wanted
    return len(patients)
