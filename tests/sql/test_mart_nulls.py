"""Every column that the marts read, missing in turn: less knowledge never makes an observation longer.

``least(NULL, extract_date)`` is the extract date in DuckDB: a patient without evidence of life counted as alive
until the day of the extract. Which mart columns follow each curated column is listed in ``mart_nulls.toml``.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import schemas
from registry_pipeline.core.settings import Study
from registry_pipeline.core.sql_files import in_order, sql_files
from registry_pipeline.store.sql import private_database, study_parameters
from registry_pipeline.validation.records import curated, required_items
from schemas.table import columns_of, key_of
from tests.sql.drawn import ELIGIBLE
from tests.support.ascii_table import frame_of

FOLLOWS = tomllib.loads((Path(__file__).parent / "mart_nulls.toml").read_text(encoding="utf-8"))
DRAWN = ELIGIBLE | {
    "patient": "patient_id | sex | birth_date | has_consent\nP1 | F | 1970-03-10 | yes\nP2 | F | 1960-01-01 | yes",
    "primary_tumour": "tumour_id | patient_id | dx_date | age_at_diagnosis_years | figo_stage | histology_group\n"
    "T1 | P1 | 2018-03-09 | 48 | IIB | scc\nT2 | P2 | 2015-01-01 | 55 | IVB | adeno",
    "omd_episode": "episode_id | patient_id | is_index | omd_dx_date | active_systemic | history_polymet | history_omd |"
    " has_progressive_lesion | has_concurrent_regional | lesion_site_group\n"
    "E1 | P1 | yes | 2020-01-01 | yes | no | yes | no | no | lung\nE2 | P2 | yes | 2020-06-01 | no | no | no | no | no | scf",
    "lrt_course": "lrt_id | episode_id | patient_id | lrt_modality | intent | start_date | end_date |"
    " n_fractions_planned | n_fractions_delivered | dose_per_fraction_gy | total_dose_gy\n"
    "R1 | E1 | P1 | rt | definitive | 2020-02-01 | 2020-02-12 | 5 | 5 | 6 | 30\n"
    "R2 | E2 | P2 | surgery | definitive | 2020-07-01 | 2020-07-01 | | | |",
    "followup": "followup_id | patient_id | contact_date | followup_source | is_alive | disease_status\n"
    "F1 | P1 | 2021-02-01 | visit | yes | ned\nF2 | P2 | 2021-07-01 | civil | yes | ned\n"
    "F3 | P2 | 2021-03-01 | phone | yes | awd",
    "death": "patient_id | death_date | death_cause\nP2 | 2021-09-01 | cancer",
    "event": "event_id | patient_id | lesion_id | event_type | event_date\nV1 | P1 | L1 | local_recurrence | 2020-10-01",
    "imaging_region": "exam_id | body_region | patient_id | impression\nX0 | chest | P1 | neg",
    "imaging_exam": "exam_id | patient_id | exam_date | imaging_modality\nX0 | P1 | 2019-09-01 | ct\n"
    "X1 | P1 | 2020-01-01 | ct\nX2 | P2 | 2020-06-01 | petct",
    "systemic_line": "line_id | patient_id | start_date | end_date\nY1 | P1 | 2020-03-01 | 2020-05-01",
    "toxicity": "toxicity_id | lrt_id | patient_id | onset_date | resolved_date\nA1 | R1 | P1 | 2020-02-20 | 2020-03-20",
    "primary_treatment": "treatment_id | tumour_id | patient_id | start_date | end_date\nB1 | T1 | P1 | 2018-04-01 | 2018-06-01",
    "regional_recurrence": "regional_recurrence_id | patient_id | regional_site | dx_date | is_treated\n"
    "G1 | P1 | pelvic | 2020-01-20 | yes",
}  # fmt: skip
PARAMETERS = study_parameters(Study(), date(2022, 12, 31))
COLUMNS = [
    f"{table}.{column.name}"
    for table, model in curated().items()
    for column in columns_of(model)
    if column.name not in required_items(table)
]


def marts(*emptied: str) -> dict[str, pl.DataFrame]:
    """Every mart table of the drawn registry, some columns of it without any value."""
    made: dict[str, pl.DataFrame] = {}
    with private_database("500MB") as connection:
        for name in [*schemas.tables_of("curated"), "quality.quarantine"]:
            table = name.partition(".")[2]
            frame = frame_of(name, DRAWN.get(table, "patient_id"))
            stem = re.compile(r"(_lower|_upper|_precision)\Z")
            parts = [one for one in frame.columns if f"{table}.{stem.sub('', one)}" in emptied]
            frame = frame.with_columns(pl.lit(None, frame.schema[one]).alias(one) for one in parts)
            connection.register("_given", frame.to_arrow())
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM _given")
        for file in in_order(sql_files("mart"), "mart"):
            connection.execute(f"CREATE TABLE mart.{file.name} AS {file.query}", file.parameters(PARAMETERS))
            key = list(key_of(schemas.tables()[f"mart.{file.name}"]))
            made[file.name] = connection.execute(f"FROM mart.{file.name} ORDER BY ALL").pl().sort(key)
    return made


WHOLE = marts()


def changed(left: dict[str, pl.DataFrame]) -> list[str]:
    """``table.column`` of the marts that differ, or ``table`` where rows came or went."""
    found = []
    for table, frame in WHOLE.items():
        if left[table].height != frame.height:
            found.append(table)
            continue
        found += [
            f"{table}.{one}" for one in frame.columns if left[table][one].to_list() != frame[one].to_list()
        ]
    return sorted(found)


def _times(frames: dict[str, pl.DataFrame]) -> dict[Any, int]:
    rows = frames["survival_time"].select("patient_id", "endpoint", "origin", "duration_days")
    return {row[:3]: row[3] for row in rows.iter_rows()}


def test_the_other_columns_move_nothing() -> None:
    assert set(FOLLOWS) <= set(COLUMNS)
    others = [
        one for one in COLUMNS if one not in FOLLOWS and one.rpartition("_")[2] not in ("lower", "upper")
    ]
    # doses stand in for each other; without any of them there is no biological dose
    assert changed(marts(*others)) == ["cohort.bed10_gy", "index_episode.bed10_gy"]


@pytest.mark.parametrize("column", FOLLOWS)
def test_a_missing_column_changes_what_rests_on_it_and_nothing_else(column: str) -> None:
    left = marts(column)
    assert changed(left) == FOLLOWS[column]
    if column.startswith(("death.", "event.")):
        return  # without its end an observation goes on until the patient was last seen
    before = _times(WHOLE)
    assert all(days <= before[key] for key, days in _times(left).items()), "observed longer, knowing less"


def test_without_evidence_of_life_nobody_is_followed_until_the_extract() -> None:
    everything = dict(DRAWN)
    only = {"patient": DRAWN["patient"], "primary_tumour": DRAWN["primary_tumour"]}
    try:
        DRAWN.clear()
        DRAWN.update(only)
        frames = marts()
    finally:
        DRAWN.update(everything)
    known = frames["vital_status"].select("last_alive_date", "last_alive_source", "end_date")
    assert known.null_count().row(0) == (2, 2, 2)
    assert frames["survival_time"].is_empty()
    reasons = frames["registry_patient"]["exclusion_reason"].to_list()
    assert reasons == ["No evidence of life after the diagnosis on record"] * 2
