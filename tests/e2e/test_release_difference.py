"""What differs between two releases, and what moved their headline numbers, over a small hospital."""

from __future__ import annotations

import json
import math
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from registry_pipeline.cli.main import registry
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.reporting.report import CHANGES
from registry_pipeline.store.releases import NoRelease, release_ids
from registry_pipeline.study.compare.headlines import HeadlineChange, shapley_values
from registry_pipeline.study.compare.releases import ReleaseDifference, compare_releases, difference_page
from registry_pipeline.study.compare.tables import TableChange
from tests.support.registry_home import (
    ask,
    good_files,
    patient_row,
    patients_csv,
    send,
    send_all,
    small_home,
    waive_errors,
    without_reports,
)

N = 40


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two releases: a corrected date of diagnosis, a new patient, a waived error, another landmark, in between."""
    home = small_home(tmp_path_factory.mktemp("compared"))
    files = good_files(N)
    # one woman's record is an error: she is born after her cancer was diagnosed
    broken = {7: {"born": "2016-01-01"}}
    rows = [patient_row(number, **broken.get(number, {})) for number in range(N)]
    send_all(home, files | {"patients_1.csv": patients_csv(rows)})
    corrected = [
        patient_row(3, diagnosed="2017-05-10") if number == 3 else row for number, row in enumerate(rows)
    ]
    with without_reports():
        refresh(home)
        waive_errors(home)
        send(home, "patients_2.csv", patients_csv([*corrected, patient_row(N)]))
        send(home, "contacts_2.csv", f"number,visit,seen,state\nK{N:04d},V{N:04d},2016-06-01,alive\n")
        settings = home.settings_file.read_text()
        home.settings_file.write_text(settings.replace("[study]", "[study]\nlandmark_months = [12, 30]"))
        refresh(home)
    return home


@pytest.fixture(scope="module")
def difference(home: Home) -> ReleaseDifference:
    return compare_releases(home, *release_ids(home))


def test_shares_add_up_to_every_change(difference: ReleaseDifference) -> None:
    with_shares = [headline for headline in difference.headlines if headline.shares]
    assert with_shares
    for headline in with_shares:
        assert math.isclose(sum(headline.shares.values()), headline.change, abs_tol=1e-9), headline.headline


def test_every_cause_is_named_where_it_moved_a_number(difference: ReleaseDifference) -> None:
    moved = {
        cause for one in difference.headlines for cause, share in one.shares.items() if abs(share) > 1e-9
    }
    assert {"patients", "values", "decisions"} <= moved
    assert "code" not in moved, "the same code made both releases"


def test_a_number_that_only_one_release_knows_says_so(difference: ReleaseDifference) -> None:
    """The landmark of 30 months is a parameter of the later release alone."""
    new = next(one for one in difference.headlines if one.headline == "registry_os_30")
    assert math.isnan(new.before) and not new.shares and "one of both releases" in new.note
    assert "study.landmark_months" in difference.parameters


def test_rows_are_counted_by_table_and_column(difference: ReleaseDifference) -> None:
    changes = {change.table_name: change for change in difference.tables}
    assert changes["curated.primary_tumour"].columns["dx_date"] == 1
    assert (changes["curated.patient"].n_in, changes["curated.patient"].n_out) == (2, 0)
    assert difference.n_decisions >= 1


def test_a_release_beside_itself_differs_in_nothing(home: Home) -> None:
    same = compare_releases(home, *(release_ids(home)[-1],) * 2)
    assert not same.tables and not same.parameters and not same.made_of
    assert {share for one in same.headlines for share in one.shares.values()} <= {0.0}


def test_the_command_tells_it_as_table_json_and_page(home: Home, tmp_path: Path) -> None:
    page = tmp_path / "difference.html"
    told = CliRunner().invoke(
        registry, ["releases", "diff", "--home", str(home.root), "--html", str(page), "--json"]
    )
    assert told.exit_code == 0, told.output
    content = json.loads(told.stdout)
    assert {one["headline"] for one in content["headlines"]} >= {"registry_os_12", "registry_os_30"}
    text = page.read_text()
    assert "What changed since the last release" in text
    assert "K0003" not in text and "2017-05-10" not in text
    shown = CliRunner().invoke(registry, ["releases", "diff", "--home", str(home.root)])
    assert "decisions" in shown.stdout and "curated.primary_tumour" in shown.stdout


def test_a_first_release_has_nothing_to_be_compared_with(home: Home) -> None:
    told = CliRunner().invoke(
        registry, ["releases", "diff", "--home", str(home.root), "2020-01-01T000000Z-aaaaaa"]
    )
    assert isinstance(told.exception, NoRelease)


def test_the_page_holds_no_value_of_a_record(home: Home, difference: ReleaseDifference) -> None:
    patients = ask(home, "SELECT patient_id FROM curated.patient")["patient_id"].to_list()
    page = difference_page(home, difference)
    assert not any(patient in page for patient in patients)


def test_shapley_values_share_what_two_causes_make_together() -> None:
    worth = {frozenset(): 0.0, frozenset("a"): 1.0, frozenset("b"): 2.0, frozenset("ab"): 7.0}
    assert shapley_values(["a", "b"], worth.__getitem__) == {"a": 3.0, "b": 4.0}


def test_every_release_says_what_has_changed_since_the_one_before(home: Home) -> None:
    """The second release alone has the page: no release went before the first."""
    first, second = (home.releases / release_id / "reports" / CHANGES for release_id in release_ids(home))
    assert not first.exists()
    page = second.read_text(encoding="utf-8")
    for words in (
        "curated.patient",
        "mart.registry_patient",
        "Headline numbers that changed",
        "study.landmark_months",
    ):
        assert words in page, words
    assert f"registry releases diff {release_ids(home)[0]}" in page
    assert "moved by" not in page, "shares are estimated by the command alone"
    assert "nan" not in page.lower().replace("governance", "")


def test_where_small_counts_are_hidden_the_page_counts_no_rows(home: Home, tmp_path: Path) -> None:
    hiding = tmp_path / "registry.duckdb"
    hiding.write_bytes((home.current / "registry.duckdb").read_bytes())
    with duckdb.connect(str(hiding)) as connection:
        connection.execute("UPDATE meta.parameter SET value = 'true' WHERE name = 'privacy.suppress_small'")
    changes = [TableChange("curated.death", 3, 4, 1, 0, 0, {})]
    headlines = [HeadlineChange("registry_os_12", "Overall survival", "%", 50.0, 60.0)]
    difference = ReleaseDifference(*release_ids(home), {}, {}, 0, changes, headlines)
    rows = difference_page(home, difference, hiding).partition('id="rows"')[2].partition('id="origins"')[0]
    assert "curated.death" in rows and "Small counts are hidden" in rows
    assert "<td" not in rows
