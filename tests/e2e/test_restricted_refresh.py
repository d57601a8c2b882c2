"""A refresh of some facilities leaves the others as they are, says so, and never passes for a refresh of all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.pipeline.step_keys import outdated_facilities
from registry_pipeline.validation.decisions.ledger import Draft, Subject, append_decisions, value_digest
from tests.support.registry_home import (
    HOSPITAL,
    HOSPITAL_MAPPING,
    ask,
    good_files,
    patient_row,
    patients_csv,
    registry,
    send_all,
    small_home,
    without_reports,
)

SOUTH = "south"
N_MEN = 2
N_WOMEN = 12


@pytest.fixture(scope="module", autouse=True)
def no_reports() -> Iterator[None]:
    with without_reports():
        yield


@pytest.fixture(scope="module")
def two_hospitals(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Both released; the southern one sent two men, who are in quarantine."""
    home = small_home(tmp_path_factory.mktemp("restricted") / "home")
    send_all(home, good_files())
    (home.facilities / f"{SOUTH}.toml").write_text(HOSPITAL_MAPPING.replace(HOSPITAL, SOUTH))
    (home.inbox / SOUTH).mkdir()
    rows = [patient_row(number, sex="male" if number < N_MEN else "female") for number in range(N_WOMEN)]
    (home.inbox / SOUTH / "patients_1.csv").write_text(patients_csv(rows))
    refresh(home)
    return home


def n_southern(home: Home) -> int:
    query = f"SELECT count(*) FROM curated.patient WHERE facility_id = '{SOUTH}'"
    return int(ask(home, query).item())


def change_mapping(home: Home) -> None:
    path = home.facilities / f"{SOUTH}.toml"
    path.write_text(path.read_text().replace('male = "M"', 'male = "F"'))


def change_override(home: Home) -> None:
    path = home.facilities / f"{SOUTH}.toml"
    path.write_text(path.read_text() + '\n[rules.V02]\nseverity = "warning"\n')


def change_settings(home: Home) -> None:
    home.settings_file.write_text(home.settings_file.read_text() + '\n[rules.V02]\nseverity = "warning"\n')


def waive(home: Home) -> None:
    rows = ask(home, "SELECT finding_id, rule_id, facility_id, table_name, record_key, items, value_text "
                     "FROM quality.finding WHERE rule_id = 'V02'").rows()  # fmt: skip
    drafts = [
        Draft(Subject(*row, value_digest(value, home.key())), "waived", "seen", "A. Steward")
        for *row, value in rows
    ]
    append_decisions(home.decisions, home.key(), drafts)


@pytest.mark.parametrize("change", [change_mapping, change_override, change_settings, waive])
def test_what_a_restricted_refresh_left_is_judged_by_the_next(
    change: Callable[[Home], None], two_hospitals: Home, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(two_hospitals.root, home.root, symlinks=True)
    assert n_southern(home) == N_WOMEN - N_MEN
    change(home)
    assert refresh(home, [HOSPITAL]).is_new
    assert n_southern(home) == N_WOMEN - N_MEN
    assert list(outdated_facilities(read_context(home))) == [SOUTH]
    assert not refresh(home, [HOSPITAL]).is_new  # nothing more to do for the one
    assert refresh(home).is_new
    assert n_southern(home) == N_WOMEN
    assert not outdated_facilities(read_context(home))
    assert not refresh(home).is_new


def test_the_command_says_whom_it_left(two_hospitals: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(two_hospitals.root, home.root, symlinks=True)
    (home.facilities / f"{SOUTH}.toml").write_text("no mapping at all")
    completed = registry(home, "refresh", "--facility", HOSPITAL, "--plain")
    assert completed.returncode == 0, completed.stderr
    assert "south: left as it was" in completed.stderr
    assert n_southern(home) == N_WOMEN - N_MEN
