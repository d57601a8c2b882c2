"""Landing: every file once, nothing lost, nothing half."""

import hashlib
import json
import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import make_home
from registry_pipeline.core.settings import Refresh, Settings
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing import inbox, integrity
from registry_pipeline.intake.landing import land as landing
from registry_pipeline.intake.landing.land import land_inbox
from registry_pipeline.intake.landing.ledger import landed_path, read_ledger, withdraw
from registry_pipeline.pipeline import watched
from tests.support.staging import NOW, SETTINGS, Place, source, table

EMPTY = ""


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path, EMPTY)


def test_bytes_are_kept_verbatim_and_read_only(place):
    place.send("a.csv", "x,y\n1,2\n")
    (landed,) = place.land().landed
    path = landed_path(place.home, landed)
    assert path.read_bytes() == b"x,y\n1,2\n"
    assert path.name == landed.sha256 == hashlib.sha256(b"x,y\n1,2\n").hexdigest()
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert landed.received_at == "2024-01-31T12:00:00+00:00"
    assert landed.n_bytes == 8


def test_files_that_arrive_together_are_one_submission(place):
    place.send("a.csv", "1")
    place.send("b.csv", "2")
    first, second = place.land().landed
    digest = hashlib.sha256("".join(sorted([first.sha256, second.sha256])).encode()).hexdigest()[:8]
    assert first.submission_id == second.submission_id == f"west-0001-{digest}"
    assert [first.file_no, second.file_no] == [1, 2]
    place.send("c.csv", "3")
    (third,) = place.land().landed
    assert (third.file_no, third.submission_no) == (3, 2)


def test_same_bytes_land_once_under_any_name(place):
    place.send("a.csv", "1")
    place.land()
    place.send("again.csv", "1")
    place.send("copy.csv", "1")
    report = place.land()
    assert report.landed == []
    assert {one.shown_name for one in report.unchanged} == {"a.csv", "again.csv", "copy.csv"}
    assert len(read_ledger(place.home, "west")) == 1


def test_withdrawn_bytes_that_come_again_are_not_passed_over_in_silence(place):
    place.send("a.csv", "1")
    place.land()
    withdraw(place.home, "west", "a.csv", "A. Keeper", "not theirs")
    assert not place.land().problems  # it lies there since
    place.send("again.csv", "1")
    (problem,) = place.land().problems
    assert problem.name == "again.csv" and "withdrawn on 20" in problem.message
    assert not place.land().problems
    place.send("again.csv", "1 ")
    assert len(place.land().landed) == 1


def test_same_bytes_twice_in_one_refresh_land_once(place):
    place.send("a.csv", "1")
    place.send("b.csv", "1")
    report = place.land()
    assert [one.source_file for one in report.landed] == ["a.csv"]
    assert [one.shown_name for one in report.unchanged] == ["b.csv"]


TWO_SOURCES = source(table("patient", 'patient_id = "id"'), name="patients", files="patients*.csv") + source(
    table("death", 'patient_id = "id"'), name="deaths", files="deaths*.csv"
)


@pytest.fixture
def mapped(tmp_path):
    return Place(tmp_path, TWO_SOURCES)


def names(report):
    return [one.source_file for one in report.landed]


def test_earlier_bytes_sent_again_after_others_of_their_source_are_a_submission(mapped):
    for name, text in (("patients_1.csv", "id\n1"), ("patients_2.csv", "id\n2")):
        mapped.send(name, text)
        assert names(mapped.land()) == [name]
    mapped.send("patients_3.csv", "id\n1")
    assert names(mapped.land()) == ["patients_3.csv"]
    assert names(mapped.land()) == []
    assert [one.submission_no for one in read_ledger(mapped.home, "west")] == [1, 2, 3]


def test_a_file_of_one_name_that_goes_back_to_its_earlier_bytes_is_a_submission(mapped):
    for text in ("id\n1", "id\n2", "id\n1"):
        mapped.send("patients.csv", text)
        assert names(mapped.land()) == ["patients.csv"]


def test_files_that_a_job_copies_anew_are_no_submission(mapped):
    sent = {"patients_1.csv": "id\n1", "patients_2.csv": "id\n2"}
    for name, text in sent.items():
        mapped.send(name, text)
        mapped.land()
    for name, text in sent.items():
        (mapped.inbox / name).unlink()
        mapped.send(name, text)
    assert names(mapped.land()) == []


def test_earlier_bytes_sent_again_after_files_of_another_source_are_no_submission(mapped):
    mapped.send("patients_1.csv", "id\n1")
    mapped.land()
    mapped.send("deaths_1.csv", "id\n9")
    mapped.land()
    mapped.send("patients_2.csv", "id\n1")
    assert names(mapped.land()) == []


def test_an_unchanged_part_of_a_new_submission_belongs_to_it(mapped):
    mapped.send("patients_a1.csv", "id\n1")
    mapped.send("patients_b1.csv", "id\n2")
    mapped.land()
    mapped.send("patients_a2.csv", "id\n3")
    mapped.send("patients_b2.csv", "id\n2")
    assert names(mapped.land()) == ["patients_a2.csv", "patients_b2.csv"]


def test_the_same_bytes_for_two_sources_are_two_files(mapped):
    mapped.send("patients.csv", "")
    mapped.send("deaths.csv", "")
    assert names(mapped.land()) == ["deaths.csv", "patients.csv"]


def test_without_memory_of_the_inbox_nothing_counts_as_sent_again(mapped):
    for name, text in (("patients_1.csv", "id\n1"), ("patients_2.csv", "id\n2")):
        mapped.send(name, text)
        mapped.land()
    seen = mapped.home.landing / "west" / "seen.json"
    written = seen.stat().st_mtime_ns
    assert names(mapped.land()) == [] and seen.stat().st_mtime_ns == written  # nothing to note
    seen.write_text("{broken")
    assert names(mapped.land()) == []
    assert "patients_1.csv" in seen.read_text()


def test_two_facilities_may_send_the_same_bytes(place):
    (place.home.facilities / "east.toml").write_text('id = "east"')
    (place.home.inbox / "east").mkdir()
    (place.home.inbox / "east" / "a.csv").write_text("1")
    place.send("a.csv", "1")
    assert [one.facility_id for one in place.land().landed] == ["east", "west"]


def test_changed_file_is_a_new_submission(place):
    place.send("a.csv", "1")
    place.land()
    place.send("a.csv", "2")
    (landed,) = place.land().landed
    assert (landed.source_file, landed.submission_no) == ("a.csv", 2)


def test_bytes_written_over_in_place_land_although_size_and_time_are_those_of_before(place):
    place.send("a.csv", "x,y\n1,2\n")
    place.land()
    path = place.inbox / "a.csv"
    before = path.stat()
    with path.open("r+") as file:
        file.write("x,y\n1,3\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len(place.land().landed) == 1


def test_unchanged_inbox_is_not_read_again_and_the_ledger_is_not_touched(place, monkeypatch):
    place.send("a.csv", "1")
    place.land()
    ledger = place.home.landing / "west" / "submissions.json"
    before = (ledger.stat().st_mtime_ns, ledger.read_bytes())
    monkeypatch.setattr(landing, "_copy", lambda *_: pytest.fail("read again"))
    assert len(place.land().unchanged) == 1
    assert (ledger.stat().st_mtime_ns, ledger.read_bytes()) == before


def test_facilities_are_gone_through_only_where_inbox_or_landing_are_not_as_all_landing_left_them(
    place, monkeypatch
):
    place.send("a.csv", "1")
    (landed,) = place.land().landed
    ledger, earlier = place.home.landing / "west" / "submissions.json", "[]"

    def visited(**options) -> tuple[int, list[str]]:
        visits: list[str] = []
        own = landing._land_facility
        with monkeypatch.context() as patch:
            patch.setattr(landing, "_land_facility", lambda *of: (visits.append(of[1]), own(*of)))
            report = land_inbox(place.home, SETTINGS, NOW, **options)
        return len(report.landed) + len(report.unchanged), visits

    with monkeypatch.context() as patch:
        patch.setattr(integrity, "read_ledger", lambda *_: pytest.fail("read a ledger"))
        assert visited() == (1, [])
    place.send("b.csv", "2")
    assert visited(facilities=["west"]) == (2, ["west"])
    assert visited() == (2, ["west"])  # a part that landed says nothing of all
    assert visited() == (2, [])
    ledger.write_text(earlier)  # as of a backup
    assert visited() == (2, ["west"]) and len(read_ledger(place.home, "west")) == 2
    bytes_ = landed_path(place.home, landed)
    for lose in (bytes_.unlink, lambda: (bytes_.chmod(0o600), bytes_.write_text("")), lambda: linked(bytes_)):
        lose()
        assert visited() == (2, ["west"]) and bytes_.read_text() == "1"  # they lie in the inbox
        assert visited() == (2, [])
    (place.inbox / "a.csv").unlink()
    bytes_.unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match="landed bytes cannot be read"):
            visited()


def linked(path: Path) -> None:
    """In the place of a file a link to a copy."""
    path.rename(path.with_name("copy"))
    path.symlink_to(path.with_name("copy"))


def test_an_inbox_is_looked_at_once(place, monkeypatch):
    place.send("a.csv", "1")
    seen = inbox.look_into_inbox(place.home)
    place.send("b.csv", "2")
    signature = watched.inbox_signature(place.home, seen)
    assert len(land_inbox(place.home, SETTINGS, NOW, inbox=seen).landed) == 1
    assert signature != watched.inbox_signature(place.home)  # what arrived since is news
    (place.inbox / "b.csv").unlink()
    assert signature == watched.inbox_signature(place.home)
    gone = inbox.look_into_inbox(place.home)
    (place.inbox / "a.csv").unlink()
    assert inbox.list_inbox(place.home, gone) == ([], [])


def test_the_inbox_looks_another_when_any_name_size_or_time_is_another(place):
    place.send("a.csv", "1")
    (place.inbox / "link.csv").symlink_to("a.csv")
    place.land()
    files, problems = inbox.list_inbox(place.home)
    assert [(file.shown_name, file.n_bytes) for file in files] == [("a.csv", 1)]
    assert [problem.name for problem in problems] == ["link.csv"]
    signatures = [watched.inbox_signature(place.home)]
    for change in (
        lambda: place.send("a.csv", "12"),
        lambda: os.utime(place.inbox / "a.csv", ns=(1, 1)),
        lambda: place.send(".b.csv", ""),
        lambda: (place.inbox / "link.csv").unlink(),
        lambda: place.write_toml("name = 'West'\n"),
        lambda: (place.home.facilities / "east.toml").touch(),
        lambda: place.home.settings_file.write_text("# another\n"),
    ):
        change()
        signatures.append(watched.inbox_signature(place.home))
    assert len(set(signatures)) == len(signatures)
    (place.home.facilities / "notes.txt").touch()
    assert watched.inbox_signature(place.home) == signatures[-1]


def test_lost_cache_costs_a_second_reading_only(place):
    place.send("a.csv", "1")
    place.land()
    (place.home.landing / "west" / "seen.json").write_text("{broken")
    report = place.land()
    assert (len(report.landed), len(report.unchanged)) == (0, 1)


def test_bytes_lost_from_the_landing_come_back_from_the_inbox(place):
    place.send("a.csv", "1")
    (landed,) = place.land().landed
    landed_path(place.home, landed).unlink()
    assert place.land().landed == []
    assert landed_path(place.home, landed).read_bytes() == b"1"


def test_crash_between_copying_and_ledger_is_harmless(place, monkeypatch):
    place.send("a.csv", "1")
    with monkeypatch.context() as patched:
        patched.setattr(
            landing, "write_hashed_json", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            place.land()
    assert read_ledger(place.home, "west") == []
    (landed,) = place.land().landed
    assert (landed.file_no, landed.submission_no) == (1, 1)
    assert landed_path(place.home, landed).read_bytes() == b"1"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_crash_while_copying_leaves_nothing_half(place, monkeypatch, call):
    place.send("a.csv", "1")
    with monkeypatch.context() as patched:
        if call == "fsync":
            patched.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        else:
            patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            place.land()
    names = [path.name for path in (place.home.landing / "west").iterdir()]
    assert names == [".lock"]
    assert len(place.land().landed) == 1


def test_leftovers_of_a_killed_copy_are_swept(place):
    folder = place.home.landing / "west"
    folder.mkdir()
    (folder / "1-2.building").write_text("half")
    place.send("a.csv", "1")
    place.land()
    assert not list(folder.glob("*.building"))


def failing_first(monkeypatch, number, message):
    copy = landing._copy

    def fail(folder, one):
        if one.shown_name == "a.csv":
            raise OSError(number, message)
        return copy(folder, one)

    monkeypatch.setattr(landing, "_copy", fail)


def test_a_file_that_cannot_be_copied_is_a_problem_and_the_next_one_still_lands(place, monkeypatch):
    place.send("a.csv", "1")
    place.send("b.csv", "2")
    failing_first(monkeypatch, 5, "Input/output error")
    report = place.land()
    assert [one.source_file for one in report.landed] == ["b.csv"]
    assert str(report.problems[0]).startswith("inbox/west/a.csv: could not be copied (Input/output error")


def test_a_full_disk_stops_the_landing_so_that_no_submission_is_taken_in_part(place, monkeypatch):
    place.send("a.csv", "1")
    place.send("b.csv", "2")
    failing_first(monkeypatch, 28, "No space left on device")
    with pytest.raises(OSError, match="No space left"):
        place.land()
    assert read_ledger(place.home, "west") == []
    monkeypatch.undo()
    assert {one.submission_no for one in place.land().landed} == {1}


def test_file_that_is_still_written_waits(place, monkeypatch):
    place.send("growing.csv", "1")
    place.send("done.csv", "2")
    os.utime(place.inbox / "done.csv", (1, 1))

    def grow(_):
        with (place.inbox / "growing.csv").open("a") as out:
            out.write("more")

    monkeypatch.setattr(inbox.time, "sleep", grow)
    report = land_inbox(place.home, Settings(refresh=Refresh(settle_seconds=2.0)), NOW)
    assert [one.source_file for one in report.landed] == ["done.csv"]
    assert [one.shown_name for one in report.waiting] == ["growing.csv"]
    monkeypatch.setattr(inbox.time, "sleep", lambda _: None)
    report = land_inbox(place.home, Settings(refresh=Refresh(settle_seconds=2.0)), NOW)
    assert [one.source_file for one in report.landed] == ["growing.csv"]


def test_old_files_are_not_waited_for(place, monkeypatch):
    place.send("a.csv", "1")
    os.utime(place.inbox / "a.csv", (time.time() - 60, time.time() - 60))
    monkeypatch.setattr(inbox.time, "sleep", lambda _: pytest.fail("waited"))
    assert len(land_inbox(place.home, Settings(), NOW).landed) == 1


def test_file_that_changes_while_it_is_copied_waits(place, monkeypatch):
    place.send("a.csv", "1")
    opened = landing.open_settled

    def change(one):
        (place.inbox / "a.csv").write_text("22")
        return opened(one)

    monkeypatch.setattr(landing, "open_settled", change)
    report = place.land()
    assert (report.landed, len(report.waiting)) == ([], 1)
    assert [path.name for path in (place.home.landing / "west").glob("[0-9a-f]*")] == []


def test_what_is_no_file_is_named_and_left(place):
    place.send("a.csv", "1")
    (place.inbox / "folder").mkdir()
    (place.inbox / "link.csv").symlink_to(place.inbox / "a.csv")
    os.mkfifo(place.inbox / "pipe.csv")
    place.send("b.csv.part", "half")
    place.send(".hidden", "x")
    place.send("~$a.xlsx", "lock")
    (place.home.inbox / "stray.csv").write_text("1")
    (place.home.inbox / "wset").mkdir()
    (place.home.inbox / "wset" / "a.csv").write_text("1")
    report = place.land()
    assert [one.source_file for one in report.landed] == ["a.csv"]
    assert [str(one) for one in report.problems] == [
        "inbox/stray.csv: put it into the folder of its facility",
        "inbox/west/b.csv.part: looks like an unfinished transfer; finish it or rename it",
        "inbox/west/folder: is a folder; put its files directly into the folder of the facility",
        "inbox/west/link.csv: is a link; put the file itself here",
        "inbox/west/pipe.csv: is no regular file; remove it",
        "inbox/wset: no facilities/wset.toml describes this facility; did you mean 'west'?",
    ]


def test_names_that_are_no_text_are_shown_as_text(place):
    name = os.fsdecode(b"\xb2\xa1\xc0\xfd\n.csv")
    (place.inbox / name).write_text("1")
    (landed,) = place.land().landed
    assert landed.source_file == "\\xb2\\xa1\\xc0\\xfd\\x0a.csv"
    assert read_ledger(place.home, "west") == [landed]


def test_damaged_ledger_is_told_in_one_line(place):
    place.send("a.csv", "1")
    place.land()
    (place.home.landing / "west" / "submissions.json").write_text("[{]")
    with pytest.raises(ConfigurationError, match="ledger is damaged; restore it from the backup"):
        place.land()


def test_empty_home_lands_nothing(tmp_path):
    report = land_inbox(make_home(tmp_path / "home"), SETTINGS)
    assert report == landing.LandingReport()


_contents = st.lists(
    st.dictionaries(
        st.sampled_from(["a.csv", "b.csv", "c.csv"]), st.sampled_from(["1", "2", "3", "4"]), min_size=1
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=_contents)
def test_any_history_keeps_every_content_once(tmp_path_factory, history):
    place = Place(tmp_path_factory.mktemp("history"), EMPTY)
    for files in history:
        for name, text in files.items():
            place.send(name, text)
        place.land()
        assert place.land().landed == []
    ledger = read_ledger(place.home, "west")
    sent = {text for files in history for text in files.values()}
    assert {landed_path(place.home, one).read_text() for one in ledger} == sent
    assert len(ledger) == len(sent)
    assert [one.file_no for one in ledger] == list(range(1, len(ledger) + 1))
    numbers = [one.submission_no for one in ledger]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, max(numbers) + 1))
    stored = json.loads((place.home.landing / "west" / "submissions.json").read_text())
    assert [entry["sha256"] for entry in stored["files"]] == [one.sha256 for one in ledger]
