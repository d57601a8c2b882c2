"""A whole refresh over an inbox in which hardly anything is right.

Three refreshes of one tiny hospital: good files; then only files that hold nothing usable; then hostile content
through the command. Every file is a finding or one line, nothing is lost, no value acts. What single readers do
with such files stands in ``test_hostile_files.py``.
"""

from __future__ import annotations

import csv
import io
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.refresh import RefreshReport, refresh, take_in
from registry_pipeline.store.releases import current_release, release_ids
from tests.support.hostile_inbox import (
    CALCULATOR,
    FORMULA,
    TEXTS,
    USELESS,
    hostile_files,
    litter,
    refresh_while_a_file_grows,
)
from tests.support.registry_home import (
    HOSPITAL,
    N_PATIENTS,
    ask,
    assert_balanced,
    assert_same_tables,
    good_files,
    registry,
    send_all,
    small_home,
    tables,
    without_reports,
)

pytestmark = pytest.mark.slow


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
    litter(home)
    done = refresh_while_a_file_grows(home)
    return Hostile(home, good, landing.release_id, current_release(home) or "", landing, done)


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
    visits = set(ask(made.home, "SELECT source_record_id FROM curated.followup", made.hostile).to_series())
    assert {"V9001", "V9101", "V9104", "V9201", "V9301"} <= visits
    assert not {"V9002", "V9003", "V9102", "V9103"} & visits
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
    day = ask(made.home, "SELECT contact_date::TEXT FROM curated.followup WHERE source_record_id = 'V9201'")
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
        assert "49 ${7*7}" not in text, "a template ran what a record said"


def test_releases_before_are_as_they_were(made: Hostile) -> None:
    assert release_ids(made.home) == [made.good, made.useless, made.hostile]
    assert ask(made.home, "SELECT count(*) FROM curated.patient", made.good).item() == N_PATIENTS
    assert ask(made.home, "SELECT previous_release_id FROM meta.release", made.hostile).item() == made.useless
