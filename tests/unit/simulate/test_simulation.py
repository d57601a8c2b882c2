"""Large simulated exports: equal bytes, honest manifest, records that break no rule, a known truth."""

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from registry_pipeline.core.home import Home, make_home
from registry_pipeline.intake.landing.land import land_inbox
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.stage import Staged, stage_facility
from registry_pipeline.simulate import read_manifest
from registry_pipeline.simulate.manifest import MANIFEST_NAME
from registry_pipeline.simulate.population.cell_errors import CELL_PLANTERS
from registry_pipeline.simulate.population.persons import dates_of, shared_women
from registry_pipeline.simulate.population.population import (
    CUTPOINT_MM,
    EXTRACT_DATE,
    GUARANTEE_DAYS,
    HAZARD_RATIO_LARGE,
    draw_chunk,
)
from registry_pipeline.simulate.population.profile import profile_of
from registry_pipeline.simulate.population.write import (
    FILES,
    SHARED_WOMEN_NAME,
    SIMULATED_PLANTERS,
    write_simulation,
)
from registry_pipeline.validation.rules.catalogue import catalogue, parameters_of
from registry_pipeline.validation.screening.screen import ScreenOptions, screen_facility

FACILITIES = 3
FILE_RULES = ("S01", "S02", "S15")
OVER_THE_REGISTRY = {"V05"}  # judged on all facilities together: tests/e2e/test_simulated_registry.py


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _staged(root: Path, patients: int, rate: float) -> tuple[Home, dict[str, Staged]]:
    home = make_home(root)
    made = write_simulation(patients, FACILITIES, 5, root, rate)
    settings = home.settings()
    land_inbox(home, settings)
    facilities = {one: read_facility(home.facilities / f"{one}.toml") for one in made.facility_ids}
    return home, {one: stage_facility(home, facility, settings) for one, facility in facilities.items()}


def _findings(home: Home, staged: dict[str, Staged]) -> pl.DataFrame:
    rules, given = catalogue(), parameters_of(home.settings(), EXTRACT_DATE)
    found = [
        screen_facility(one, frames, rules, given, ScreenOptions()).findings for one, frames in staged.items()
    ]
    return pl.concat(found)


def test_equal_arguments_write_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_simulation(90, FACILITIES, 7, tmp_path / name, 0.2)
    write_simulation(90, FACILITIES, 8, tmp_path / "c", 0.2)
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")
    assert _tree(tmp_path / "a") != _tree(tmp_path / "c")


def test_chunks_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry_pipeline.simulate.population.write.CHUNK_PATIENTS", 30)
    made = write_simulation(100, 1, 3, tmp_path, 0.5)
    folder = tmp_path / "inbox" / "facility-1"
    patients = pl.read_csv(folder / f"patients_{EXTRACT_DATE}.csv", infer_schema=False)
    assert patients["patient"].n_unique() == len(patients) == 100
    n_lines = sum(len((folder / f"{one}_{EXTRACT_DATE}.csv").read_bytes().splitlines()) - 1 for one in FILES)
    assert n_lines == made.n_rows


def test_manifest_points_at_the_changed_cell(tmp_path: Path) -> None:
    write_simulation(300, FACILITIES, 5, tmp_path / "dirty", 0.5)
    write_simulation(300, FACILITIES, 5, tmp_path / "clean", 0.0)
    planted = [
        one for one in read_manifest(tmp_path / "dirty" / MANIFEST_NAME) if one.rule_id in CELL_PLANTERS
    ]
    assert len(planted) > 60 and read_manifest(tmp_path / "clean" / MANIFEST_NAME) == []
    for one in planted:
        cells = []
        for name in ("dirty", "clean"):
            path = tmp_path / name / "inbox" / one.facility / one.file
            delimiter = profile_of(int(one.facility[-1])).delimiter
            with path.open(encoding="utf-8", newline="") as source:
                rows = list(csv.reader(source, delimiter=delimiter))
            cells.append(rows[one.source_row - 1][rows[0].index(one.item)])
        assert cells[0] != cells[1], one.rule_id


def test_two_hundred_patients_parse_back(tmp_path: Path) -> None:
    _, staged = _staged(tmp_path, 200, 0.0)
    assert sum(len(one.tables["patient"]) for one in staged.values()) == 200
    for number, one in enumerate(staged.values(), start=1):
        assert one.issues.is_empty() and one.file_issues.is_empty()
        truth = draw_chunk(5, number, 1, len(one.tables["patient"]))
        assert one.tables["patient"]["birth_date"].to_list() == truth["patients"]["birth_date"].to_list()
        sizes = one.tables["measurement"].filter(pl.col("series_role") == "baseline")["long_axis_mm"]
        assert sizes.to_list() == pytest.approx(truth["measurements"]["long_axis"].to_list())
        doses = one.tables["lrt_course"]["total_dose_gy"]
        assert doses.to_list() == pytest.approx(truth["courses"]["total_dose"].to_list())


def test_without_mistakes_no_rule_is_broken(tmp_path: Path) -> None:
    home, staged = _staged(tmp_path, 600, 0.0)
    found = _findings(home, staged).filter(pl.col("severity") != "info")
    assert found.select("rule_id", "table_name").unique().rows() == []


def test_every_planted_mistake_is_found_at_its_place(tmp_path: Path) -> None:
    home, staged = _staged(tmp_path, 1500, 0.5)
    found: dict[tuple[str, str, str, int], set[str]] = {}
    columns = ("rule_id", "facility_id", "source_file", "source_row", "severity")
    for rule, facility, file, row, severity in _findings(home, staged).select(columns).iter_rows():
        found.setdefault((rule, facility, file, row or 0), set()).add(severity)
    planted = [one for one in read_manifest(tmp_path / MANIFEST_NAME) if one.rule_id not in OVER_THE_REGISTRY]
    assert {one.rule_id for one in planted} == {*SIMULATED_PLANTERS, *FILE_RULES} - OVER_THE_REGISTRY
    for one in planted:
        severities = found.get((one.rule_id, one.facility, one.file, one.source_row))
        assert severities, f"{one.rule_id} was not found"
        assert ("error" in severities) == one.is_error, one.rule_id


def test_the_true_hazard_ratio_comes_out() -> None:
    """Events per person-day beyond the guarantee time estimate an exponential hazard."""
    chunk = draw_chunk(1, 1, 1, 20_000)
    sizes = chunk["measurements"].group_by("patient_no").agg(pl.col("long_axis").max())
    start = chunk["courses"].select("patient_no", "start_date")
    last = chunk["contacts"].group_by("patient_no").agg(pl.col("contact_date").max())
    joined = start.join(last, on="patient_no").join(sizes, on="patient_no")
    joined = joined.join(chunk["deaths"], on="patient_no", how="left").with_columns(
        days=(pl.col("contact_date") - pl.col("start_date")).dt.total_days() - GUARANTEE_DAYS,
        dead=pl.col("death_date").is_not_null(),
        large=pl.col("long_axis") > CUTPOINT_MM,
    )
    rates = joined.group_by("large").agg(pl.col("dead").sum(), pl.col("days").sum()).sort("large")
    small, large = (rates["dead"] / rates["days"]).to_list()
    error = np.sqrt((1 / rates["dead"]).sum())
    assert abs(np.log(large / small) - np.log(HAZARD_RATIO_LARGE)) < 4 * error


def test_no_two_women_look_like_one() -> None:
    chunk = draw_chunk(2, 1, 1, 60_000)
    persons = chunk["patients"].join(chunk["tumours"], on="patient_no")
    assert persons.select("birth_date", "dx_date").is_duplicated().sum() == 0
    ages = persons["age_years"]
    assert ages.min() >= 27 and ages.max() <= 78


def test_patients_of_the_last_facility_die_more_often_where_asked(tmp_path: Path) -> None:
    for ratio in (1.0, 3.0):
        write_simulation(600, FACILITIES, 5, tmp_path / f"{ratio:g}", 0.0, last_hazard_ratio=ratio)
    same, worse = _tree(tmp_path / "1"), _tree(tmp_path / "3")
    changed = {name for name in same if same[name] != worse[name]}
    last = f"inbox/facility-{FACILITIES}/"
    assert changed and all(name == "truth.json" or name.startswith(last) for name in changed)
    assert json.loads((tmp_path / "3" / "truth.json").read_text())["hazard_ratio_last_facility"] == 3.0
    died = [len(draw_chunk(5, 1, 1, 2_000, ratio)["deaths"]) / 2_000 for ratio in (1.0, 3.0)]
    assert died[1] > died[0] + 0.1
    with pytest.raises(ValueError, match="last_hazard_ratio"):
        write_simulation(10, 2, 1, tmp_path / "nonsense", last_hazard_ratio=float("nan"))


def test_truth_is_written_beside_the_exports(tmp_path: Path) -> None:
    write_simulation(10, 2, 1, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["hazard_ratio_large"] == HAZARD_RATIO_LARGE and "SYNTHETIC" in truth["statement"]


@pytest.mark.parametrize(("patients", "facilities", "rate"), [(1, 2, 0.0), (5, 0, 0.0), (5, 1, 1.5)])
def test_impossible_orders_are_refused(tmp_path: Path, patients: int, facilities: int, rate: float) -> None:
    with pytest.raises(ValueError, match="at least one facility"):
        write_simulation(patients, facilities, 1, tmp_path, rate)


def _dates(facility: int, n: int) -> pl.DataFrame:
    numbers = np.arange(1, n + 1, dtype=np.int64)
    dx, birth = dates_of(5, facility, numbers)
    return pl.DataFrame({"number": numbers, "dx": dx, "birth": birth})


def test_facilities_hold_different_women_but_for_those_of_the_manifest() -> None:
    n = 4_000
    frames = {facility: _dates(facility, n) for facility in range(1, 7)}
    assert all(not frame.select("dx", "birth").is_duplicated().any() for frame in frames.values())
    expected = {(woman.facility - 1, woman.facility, woman.number) for woman in shared_women([n] * 6)}
    n_chance = 0
    for first in frames:
        for second in range(first + 1, 7):
            pairs = frames[first].join(frames[second], on=["dx", "birth"])
            known = {number for a, b, number in expected if (a, b) == (first, second)}
            assert known <= set(pairs.filter(pl.col("number") == pl.col("number_right"))["number"])
            n_chance += len(pairs) - len(known)
    by_chance = 15 * n * n / (5000 * 17989)
    assert n_chance < by_chance + 5 * by_chance**0.5 + 5


def test_a_transfer_keeps_her_histology_and_a_namesake_has_another() -> None:
    kinds = {facility: draw_chunk(5, facility, 1, 400)["tumours"]["histology"] for facility in (1, 2)}
    women = list(shared_women([400, 400]))
    assert [woman.is_transfer for woman in women] == [False, True, False, True]
    for woman in women:
        first, second = (kinds[facility][woman.number - 1] for facility in (1, 2))
        assert (first == second) == woman.is_transfer


def test_the_shared_women_are_written_beside_the_exports(tmp_path: Path) -> None:
    write_simulation(420, 2, 5, tmp_path)
    rows = pl.read_csv(tmp_path / SHARED_WOMEN_NAME)
    assert rows["is_transfer"].to_list() == [False, True]
    for name, birth in (("facility-1", "%Y-%m-%d"), ("facility-2", "%d/%m/%Y")):
        path = tmp_path / "inbox" / name / f"patients_{EXTRACT_DATE}.csv"
        frame = pl.read_csv(path, separator=profile_of(int(name[-1])).delimiter, infer_schema=False)
        born = dict(zip(frame["patient"], frame["birth_date"].str.to_date(birth), strict=True))
        rows = rows.with_columns(pl.col("patient").replace_strict(born, default=None).alias(name))
    assert rows["facility-1"].to_list() == rows["facility-2"].to_list()
