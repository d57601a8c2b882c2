"""Tables of the analysts' database are taken from the one before where they were made of the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import schemas
from registry_pipeline.core.files import read_hashed_json
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.core.settings import Analyst, Settings
from registry_pipeline.pipeline.analyst import changed_rows, risk, write
from registry_pipeline.pipeline.analyst.aggregates import (
    aggregate_tables,
    for_analysts,
    mask_inputs,
    published_aggregates,
)
from registry_pipeline.pipeline.analyst.patients import lay_out
from registry_pipeline.pipeline.analyst.profile import Profile
from registry_pipeline.pipeline.analyst.table_keys import Earlier, kept_tables, served_tables, table_keys
from registry_pipeline.pipeline.analyst.write import write_analyst_database
from registry_pipeline.reporting.release.disclosure.curves import GROUP
from registry_pipeline.reporting.release.tables import CURVES, ReleaseTables
from registry_pipeline.store.integrity import write_checksums
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.refill import contents_in
from registry_pipeline.store.release import build_release
from registry_pipeline.store.releases import (
    ANALYST_DATABASE,
    ANALYST_TABLES,
    CONTENTS,
    DATABASE,
    release_folder,
)
from registry_pipeline.store.row_changes import RowChange
from registry_pipeline.store.unused_blocks import UnknownLayout
from tests.support.ascii_table import frame_of
from tests.support.small_release import VERSIONS, small_tables
from tests.unit.analyst.test_analyst_database import (
    PROFILE,
    SUBMISSIONS,
    derived_of,
    drawings,
    with_precision,
)

Served = tuple[Home, Path]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A home and the folder of its served release, which has a database for analysts."""
    root = tmp_path_factory.mktemp("aggregates")
    home = make_home(root / "home")
    tables: dict[str, Any] = dict(small_tables(root / "work", **drawings()))
    tables |= {name: with_precision(tables[name]) for name in schemas.tables_of("curated")}
    tables |= curves()
    tables["meta.submission"] = frame_of("meta.submission", SUBMISSIONS)
    folder = release_folder(home, build_release(home, tables, VERSIONS, memory_limit="500MB"))
    write_analyst_database(folder, Settings(), PROFILE, derived_of(folder))
    write_checksums(folder)
    return home, folder


def curves() -> dict[str, pl.DataFrame]:
    """Kaplan-Meier curves of everybody and of two groups of twenty, an event each month."""
    groups = {("overall", "all"): 40, ("size_group", "le_15"): 20, ("size_group", "gt_15"): 20}
    rows, summary = [], []
    for (variable, stratum), n in groups.items():
        named = {"endpoint": "os", "origin": "omd_dx", "stratum_variable": variable, "stratum": stratum}
        summary.append({**named, "n": n, "n_event": n})
        for month in range(n):
            times = {"duration_days": 20 + 30 * month, "n_at_risk": n - month, "n_event": 1, "n_censored": 0}
            levels = {"survival": 1 - (month + 1) / n, "ci_lower": 0.0, "ci_upper": 1.0}
            rows.append({**named, **times, **levels})
    return {"result.km_curve": pl.DataFrame(rows), "result.km_summary": pl.DataFrame(summary)}


@pytest.fixture
def building(served: Served, tmp_path: Path) -> Path:
    """A release of the same rows that is being built."""
    for name in (DATABASE, CONTENTS):
        shutil.copy(served[1] / name, tmp_path)
    (tmp_path / DATABASE).chmod(0o600)
    contents = contents_in(tmp_path)
    assert contents is not None
    replace(contents, n_refills=1).write(tmp_path)
    return tmp_path


def content(database: Path) -> dict[str, pl.DataFrame]:
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY 1")
        return {name: connection.execute(f"FROM {name}").pl() for (name,) in names.fetchall()}


def keys_of(folder: Path, profile: Profile = PROFILE) -> dict[str, str]:
    """Keys of the tables of a release, as they are when its analysts' database is written."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{folder / DATABASE}' AS steward (READ_ONLY)")
        profile.apply_key(connection)
        patients = derived_of(folder, profile)
        with for_analysts(folder / DATABASE, profile.settings) as counted:
            return table_keys(connection, folder, profile, patients, "steward", counted)


def test_a_database_of_kept_tables_is_the_one_made_anew(
    served: Served, building: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what in ("_treated", "declared_select", "dictionary", "create_views"):
        monkeypatch.setattr(write, what, None)
    write_analyst_database(building, Settings(), PROFILE, derived_of(building), served_tables(served[0]))
    kept, anew = content(building / ANALYST_DATABASE), content(served[1] / ANALYST_DATABASE)
    assert sum(frame.height for name, frame in kept.items() if name in aggregate_tables()) > 0
    assert_alike(kept, anew)
    assert (building / ANALYST_TABLES).read_text() == (served[1] / ANALYST_TABLES).read_text()


def assert_alike(some: dict[str, pl.DataFrame], others: dict[str, pl.DataFrame]) -> None:
    assert some.keys() == others.keys()
    assert [name for name, frame in others.items() if not frame.equals(some[name])] == []


def corrected(folder: Path, table: str, statement: str, new: pl.DataFrame | None = None) -> Path:
    """A release that is being built, with another table than the served one."""
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute(statement)
        if new is not None:
            connection.execute(f"INSERT INTO {table} BY NAME FROM new")
    _another_table(table)(folder)
    return folder


def written(
    folder: Path, earlier: Earlier | None, changes: Mapping[str, RowChange] | None = None
) -> dict[str, pl.DataFrame]:
    """What the analysts' database of a release holds."""
    write_analyst_database(folder, Settings(), PROFILE, derived_of(folder), earlier, changes)
    return content(folder / ANALYST_DATABASE)


@pytest.mark.parametrize("is_row_by_row", [False, True])
def test_of_rows_that_were_corrected_nothing_stands_in_the_file(
    served: Served, building: Path, monkeypatch: pytest.MonkeyPatch, is_row_by_row: bool
) -> None:
    name, before = "curated.followup", content(served[1] / ANALYST_DATABASE)["curated.followup"]
    rows = content(building / DATABASE)[name]
    with duckdb.connect() as connection:
        PROFILE.apply_key(connection)
        order = f"SELECT followup_id FROM rows ORDER BY {PROFILE.record('followup_id', 'followup_id')}"
        ids = [row[0] for row in connection.execute(order).fetchall()]
    others = [ids[0], ids[7], ids[-1]]  # the least and the greatest are noted beside the rows too
    is_other = pl.col("followup_id").is_in(others)
    replaced = rows.filter(is_other).with_columns(followup_id=pl.format("{}x", "followup_id"))
    corrected(building, name, f"DELETE FROM {name} WHERE followup_id IN {tuple(others)}", replaced)
    changes = {name: RowChange(rows.filter(is_other), replaced)} if is_row_by_row else {}
    monkeypatch.setattr(changed_rows, "SHARE_REWRITTEN", 1)
    made = noted_names(monkeypatch)
    after = written(building, served_tables(served[0]), changes)
    assert (name in made) != is_row_by_row
    gone = set(before["followup_id"]) - set(after[name]["followup_id"])
    assert len(gone) == 3
    assert gone == standing(gone, served[1] / ANALYST_DATABASE)
    assert standing({text[:8] for text in gone}, building / ANALYST_DATABASE) == set()
    remade = building / ANALYST_DATABASE
    remade.unlink()
    monkeypatch.setattr(write, "erase_unused", lambda _: None)
    written(building, served_tables(served[0]), changes)
    assert standing(gone, remade) == gone  # which are there where nothing is overwritten
    remade.unlink()
    assert_alike(
        {name: in_order(rows) for name, rows in after.items()},
        {name: in_order(rows) for name, rows in written(building, None).items()},
    )


def noted_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of tables as they are made anew."""
    names: list[str] = []
    create = write._create
    monkeypatch.setattr(
        write, "_create", lambda connection, name, rows: (names.append(name), create(connection, name, rows))
    )
    return names


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort(rows.columns)


def standing(texts: set[str], file: Path) -> set[str]:
    """Texts that stand in a file."""
    found = file.read_bytes()
    return {text for text in texts if text.encode() in found}


def test_a_file_whose_blocks_are_not_understood_is_made_from_nothing(
    served: Served, building: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_understood(database: Path) -> None:
        raise UnknownLayout(str(database))

    monkeypatch.setattr(write, "erase_unused", not_understood)
    assert_alike(written(building, served_tables(served[0])), content(served[1] / ANALYST_DATABASE))


def kept_of(
    folder: Path, earlier: Earlier, patients: pl.DataFrame | None = None, key: str = PROFILE.key
) -> set[str]:
    """Tables of an earlier database that stay in that of a release."""
    profile, patients = replace(PROFILE, key=key), derived_of(folder) if patients is None else patients
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{folder / DATABASE}' AS steward (READ_ONLY)")
        profile.apply_key(connection)
        lay_out(connection, patients)
        with for_analysts(folder / DATABASE, profile.settings) as counted:
            keys = table_keys(connection, folder, profile, patients, "steward", counted)
        return kept_tables(connection, folder, profile, keys, earlier, "steward", {})


def test_nothing_is_kept_where_somebody_is_gone(served: Served, building: Path) -> None:
    earlier = served_tables(served[0])
    assert earlier is not None
    assert kept_of(building, earlier) == earlier[1].keys()
    corrected(building, "mart.survival_time", "DELETE FROM mart.survival_time WHERE patient_id = 'Pq4'")
    assert kept_of(building, earlier) == earlier[1].keys() - {"mart.survival_time"}
    others = derived_of(building).filter(pl.col("patient_id") != "Pq4")
    assert kept_of(building, earlier, others) == set()


def test_nothing_is_kept_of_another_profile_other_tables_or_where_stewards_start_anew(
    served: Served, building: Path
) -> None:
    earlier = served_tables(served[0])
    assert earlier is not None
    assert kept_of(building, earlier, key="5b" * 32) == set()
    assert kept_of(building, (earlier[0], dict(list(earlier[1].items())[1:]))) == set()
    shutil.copy(served[1] / CONTENTS, building)
    assert kept_of(building, earlier) == set()


def _another_table(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        contents = contents_in(folder)
        assert contents is not None
        replace(contents, tables=contents.tables | {name: "another"}).write(folder)

    return change


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("curated.lesion", {"curated.lesion"}),
        ("result.bounds", {"result.bounds"}),
        ("result.km_curve", {"result.km_curve"}),
        ("result.km_summary", {*aggregate_tables()} - {*CURVES}),
        ("meta.parameter", {*aggregate_tables()} - {*CURVES}),
        ("quality.finding", set()),
    ],
)
def test_just_what_rests_on_another_table_is_made_anew(
    served: Served, building: Path, name: str, other: set[str]
) -> None:
    before = keys_of(building)
    _another_table(name)(building)
    after = keys_of(building)
    assert {table for table in before if before[table] != after[table]} == other
    assert before == read_hashed_json(served[1] / ANALYST_TABLES)


def test_curves_rest_on_which_groupings_are_small(building: Path) -> None:
    before = keys_of(building)
    with duckdb.connect(str(building / DATABASE)) as connection:
        connection.execute("UPDATE result.km_summary SET n = 1 WHERE stratum_variable = 'size_group'")
    after = keys_of(building)
    assert {table for table in before if before[table] != after[table]} == {*CURVES}


def test_of_curves_those_of_groups_with_other_rows_are_made_anew(
    served: Served, building: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, earlier = "result.km_curve", served_tables(served[0])
    rows = content(building / DATABASE)[name]
    gone = rows.filter(stratum="gt_15").sort("duration_days").head(1)
    asked: list[int] = []
    matching = ReleaseTables.matching

    def noted(self: ReleaseTables, table: str, values: pl.DataFrame) -> Any:
        asked.append(values.height)
        return matching(self, table, values)

    monkeypatch.setattr(ReleaseTables, "matching", noted)
    is_gone = " AND ".join(f"{column} = '{gone[column][0]}'" for column in (*GROUP, "duration_days"))
    corrected(building, name, f"DELETE FROM {name} WHERE {is_gone}")
    after = written(building, earlier, {name: RowChange(gone, gone[:0])})
    assert asked == [1]
    assert set(after[name]["stratum"]) == {"all", "le_15", "gt_15"}
    assert not after[name].equals(content(served[1] / ANALYST_DATABASE)[name])
    (building / ANALYST_DATABASE).unlink()
    assert_alike(after, written(building, None))


@pytest.mark.parametrize(
    "profile",
    [
        replace(PROFILE, key="5b" * 32),
        replace(PROFILE, settings=Analyst(shift_weeks=3)),
    ],
)
def test_of_another_profile_nothing_is_kept(building: Path, profile: Profile) -> None:
    before, after = keys_of(building), keys_of(building, profile)
    assert not [table for table in before if before[table] == after[table]]


def test_a_later_end_of_observation_makes_anew_what_has_dates_on_the_earlier_one(building: Path) -> None:
    def changed(first: date, second: date) -> set[str]:
        profiles = [replace(PROFILE, extract_date=day) for day in (first, second)]
        before, after = (keys_of(building, profile) for profile in profiles)
        return {table for table in before if before[table] != after[table]}

    with duckdb.connect(str(building / DATABASE), read_only=True) as connection:
        day = connection.execute("SELECT max(contact_date) FROM curated.followup").fetchall()[0][0]
    assert "curated.followup" in changed(day, day + timedelta(days=1))
    assert changed(date(2090, 1, 1), date(2090, 1, 2)) == set()


def test_nothing_is_kept_of_what_does_not_say_what_it_holds(served: Served, building: Path) -> None:
    (building / CONTENTS).unlink()
    assert keys_of(building) == {}


@pytest.mark.parametrize("name", [ANALYST_DATABASE, ANALYST_TABLES])
def test_what_is_not_as_it_was_sealed_is_no_source(served: Served, name: str) -> None:
    sealed = served[1] / name
    mode, whole = sealed.stat().st_mode, sealed.read_bytes()
    sealed.chmod(0o600)
    try:
        sealed.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert served_tables(served[0]) is None
        sealed.unlink()
        assert served_tables(served[0]) is None
    finally:
        sealed.write_bytes(whole)
        sealed.chmod(mode)


def test_aggregates_read_nothing_else(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    once, count_rows = ReleaseTables._once, ReleaseTables.count_rows

    def noted(self: ReleaseTables, statement: str, values: Any, *more: Any) -> Any:
        asked.update(word.replace('"', "").strip("(),") for word in statement.split() if "." in word)
        return once(self, statement, values, *more)

    def counted(self: ReleaseTables, name: str) -> int:
        asked.add(name)
        return count_rows(self, name)

    monkeypatch.setattr(ReleaseTables, "_once", noted)
    monkeypatch.setattr(ReleaseTables, "count_rows", counted)
    with for_analysts(served[1] / DATABASE, Settings().analyst) as counted:
        published_aggregates(counted, Settings().analyst)
    assert {"mart.cohort", "result.km_curve"} <= asked <= {*aggregate_tables(), *mask_inputs()}


def test_risk_is_counted_again_where_patients_or_profile_are_others(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    count = risk.risk_of
    monkeypatch.setattr(risk, "risk_of", lambda *of: (counted.append(1), count(*of))[1])
    rows = content(served[1] / DATABASE)
    derived = derived_of(served[1])

    def times(profile: Profile = PROFILE, patients: pl.DataFrame = derived, **other: pl.DataFrame) -> int:
        tables = {name: other.get(name.partition(".")[2], rows[name]) for name in risk.PERSONS}
        path = risk.disclosure_risk(KeyedTables(tmp_path), tables, profile, patients, "200MB")
        assert pl.read_parquet(path).height > 0
        return len(counted)

    assert [times(), times()] == [1, 1]
    assert times(replace(PROFILE, settings=Analyst(smallest_count=9))) == 2
    assert times(patients=derived.with_columns(is_oldest=~pl.col("is_oldest"))) == 3
    assert times(patient=rows["curated.patient"].head(30)) == 4
    assert times() == 5
