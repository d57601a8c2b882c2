"""A release as tables of OMOP CDM 5.4: OHDSI's own table definitions, keys and analyses accept them."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
from pathlib import Path

import duckdb
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.operations.exports.omop.concepts import MAP, OF_THE_MODEL
from registry_pipeline.operations.exports.omop.write import TABLES, write_omop
from registry_pipeline.store.releases import open_release


@pytest.fixture(scope="module")
def tables(full_release: tuple[Home, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("written")
    with open_release(*full_release) as release:
        write_omop(release, written)
    return written


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_row_of_the_release_is_written_or_counted_as_left_out(tables: Path) -> None:
    account = {row["table"]: row for row in _rows(tables / "account.csv")}
    for row in account.values():
        parts = ("n_written", "n_of_patients_left_out", "n_left_out_otherwise")
        assert int(row["n_rows"]) == sum(int(row[part]) for part in parts), row
    assert account["patient"]["n_written"] == account["patient"]["n_of_patients_left_out"] == "2"
    assert account["primary_treatment"]["n_left_out_otherwise"] == "1"  # Q3 has no date
    assert account["lesion"]["n_written"] == "3"


def test_who_refused_consent_or_has_no_year_of_birth_is_no_person(tables: Path) -> None:
    persons = {row["person_source_value"]: row for row in _rows(tables / "person.csv")}
    assert set(persons) == {"P1", "P2"}
    assert (persons["P1"]["month_of_birth"], persons["P1"]["day_of_birth"]) == ("3", "")
    assert persons["P2"]["month_of_birth"] == ""


def test_sizes_belong_to_lesions_and_episodes_hold_their_events(tables: Path) -> None:
    conditions = {row["condition_occurrence_id"]: row for row in _rows(tables / "condition_occurrence.csv")}
    sizes = [
        row for row in _rows(tables / "measurement.csv") if row["measurement_source_value"] == "long_axis_mm"
    ]
    assert sorted(float(row["value_as_number"]) for row in sizes) == [12.0, 15.0, 15.1]
    assert {row["meas_event_field_concept_id"] for row in sizes} == {"1147127"}
    assert {conditions[row["measurement_event_id"]]["condition_source_value"] for row in sizes} == {
        "lesion_site:lung",
        "lesion_site:scf",
    }
    episodes = {row["episode_id"]: row for row in _rows(tables / "episode.csv")}
    events = _rows(tables / "episode_event.csv")
    assert {row["episode_id"] for row in events} <= set(episodes)
    treatments = [row for row in episodes.values() if row["episode_source_value"] == "episode:treatment"]
    assert len(treatments) == 5 and all(row["episode_parent_id"] in episodes for row in treatments)
    agents = [row["drug_source_value"] for row in _rows(tables / "drug_exposure.csv")]
    assert sorted(agents) == ["agents:cisplatin", "agents:paclitaxel", "primary_modality:chemo"]


def test_codes_without_a_concept_are_listed_and_a_filled_list_is_taken(
    tables: Path, full_release: tuple[Home, str], tmp_path: Path
) -> None:
    missing = {row["source_code"] for row in _rows(tables / "unmapped.csv")}
    assert {"lesion_site:lung", "ctcae_term:Pneumonitis", "agents:cisplatin", "figo_stage:IIB"} <= missing
    assert not missing & set(OF_THE_MODEL)
    header, *lines = (tables / "unmapped.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "own").mkdir()
    filled = [line.replace(",0,None", ",4111,None") for line in lines if line.startswith("lesion_site:lung")]
    (tmp_path / "own" / MAP).write_text("\n".join([header, *filled]) + "\n", encoding="utf-8")
    (tmp_path / "own" / "CONCEPT.csv").write_text(
        "concept_id\tconcept_name\tvocabulary_id\tconcept_class_id\tstandard_concept\tconcept_code\n"
        "1397599\tcisplatin\tRxNorm\tIngredient\tS\t2555\n"
        '1\tnot " standard\tRxNorm\tIngredient\t\t1\n',
        encoding="utf-8",
    )
    with open_release(*full_release) as release:
        (tmp_path / "again").mkdir()
        write_omop(release, tmp_path / "again", tmp_path / "own")
    concepts = {
        row["condition_source_value"]: row["condition_concept_id"]
        for row in _rows(tmp_path / "again/condition_occurrence.csv")
    }
    assert concepts["lesion_site:lung"] == "4111" and concepts["lesion_site:scf"] == "0"
    drugs = _rows(tmp_path / "again/drug_exposure.csv")
    assert {row["drug_concept_id"] for row in drugs if row["drug_source_value"] == "agents:cisplatin"} == {
        "1397599"
    }
    assert missing - {row["source_code"] for row in _rows(tmp_path / "again/unmapped.csv")} == {
        "lesion_site:lung",
        "agents:cisplatin",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source_code,target\n", "has no column source_vocabulary_id, target_concept_id"),
        ("source_code,source_vocabulary_id,target_concept_id\nx,ICD10,1\n", "has no line whose"),
        ("source_code,source_vocabulary_id,target_concept_id\nx,OMCC registry,lung\n", "no whole number"),
        (
            "source_code,source_vocabulary_id,target_concept_id\nx,OMCC registry,1\nx,OMCC registry,2\n",
            "two target concepts",
        ),
    ],
)
def test_a_map_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / MAP).write_text(text, encoding="utf-8")
    with duckdb.connect() as release, pytest.raises(ConfigurationError, match=message):
        release.execute(
            "CREATE SCHEMA meta; CREATE TABLE meta.release AS SELECT 'R' AS release_id, '2026' AS created_at, 'S' AS data_statement"
        )
        write_omop(release, tmp_path, tmp_path)


@pytest.fixture
def official(tables: Path, tmp_path: Path) -> Path:
    """The tables as OHDSI defines them, filled; OMOP_DDL names the folder of CommonDataModel's DDL for DuckDB."""
    folder = os.environ.get("OMOP_DDL")
    if not folder:
        pytest.skip(
            "OHDSI's CommonDataModel is not installed: OMOP_DDL does not name its inst/ddl/5.4/duckdb"
        )
    database = tmp_path / "cdm.duckdb"
    with duckdb.connect(str(database)) as cdm:
        for part in ("ddl", "primary_keys"):
            text = (Path(folder) / f"OMOPCDM_duckdb_5.4_{part}.sql").read_text(encoding="utf-8")
            cdm.execute(text.replace("@cdmDatabaseSchema.", ""))
        cdm.executemany(
            "INSERT INTO concept VALUES (?, 'concept', 'Metadata', 'None', 'Undefined', 'S', '0', '1970-01-01', '2099-12-31', NULL)",
            [[number] for number in {0, *OF_THE_MODEL.values()}],
        )
        load = (tables / "load.sql").read_text(encoding="utf-8")
        cdm.execute(load.replace("FROM '", f"FROM '{tables}/"))
        constraints = (Path(folder) / "OMOPCDM_duckdb_5.4_constraints.sql").read_text(encoding="utf-8")
        _assert_references(cdm, constraints)
    return database


def _assert_references(cdm: duckdb.DuckDBPyConnection, constraints: str) -> None:
    """DuckDB adds no foreign keys to a table that is there; so each is asked for."""
    pattern = (
        r"TABLE @cdmDatabaseSchema\.(\w+) .*?KEY \((\w+)\) REFERENCES @cdmDatabaseSchema\.(\w+) \((\w+)\)"
    )
    keys = [key for key in re.findall(pattern, constraints) if key[0].lower() in TABLES]
    assert len(keys) > 50
    for table, column, target, target_column in keys:
        query = f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT {target_column} FROM {target})"
        assert cdm.execute(query).fetchall() == [(0,)], (table, column)


def test_the_official_tables_take_it_with_their_keys(official: Path) -> None:
    with duckdb.connect(str(official), read_only=True) as cdm:
        assert cdm.execute("SELECT count(*) FROM person").fetchall() == [(2,)]


def test_achilles_passes(official: Path) -> None:
    """DUCKCDM is the command of duckcdm, which runs OHDSI's Achilles analyses on DuckDB."""
    command = os.environ.get("DUCKCDM")
    if not command:
        pytest.skip("duckcdm is not installed: DUCKCDM names no command of it")
    verdict = subprocess.run(
        [*shlex.split(command), "achilles", str(official)], capture_output=True, text=True, check=False
    )
    assert verdict.returncode == 0, verdict.stderr
    assert re.search(r"\b1\d\d analyses, 0 failed", verdict.stdout), verdict.stdout
