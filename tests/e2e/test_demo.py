"""The demonstration end to end: what was planted is found, what was corrected agrees, nothing moves without cause.

Plain refreshes without Dagster (``test_dagster_demo.py`` has one through it). What is true of every single
patient stands in ``test_demo_truth.py``.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.demo import run_demo
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.simulate.demo.seed import read_seed
from registry_pipeline.store.releases import current_release, release_ids
from registry_pipeline.validation.rules.catalogue import written_messages
from registry_pipeline.validation.rules.translations import translated_message
from schemas.messages import AN_ITEM, ENGLISH, languages, messages
from tests.e2e.conftest import Demo
from tests.recount.compare import recounted_home
from tests.support.registry_home import ask, assert_balanced, assert_one_line, registry
from tests.support.seed_cohort import items_agreeing

pytestmark = pytest.mark.slow

PUBLISHED_ITEMS = 13
OPEN = "status IN ('open', 'reopened')"


def _places(demo: Demo, condition: str = OPEN) -> pl.DataFrame:
    columns = "rule_id, source_file, coalesce(sheet, '') AS sheet, coalesce(source_row, 0) AS source_row"
    return ask(demo.home, f"SELECT {columns}, severity FROM quality.finding WHERE {condition}", demo.first)


def test_every_planted_error_is_found_by_its_rule_at_its_file_sheet_and_row(demo: Demo) -> None:
    assert len(demo.manifest.planted) >= 40
    assert len({one.rule_id for one in demo.manifest.planted}) >= 25
    assert len({one.kind for one in demo.manifest.planted}) >= 25
    found: dict[tuple[str, str, str, int], set[str]] = {}
    for rule_id, file, sheet, row, severity in _places(demo).iter_rows():
        found.setdefault((rule_id, file, sheet, row), set()).add(severity)
    places = {(one.rule_id, one.file, one.sheet, one.source_row): one for one in demo.manifest.planted}
    missing = [f"{one.planted_id} {one.kind}: {place}" for place, one in places.items() if place not in found]
    assert not missing, f"{len(missing)} of {len(places)} planted errors were not found: {missing}"
    wrong = [
        f"{one.planted_id}: {place} is {found[place]}"
        for place, one in places.items()
        if ("error" in found[place]) is not one.is_error
    ]
    assert not wrong


def test_errors_are_found_where_they_were_planted_and_hardly_elsewhere(demo: Demo) -> None:
    """A mistake may break a second rule, and break it at a second place; it stays near what was planted."""
    files = {one.file for one in demo.manifest.planted}
    errors = _places(demo, f"{OPEN} AND severity = 'error'")
    assert set(errors["source_file"]) <= files
    planted_errors = sum(one.is_error for one in demo.manifest.planted)
    assert planted_errors <= errors.height <= 2 * planted_errors


def test_the_first_scorecard_is_honestly_off(demo: Demo) -> None:
    agreeing, items = items_agreeing(ask(demo.home, "FROM result.scorecard", demo.first))
    assert items == PUBLISHED_ITEMS
    assert agreeing < PUBLISHED_ITEMS
    (n_patients,) = ask(demo.home, "SELECT count(*) FROM mart.cohort", demo.first).row(0)
    assert 0 < n_patients < len(read_seed())
    (n_excluded,) = ask(
        demo.home, "SELECT n_excluded FROM mart.attrition WHERE reason LIKE '%quarantine%'", demo.first
    ).row(0)
    assert n_excluded > 0


def test_corrected_exports_leave_no_error_open(demo: Demo) -> None:
    """What remains: who is not eligible (info), the living whose follow-up the study's dates end (U03), the
    values and records that the first release served and that are others now or gone, without a question that named
    them (G05, G13), and the two women who share the days of birth and diagnosis and differ in histology only, until
    somebody decides (V05)."""
    left = ask(demo.home, f"SELECT severity, rule_id FROM quality.finding WHERE {OPEN}", demo.corrected)
    assert left.filter(pl.col("severity") == "error").is_empty()
    counts = dict(left.filter(pl.col("severity") == "warning").group_by("rule_id").len().iter_rows())
    assert set(counts) <= {"U03", "G05", "G13", "V05"}
    assert counts.get("V05", 0) <= 1
    assert counts.get("U03", 0) <= sum(not one.is_dead for one in read_seed())
    assert ask(demo.home, "FROM quality.quarantine", demo.corrected).is_empty()
    states = ask(demo.home, "SELECT DISTINCT status FROM quality.rule_result", demo.corrected)
    assert "failed_to_run" not in states["status"]


@pytest.mark.parametrize(
    ("table", "key"),
    [("lesion", "lesion_id"), ("event", "event_id"), ("systemic_line", "line_id"), ("lrt_course", "lrt_id")],
)
def test_what_the_second_release_lacks_is_told_record_by_record(demo: Demo, table: str, key: str) -> None:
    before, after = (
        set(ask(demo.home, f"SELECT {key} FROM curated.{table}", release)[key])
        for release in (demo.first, demo.corrected)
    )
    query = (
        f"SELECT record_key FROM quality.finding WHERE rule_id = 'G13' AND table_name = '{table}' AND {OPEN}"
    )
    assert set(ask(demo.home, query, demo.corrected)["record_key"]) == before - after


def test_values_that_changed_between_the_releases_are_told_with_both(demo: Demo) -> None:
    """Every told change is one: the first release has the old value, the second one the new value."""
    query = f"SELECT table_name, record_key, items, old_value, new_value FROM quality.finding WHERE rule_id = 'G05' AND {OPEN}"
    told = ask(demo.home, query, demo.corrected).filter(pl.col("table_name").is_in(["lesion", "measurement"]))
    assert told.height
    for table, record, column, old, new in told.iter_rows():
        key = f"{table}_id"
        for release, value in ((demo.first, old), (demo.corrected, new)):
            served = ask(
                demo.home,
                f"SELECT CAST({column} AS VARCHAR) AS v FROM curated.{table} WHERE {key} = '{record}'",
                release,
            )
            assert served["v"].to_list() == [value]


def test_corrected_exports_give_every_published_number(demo: Demo) -> None:
    scorecard = ask(demo.home, "FROM result.scorecard", demo.corrected)
    assert items_agreeing(scorecard) == (PUBLISHED_ITEMS, PUBLISHED_ITEMS)
    assert scorecard["agrees"].to_list() == [True] * scorecard.height


def test_closed_findings_keep_the_releases_that_showed_them(demo: Demo) -> None:
    first = ask(demo.home, "FROM quality.finding", demo.first)
    after = ask(demo.home, "FROM quality.finding", demo.corrected)
    assert set(first["status"]) == {"open"}
    assert set(first["first_seen_release"]) == set(first["last_seen_release"]) == {demo.first}
    closed = after.filter(pl.col("status").is_in(["corrected", "gone"]))
    assert set(closed["finding_id"]) <= set(first["finding_id"])
    assert (
        closed.filter(pl.col("severity") == "error").height
        == first.filter(pl.col("severity") == "error").height
    )
    assert set(closed["first_seen_release"]) == set(closed["last_seen_release"]) == {demo.first}
    carried = after.filter(pl.col("status") == "open")
    assert set(carried["last_seen_release"]) == {demo.corrected}
    earlier = carried.filter(pl.col("finding_id").is_in(first["finding_id"].to_list()))
    assert earlier.height > 0
    assert set(earlier["first_seen_release"]) == {demo.first}
    new = carried.filter(~pl.col("finding_id").is_in(first["finding_id"].to_list()))
    assert set(new["first_seen_release"]) <= {demo.corrected}
    assert not set(first["finding_id"]) - set(after["finding_id"]), "a finding was forgotten"


def test_finding_ids_are_unique_and_do_not_depend_on_file_or_row(demo: Demo) -> None:
    """The corrected exports have other file names; what is still broken keeps its id."""
    first = ask(demo.home, "FROM quality.finding", demo.first)
    after = ask(demo.home, "FROM quality.finding WHERE status = 'open'", demo.corrected)
    for frame in (first, after):
        assert frame["finding_id"].is_unique().all()
    same = ["rule_id", "facility_id", "table_name", "record_key", "items"]
    both = first.join(after, on=same, how="inner", nulls_equal=True)
    assert both.height > 0
    assert (both["finding_id"] == both["finding_id_right"]).all()
    assert (
        both.drop_nulls("source_file")["source_file"] != both.drop_nulls("source_file")["source_file_right"]
    ).any()


def test_every_row_of_every_file_is_accounted_for(demo: Demo) -> None:
    sent = {path.name for path in demo.home.inbox.glob("*/*")}
    first = assert_balanced(demo.home, demo.first)
    assert set(first["source_file"]) == set(demo.manifest.files)
    second = assert_balanced(demo.home, demo.corrected)
    assert set(second["source_file"]) == sent
    old = second.filter(pl.col("source_file").is_in(demo.manifest.files))
    assert old["n_curated"].sum() == old["n_quarantined"].sum() == 0
    assert old["n_read"].sum() == first["n_read"].sum()


def test_no_sentence_of_a_finding_quotes_the_record(demo: Demo) -> None:
    """Values stand in ``value_text`` and in the near match that S18 suggests, both marked as identifying."""
    numbers = set(ask(demo.home, "SELECT source_patient_id FROM curated.patient_xref")["source_patient_id"])
    texts = "message, record_key, items, CASE WHEN rule_id <> 'S18' THEN suggestion END"
    told = ask(demo.home, f"SELECT {texts} FROM quality.finding", demo.first)
    text = "\n".join("|".join(str(cell) for cell in row) for row in told.iter_rows())
    assert not [one for one in numbers if one in text]


@pytest.mark.parametrize("language", languages())
def test_a_finding_of_a_column_names_it(demo: Demo, language: str) -> None:
    """No message says 'an item' where the name of the column is known."""
    columns = "rule_id, message, items, source_column"
    rows = ask(demo.home, f"SELECT {columns} FROM quality.finding WHERE items <> ''", demo.first)
    nameless = AN_ITEM if language == ENGLISH else messages(language).terms[AN_ITEM]
    of_columns = [row for row in rows.to_dicts() if "{column}" in written_messages()[row["rule_id"]]]
    assert len(of_columns) > 20
    for row in of_columns:
        shown = translated_message(row["rule_id"], row["message"], language)
        assert nameless not in shown.lower(), shown
        assert any(name and name in shown for name in (*row["items"].split(","), row["source_column"])), shown


def _state(home: Home) -> dict[str, tuple[int, int]]:
    """Every file of a home with its size and the time of its last change, but for notes of times of files in the inbox."""
    return {
        str(path.relative_to(home.root)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in home.root.rglob("*")
        if not path.is_dir() and path.name not in (".lock", "seen.json", "inbox_served", "inbox_stamps")
    }


def test_a_refresh_without_new_input_does_no_step_and_makes_no_release(demo: Demo) -> None:
    before = _state(demo.home)
    steps: list[str] = []
    report = refresh(demo.home, progress=steps.append)
    assert (report.release_id, report.is_new) == (demo.corrected, False)
    assert steps == ["landing"]
    assert report.landing.landed == report.landing.problems == report.landing.waiting == []
    assert len(report.landing.unchanged) == len(list(demo.home.inbox.glob("*/*")))
    assert _state(demo.home) == before


def test_the_demonstration_run_again_changes_nothing(demo: Demo) -> None:
    before = {
        name: stamp for name, stamp in _state(demo.home).items() if name.startswith(("releases", "store"))
    }
    told: list[str] = []
    run_demo(demo.home.root, told.append, refresh)
    assert release_ids(demo.home) == demo.releases
    assert told == demo.told
    after = {
        name: stamp for name, stamp in _state(demo.home).items() if name.startswith(("releases", "store"))
    }
    assert after == before


def test_the_summary_says_what_happened(demo: Demo) -> None:
    text = "\n".join(demo.told)
    n_planted = len(demo.manifest.planted)
    assert f"{n_planted} of {n_planted} planted errors found by their rule" in text
    assert "13 of 13 published items agree" in text
    assert "SYNTHETIC" in text
    statement = ask(demo.home, "SELECT data_statement FROM meta.release")["data_statement"][0]
    assert "SYNTHETIC" in statement


def test_every_working_file_and_release_is_private(demo: Demo) -> None:
    assert demo.home.key_file.stat().st_mode & 0o077 == 0
    assert demo.home.root.stat().st_mode & 0o077 == 0
    assert demo.home.store.stat().st_mode & 0o077 == 0


# ------------------------------------------------------------------------------------------ the command


def test_status_shows_the_release_and_the_scorecard(demo: Demo) -> None:
    done = registry(demo.home, "status")
    assert done.returncode == 0, done.stderr
    assert demo.corrected in done.stdout
    assert "Traceback" not in done.stderr
    told = json.loads(registry(demo.home, "status", "--json").stdout)
    assert told["release"][0]["release_id"] == demo.corrected
    assert [one["agrees"] for one in told["scorecard"]] == [True] * len(told["scorecard"])


def test_findings_as_csv_are_the_findings_of_the_release(demo: Demo) -> None:
    done = registry(demo.home, "findings", "--status", "all", "--severity", "error", "--format", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    expected = ask(demo.home, "SELECT finding_id FROM quality.finding WHERE severity = 'error'")
    assert {one["finding_id"] for one in rows} == set(expected["finding_id"])
    none_open = registry(demo.home, "findings", "--severity", "error", "--format", "json")
    assert none_open.returncode == 0
    assert json.loads(none_open.stdout) == []


def test_sql_and_releases(demo: Demo) -> None:
    done = registry(demo.home, "sql", "select count(*) as n from mart.cohort", "--format", "csv")
    assert (done.returncode, done.stdout.split()) == (0, ["n", "56"])
    old = registry(demo.home, "sql", "select release_id from meta.release", "--release", demo.first, "--json")
    assert json.loads(old.stdout) == [{"release_id": demo.first}]
    listed = registry(demo.home, "releases", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert [(one["release_id"], one["is_current"]) for one in json.loads(listed.stdout)] == [
        (demo.first, False),
        (demo.corrected, True),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("sql", "delete from mart.cohort"),
        ("sql", "select * from no_such_table"),
        ("sql", "select * from read_csv('/etc/passwd')"),
        ("sql", "select 1", "--release", "2001-01-01T000000Z-abcdef"),
        ("releases", "show", "2001-01-01T000000Z-abcdef"),
    ],
    ids=["writing", "unknown table", "outside", "unknown release", "show unknown release"],
)
def test_wrong_use_is_one_line_and_exit_code_2(demo: Demo, arguments: tuple[str, ...]) -> None:
    done = registry(demo.home, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr)
    assert current_release(demo.home) == demo.corrected


def test_a_mistake_in_the_settings_is_one_line_that_names_it(demo: Demo, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(demo.before.root, home.root, symlinks=True)
    home.settings_file.write_text("[study]\ncutpiont_mm = 12\n", encoding="utf-8")
    done = registry(home, "refresh", "--plain")
    assert done.returncode == 2
    assert_one_line(done.stderr)
    assert "registry.toml" in done.stderr and "2" in done.stderr and "cutpoint_mm" in done.stderr
    assert current_release(home) == demo.first


def test_no_home_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    done = registry(Home(tmp_path / "nowhere"), "status")
    assert done.returncode == 2
    assert_one_line(done.stderr)
    assert "registry init" in done.stderr


def test_marts_are_what_a_plain_recount_gives(demo: Demo) -> None:
    assert recounted_home(demo.home) > 100
