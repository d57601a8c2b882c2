"""A release made again from its inputs is the same; from a backup too, by the commands that the operator's page names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from registry_pipeline.cli.context import REFUSED
from registry_pipeline.cli.context import run as run_command
from registry_pipeline.cli.main import registry
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.operations.backup import back_up
from registry_pipeline.operations.verify import OF_HISTORY, verify_release
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.store.inputs import INPUTS
from registry_pipeline.store.integrity import write_checksums
from registry_pipeline.store.releases import ANALYST_DATABASE, DATABASE, release_folder, release_ids
from registry_pipeline.store.retention import remove_releases
from tests.support.registry_home import (
    ROOT,
    good_files,
    let_analysts_in,
    patient_row,
    patients_csv,
    send,
    send_all,
    small_home,
    waive_errors,
    without_reports,
)

N = 14


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two releases with a decision, a changed setting and a later submission in between."""
    home = small_home(tmp_path_factory.mktemp("verified"))
    let_analysts_in(home)
    rows = [patient_row(number, **({"born": "2016-01-01"} if number == 7 else {})) for number in range(N)]
    send_all(home, good_files(N) | {"patients_1.csv": patients_csv(rows)})
    with without_reports():
        refresh(home)
        waive_errors(home)
        home.settings_file.write_text(home.settings_file.read_text() + "lost_after_months = 6\n")
        send(home, "patients_2.csv", patients_csv([*rows, patient_row(N)]))
        refresh(home)
    return home


def run(home: Home, *words: str) -> Result:
    return CliRunner().invoke(registry, ["--home", str(home.root), *words])


def test_every_release_is_the_same_when_it_is_made_again(home: Home) -> None:
    """The first one too, although mappings, settings and decisions have changed since."""
    for release_id in release_ids(home):
        result = verify_release(home, release_id)
        assert result.is_equal, (release_id, result.differing)
        assert result.n_tables > 100 and result.left_out == ()
    assert not list(home.store.glob("*private*")), "nothing is left behind"


def test_a_changed_table_is_named(home: Home, tmp_path: Path) -> None:
    copy = Home(Path(shutil.copytree(home.root, tmp_path / "copy", symlinks=True)))
    database = release_folder(copy, release_ids(copy)[-1]) / DATABASE
    database.chmod(0o600)
    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE result.km_landmark SET survival = survival / 2 WHERE survival > 0.5")
    with pytest.raises(StoreError, match="the release is damaged"):
        verify_release(copy, release_ids(copy)[-1])
    write_checksums(database.parent)  # by somebody who knows how
    told = run(copy, "releases", "verify", "--json")
    assert json.loads(told.stdout)["differing"] == ["result.km_landmark"]
    assert run_command(registry, ["--home", str(copy.root), "releases", "verify"]) == REFUSED


def test_a_changed_table_of_the_analysts_database_is_named(home: Home, tmp_path: Path) -> None:
    copy = Home(Path(shutil.copytree(home.root, tmp_path / "copy", symlinks=True)))
    database = release_folder(copy, release_ids(copy)[0]) / ANALYST_DATABASE
    database.chmod(0o600)
    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE mart.registry_patient SET age_years = age_years + 1")
    result = verify_release(copy, release_ids(copy)[0])
    assert result.differing == ("analyst.duckdb mart.registry_patient",)


@pytest.mark.parametrize("is_damaged", [False, True], ids=["pruned", "damaged"])
def test_a_release_whose_predecessor_is_gone_is_verified_but_for_its_history(
    home: Home, tmp_path: Path, is_damaged: bool
) -> None:
    copy = Home(Path(shutil.copytree(home.root, tmp_path / "copy", symlinks=True)))
    if is_damaged:
        database = release_folder(copy, release_ids(copy)[0]) / DATABASE
        content = database.read_bytes()
        database.chmod(0o600)
        database.write_bytes(content[:-100] + b"?" + content[-99:])
        with pytest.raises(StoreError, match="the release is damaged"):
            verify_release(copy, release_ids(copy)[0])
    else:
        remove_releases(copy, release_ids(copy)[:1])
    told = run(copy, "releases", "verify")
    assert "equal, all" in told.stdout, told.output
    assert "Not compared, for the release before is gone or damaged: quality.finding" in told.stdout
    result = verify_release(copy, release_ids(copy)[-1])
    assert result.is_equal and result.left_out == OF_HISTORY


def test_a_restored_backup_is_verified_by_the_commands_of_the_docs(home: Home, tmp_path: Path) -> None:
    folder = back_up(home, tmp_path / "disk")
    key = shutil.copy(home.key_file, tmp_path / "key")
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    lines = [line.split("#")[0].split() for line in page.splitlines() if line.startswith("    registry ")]
    restore = next(words for words in lines if words[1] == "restore")
    verify = next(words for words in lines if "verify" in words and "releases" in words)
    places = {restore[2]: str(folder), restore[3]: str(tmp_path / "new"), restore[5]: str(key)}
    told = CliRunner().invoke(registry, [places.get(word, word) for word in restore[1:]])
    assert told.exit_code == 0, told.output
    told = CliRunner().invoke(registry, [places.get(word, word) for word in verify[1:]])
    assert "equal, all" in told.stdout, told.output


def test_a_release_without_inputs_says_so(home: Home, tmp_path: Path) -> None:
    copy = Home(Path(shutil.copytree(home.root, tmp_path / "copy", symlinks=True)))
    shutil.rmtree(release_folder(copy, release_ids(copy)[0]) / INPUTS)
    with pytest.raises(ConfigurationError, match="before releases kept their inputs"):
        verify_release(copy, release_ids(copy)[0])
