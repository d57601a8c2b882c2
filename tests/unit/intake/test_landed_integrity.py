"""What lies on our disk is ours: a damaged or missing file refuses or is made again, a withdrawn one is in no table."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing.ledger import ledger_path, read_ledger, withdraw
from registry_pipeline.intake.raw import store as raw
from tests.support.staging import NOW, Place, source, table

TOML = source(table("patient", 'patient_id = "no"', 'birth_date = "born"', 'sex = { value = "F" }'))
TEXT = "no,born\nA,1960-01-01\nB,1961-01-01\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path, TOML)
    made.send("a.csv", TEXT)
    made.land()
    return made


def _landed(place: Place) -> Path:
    (landed,) = read_ledger(place.home, "west")
    return place.home.landing / "west" / landed.sha256


def _flip(path: Path, at: int = 10) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [_flip, lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_damaged_landed_bytes_refuse_and_are_no_finding(place: Place, harm: Callable[[Path], object]) -> None:
    path = _landed(place)
    path.chmod(0o600)
    harm(path)
    (place.inbox / "a.csv").unlink()
    with pytest.raises(StoreError, match=r"the landed bytes .*backup"):
        place.stage()


def test_what_was_read_before_needs_no_landed_bytes(place: Place) -> None:
    place.stage()
    _landed(place).unlink()
    assert place.stage_landed().tables["patient"].height == 2


def test_a_lost_landed_file_that_still_lies_in_the_inbox_lands_again(place: Place) -> None:
    _landed(place).unlink()
    assert place.stage().tables["patient"].height == 2


@pytest.mark.parametrize("name", ["1.json", "1.1.arrows"])
def test_every_flipped_bit_of_what_was_kept_is_seen_and_it_is_read_again(
    place: Place, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = place.stage().tables["patient"]
    path = place.home.store / "raw" / "west" / name
    n_bytes = path.stat().st_size
    for at in range(0, n_bytes, max(1, n_bytes // 60)):
        _flip(path, at)
        after = place.stage().tables["patient"]
        assert after.drop("patient_id").equals(before.drop("patient_id"))
    path.write_bytes(path.read_bytes()[: n_bytes // 2])
    assert place.stage().tables["patient"].height == 2
    monkeypatch.setattr(raw, "_read", lambda *_: pytest.fail("read again without need"))
    assert place.stage().tables["patient"].height == 2


def test_every_flipped_bit_of_the_ledger_is_told(place: Place) -> None:
    path = ledger_path(place.home, "west")
    content = path.read_bytes()
    before = read_ledger(place.home, "west")
    for at in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[at] ^= 1 << bit
            path.write_bytes(changed)
            try:
                assert read_ledger(place.home, "west") == before  # a blank of another kind
            except ConfigurationError as error:
                assert "damaged" in str(error)


def test_a_ledger_of_an_older_home_is_read(place: Place) -> None:
    path = ledger_path(place.home, "west")
    entries = json.loads(path.read_text())["files"]
    old = [{k: v for k, v in entry.items() if not k.startswith("withdraw")} for entry in entries]
    path.write_text(json.dumps(old))
    assert [landed.source_file for landed in read_ledger(place.home, "west")] == ["a.csv"]


def test_a_withdrawn_file_is_in_no_table_and_says_who_and_why(place: Place) -> None:
    place.send("b.csv", "no,born\nC,1962-01-01\n")
    assert place.stage().tables["patient"].height == 1
    withdraw(place.home, "west", "b.csv", "Li", "sent by mistake", NOW)
    staged = place.stage()
    assert staged.tables["patient"].height == 2, "the submission before is in force again"
    status = dict(staged.files.select("source_file", "status").iter_rows())
    assert status == {"a.csv": "read", "b.csv": "withdrawn on 2024-01-31"}
    (issue,) = staged.file_issues.filter(pl.col("source_file") == "b.csv").to_dicts()
    assert issue["severity"] == "info"
    assert "Li" in issue["reason"] and "sent by mistake" in issue["reason"]
    entry = read_ledger(place.home, "west")[1]
    assert (entry.withdrawn_at, entry.withdrawn_by, entry.withdrawal_reason) == (
        "2024-01-31T12:00:00+00:00",
        "Li",
        "sent by mistake",
    )


def test_a_withdrawn_file_stays_out_where_it_still_lies_in_the_inbox(place: Place) -> None:
    withdraw(place.home, "west", "a.csv", "Li", "wrong patients")
    assert place.land().landed == []
    assert place.stage().tables.get("patient", pl.DataFrame()).height == 0


def test_one_delivery_of_a_name_is_withdrawn_by_its_hash(place: Place) -> None:
    place.send("a.csv", TEXT + "C,1962-01-01\n")
    place.land()
    first, second = read_ledger(place.home, "west")
    withdraw(place.home, "west", second.sha256[:12], "Li", "x")
    assert [landed.is_withdrawn for landed in read_ledger(place.home, "west")] == [False, True]
    withdraw(place.home, "west", "a.csv", "Li", "x")
    assert all(landed.is_withdrawn for landed in read_ledger(place.home, "west"))
    with pytest.raises(ConfigurationError, match="already"):
        withdraw(place.home, "west", first.sha256, "Li", "x")


@pytest.mark.parametrize("facility, name, words", [("west", "b.csv", "a.csv"), ("wets", "a.csv", "west")])
def test_a_file_that_never_landed_is_told_with_the_nearest(
    place: Place, facility: str, name: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        withdraw(place.home, facility, name, "Li", "x")
