"""Small facilities are judged together, and stored as if each had been judged alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.core.row_id import row_id
from registry_pipeline.core.side_by_side import MOST_FILES
from registry_pipeline.core.working_files import DamagedFile
from registry_pipeline.intake.landing.ledger import read_ledger, withdraw
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.pipeline import merges, persons, screening, staging
from registry_pipeline.pipeline.context import RefreshContext, read_context
from registry_pipeline.pipeline.decisions import DecisionState
from registry_pipeline.pipeline.lineage import write_lineage
from registry_pipeline.pipeline.merges import merges_at, persons_of_several
from registry_pipeline.pipeline.persons import person_records
from registry_pipeline.pipeline.refresh import take_in
from registry_pipeline.pipeline.screening import judge_facilities, screen_together
from registry_pipeline.pipeline.staging import stage_together
from registry_pipeline.pipeline.step import input_hash, read_note
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.validation.decisions.ledger import Decision
from registry_pipeline.validation.registry_wide.persons import StagedParts
from tests.support.registry_home import HOSPITAL, good_files, patient_row, patients_csv, send_all, small_home

FACILITIES = [HOSPITAL, "east", "south"]
"""The last one is judged by its own rules."""


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = small_home(tmp_path_factory.mktemp("judging") / "home")
    send_all(home, good_files())
    mapping = (home.facilities / f"{HOSPITAL}.toml").read_text(encoding="utf-8")
    for number, name in enumerate(FACILITIES[1:]):
        own = mapping.replace(HOSPITAL, name) + ('\n[rules.V02]\nseverity = "info"\n' if number else "")
        (home.facilities / f"{name}.toml").write_text(own, encoding="utf-8")
        (home.inbox / name).mkdir()
        rows = patients_csv([patient_row(70), patient_row(71 + number)])
        (home.inbox / name / "patients_1.csv").write_text(rows, encoding="utf-8")
    take_in(home)
    return home


@pytest.fixture
def context(landed: Home, tmp_path: Path) -> RefreshContext:
    shutil.copytree(landed.root, tmp_path / "home")
    return read_context(Home(tmp_path / "home"))


def _stored(context: RefreshContext) -> list[dict[str, str]]:
    folders = (context.layout.staged, context.layout.screened)
    notes = [read_note(folder(name)) for name in FACILITIES for folder in folders]
    return [note["files"] for note in notes if note]


@pytest.fixture(scope="module")
def alone(landed: Home) -> list[dict[str, str]]:
    context = read_context(Home(shutil.copytree(landed.root, landed.root.parent / "alone")))
    for name in FACILITIES:
        screening.screen(context, name)
    return _stored(context)


def test_what_is_stored_is_that_of_each_alone(
    context: RefreshContext, alone: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    together: list[int] = []
    judge = screening.judge
    monkeypatch.setattr(
        screening, "judge", lambda of, names: (together.append(len(names)), judge(of, names))[1]
    )
    stage = staging.stage_alike
    typed: list[int] = []
    monkeypatch.setattr(
        staging,
        "stage_alike",
        lambda home, facilities, settings: (typed.append(len(facilities)), stage(home, facilities, settings))[
            1
        ],
    )
    judge_facilities(context, FACILITIES, False, lambda _: None)
    assert typed == [3] and together == [2, 1]  # not the one with other rules
    assert _stored(context) == alone and len(alone) == 2 * len(FACILITIES)
    assert set(screen_together(context, FACILITIES)) == set(FACILITIES) and together == [
        2,
        1,
    ]  # nothing is new


def test_a_damaged_file_of_one_is_made_again_and_all_are_judged(
    context: RefreshContext, alone: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = screening.stored_staging

    def damaged(of: RefreshContext, name: str) -> StagedParts:
        if name == "east" and not calls:
            calls.append(name)
            raise DamagedFile("damaged")
        return read(of, name)

    calls: list[str] = []
    monkeypatch.setattr(screening, "stored_staging", damaged)
    judge_facilities(context, FACILITIES, False, lambda _: None)
    assert calls == ["east"] and _stored(context) == alone


def test_only_tables_with_records_in_quarantine_have_a_file_of_them(context: RefreshContext) -> None:
    rows = patients_csv([patient_row(72), patient_row(73, born="2020-01-01")])  # after her diagnosis
    (context.home.inbox / "east" / "patients_2.csv").write_text(rows, encoding="utf-8")
    take_in(context.home)
    later = read_context(context.home)
    report = screening.screen(later, "east")
    kept = {path.name for path in later.layout.screened("east").glob("*.quarantined.parquet")}
    assert kept == {f"{table}.quarantined.parquet" for table, n in report.n_quarantined.items() if n}
    assert "patient.quarantined.parquet" in kept and "death.quarantined.parquet" not in kept
    assert set(persons._persons(later, "east")["facility_id"]) == {"east"}
    assert (
        persons._persons(later, "east").height
        == 2
        == sum(n["patient"] for n in (report.n_accepted, report.n_quarantined))
    )


def test_records_judged_by_what_is_no_longer_so_are_judged_anew(
    context: RefreshContext, alone: list[dict[str, str]]
) -> None:
    path = context.home.facilities / "east.toml"
    mapping = context.mapping("east").text
    path.write_text(mapping + '\n[rules.V02]\nseverity = "info"\n', encoding="utf-8")
    other = read_context(context.home)
    staging.stage(other, "east")
    judged = screening.judge(other, ["east"])["east"]
    screening.screen(context, "east", judged=judged)  # whose rules are those before
    note = read_note(context.layout.screened("east"))
    assert note is not None and note["files"] == alone[3]


def _merging(context: RefreshContext) -> tuple[RefreshContext, list[str]]:
    """A decision that the first patients of two facilities, which are staged, are one; both, who survives first."""
    pair = sorted(
        read_parquet(context.layout.staged_table(name, "patient"))["patient_id"][0] for name in FACILITIES[:2]
    )
    decision = Decision(
        1, "2026-01-01T00:00:00+00:00", "F1", "same_person", "r", "n", None, "V05", "east", "patient",
        "|".join(pair), "patient_id", "", None, None, None, None, "",
    )  # fmt: skip
    return replace(context, decisions=DecisionState([decision], [decision])), pair


def test_what_a_record_gave_of_a_person_follows_the_other_facilities_that_know_her(
    context: RefreshContext,
) -> None:
    stage_together(context, FACILITIES)
    merging, (survivor, _) = _merging(context)
    judge_facilities(merging, FACILITIES, False, lambda _: None)
    write_lineage(merging, person_records(merging).shares)
    home = persons_of_several(merging)[survivor]
    first = 0 if home == HOSPITAL else 70
    without_region = patients_csv([patient_row(first, region=""), patient_row(first + 1)])
    (context.home.inbox / home / "patients_2.csv").write_text(without_region, encoding="utf-8")
    take_in(context.home)
    later = replace(read_context(context.home), decisions=merging.decisions)
    judge_facilities(later, FACILITIES, False, lambda _: None)
    rows = []
    for force in (False, True):
        write_lineage(later, person_records(later).shares, force)
        other = FACILITIES[home == HOSPITAL]
        rows.append(pl.read_parquet(later.layout.lineage() / f"{other}.parquet"))
    assert rows[0].equals(rows[1])
    assert rows[1].filter(pl.col("items") == "residence_region").height == 1


def test_what_changes_while_a_refresh_runs_is_news_for_the_next(context: RefreshContext) -> None:
    """A file withdrawn meanwhile stood in the release, and in every later one: it seemed made of what there was."""
    home = context.home
    hashes = {input_hash(context, {})}
    mapping = home.facilities / "east.toml"
    for change in (
        lambda: withdraw(home, HOSPITAL, "deaths_1.csv", "A. Keeper", "not theirs"),
        lambda: mapping.write_text(mapping.read_text(encoding="utf-8") + "# later\n", encoding="utf-8"),
    ):
        running = read_context(home)
        change()
        assert input_hash(running, {}) in hashes
        hashes.add(input_hash(read_context(home), {}))
    assert len(hashes) == 3
    running = read_context(home)
    withdraw(home, HOSPITAL, "contacts_1.csv", "A. Keeper", "not theirs")
    running.take_ledger(HOSPITAL, read_ledger(home, HOSPITAL))
    assert input_hash(running, {}) == input_hash(read_context(home), {}) not in hashes


def test_patients_of_merges_are_looked_up_once_at_each_facility(
    context: RefreshContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage_together(context, FACILITIES)
    merging, (survivor, gone) = _merging(context)
    looked_up: list[str] = []
    patients_of = merges._patients_of
    monkeypatch.setattr(
        merges, "_patients_of", lambda of, name: (looked_up.append(name), patients_of(of, name))[1]
    )
    between = [merges_at(merging, name).between for name in (*FACILITIES, *FACILITIES)]
    assert between.count({gone: survivor}) == 2 and between.count({}) == 4
    assert sorted(looked_up) == sorted(FACILITIES)
    staging.stage(merging, "east", force=True)
    merges_at(merging, "south")
    assert looked_up[len(FACILITIES) :] == ["east"]


def test_who_has_sent_more_files_than_numbers_have_room_for_is_staged_alone(
    context: RefreshContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert row_id(MOST_FILES - 1, 255, (1 << 32) - 1) < 1 << 56 <= row_id(MOST_FILES, 1, 1)
    assert [len(alike) for alike in staging._of_same_sources(context, context.senders, True)] != [1] * 3
    monkeypatch.setattr(staging, "MOST_FILES", 1)
    assert all(len(alike) == 1 for alike in staging._of_same_sources(context, context.senders, True))


def test_mappings_that_say_the_same_are_judged_once_and_are_each_its_own(context: RefreshContext) -> None:
    declared = [context.facility(name) for name in FACILITIES]
    assert declared == [read_facility(context.home.facilities / f"{name}.toml") for name in FACILITIES]
    assert declared[0].sources is declared[1].sources and declared[1].sources is not declared[2].sources


def test_no_facility_is_judged_with_one_that_its_identifiers_could_begin_with() -> None:
    ids = {"kiel", "kiel-2", "kiel-2-b", "kiel-b", "kiel2", "a-kiel", "kiel-2-b-c"}
    by_number: dict[int, list[str]] = {}
    for name in sorted(ids):
        by_number.setdefault(screening.n_beginnings(name, ids), []).append(name)
    assert by_number == {
        0: ["a-kiel", "kiel", "kiel2"],
        1: ["kiel-2", "kiel-b"],
        2: ["kiel-2-b"],
        3: ["kiel-2-b-c"],
    }
