"""The demo hospital end to end: every planted mistake is found at its cell, then every number agrees.

Plain refreshes without Dagster. What the truth is stands in ``registry_pipeline/simulate``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest

from registry_pipeline.analysis.scorecard import items_agreeing
from registry_pipeline.home import Home, make_home
from registry_pipeline.simulate import Manifest, demo_mapping, demo_settings, write_demo_exports
from registry_pipeline.simulate.demo import FACILITY_ID
from registry_pipeline.simulate.seed import read_seed
from registry_pipeline.steps.refresh import refresh

PUBLISHED_ITEMS = 13
FEW_REPLICATES = "\n[study]\nbootstrap_replicates = 0\n"


@dataclass(frozen=True)
class Stage:
    """One refresh of the demo: the manifest and what the release holds."""

    manifest: Manifest
    tables: dict[str, pl.DataFrame]


WANTED = (
    "quality.finding",
    "quality.rule_result",
    "quality.row_account",
    "quality.quarantine",
    "result.scorecard",
    "mart.cohort",
    "mart.lesion_growth",
    "mart.survival_time",
    "mart.attrition",
    "curated.patient",
    "curated.death",
)


def _refreshed(home: Home, stage: str) -> Stage:
    manifest = write_demo_exports(home.inbox / FACILITY_ID, stage)  # type: ignore[arg-type]
    assert refresh(home).is_new
    with duckdb.connect(str(home.current / "registry.duckdb"), read_only=True) as release:
        tables = {name: release.execute(f"SELECT * FROM {name}").pl() for name in WANTED}
    return Stage(manifest, tables)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stage]]:
    home = make_home(tmp_path_factory.mktemp("demo"))
    home.settings_file.write_text(demo_settings() + FEW_REPLICATES, encoding="utf-8")
    (home.facilities / f"{FACILITY_ID}.toml").write_text(demo_mapping(), encoding="utf-8")
    yield {stage: _refreshed(home, stage) for stage in ("first", "corrected")}


def _open(stage: Stage) -> pl.DataFrame:
    return stage.tables["quality.finding"].filter(pl.col("status").is_in(["open", "reopened"]))


@pytest.mark.slow
def test_every_planted_mistake_is_found_at_its_cell(stages: dict[str, Stage]) -> None:
    first = stages["first"]
    found: dict[tuple[object, ...], set[str]] = {}
    columns = ("rule_id", "source_file", "sheet", "source_row", "severity")
    for rule_id, file, sheet, row, severity in _open(first).select(columns).iter_rows():
        found.setdefault((rule_id, file, sheet or "", row or 0), set()).add(severity)
    for one in first.manifest.planted:
        severities = found.get((one.rule_id, one.file, one.sheet, one.source_row))
        assert severities, f"{one.planted_id} ({one.rule_id}, {one.kind}) was not found"
        assert ("error" in severities) == one.is_error, f"{one.planted_id} ({one.rule_id})"


@pytest.mark.slow
def test_the_first_refresh_is_honestly_off(stages: dict[str, Stage]) -> None:
    first = stages["first"]
    agreeing, items = items_agreeing(first.tables["result.scorecard"])
    assert items == PUBLISHED_ITEMS and agreeing < PUBLISHED_ITEMS
    assert len(first.tables["mart.cohort"]) < len(read_seed())
    assert first.tables["mart.attrition"].sort("step")["n_excluded"][0] > 0


@pytest.mark.slow
def test_corrected_exports_leave_nothing_wrong(stages: dict[str, Stage]) -> None:
    """What remains: who is not eligible (info), the living whose follow-up the study's dates end, and
    the one size that the first release served ten times too large and that is now another one."""
    corrected = stages["corrected"]
    left = _open(corrected).filter(pl.col("severity") != "info")
    assert left.filter(pl.col("severity") == "error").is_empty()
    counts = dict(left.group_by("rule_id").len().iter_rows())
    assert set(counts) <= {"U03", "G05"} and counts.get("G05", 0) <= 1
    assert counts.get("U03", 0) <= sum(not one.is_dead for one in read_seed())
    assert corrected.tables["quality.quarantine"].is_empty()
    assert "failed_to_run" not in corrected.tables["quality.rule_result"]["status"]


@pytest.mark.slow
def test_corrected_exports_give_every_published_number(stages: dict[str, Stage]) -> None:
    scorecard = stages["corrected"].tables["result.scorecard"]
    assert items_agreeing(scorecard) == (PUBLISHED_ITEMS, PUBLISHED_ITEMS)
    assert scorecard["agrees"].to_list() == [True] * len(scorecard)


def _rows(frame: pl.DataFrame, *columns: object) -> list[tuple[object, ...]]:
    return sorted(frame.select(*columns).rows())  # type: ignore[arg-type,type-var]


@pytest.mark.slow
def test_the_cohort_is_the_seed_cohort(stages: dict[str, Stage]) -> None:
    found = _rows(
        stages["corrected"].tables["mart.cohort"],
        "primary_dx_date", "omd_dx_date", "lrt_start_date", "lesion_site_group", "n_lesions",
        "max_diameter_mm", "has_concurrent_regional", pl.col("age_years").floor().cast(pl.Int64),
    )  # fmt: skip
    truth = sorted(
        (
            one.primary_dx, one.omd_dx, one.treated, one.site, len(one.diameters), max(one.diameters),
            one.has_concurrent_regional, one.age,
        )
        for one in read_seed()
    )  # fmt: skip
    assert found == truth


@pytest.mark.slow
def test_lesions_and_times_are_those_of_the_seed(stages: dict[str, Stage]) -> None:
    tables = stages["corrected"].tables
    lesions = _rows(
        tables["mart.lesion_growth"].filter("is_included"), "days_since_negative_ct", "diameter_mm"
    )
    seed = read_seed()
    assert lesions == sorted(
        ((one.omd_dx - one.last_negative).days, size) for one in seed for size in one.diameters
    )
    times = tables["mart.survival_time"].filter(pl.col("origin") == "lrt_start")
    overall = times.filter(pl.col("endpoint") == "os")
    assert _rows(overall, "duration_days", "event") == sorted(
        ((one.last_followup - one.treated).days, int(one.is_dead)) for one in seed
    )
    local = times.filter((pl.col("endpoint") == "local_control") & (pl.col("event") != 2))
    assert _rows(local, "duration_days", "event") == sorted(
        (((one.local_recurrence or one.last_followup) - one.treated).days, int(bool(one.local_recurrence)))
        for one in seed
        if one.local_recurrence or not one.is_dead
    )


@pytest.mark.slow
def test_every_row_of_every_file_is_accounted_for(stages: dict[str, Stage]) -> None:
    for stage in stages.values():
        account = stage.tables["quality.row_account"]
        parts = ("n_curated", "n_quarantined", "n_duplicate", "n_superseded", "n_blank", "n_rejected")
        assert account.select(pl.sum_horizontal(parts) == pl.col("n_read")).to_series().all()
        assert {Path(name).name for name in stage.manifest.files} <= set(account["source_file"])
