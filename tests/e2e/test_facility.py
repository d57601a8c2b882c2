"""A facility joins: draft a mapping from its files, try it out, refresh; what each command says and leaves behind."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from registry_pipeline.cli import context as cli_context
from registry_pipeline.cli.main import registry
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.intake.landing.integrity import check_landed
from registry_pipeline.intake.landing.land import land_inbox
from registry_pipeline.pipeline.refresh import refresh
from tests.support.profiled import write_csv

Command = Callable[..., SimpleNamespace]
HOSTILE = "=cmd|' /C calc'!A1\x1b[31m" + "x" * 3000


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command over a home."""
    monkeypatch.delenv("REGISTRY_HOME", raising=False)

    def run(home: Home, *arguments: str) -> SimpleNamespace:
        code = cli_context.run(registry, ["--home", str(home.root), *arguments])
        told = capsys.readouterr()
        return SimpleNamespace(code=code, out=told.out, err=told.err)

    return run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home")


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """A small hospital: two files, some mistakes, a hostile comment, a comment of 3,000 characters."""
    folder = tmp_path / "exports"
    folder.mkdir()
    rows = [
        [
            f"A{n:04d}",
            "F" if n else "?",
            f"19{50 + n}-03-04",
            f"20{10 + n % 10}-05-{n % 28 + 1:02d}",
            "IIB",
            HOSTILE,
        ]
        for n in range(30)
    ]
    rows[3][3] = "soon" + HOSTILE
    write_csv(
        folder / "patients.csv", ["mrn", "sex", "birth_date", "diagnosis_date", "figo_stage", "remark"], rows
    )
    contacts = [[f"A{n:04d}", f"2021-06-{n % 28 + 1:02d}", "Alive"] for n in range(30)]
    write_csv(folder / "contacts_2021.csv", ["mrn", "contact_date", "vital_status"], contacts)
    return folder


def state(home: Home) -> dict[str, str]:
    """Every file of a home with the hash of its bytes."""
    return {
        path.relative_to(home.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def drop(home: Home, exports: Path, facility_id: str = "west") -> None:
    folder = home.inbox / facility_id
    folder.mkdir(exist_ok=True)
    for path in exports.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())


def test_new_writes_a_mapping_and_does_not_write_over_one(call: Command, home: Home, exports: Path) -> None:
    done = call(home, "facility", "new", "west", "--from", *map(str, sorted(exports.iterdir())))
    assert done.code == 0
    target = home.facilities / "west.toml"
    assert "8 of 9 columns recognised in 2 sources" in done.out
    assert (home.inbox / "west").is_dir(), "the README copies the exports into it next"
    target.write_text(target.read_text() + "# mine\n")
    again = call(home, "facility", "new", "west", "--from", str(exports))
    assert again.code == 2
    assert again.err.splitlines()[-1] == f"registry: {target}: is there already; --force writes over it"
    assert target.read_text().endswith("# mine\n")
    forced = call(home, "facility", "new", "west", "--from", str(exports), "--force", "--json")
    assert forced.code == 0
    assert json.loads(forced.out)["n_sources"] == 2
    assert not target.read_text().endswith("# mine\n")


@pytest.mark.parametrize("name", ["West", "../west", "", "w" * 64, "we st"])
def test_an_id_that_is_none_is_wrong_use(call: Command, home: Home, exports: Path, name: str) -> None:
    assert call(home, "facility", "new", name, "--from", str(exports)).code == 2
    assert list(home.facilities.iterdir()) == []


def test_files_that_cannot_be_used_are_told_in_one_line(call: Command, home: Home, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"")
    done = call(home, "facility", "new", "west", "--from", str(broken))
    assert done.code == 2
    assert "no file could be used: broken.csv: the file has no bytes" in done.err.splitlines()[-1]
    assert not (home.facilities / "west.toml").exists()


def test_check_before_and_after_landing_changes_nothing(call: Command, home: Home, exports: Path) -> None:
    assert call(home, "facility", "new", "west", "--from", str(exports)).code == 0
    drop(home, exports)
    before = state(home)
    first = call(home, "facility", "check", "west", "--json")
    assert first.code == 0
    assert state(home) == before
    report = json.loads(first.out)
    assert {one["source_file"]: one["n_rows"] for one in report["files"]} == {
        "patients.csv": 30,
        "contacts_2021.csv": 30,
    }
    columns = {one["column"]: one for one in report["columns"] if one["source"] == "patients"}
    assert columns["remark"]["state"] == "unknown"
    assert columns["diagnosis_date"]["feeds"] == ["primary_tumour.dx_date"]
    assert (columns["diagnosis_date"]["n_used"], columns["diagnosis_date"]["n_unread"]) == (30, 1)
    (text, n), *_ = columns["diagnosis_date"]["unread"]
    assert n == 1 and text.startswith("soon=cmd") and len(text) <= 61 and "\x1b" not in text
    assert report["tables"]["patient"]["n_accepted"] + report["tables"]["patient"]["n_quarantined"] == 30
    counts = {(one["rule_id"], one["severity"]): one["n_findings"] for one in report["rules"]}
    assert counts["S09", "error"] == 1
    items = {one["rule_id"]: one["items"] for one in report["rules"]}
    assert items["S09"] == "primary_tumour.dx_date"
    (unread,) = [one for one in report["findings"] if one["rule_id"] == "S09"]
    assert (
        unread["source_row"]
        and unread["source_column"] == "diagnosis_date"
        and unread["value_text"].startswith("soon=cmd")
    )
    for row in report["row_account"]:
        parts = sum(value for name, value in row.items() if name.startswith("n_") and name != "n_read")
        assert parts == row["n_read"]

    settings = home.settings()
    land_inbox(home, replace(settings, refresh=replace(settings.refresh, settle_seconds=0)))
    landed = state(home)
    second = call(home, "facility", "check", "west", "--json")
    assert second.code == 0
    assert state(home) == landed
    again = json.loads(second.out)
    assert again["rules"] == report["rules"] and again["tables"] == report["tables"]


def test_check_reads_files_of_which_the_inbox_holds_another_version_by_now(
    call: Command, home: Home, exports: Path
) -> None:
    assert call(home, "facility", "new", "west", "--from", str(exports)).code == 0
    drop(home, exports)
    settings = home.settings()
    at_once = replace(settings, refresh=replace(settings.refresh, settle_seconds=0))
    land_inbox(home, at_once)
    contacts = home.inbox / "west" / "contacts_2021.csv"
    contacts.write_text(contacts.read_text().replace("2021-06-01", "2021-07-01"))
    land_inbox(home, at_once)
    told = call(home, "facility", "check", "west")
    assert told.code == 0, told.err
    gone = next((home.landing / "west").glob("[0-9a-f]" * 64))
    gone.rename(gone.with_name("elsewhere"))
    gone.symlink_to(gone.with_name("elsewhere"))
    with pytest.raises(StoreError, match="no plain file"):
        check_landed(home)


def test_check_shows_tables_and_no_control_characters(call: Command, home: Home, exports: Path) -> None:
    call(home, "facility", "new", "west", "--from", str(exports))
    drop(home, exports)
    done = call(home, "facility", "check", "west")
    assert done.code == 0
    for title in (
        "Files",
        "Columns",
        "Texts that could not be read",
        "Records",
        "Findings by rule",
        "Rows received",
    ):
        assert title in done.out
    assert "8 columns mapped, 0 ignored on purpose, 1 unknown, 0 mapped and missing." in done.out
    assert "\x1b" not in done.out and "x" * 100 not in done.out
    assert "soon" not in done.err
    assert "  judging by the rules" in done.err.splitlines()
    assert "diagnosis_date: 'soon=cmd" not in done.out
    every = call(home, "facility", "check", "west", "--every-finding").out
    assert "diagnosis_date: 'soon=cmd" in every and "\x1b" not in every


def test_check_tells_what_is_missing(call: Command, home: Home, exports: Path) -> None:
    absent = call(home, "facility", "check", "west")
    assert absent.code == 2 and "draft it: registry facility new west --from FILE" in absent.err
    call(home, "facility", "new", "west", "--from", str(exports))
    empty = call(home, "facility", "check", "west")
    assert empty.code == 2
    assert (
        empty.err.splitlines()[-1]
        == f"registry: {home.inbox / 'west'}: holds no file yet; put the exports there"
    )


def test_a_mistake_in_the_mapping_names_file_and_line(call: Command, home: Home, exports: Path) -> None:
    call(home, "facility", "new", "west", "--from", str(exports))
    drop(home, exports)
    target = home.facilities / "west.toml"
    lines = target.read_text().splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.strip().startswith("birth_date = ")]
    lines[place] = '    birth_dat = "birth_date"'
    target.write_text("\n".join(lines) + "\n")
    done = call(home, "facility", "check", "west")
    assert done.code == 2
    told = done.err.splitlines()[-1]
    assert (
        told
        == f"registry: {target}:{place + 1}: unknown column 'birth_dat' of patient; did you mean 'birth_date'?"
    )


def test_a_draft_makes_a_release(home: Home, call: Command, exports: Path) -> None:
    """From files to a release without a line written by hand."""
    drop(home, exports)
    assert call(home, "facility", "new", "west", "--from", str(exports)).code == 0
    made = refresh(home)
    assert made.is_new
    status = json.loads(call(home, "status", "--json").out)
    (account,) = status["row_account"]
    assert account["n_read"] == account["n_curated"] + account["n_quarantined"] == 60
    assert account["n_curated"] >= 29  # stages without their edition keep the others back until it is mapped


def test_check_counts_the_findings_that_are_too_many_to_list(
    call: Command, home: Home, exports: Path, tmp_path: Path
) -> None:
    call(home, "facility", "new", "west", "--from", str(exports))
    settings = home.root / "registry.toml"
    settings.write_text("[limits]\nmax_findings = 1000\n")
    rows = [
        [f"A{n:04d}", "F", "1950-03-04", "2010-05-04" if n >= 1200 else "soon", "IIB", ""]
        for n in range(1300)
    ]
    header = ["mrn", "sex", "birth_date", "diagnosis_date", "figo_stage", "remark"]
    write_csv(exports / "patients.csv", header, rows)
    drop(home, exports)
    report = json.loads(call(home, "facility", "check", "west", "--json").out)
    counts = {rule["rule_id"]: rule["n_findings"] for rule in report["rules"]}
    assert counts["S09"] == 1200
    listed = [finding for finding in report["findings"] if finding["rule_id"] == "S09"]
    assert len(listed) == 1 and "1200 of 1300 rows" in listed[0]["message"]
