"""Cost follows the change: what a refresh keeps is what it would make again, and it makes again only what changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import polars as pl
import pytest

from benchmarks.changing import send_shorter, simulate
from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.land import land_inbox
from registry_pipeline.pipeline import estimation, persons, screening, staging, step
from registry_pipeline.pipeline import refresh as steps
from registry_pipeline.pipeline import release as publication
from registry_pipeline.pipeline.analyst import changed_rows
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.store import layers, release
from registry_pipeline.store.releases import ANALYST_DATABASE
from registry_pipeline.validation.registry_wide import registry_rules
from registry_pipeline.validation.rules.catalogue import RuleEntry
from tests.support.registry_home import (
    HOSPITAL,
    assert_same_tables,
    good_files,
    patient_row,
    patients_csv,
    send,
    send_all,
    small_home,
    tables,
    without_reports,
)

LAYERS = ("curated", "mart", "result", "quality")
RELEASES = ("first_seen_release", "last_seen_release", "release_id")


@pytest.fixture(autouse=True)
def no_reports() -> Iterator[None]:
    with without_reports():
        yield


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of curated and mart tables, of analyses and of rules over the registry, and linkage, as they are made."""
    names: list[str] = []
    run_sql, run_analyses = layers.run_to_parquet, estimation.run_analyses

    def noted_sql(connection: object, query: object, model: object, *more: object) -> int:
        names.append(str(model.name))  # type: ignore[attr-defined]
        return run_sql(connection, query, model, *more)  # type: ignore[arg-type]

    def noted_analyses(chosen: list[str], *more: object) -> object:
        names.extend(chosen)
        return run_analyses(chosen, *more)  # type: ignore[arg-type]

    find_pairs = persons.find_pairs

    def noted_pairs(frame: pl.DataFrame) -> object:
        names.append("linkage")
        return find_pairs(frame)

    judge_rule = registry_rules._judged

    def noted_rule(connection: object, entry: RuleEntry, parameters: object) -> object:
        names.append(entry.rule_id)
        return judge_rule(connection, entry, parameters)  # type: ignore[arg-type]

    noted_pairs.__module__ = find_pairs.__module__
    monkeypatch.setattr(registry_rules, "_judged", noted_rule)
    monkeypatch.setattr(persons, "find_pairs", noted_pairs)
    monkeypatch.setattr(layers, "run_to_parquet", noted_sql)
    monkeypatch.setattr(estimation, "run_analyses", noted_analyses)
    return names


def two_hospitals(root: Path) -> Home:
    home = small_home(root)
    mapping = (home.facilities / f"{HOSPITAL}.toml").read_text()
    (home.facilities / "south.toml").write_text(mapping.replace('"north"', '"south"'))
    (home.inbox / "south").mkdir()
    send_all(home, good_files())
    (home.inbox / "south" / "patients_1.csv").write_text(
        patients_csv(patient_row(number) for number in range(40, 60))
    )
    return home


def test_what_did_not_change_is_not_made_again(tmp_path: Path, made: list[str]) -> None:
    home = two_hospitals(tmp_path / "home")
    refresh(home)
    made.clear()
    # the region of one patient of one hospital: in no mart table, in no estimate
    rows = [patient_row(number) for number in range(40, 60)]
    rows[3] = patient_row(43, region="Elsewhere")
    (home.inbox / "south" / "patients_2.csv").write_text(patients_csv(rows))
    assert refresh(home).is_new
    assert "patient" in " ".join(made) and "linkage" in made
    assert not any("death" in name or "lesion" in name for name in made)
    assert not [name for name in made if name in ("survival", "Cox models", "growth")]
    assert "G09" in made and not {"G01", "G02", "G08", "G10"} & set(made)
    made.clear()
    home.settings_file.write_text(
        home.settings_file.read_text() + '[privacy]\ndata_statement = "Other words."\n'
    )
    assert refresh(home).is_new
    assert made == []


@pytest.fixture
def typed_and_judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """``typed`` and ``judged``, for each facility of which rows are typed and records are judged."""
    done: list[str] = []
    type_rows, judge = staging._stage, screening._screen
    monkeypatch.setattr(staging, "_stage", lambda *given: (done.append("typed"), type_rows(*given))[1])
    monkeypatch.setattr(screening, "_screen", lambda *given: (done.append("judged"), judge(*given))[1])
    return done


def test_settings_and_rules_cost_what_rests_on_them(
    tmp_path: Path, made: list[str], typed_and_judged: list[str]
) -> None:
    home = two_hospitals(tmp_path / "home")
    refresh(home)
    before = home.settings_file.read_text()

    def after(study: str = "", rules: str = "") -> tuple[set[str], list[str]]:
        home.settings_file.write_text(before.replace("[study]\n", f"[study]\n{study}\n") + rules)
        made.clear()
        typed_and_judged.clear()
        assert refresh(home).is_new
        return set(made), typed_and_judged

    estimates, facilities = after(
        study="landmark_months = [12, 36]"
    )  # no rule asks for them, no model either
    assert {"survival", "landmarks and delayed entry"} <= estimates
    assert not {"Cox models", "growth", "competing events"} & estimates
    assert facilities == []
    estimates, facilities = after(rules='[rules.G08]\nseverity = "info"\n')  # over the registry
    assert "Cox models" not in estimates
    assert facilities == []
    _, facilities = after(rules='[rules.M01]\nseverity = "info"\n')
    assert facilities == ["judged"] * 2
    _, facilities = after(study="staging_window_days = 60", rules='[rules.M01]\nseverity = "info"\n')
    assert facilities == ["judged"] * 2  # by V17 and V18


def test_other_code_fills_no_table_of_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other words of a page are other code, and a new release; only what fills a database makes another of it."""
    home = two_hospitals(tmp_path / "home")
    refresh(home)
    filled, fill = [], release.fill
    monkeypatch.setattr(
        release,
        "fill",
        lambda *given, only=None, **more: (filled.append(only), fill(*given, only=only, **more))[1],
    )
    for module in (step, publication):
        monkeypatch.setattr(module, "code_version", lambda: "0.0.1+other")
    assert refresh(home).is_new
    assert filled[0] is not None and not [name for name in filled[0] if name.startswith(("curated", "mart"))]
    _assert_forced_is_the_same(home)
    monkeypatch.setattr(release, "built_by", lambda: "other")
    monkeypatch.setattr(publication, "code_version", lambda: "0.0.1+another")
    monkeypatch.setattr(step, "code_version", lambda: "0.0.1+another")
    refresh(home)
    assert filled[-1] is None


def test_a_release_made_again_of_the_same_input_compares_with_the_same_release(tmp_path: Path) -> None:
    """Compared with itself it would show no change: what one delivery changed would seem to have been settled."""
    home = two_hospitals(tmp_path / "home")
    refresh(home)
    send(home, "patients_2.csv", patients_csv(patient_row(number, born="1951-02-03") for number in range(9)))
    refresh(home)
    compared = tables(home, ("quality",))["quality.rule_result"]
    assert compared.filter(rule_id="G03", facility_id=HOSPITAL)["n_violated"].sum() > 0
    refresh(home, force=True)
    assert tables(home, ("quality",))["quality.rule_result"].equals(compared)
    home.settings_file.write_text(
        home.settings_file.read_text() + '[privacy]\ndata_statement = "Other words."\n'
    )
    assert refresh(home).is_new
    assert tables(home, ("quality",))["quality.rule_result"].equals(compared)


def _changes(home: Home, draw: random.Random) -> list[tuple[str, Callable[[], object]]]:
    number = draw.randrange(10**6)
    first = draw.randrange(40, 60)
    rows = [patient_row(one, born=f"{1940 + draw.randrange(40)}-05-01") for one in range(first, first + 12)]
    cut = draw.choice(["12", "15", "20"])

    def setting() -> None:
        kept = home.settings_file.read_text().partition("cutpoint_mm")[0].rstrip()
        home.settings_file.write_text(f"{kept}\ncutpoint_mm = {cut}\n")

    def contacts() -> None:
        lines = good_files()["contacts_1.csv"].splitlines()  # type: ignore[union-attr]
        send(home, f"contacts_{number}.csv", "\n".join([*lines[:1], *draw.sample(lines[1:], 10)]) + "\n")

    return [
        (
            "south sends",
            lambda: (home.inbox / "south" / f"patients_{number}.csv").write_text(patients_csv(rows)),
        ),
        ("north sends", lambda: send(home, f"patients_{number}.csv", patients_csv(rows))),
        ("contacts", contacts),
        ("setting", setting),
    ]


@pytest.mark.slow
def test_any_sequence_of_changes_equals_a_forced_refresh(tmp_path: Path) -> None:
    home, draw = two_hospitals(tmp_path / "home"), random.Random(1)
    refresh(home)
    for _ in range(4):
        name, change = draw.choice(_changes(home, draw))
        change()
        only = [] if name == "setting" or draw.random() < 0.5 else [HOSPITAL]
        refresh(home, only)
    refresh(home)
    _assert_forced_is_the_same(home)


@pytest.mark.slow
def test_changes_of_a_cohort_day_by_day_equal_a_forced_refresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Endpoints are kept one by one, analysts' tables too; the end of observation is the day of the newest file."""
    simulate(str(tmp_path), 16, 2)()
    home, today = Home(tmp_path), datetime.now(UTC)
    monkeypatch.setattr(release, "MOST_ROWS_WITH_KEYS", 2)  # rows of larger tables are replaced one by one
    monkeypatch.setattr(changed_rows, "SHARE_REWRITTEN", 1)
    quick = "[study]\nbootstrap_replicates = 0\n"
    home.settings_file.write_text(home.settings_file.read_text() + quick)
    for days_ago, stems in ((2, ()), (1, ("contacts", "toxicity"))):
        monkeypatch.setattr(steps, "land_inbox", partial(land_inbox, now=today - timedelta(days=days_ago)))
        for stem in stems:
            send_shorter(home.inbox / home.facility_ids()[-1], stem)
        refresh(home)
    _assert_forced_is_the_same(home)


def _assert_forced_is_the_same(home: Home) -> None:
    kept = _all_but_its_name(home)
    refresh(home, force=True)
    assert_same_tables(kept, _all_but_its_name(home))


def _all_but_its_name(home: Home) -> dict[str, pl.DataFrame]:
    result = tables(home, (*LAYERS, "meta"), leave_out=RELEASES)
    del result["meta.release"]
    return result | _of_analysts(home)


def _of_analysts(home: Home) -> dict[str, pl.DataFrame]:
    """The tables of the analysts' database of the served release, where it has one."""
    database = home.current / ANALYST_DATABASE
    if not database.exists():
        return {}
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
        return {
            f"analysts' {name}": connection.execute(f"FROM {name}").pl()
            for (name,) in sorted(names)
            if name != "meta.release"
        }
