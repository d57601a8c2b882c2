"""What of a release leaves in analyst.duckdb: drawn patients in, every cell of the file looked at."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pandas as pd
import polars as pl
import pytest

import schemas
from registry_pipeline import analysis
from registry_pipeline.core.home import make_home
from registry_pipeline.core.settings import Analyst, Settings
from registry_pipeline.operations.exports.cbioportal import write_cbioportal
from registry_pipeline.operations.exports.datapackage import write_datapackage
from registry_pipeline.operations.exports.omop.write import write_omop
from registry_pipeline.operations.exports.redcap.write import write_redcap
from registry_pipeline.pipeline.analyst import patients
from registry_pipeline.pipeline.analyst.aggregates import declared_select
from registry_pipeline.pipeline.analyst.patients import derived_anew, patients_of
from registry_pipeline.pipeline.analyst.profile import Profile
from registry_pipeline.pipeline.analyst.risk import PERSONS, TABLE, quasi_identifiers, risk_of
from registry_pipeline.pipeline.analyst.treatment import (
    PATIENT,
    record_keys,
    tables_of_people,
    treatment_of,
    treatments,
)
from registry_pipeline.pipeline.analyst.write import write_analyst_database
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.store.parquet import write_parquet
from registry_pipeline.store.refill import RowInputs
from registry_pipeline.store.release import build_release
from registry_pipeline.store.releases import ANALYST_DATABASE, DATABASE, release_folder
from registry_pipeline.store.sql import private_database
from schemas.columns import Column
from schemas.table import columns_of
from tests.support.ascii_table import frame_of
from tests.support.small_release import VERSIONS, small_tables

EXTRACT = date(2022, 12, 31)
PROFILE = Profile(Analyst(), "5a" * 32, EXTRACT)
N = 40
OLD, OLD_LATER, PARTIAL = "Pq0", "Pq1", "Pq2"
"""Patients of 91 at diagnosis; of 85, and seen six years later; with a diagnosis known to the year."""
WORD = "Qzxv"
SUBMISSIONS = """
facility_id | submission_id | source_file | sha256
west        | S1            | his.csv     | 00
Westklinik  | S2            | w.csv       | 00
Ostklinik   | S3            | o.csv       | 00
"""


def drawings() -> dict[str, str]:
    """Forty patients of two facilities; every identifying and free-text column holds a word of its own."""
    first = date(2015, 1, 5)
    lines: dict[str, list[str]] = {
        "patient_xref": [
            "facility_id | source_name | source_patient_id | patient_id | own_patient_id | match_method"
        ],
        "patient": ["patient_id | facility_id | sex | birth_date | source_patient_id | residence_region"],
        "primary_tumour": [
            "tumour_id | patient_id | facility_id | dx_date | dx_date_precision | figo_stage | histology_group | morphology_text"
        ],
        "omd_episode": ["episode_id | patient_id | facility_id | is_index | omd_dx_date"],
        "lesion": [
            "lesion_id | episode_id | patient_id | facility_id | lesion_site | detection_date | lesion_status | lesion_site_text"
        ],
        "imaging_exam": ["exam_id | patient_id | facility_id | exam_date | imaging_modality"],
        "measurement": [
            "measurement_id | exam_id | lesion_id | patient_id | facility_id | long_axis_mm | series_role | size_text"
        ],
        "lrt_course": [
            "lrt_id | episode_id | patient_id | facility_id | lrt_modality | intent | start_date | n_fractions_delivered | dose_per_fraction_gy | plan_name"
        ],
        "followup": ["followup_id | patient_id | facility_id | contact_date | followup_source | is_alive"],
        "death": ["patient_id | facility_id | death_date | death_date_precision"],
    }
    for at in range(N):
        who, where = f"Pq{at}", ("Westklinik", "Ostklinik")[at % 3 == 0]
        dx = first + timedelta(days=31 * at)
        born = dx - timedelta(
            days=round(365.25 * (91 if who == OLD else 85 if who == OLD_LATER else 35 + at))
        )
        stated = date(2016, 7, 1) if who == PARTIAL else dx
        omd, start = dx + timedelta(days=400), dx + timedelta(days=430)
        seen = start + timedelta(days=200 + 23 * at)
        seen = dx + timedelta(days=2250) if who == OLD_LATER else EXTRACT if at % 10 == 9 else seen
        lines["patient"].append(f"{who} | {where} | F | {born} | {WORD}n{at} | {WORD}r{at}")
        lines["patient_xref"].append(f"{where} | {WORD}his | {WORD}x{at} | {who} | {who} | exact")
        lines["primary_tumour"].append(
            f"Tq{at} | {who} | {where} | {stated} | {'year' if who == PARTIAL else 'day'} | IIB | scc | {WORD}m{at}"
        )
        lines["omd_episode"].append(f"Eq{at} | {who} | {where} | yes | {omd}")
        lines["lesion"].append(f"Lq{at} | Eq{at} | {who} | {where} | lung | {omd} | index | {WORD}l{at}")
        lines["imaging_exam"].append(f"Xq{at} | {who} | {where} | {omd} | ct")
        lines["measurement"].append(
            f"Mq{at} | Xq{at} | Lq{at} | {who} | {where} | {8 + at % 17} | baseline | {WORD}s{at}"
        )
        lines["lrt_course"].append(
            f"Rq{at} | Eq{at} | {who} | {where} | rt | definitive | {start} | 5 | 6 | {WORD}c{at}"
        )
        lines["followup"].append(f"Fq{at} | {who} | {where} | {seen} | visit | yes")
        if at % 4 == 3 and seen < EXTRACT:
            lines["death"].append(f"{who} | {where} | {seen + timedelta(days=30)} | day")
    return {name: "\n".join(rows) for name, rows in lines.items()}


def with_precision(path: Path) -> pl.DataFrame:
    """A drawn table whose dates are known to the day where it is not said otherwise."""
    frame = pl.read_parquet(path)
    dates = [name.removesuffix("_precision") for name in frame.columns if name.endswith("_date_precision")]
    days = {
        f"{name}_precision": pl.coalesce(
            f"{name}_precision", pl.when(pl.col(name).is_not_null()).then(pl.lit("day"))
        )
        for name in dates
    }
    return frame.with_columns(**days)


def derived_of(folder: Path, profile: Profile = PROFILE) -> pl.DataFrame:
    """What is derived of each patient of a release."""
    with duckdb.connect(str(folder / DATABASE), read_only=True) as connection:
        return patients_of(connection, profile)


@dataclass(frozen=True)
class Pair:
    """The two databases of a release, open."""

    steward: duckdb.DuckDBPyConnection
    analyst: duckdb.DuckDBPyConnection
    folder: Path


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    root = tmp_path_factory.mktemp("analyst")
    home = make_home(root / "home")
    tables = small_tables(root / "work", **drawings())
    tables |= {name: with_precision(tables[name]) for name in schemas.tables_of("curated")}
    tables["meta.submission"] = frame_of("meta.submission", SUBMISSIONS)
    folder = release_folder(home, build_release(home, tables, VERSIONS, memory_limit="500MB"))
    write_analyst_database(folder, Settings(), PROFILE, derived_of(folder))
    with (
        duckdb.connect(str(folder / DATABASE), read_only=True) as steward,
        duckdb.connect(str(folder / ANALYST_DATABASE), read_only=True) as analyst,
    ):
        yield Pair(steward, analyst, folder)


def names_of(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY 1"
    ).fetchall()
    return [str(name) for (name,) in rows]


def test_no_word_and_no_id_of_a_record_is_anywhere_in_the_file(pair: Pair) -> None:
    steward_ids = {str(value) for name in tables_of_people() for value in _values_of_ids(pair.steward, name)}
    assert len(steward_ids) > 5 * N
    forbidden = steward_ids | {"Westklinik", "Ostklinik"}
    for name in names_of(pair.analyst):
        frame = pair.analyst.execute(f"FROM {name}").df()
        for column in frame.select_dtypes(["object", "string"]).columns:
            texts = set(frame[column].dropna().astype(str))
            assert not texts & forbidden, (name, column)
            assert not any(WORD in text for text in texts), (name, column)
    content = (pair.folder / ANALYST_DATABASE).read_bytes()
    assert not any(word.encode() in content for word in (WORD, "Westklinik", "Ostklinik"))


EXPORTS = {
    "cbioportal": lambda release, folder: write_cbioportal(release, folder, "study"),
    "omop": write_omop,
    "redcap": write_redcap,
    "data package": lambda release, folder: write_datapackage(release, folder, None),
}


@pytest.mark.parametrize("form", EXPORTS)
def test_every_export_takes_the_analysts_database(pair: Pair, tmp_path: Path, form: str) -> None:
    files = EXPORTS[form](pair.analyst, tmp_path / "out")
    assert files and all(path.is_file() for path in files)
    assert not any(WORD.encode() in path.read_bytes() for path in files)


def test_of_changed_facilities_alone_what_is_derived_is_made_anew(pair: Pair, tmp_path: Path) -> None:
    """The others' stays, of who is gone nothing does, and who is new is there."""
    whole = derived_of(pair.folder)
    theirs = pair.steward.execute(
        "SELECT patient_id FROM curated.patient WHERE facility_id = 'Westklinik'"
    ).pl()
    is_theirs = pl.col(PATIENT).is_in(theirs[PATIENT].implode())
    gone = whole[:1].with_columns(pl.lit("Pq").alias(PATIENT))
    before = whole.with_columns(offset_days=pl.when(is_theirs).then(0).otherwise("offset_days"))
    earlier = write_parquet(
        pl.concat([before.filter(pl.col(PATIENT) != OLD_LATER), gone]), tmp_path / "map.parquet"
    )
    tables = {name: pair.steward.execute(f"FROM {name}").pl() for name in tables_of_people()}
    assert OLD_LATER in theirs[PATIENT] and 0 < theirs.height < whole.height
    for changed in (["Westklinik"], []):
        with private_database() as connection:
            assert derived_anew(connection, tables, PROFILE, changed, earlier).equals(whole)


def test_what_is_derived_follows_the_declared_columns(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other columns that are days make another last day of everybody, though no facility sent anything."""
    home = make_home(tmp_path / "home")
    context = SimpleNamespace(layout=StoreLayout(home.store), home=home, settings=Settings())
    sent = RowInputs({"Westklinik": "a", "Ostklinik": "b"}, {})
    monkeypatch.setattr(patients, "row_inputs", lambda _: sent)
    tables = {name: pair.steward.execute(f"FROM {name}").pl() for name in tables_of_people()}
    before = patients.patient_map(context, tables, PROFILE)  # type: ignore[arg-type]
    monkeypatch.setattr(patients, "_is_day", lambda column: column.name == "dx_date")
    after = patients.patient_map(context, tables, PROFILE)  # type: ignore[arg-type]
    with private_database() as connection:
        anew = patients.derived_anew(connection, tables, PROFILE, [], tmp_path)
    assert after.equals(anew) and not after.equals(before)


def _values_of_ids(connection: duckdb.DuckDBPyConnection, name: str) -> set[object]:
    columns = [column for column in schemas.tables()[name].columns if column in {PATIENT, *record_keys()}]
    frame = connection.execute(f"SELECT {', '.join(columns)} FROM {name}").df()
    return {value for column in columns for value in frame[column].dropna()}


def test_every_table_of_people_keeps_its_rows_and_its_joins(pair: Pair) -> None:
    for name in (name for name in tables_of_people() if treatments(name, PROFILE) is not None):
        before, after = (
            connection.table(name).count("*").fetchall() for connection in (pair.steward, pair.analyst)
        )
        assert before == after, name
    join = """
        SELECT count(*) FROM mart.cohort JOIN curated.lesion USING (patient_id, episode_id)
        JOIN curated.measurement USING (lesion_id) JOIN curated.imaging_exam USING (exam_id)"""
    before, after = (connection.execute(join).fetchall()[0][0] for connection in (pair.steward, pair.analyst))
    assert before == after > 5


def test_intervals_are_those_of_the_steward_and_offsets_are_whole_weeks(pair: Pair) -> None:
    """Patients are matched by what is the same in both: their lesion's size, the days between their dates."""
    query = """
        SELECT l.detection_date - c.start_date AS apart, l.detection_date - f.contact_date AS seen, m.long_axis_mm,
            date_diff('day', DATE '2000-01-03', l.detection_date) AS day
        FROM curated.lesion l JOIN curated.lrt_course c USING (patient_id) JOIN curated.followup f USING (patient_id)
        JOIN curated.measurement m USING (lesion_id) WHERE f.contact_date IS NOT NULL ORDER BY ALL"""
    before, after = (connection.execute(query).df() for connection in (pair.steward, pair.analyst))
    last = pair.steward.execute(
        "SELECT count(*) FROM curated.followup WHERE contact_date >= ?", [EXTRACT]
    ).fetchall()
    assert len(before) - len(after) == last[0][0] > 0, "only who was seen on the last day has no date of it"
    keys = ["apart", "seen", "long_axis_mm"]
    matched = before.merge(after, on=keys, suffixes=("", "_moved"))
    matched = matched[~matched.duplicated(keys, keep=False)]
    assert len(matched) > 20
    weeks = (matched["day_moved"] - matched["day"]) / 7
    assert (weeks % 1 == 0).all() and (weeks != 0).all() and weeks.abs().max() <= 26
    assert weeks.nunique() > 10


def test_a_date_that_is_known_to_the_year_is_left_out(pair: Pair) -> None:
    tumours = pair.analyst.execute("FROM curated.primary_tumour").df()
    partial = tumours[tumours["dx_date_precision"] == "year"]
    assert len(partial) == 1
    assert partial[["dx_date", "dx_date_lower", "dx_date_upper"]].isna().all(axis=None)
    assert tumours["dx_date"].isna().sum() == 1
    cohort = pair.analyst.execute("SELECT * FROM mart.cohort WHERE primary_dx_date IS NULL").df()
    assert cohort["patient_id"].isin(partial["patient_id"]).all()


def test_an_age_above_89_is_grouped_where_it_can_be_derived(pair: Pair) -> None:
    """Of 85 years at diagnosis and six years on record as of 91 years at diagnosis."""
    before, after = (
        connection.execute("SELECT age_years FROM mart.registry_patient")
        .df()["age_years"]
        .sort_values(ignore_index=True)
        for connection in (pair.steward, pair.analyst)
    )
    assert before.max() > 90 and (before // 1 == 85).any()
    assert (after == 90).sum() == 2 and after.max() == 90 and not (after == 85).any()
    assert (after % 1 == 0).all()
    years = pair.analyst.execute("SELECT DISTINCT dx_year FROM mart.registry_patient").df()["dx_year"]
    assert set(years) == {2015}, "the first of five years"


def test_estimates_recomputed_from_it_are_the_stewards(pair: Pair) -> None:
    query = """
        SELECT duration_days, event = 1 AS is_event, is_small, facility_id, age_years
        FROM mart.survival_time JOIN mart.cohort USING (patient_id) WHERE endpoint = 'os' AND origin = 'lrt_start'"""
    before, after = (
        connection.execute(query).df().astype({"is_event": int})
        for connection in (pair.steward, pair.analyst)
    )
    curves = [
        analysis.kaplan_meier(frame, "duration_days", "is_event", by="is_small") for frame in (before, after)
    ]
    pd.testing.assert_frame_equal(*curves)
    tests = [
        analysis.logrank_test(frame, "duration_days", "is_event", "facility_id") for frame in (before, after)
    ]
    assert tests[0]["chi_square"].iloc[0] == pytest.approx(tests[1]["chi_square"].iloc[0])
    exact, rounded = (
        analysis.fit_cox(frame, "duration_days", "is_event", ["is_small"]).terms["coefficient"].iloc[0]
        for frame in (before, after)
    )
    assert exact == pytest.approx(rounded, rel=1e-9)
    oldest = before["age_years"] >= 85
    assert (before.loc[~oldest, "age_years"] // 1).sort_values().tolist() == sorted(
        after.query("age_years < 90")["age_years"]
    )


def test_k_is_one_group_by_over_the_file(pair: Pair) -> None:
    risk = (
        risk_of(pair.steward.cursor(), PROFILE, derived_of(pair.folder))
        .to_pandas()
        .set_index(["population", "state", "sensitive"])
    )
    for population, condition in (("registry", "true"), ("cohort", "is_in_cohort")):
        row = risk.loc[(population, "after", "is_dead")]
        classes = pair.analyst.execute(
            f"""SELECT count(*) AS n, count(DISTINCT is_dead) AS l FROM curated.patient
            JOIN mart.registry_patient USING (patient_id, facility_id) WHERE {condition}
            GROUP BY {row["quasi_identifiers"]}"""
        ).df()
        assert (row["k"], row["l"], row["n_classes"]) == (
            classes["n"].min(),
            classes["l"].min(),
            len(classes),
        )
        assert row["n_alone"] == (classes["n"] == 1).sum()
        before = risk.loc[(population, "before", "is_dead")]
        assert before["n_classes"] > row["n_classes"] and before["n_alone"] > row["n_alone"]
        assert f"{row['n_alone']} of {row['n_patients']} patients are alone" in row["note"]
    assert "residence_region" in before["quasi_identifiers"]
    assert "residence_region" not in row["quasi_identifiers"]


PYCANON = """
import json, sys
import pandas as pd
from pycanon.anonymity import k_anonymity, l_diversity
question = json.load(sys.stdin)
frame, names, sensitive = pd.DataFrame(question["rows"]), question["names"], [question["sensitive"]]
print(json.dumps([int(k_anonymity(frame, names)), int(l_diversity(frame, names, sensitive))]))
"""


def test_pycanon_counts_the_same_k_and_l(pair: Pair) -> None:
    """PYCANON_PYTHON is a Python in whose environment pycanon is: ours cannot hold what it needs."""
    python = os.environ.get("PYCANON_PYTHON")
    if not python:
        pytest.skip("pycanon is not installed: PYCANON_PYTHON names no Python that has it")
    for row in (
        risk_of(pair.steward.cursor(), PROFILE, derived_of(pair.folder))
        .filter(pl.col("state") == "after")
        .to_dicts()
    ):
        names = row["quasi_identifiers"].split(", ")
        rows = pair.analyst.execute(
            f"""SELECT {", ".join(f"coalesce(CAST({name} AS VARCHAR), '') AS {name}" for name in names)},
            coalesce(CAST({row["sensitive"]} AS VARCHAR), '') AS sensitive FROM curated.patient
            JOIN mart.registry_patient USING (patient_id, facility_id)
            WHERE {"is_in_cohort" if row["population"] == "cohort" else "true"}"""
        ).df()
        question = json.dumps({"rows": rows.to_dict("records"), "names": names, "sensitive": "sensitive"})
        answer = subprocess.run(
            [python, "-c", PYCANON], input=question, capture_output=True, text=True, check=True
        )
        assert json.loads(answer.stdout) == [row["k"], row["l"]]


def test_every_quasi_identifier_of_a_patient_is_among_the_declared_ones() -> None:
    others = {
        column.name
        for name in tables_of_people()
        for column in columns_of(schemas.tables()[name])
        if column.is_quasi_identifier
    } - set(quasi_identifiers())
    assert others == {"age_at_diagnosis_years"}, "the facility's own number of the same age"
    assert TABLE in schemas.tables() and set(PERSONS) <= set(schemas.tables())


def test_another_profile_gives_other_ids_and_other_offsets(pair: Pair, tmp_path: Path) -> None:
    other = replace(PROFILE, key="a5" * 32)
    ids = []
    for profile in (PROFILE, other):
        connection = pair.steward.cursor()
        profile.apply_key(connection)
        query = f"SELECT {profile.study_id(PATIENT)} AS id, {profile.offset_days(PATIENT)} AS offset FROM curated.patient"
        ids.append(connection.execute(query).df())
    assert not set(ids[0]["id"]) & set(ids[1]["id"])
    assert (ids[0]["offset"] != ids[1]["offset"]).sum() > N / 2


def test_the_dictionary_says_of_each_column_what_was_done_to_it(pair: Pair) -> None:
    rows = pair.analyst.execute("FROM meta.dictionary").df()
    present = pair.analyst.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() JOIN duckdb_tables() USING (schema_name, table_name)"
        " WHERE table_name <> 'dictionary'"
    ).df()
    assert len(rows) == len(present) > 500
    assert not rows["is_identifying"].any() and not rows["is_free_text"].any()
    moved = rows[(rows["data_type"] == "DATE") & rows["schema_name"].isin(["curated", "mart"])]
    assert moved["description"].str.contains("Moved by whole weeks").all() and len(moved) > 30


KEY = next(iter(sorted(record_keys())))


@pytest.mark.parametrize(
    ("column", "leaves"),
    [
        (Column("words", "text", "", is_free_text=True), None),
        (Column("number", "text", "", is_identifying=True), None),
        (Column("day", "date", "", is_identifying=True), None),
        (Column("seen_at", "timestamp", ""), None),
        (Column(KEY, "text", "", is_identifying=True), "sha256"),
        (Column(KEY, "text", ""), "sha256"),
        (Column("place", "text", "", is_facility=True, is_quasi_identifier=True), "sha256"),
        (Column("day", "date", ""), "offset_days"),
        (Column("years", "real", "", is_quasi_identifier=True), "is_oldest"),
        (Column("year", "integer", "", is_quasi_identifier=True, minimum=1900), "// 5"),
        (Column("size", "real", "", "mm"), 't."size"'),
    ],
    ids=lambda value: value.name if isinstance(value, Column) else None,
)  # fmt: skip
def test_the_tags_of_a_column_say_what_becomes_of_it(column: Column, leaves: str | None) -> None:
    treatment = treatment_of(column, PROFILE)
    assert (
        (treatment is None) if leaves is None else (treatment is not None and leaves in treatment.expression)
    )


def test_every_number_of_years_is_tagged_as_quasi_identifier() -> None:
    """Who forgets the tag of an age would let it leave to the day."""
    forgotten = [
        f"{name}.{column.name}"
        for name in tables_of_people()
        for column in columns_of(schemas.tables()[name])
        if column.unit == "years" and not column.is_quasi_identifier
    ]
    assert forgotten == []


def test_every_column_that_names_a_facility_is_tagged() -> None:
    named = [
        f"{name}.{column.name}"
        for name, model in schemas.tables().items()
        for column in columns_of(model)
        if column.name in ("facility_id", "facility", "left_out") and not column.is_facility
    ]
    assert named == []


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("result.km_summary", ["stratum"]),
        ("result.rmst_difference", ["stratum", "reference_stratum"]),
        ("result.facility_funnel", ["facility"]),
    ],
)
def test_estimates_of_facilities_are_of_pseudonyms_in_their_own_order(table: str, columns: list[str]) -> None:
    facilities = [f"clinic-{number}" for number in range(9)]
    rows = pd.DataFrame(dict.fromkeys(columns, facilities) | {"stratum_variable": "facility_id"})
    others = pd.DataFrame({name: ["IIB"] for name in columns} | {"stratum_variable": "stage_group"})
    rows = pd.concat([rows, others], ignore_index=True)
    with duckdb.connect() as connection:
        PROFILE.apply_key(connection)
        connection.register("rows", rows)
        leaving = connection.execute(declared_select(table, rows, PROFILE.facility)).df()
        pseudonym = f"SELECT {PROFILE.facility('name')} FROM (SELECT unnest(?) AS name)"
        pseudonyms = [text for (text,) in connection.execute(pseudonym, [facilities]).fetchall()]
    for column in columns:
        own = leaving[column] if table == "result.facility_funnel" else leaving[column][:-1]
        assert set(pseudonyms) <= set(own) and not set(facilities) & set(own)
        assert [text for text in own if text in pseudonyms] == sorted(pseudonyms) != pseudonyms
        assert table == "result.facility_funnel" or leaving[column].iloc[-1] == "IIB"


def test_every_column_that_may_name_a_level_of_strata_is_tagged() -> None:
    named = [
        f"{name}.{column.name}"
        for name, model in schemas.tables_of("result").items()
        for column in columns_of(model)
        if column.name.endswith("stratum") and not column.is_stratum
    ]
    assert named == []
