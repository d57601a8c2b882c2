"""Simulated registries through whole refreshes: every planted mistake is found, and a clean one raises no error."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.home import Home, make_home
from registry_pipeline.pipeline import refresh, registry, screening, staging
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.simulate import read_manifest
from registry_pipeline.simulate.manifest import MANIFEST_NAME, PlantedError
from registry_pipeline.simulate.population.write import SIMULATED_PLANTERS, write_simulation
from registry_pipeline.validation.rules.catalogue import catalogue
from tests.recount.compare import recounted_home
from tests.support.registry_home import ask, assert_balanced, without_reports

QUICK = "[refresh]\nsettle_seconds = 0\nextract_date = 2023-06-30\n[study]\nbootstrap_replicates = 0\n"
OWN_ARITHMETIC = {"G01", "G02", "G10"}
"""Rules that no export can break: they watch the registry's own arithmetic."""
REDCAP = {"S04", "S06", "S07", "S08", "S20", "S21", "S22", "S23", "S24", "S25", "S26"}
"""Rules of REDCap exports, which simulated facilities do not send; the demonstration's second facility does."""
ROUTED = {"S27", "S28"}
"""Rules of sources whose rows feed tables by kind or make one record together; the demonstration's hospital has them."""


def _home(root: Path, patients: int, facilities: int, rate: float, is_followed: bool = False) -> Home:
    home = make_home(root)
    home.settings_file.write_text(QUICK, encoding="utf-8")
    write_simulation(patients, facilities, 11, root, rate, is_followed)
    return home


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A registry with mistakes of every kind, refreshed twice."""
    home = _home(tmp_path_factory.mktemp("dirty"), 600, 2, 0.7, is_followed=True)
    with without_reports():
        refresh.refresh(home)
        for folder in (home.root / "later").iterdir():
            shutil.copytree(folder, home.inbox / folder.name, dirs_exist_ok=True)
        refresh.refresh(home)
    return home


def _releases(home: Home) -> list[str]:
    return sorted(path.name for path in home.releases.iterdir() if path.is_dir())


def _found(home: Home, release_id: str) -> pl.DataFrame:
    query = "SELECT rule_id, facility_id, source_file, source_row, severity FROM quality.finding WHERE status NOT IN ('corrected', 'gone')"
    return ask(home, query, release_id)


def _planted(home: Home, submission: int) -> list[PlantedError]:
    return [one for one in read_manifest(home.root / MANIFEST_NAME) if one.submission == submission]


def test_every_mistake_of_the_first_submission_is_found(dirty: Home) -> None:
    found = _found(dirty, _releases(dirty)[0])
    places = {(rule, where, file, row or 0) for rule, where, file, row, _ in found.iter_rows()}
    planted = _planted(dirty, 1)
    missed = [one for one in planted if (one.rule_id, one.facility, one.file, one.source_row) not in places]
    assert [(one.rule_id, one.file, one.source_row) for one in missed] == []
    assert set(SIMULATED_PLANTERS) <= {one.rule_id for one in planted}


def test_every_mistake_between_submissions_is_found(dirty: Home) -> None:
    found = _found(dirty, _releases(dirty)[1])
    planted = _planted(dirty, 2)
    between = {"S03", "G03", "G04", "G05", "G06", "G07", "G08", "G09", "G11", "G12", "G13"}
    assert {one.rule_id for one in planted} == between
    for one in planted:
        hits = found.filter(pl.col("rule_id") == one.rule_id)
        assert one.facility in hits["facility_id"] or "registry" in hits["facility_id"], one.rule_id
    for rule in ("G03", "G05", "G11"):
        n = sum(one.rule_id == rule for one in planted)
        assert len(found.filter(pl.col("rule_id") == rule)) >= n / 2, rule


def test_every_rule_is_planted_somewhere(dirty: Home) -> None:
    planted = {one.rule_id for one in read_manifest(dirty.root / MANIFEST_NAME)}
    assert set(catalogue().entries) - planted <= OWN_ARITHMETIC | REDCAP | ROUTED


def test_the_accounts_of_a_dirty_registry_balance(dirty: Home) -> None:
    for release_id in _releases(dirty):
        assert_balanced(dirty, release_id)


def test_ten_thousand_clean_patients_raise_no_error(tmp_path: Path) -> None:
    home = _home(tmp_path, 10_000, 2, 0.0)
    refresh.take_in(home)
    context = read_context(home)
    for facility_id in context.facility_ids:
        staging.stage(context, facility_id)
        screening.screen(context, facility_id)
    registry.curate(context)
    registry.build_mart(context)
    registry.judge(context)
    findings = pl.read_parquet(home.store / "quality" / "finding.parquet")
    assert findings.filter(pl.col("severity") == "error").is_empty()
    results = pl.read_parquet(home.store / "quality" / "rule_result.parquet")
    assert results.filter(pl.col("status") == "failed_to_run").is_empty()


def test_marts_are_what_a_plain_recount_gives(dirty: Home) -> None:
    assert recounted_home(dirty) > 100
