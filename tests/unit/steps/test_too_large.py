"""A file whose judging takes too much memory: left out and found, and every other one is judged."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.core.memory import MemoryInterrupt
from registry_pipeline.intake.landing.ledger import read_ledger, write_ledger
from registry_pipeline.intake.stage import stage_facility
from registry_pipeline.pipeline import staging, too_large
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.refresh import judge_inbox, take_in
from registry_pipeline.pipeline.too_large import within_memory
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.store.parquet import count_rows, read_parquet
from tests.support.registry_home import (
    HOSPITAL,
    N_PATIENTS,
    PARTS,
    good_files,
    patient_row,
    patients_csv,
    send,
    send_all,
    small_home,
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Two facilities; staging more than some rows of one takes too much memory for the least limit."""
    home = small_home(tmp_path / "home", memory_limit='"1GB"')
    send_all(home, good_files())
    mapping = (home.facilities / f"{HOSPITAL}.toml").read_text(encoding="utf-8")
    (home.facilities / "south.toml").write_text(mapping.replace(HOSPITAL, "south"), encoding="utf-8")
    (home.inbox / "south").mkdir()
    (home.inbox / "south" / "patients_1.csv").write_text(patients_csv([patient_row(70)]), encoding="utf-8")

    def stage(of: Home, mapping: Any, settings: Any) -> Any:
        staged = stage_facility(of, mapping, settings)
        if settings.refresh.memory_limit == "1GB" and staged.tables["patient"].height > N_PATIENTS:
            raise MemoryInterrupt("too much")
        return staged

    monkeypatch.setattr(staging, "stage_facility", stage)
    monkeypatch.setattr(
        staging,
        "stage_alike",
        lambda of, mappings, settings: [stage(of, mapping, settings) for mapping in mappings],
    )
    return home


def _patients(home: Home) -> dict[str, int]:
    layout = StoreLayout(home.store)
    return {name: count_rows(layout.screened_table(name, "patient")) for name in (HOSPITAL, "south")}


def _unread(home: Home) -> list[tuple[str, str]]:
    """File and message of every finding that a file could not be read; every row read has a fate."""
    layout = StoreLayout(home.store)
    (account,) = (
        read_parquet(layout.screened_frame(HOSPITAL, "row_account"))
        .select(pl.col("n_read", *PARTS).sum())
        .to_dicts()
    )
    assert account.pop("n_read") == sum(account.values()) > 0
    findings = read_parquet(layout.screened_frame(HOSPITAL, "findings")).filter(
        rule_id="S01", severity="error"
    )
    return list(findings.select("source_file", "message").iter_rows())


def test_it_is_left_out_and_found_and_the_others_are_judged(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until more memory is allowed; the submission before stays in force."""
    judge_inbox(home)
    send(home, "patients_2.csv", patients_csv(patient_row(number) for number in range(N_PATIENTS + 9)))
    (home.inbox / "south" / "patients_2.csv").write_text(
        patients_csv([patient_row(70), patient_row(71)]), encoding="utf-8"
    )
    judge_inbox(home)
    assert capsys.readouterr().err == (
        "registry: north: judging patients_2.csv takes more memory than refresh.memory_limit allows (1GB); left out\n"
    )
    assert _patients(home) == {"north": N_PATIENTS, "south": 2}
    ((name, message),) = _unread(home)
    assert name == "patients_2.csv" and "takes more memory than refresh.memory_limit" in message
    assert not judge_inbox(home).facility_ids and not capsys.readouterr().err
    settings = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(settings.replace('"1GB"', '"1.5GB"'), encoding="utf-8")
    assert judge_inbox(home).facility_ids == [HOSPITAL]
    assert _patients(home) == {"north": N_PATIENTS + 9, "south": 2} and not _unread(home)


def test_what_is_too_large_without_any_file_refuses(home: Home) -> None:
    take_in(home)

    def work() -> None:
        raise MemoryInterrupt("too much")

    with pytest.raises(MemoryInterrupt):
        within_memory(read_context(home), HOSPITAL, work)
    assert all(file.too_large_for == "1GB" for file in read_ledger(home, HOSPITAL))


ENDED = """
import sys, time
from pathlib import Path
from registry_pipeline.core.home import open_home
from registry_pipeline.core.memory import bounded_memory
from registry_pipeline.intake.stage import stage_facility
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.too_large import within_memory
def work():
    held = b"x" * 600_000_000; time.sleep(3)
with bounded_memory("200MB"):
    within_memory(read_context(open_home(Path({root!r}))), "north", work)
"""


def test_a_process_that_has_to_be_ended_leaves_the_file_out_at_the_next_refresh(home: Home) -> None:
    take_in(home)
    sizes = {file.source_file: file.n_bytes for file in read_ledger(home, HOSPITAL)}
    ended = subprocess.run(
        [sys.executable, "-c", ENDED.format(root=str(home.root))], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1
    left_out = [file.source_file for file in read_ledger(home, HOSPITAL) if file.too_large_for == "1GB"]
    assert len(left_out) == 1 and f"judging {left_out[0]} takes more memory" in ended.stderr
    assert left_out[0] in sizes


def test_what_another_process_has_left_out_is_tried_before_the_next_file_is(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines that share a store hold the ledger as it was when they began."""
    take_in(home)
    context = read_context(home)
    first, *others = context.ledgers[HOSPITAL]
    ledger = [replace(first, too_large_for="1GB"), *others]
    write_ledger(home, HOSPITAL, ledger)
    trials = iter([True, False])

    def work() -> None:
        if next(trials):
            raise MemoryInterrupt("too much")

    within_memory(context, HOSPITAL, work)
    assert read_ledger(home, HOSPITAL) == ledger == context.ledgers[HOSPITAL]


def test_only_files_that_are_read_are_left_out(home: Home) -> None:
    """Not a withdrawn one, nor one that no source takes, nor what a newer submission has replaced."""
    take_in(home)
    send(home, "notes.csv", "a,b\n" * 900)
    send(home, "patients_2.csv", patients_csv([patient_row(1)]))
    take_in(home)
    context = read_context(home)
    files = {file.source_file for file in too_large._in_force(context, HOSPITAL, context.ledgers[HOSPITAL])}
    assert files == {"patients_2.csv", "contacts_1.csv", "deaths_1.csv"}
