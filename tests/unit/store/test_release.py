"""Building, proving, sealing and serving a release."""

import shutil
import stat
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import schemas
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.store import fill as fill_module
from registry_pipeline.store import proofs, release
from registry_pipeline.store.fill import tables_in_order
from registry_pipeline.store.proofs import ReleaseRefused
from registry_pipeline.store.refill import CONTENTS, RowInputs
from registry_pipeline.store.release import build_release, new_release_id, sweep_releases
from registry_pipeline.store.releases import (
    CHECKSUMS,
    DATABASE,
    NoRelease,
    choose_release,
    current_release,
    keep_release_open,
    open_release,
    release_folder,
    release_ids,
)
from schemas.table import columns_of
from tests.support.small_release import VERSIONS, changed, small_tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path | pl.DataFrame]:
    return small_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def served(tables: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = make_home(tmp_path_factory.mktemp("served"))
    build_release(home, tables, VERSIONS)
    return home


def test_of_a_file_per_facility_only_the_changed_ones_are_filled_anew(
    tables: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled: list[object] = []
    select = fill_module.typed_select

    def noted(connection: duckdb.DuckDBPyConnection, name: str, source: Any) -> str:
        filled.extend([source] if name == "meta.lineage" else [])
        return select(connection, name, source)

    def send(**rows: int) -> dict[str, Path]:
        for facility, n in rows.items():
            keys = [f"{facility}{number}" for number in range(n)]
            fixed = {"table_name": "lesion", "sheet_no": 0, "source_row": 2, "mapping_no": 1, "items": None}
            frame = pl.DataFrame({"facility_id": [facility] * n, "record_key": keys})
            frame.with_columns(pl.lit(value).alias(name) for name, value in fixed.items()).write_parquet(
                tmp_path / f"{facility}.parquet"
            )
        return {facility: tmp_path / f"{facility}.parquet" for facility in rows}

    def lineage(home: Home) -> list[tuple[object, ...]]:
        with open_release(home) as connection:
            return connection.execute("FROM meta.lineage ORDER BY ALL").fetchall()

    monkeypatch.setattr(fill_module, "typed_select", noted)
    home = make_home(tmp_path / "home")
    changes: list[tuple[dict[str, int], list[str] | None]] = [
        ({"a": 3, "b": 2, "c": 1, "f": 1}, None),
        ({"a": 3, "b": 4, "d": 2, "f": 1}, ["b", "d"]),
        ({"a": 3, "b": 4, "f": 1}, []),
        ({"e": 1}, None),
    ]
    for sent, anew in changes:
        filled.clear()
        parts = send(**sent)
        build_release(home, {**tables, "meta.lineage": parts}, VERSIONS)
        assert [row[0] for row in lineage(home)] == [
            facility for facility, n in sent.items() for _ in range(n)
        ]
        assert filled == [parts if anew is None else [parts[facility] for facility in anew]]


def test_release_is_sealed_and_current(served: Home) -> None:
    release_id = current_release(served)
    assert release_id is not None
    assert release_ids(served) == [release_id]
    folder = release_folder(served, release_id)
    assert {path.name for path in folder.iterdir()} == {DATABASE, CHECKSUMS, CONTENTS}
    assert stat.S_IMODE((folder / DATABASE).stat().st_mode) == 0o444
    assert served.current.readlink() == Path("releases") / release_id
    assert sorted(one.name for one in served.releases.iterdir()) == [release_id]


def test_tables_types_comments_and_rows(served: Home, tables: dict[str, Path]) -> None:
    with open_release(served) as connection:
        found = {
            (schema, table, column): (kind, comment)
            for schema, table, column, kind, comment in connection.execute(
                "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() "
                "WHERE schema_name <> 'main' AND NOT internal"
            ).fetchall()
        }
        wanted = {
            (*name.split("."), column.name): column.duckdb_type
            for name, model in schemas.tables().items()
            for column in columns_of(model)
        }
        assert {key: kind for key, (kind, _) in found.items()} == wanted
        assert all(comment for _, comment in found.values())
        assert connection.execute("SELECT count(*) FROM curated.patient").fetchall() == [(2,)]
        assert connection.execute("SELECT data_statement FROM meta.release").fetchall() == [
            (VERSIONS.data_statement,)
        ]
        assert connection.execute("SELECT count(*) FROM meta.dictionary").fetchall() == [(len(wanted),)]
        assert connection.execute("SELECT sum(n_violated) FROM quality.reconciliation").fetchall() == [(0,)]
        keys = connection.execute(
            "SELECT count(*) FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY' "
            "AND table_name = 'lesion'"
        ).fetchall()
        assert keys[0][0] >= 2


def test_every_column_of_every_view_has_a_comment(served: Home) -> None:
    with open_release(served) as connection:
        found = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() JOIN duckdb_views() ON table_name = view_name "
            "WHERE NOT duckdb_views.internal AND duckdb_columns.comment IS NULL"
        ).fetchall()
        n_views = connection.execute("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchall()[0][
            0
        ]
    assert found == []
    assert n_views == 9


def test_views_answer(served: Home) -> None:
    with open_release(served) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "SELECT view_name FROM duckdb_views() WHERE NOT internal"
            ).fetchall()
        ]
        assert len(names) == 9
        for name in names:
            connection.execute(f"SELECT * FROM {name}").fetchall()
        assert connection.execute("SELECT finding_id FROM open_findings").fetchall() == [("F2",), ("F1",)]
        assert connection.execute("SELECT n_read, n_curated FROM row_accounting").fetchall() == [(10, 6)]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM curated.patient",
        "CREATE TABLE curated.x AS SELECT 1",
        "COPY curated.patient TO '{path}/x.csv'",
        "SELECT * FROM read_csv('/etc/hostname')",
        "ATTACH '{path}/other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '9GB'",
    ],
)
def test_a_served_release_can_neither_be_changed_nor_reach_out(
    served: Home, statement: str, tmp_path: Path
) -> None:
    import duckdb

    with open_release(served) as connection, pytest.raises(duckdb.Error):
        connection.execute(statement.format(path=tmp_path))


def test_what_a_question_puts_on_disk_is_not_in_the_release_and_goes_where_it_was_killed(
    tables: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home(tmp_path / "home")
    release_id = build_release(home, tables, VERSIONS)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = sorted(release_folder(home, release_id).iterdir())
    for connection in (open_release(home, memory_limit="60MB"), keep_release_open(home, release_id)):
        with connection:
            spilled = Path(connection.execute("SELECT current_setting('temp_directory')").fetchall()[0][0])
            large = "SELECT max(x) FROM (SELECT repeat('y', 90) || hash(range) AS x FROM range(1500000) ORDER BY x)"
            connection.execute(large).fetchall()
            assert not [*Path().iterdir()] and sorted(release_folder(home, release_id).iterdir()) == before
        assert not spilled.exists()
        spilled.mkdir()
        (spilled / "duckdb_temp_storage-0.tmp").touch()
        assert sweep_releases(home) == [spilled]


def test_an_open_connection_stays_on_its_release(tables: dict[str, Path], tmp_path: Path) -> None:
    home = make_home(tmp_path)
    first = build_release(home, tables, VERSIONS)
    with open_release(home) as connection:
        second = build_release(home, tables, VERSIONS)
        assert connection.execute("SELECT release_id FROM meta.release").fetchall() == [(first,)]
    with open_release(home) as connection:
        assert connection.execute("SELECT release_id, previous_release_id FROM meta.release").fetchall() == [
            (second, first)
        ]
    assert release_ids(home) == [first, second]


def test_release_ids_sort_even_if_the_clock_goes_back(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    future = release_folder(home, "2999-01-01T000000Z-ffffff")
    future.mkdir()
    (future / DATABASE).touch()
    assert new_release_id(home) > future.name
    assert new_release_id(home) != new_release_id(home)


BROKEN = {
    "a key twice": (
        "curated.patient",
        lambda one: pl.concat([pl.read_parquet(one)] * 2),
        "patient_id is repeated",
    ),
    "a missing reference": (
        "curated.lesion",
        lambda one: changed(one, episode_id=pl.lit("secret")),
        "curated.lesion.episode_id is not in curated.omd_episode",
    ),
    "a missing value": (
        "curated.lesion",
        lambda one: changed(one, detection_date=pl.lit(None, pl.Date)),
        "detection_date is missing: 3 of 3",
    ),
    "a code that is not in the list": (
        "curated.patient",
        lambda one: changed(one, sex=pl.lit("secret")),
        "curated.patient.sex is not an allowed value: 2 of 2",
    ),
    "rows that do not add up": (
        "quality.row_account",
        lambda one: changed(one, n_read=pl.lit(11)),
        "every_row_is_accounted_for: 1 of 1",
    ),
    "a finding of no rule": (
        "quality.finding",
        lambda one: changed(one, rule_id=pl.lit("secret")),
        "quality.finding.rule_id is not in quality.rule",
    ),
    "a reference of a table without declared keys": (
        "curated.followup",
        lambda one: changed(one, patient_id=pl.lit("secret")),
        "curated_followup_patient_id_exists: 2 of 2",
    ),
    "a key that is proved by query only": (
        "curated.followup",
        lambda one: changed(one, followup_id=pl.lit("secret")),
        "curated_followup_key_is_unique: 1 of 2",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_release_is_refused_without_values(
    case: str, tables: dict[str, Path], served: Home, tmp_path: Path
) -> None:
    name, breaking, told = BROKEN[case]
    shutil.copytree(served.root, tmp_path / "home", symlinks=True)
    home = Home(tmp_path / "home")
    first = current_release(home)
    with pytest.raises(ReleaseRefused) as refused:
        build_release(home, {**tables, name: breaking(tables[name])}, VERSIONS)
    assert told in str(refused.value)
    assert "secret" not in str(refused.value)
    assert current_release(home) == first
    assert [one.name for one in home.releases.iterdir()] == [first]


def test_a_table_is_judged_by_its_model_part_by_part(
    tables: dict[str, Path | pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tables["curated.patient"]
    rows = source if isinstance(source, pl.DataFrame) else pl.read_parquet(source)
    rows = pl.concat([rows] * 5).head(5).with_columns(pl.Series("sex", [*rows["sex"].head(1)] * 4 + ["?"]))
    monkeypatch.setattr(proofs, "ROWS_AT_ONCE", 2)
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA curated; CREATE TABLE curated.patient AS FROM rows")
        asks = {name: ask for name, _, ask, _ in proofs._models({})}
        against, n_rows = asks["curated_patient_passes_its_model"](connection)
        assert against >= 1 and n_rows == 5
        connection.execute("DELETE FROM curated.patient WHERE sex = '?'")
        # a key that stands in two parts is no matter of the model: it is proved of the whole table
        assert asks["curated_patient_passes_its_model"](connection)[1] == 4


def test_large_tables_prove_their_keys_by_query(
    tables: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "MOST_ROWS_WITH_KEYS", 2)
    home = make_home(tmp_path)
    build_release(home, tables, VERSIONS)
    with open_release(home) as connection:
        keyed = {
            row[0]
            for row in connection.execute(
                "SELECT table_name FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' "
                "AND schema_name = 'curated'"
            ).fetchall()
        }
    assert "patient" in keyed
    assert "lesion" not in keyed
    twice = pl.concat([pl.read_parquet(tables["curated.lesion"])] * 2)
    with pytest.raises(ReleaseRefused, match="curated_lesion_key_is_unique: 3 of 6"):
        build_release(home, {**tables, "curated.lesion": twice}, VERSIONS)


def test_a_large_table_is_refused_by_its_own_constraint_alone(
    tables: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "MOST_ROWS_WITH_KEYS", 0)
    wrong = pl.read_parquet(tables["curated.lesion"]).with_columns(lesion_site=pl.lit("secret"))
    with pytest.raises(ReleaseRefused) as refused:
        build_release(make_home(tmp_path), {**tables, "curated.lesion": wrong}, VERSIONS)
    told = "curated.lesion.lesion_site is not an allowed value: 3 of 3 violate it"
    assert str(refused.value) == f"the release was refused: {told}"


def test_clients_since_duckdb_1_3_can_read_a_release(served: Home) -> None:
    with open_release(served) as connection:
        stored = connection.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()"
        ).fetchall()
    assert stored == [("v1.3.0+",)]  # docs/analyst.md promises it


def test_what_belongs_to_the_release_is_there_before_it_is_served(
    tables: dict[str, Path], tmp_path: Path
) -> None:
    home = make_home(tmp_path)
    seen = []

    def finish(folder: Path, _: object) -> None:
        seen.append((current_release(home), (folder / DATABASE).is_file()))
        (folder / "reports").mkdir()
        (folder / "reports" / "study.html").write_text("x")

    release_id = build_release(home, tables, VERSIONS, finish)
    assert seen == [(None, True)]
    assert (home.current / "reports" / "study.html").is_file()
    assert current_release(home) == release_id


def test_a_log_beside_the_file_stops_the_seal(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    (tmp_path / f"{DATABASE}.wal").touch()
    with pytest.raises(StoreError, match="write-ahead log"):
        release.seal(tmp_path / DATABASE)


def test_unknown_tables_and_releases_are_named(tables: dict[str, Path], tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with pytest.raises(StoreError, match=r"not declared in schemas/: mart\.nothing"):
        build_release(home, {"mart.nothing": None}, VERSIONS)
    with pytest.raises(NoRelease, match="no release yet"):
        choose_release(home)
    with pytest.raises(NoRelease, match="no release 'x'"):
        choose_release(home, "x")
    assert sweep_releases(home) == []


def test_targets_of_references_come_first() -> None:
    order = tables_in_order()
    assert sorted(order) == sorted(schemas.tables())
    for name, model in schemas.tables().items():
        for column in columns_of(model):
            if column.references:
                assert order.index(column.references.rsplit(".", 1)[0]) < order.index(name)


def everything(home: Home) -> dict[str, list[tuple[object, ...]]]:
    """Rows, comments, views and proofs of the served release."""
    with open_release(home) as connection:
        names = [name for (name,) in connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY 1"
        ).fetchall() if name != "meta.release"]  # fmt: skip
        rows = {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in names}
        for what in ("tables", "columns", "views", "constraints"):
            kind = "constraint_text" if what == "constraints" else "comment"
            rows[what] = connection.execute(
                f"SELECT DISTINCT schema_name, {'view' if what == 'views' else 'table'}_name, {kind} FROM duckdb_{what}() "
                "WHERE NOT starts_with(schema_name, 'pg_') ORDER BY ALL"
            ).fetchall()
    return rows


def test_a_release_filled_from_the_one_before_is_the_one_built_from_nothing(
    tables: dict[str, Path | pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home(tmp_path)
    build_release(home, tables, VERSIONS)
    name = "quality.finding"
    other = {**tables, name: changed(tables[name], message=pl.lit("told otherwise"))}
    filled: list[set[str]] = []
    original = release.fill
    monkeypatch.setattr(
        release,
        "fill",
        lambda *given, only=None, **more: (
            filled.append(set(only or ())),
            original(*given, only=only, **more),
        )[1],
    )
    build_release(home, other, VERSIONS)
    found = everything(home)
    build_release(home, other, VERSIONS, anew=True)
    assert found == everything(home)
    assert name in filled[0]
    assert not {"curated.lesion", "mart.cohort"} & filled[0]
    assert filled[1] == set()


@pytest.mark.parametrize(
    ("inputs", "is_found"),
    [
        (RowInputs({"north": "1", "south": "2"}, {"curated.lesion": "1"}), True),
        (RowInputs({"north": "2", "south": "1"}, {"curated.lesion": "1"}), False),
        (RowInputs({"north": "2", "south": "1"}, {"curated.lesion": "2"}), True),
        (RowInputs({"north": "2", "south": "1"}, {}), True),
        (RowInputs({"north": "2", "east": "1"}, {"curated.lesion": "1"}), True),
        (RowInputs({"north": "2", "south": "2"}, {"curated.lesion": "1"}), True),
        (RowInputs({"north": "1", "south": "1"}, {"curated.lesion": "1"}), True),
        (RowInputs(), True),
    ],
    ids=["hers", "another", "other code", "of several", "other facilities", "most", "none", "unknown"],
)
def test_rows_of_facilities_that_sent_nothing_else_are_not_looked_at(
    tables: dict[str, Path | pl.DataFrame],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    inputs: RowInputs,
    is_found: bool,
) -> None:
    """One row of south is another: where it says that it sent nothing else, nobody looks for it."""
    monkeypatch.setattr(release, "MOST_ROWS_WITH_KEYS", 0)
    home, name = make_home(tmp_path), "curated.lesion"
    mine = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("south")).otherwise(pl.lit("north"))
    before = changed(tables[name], facility_id=mine)
    other = pl.when(pl.col("facility_id") == "south").then(pl.lit("others")).otherwise("lesion_site_text")
    first = RowInputs({"north": "1", "south": "1"}, {name: "1"})
    build_release(home, {**tables, name: before}, VERSIONS, inputs=first)
    build_release(home, {**tables, name: changed(before, lesion_site_text=other)}, VERSIONS, inputs=inputs)
    with open_release(home) as connection:
        found = connection.execute(f"SELECT facility_id FROM {name} WHERE lesion_site_text = 'others'")
        assert found.fetchall() == [("south",)] * is_found
