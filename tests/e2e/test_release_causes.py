"""A corrected size, a new patient, a waiver and another cutpoint between two releases: four causes, each with its share."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.simulate.population.write import write_simulation
from registry_pipeline.store.releases import release_ids
from registry_pipeline.study.compare.releases import ReleaseDifference, compare_releases
from tests.support.registry_home import ask, quick_home, waive_errors, without_reports

NEW = "H00009999"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = quick_home(tmp_path_factory.mktemp("causes"))
    write_simulation(150, 1, 5, home.root, 0.2)
    with without_reports():
        refresh(home)
        waive_errors(home, of="table_name = 'lesion'")
        cohort = ask(home, """
            SELECT x.source_patient_id AS number FROM mart.cohort c JOIN curated.patient_xref x USING (patient_id)
            WHERE c.max_diameter_mm BETWEEN 20 AND 40 ORDER BY 1""")  # fmt: skip
        _send_again(next(home.inbox.iterdir()), *cohort["number"].unique().sort().to_list()[:2])
        home.settings_file.write_text(
            home.settings_file.read_text() + "cutpoint_mm = 12.0\n", encoding="utf-8"
        )
        refresh(home)
    return home


def _send_again(inbox: Path, corrected: str, copied: str) -> None:
    """Every file once more: one woman's sizes are 5 mm, and another woman's rows stand under a new number too."""
    for path in sorted(inbox.glob("*_2023-06-30.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            header, *rows = csv.reader(lines)
        if path.name.startswith("measurements"):
            at = header.index("long_axis")
            rows = [
                [*row[:at], "5", "4", *row[at + 2 :]] if row[0] == corrected and row[at] else row
                for row in rows
            ]
        rows += [[cell.replace(copied, NEW) for cell in row] for row in rows if copied in row[0]]
        target = path.with_name(path.name.replace("2023-06-30", "2023-06-31"))
        with target.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([header, *rows])
        path.unlink()


@pytest.fixture(scope="module")
def difference(home: Home) -> ReleaseDifference:
    return compare_releases(home, *release_ids(home))


def test_the_four_causes_are_named(difference: ReleaseDifference) -> None:
    assert {"patients", "values", "decisions", "parameters"} <= set(difference.causes)
    assert difference.parameters == {"study.cutpoint_mm": ("15.0", "12.0")}
    moved = [
        one
        for one in difference.headlines
        if all(abs(share) > 1e-12 for cause, share in one.shares.items() if cause != "code") and one.shares
    ]
    assert moved, "some number is moved by every cause"


def test_shares_of_every_number_add_up(difference: ReleaseDifference) -> None:
    for one in difference.headlines:
        if one.shares:
            assert math.isclose(sum(one.shares.values()), one.change, rel_tol=1e-9, abs_tol=1e-9), (
                one.headline
            )
            assert abs(one.shares["code"]) < 1e-6 * max(1.0, abs(one.after)), one.headline


def test_a_number_of_patients_is_moved_by_who_came(difference: ReleaseDifference) -> None:
    """The cutpoint and a size divide patients and add none."""
    n = next(one for one in difference.headlines if one.headline == "item_1a")
    assert n.shares["parameters"] == n.shares["values"] == 0
    assert n.shares["patients"] == 1
    assert n.shares["decisions"] >= 0
