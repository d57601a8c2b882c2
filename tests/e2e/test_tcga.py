"""The eight TCGA-CESC tables as they are, from bytes to a release, against a recount in plain Python.

The recount reads the files with ``csv`` and nothing of the project. Last known alive is the latest dated evidence
of life of any kind: contacts and "last known alive" of all three forms, days of new tumour events, first and last
days of radiotherapy and of drugs. Two living patients show the difference from the follow-up forms alone.
"""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict

import polars as pl
import pytest

from registry_pipeline.core.home import Home, make_home
from registry_pipeline.pipeline.refresh import refresh
from tests.recount.compare import recounted_home
from tests.support.registry_home import QUICK_SETTINGS, ROOT, ask, assert_balanced
from tests.support.shared import SHARED, whole_module_needs_shared

whole_module_needs_shared(__name__)
FOLDER = SHARED / "real" / "tcga_cesc"
EXAMPLE = ROOT / "examples" / "tcga_cesc"
FORMS = ("patient", "follow_up_v2.0", "follow_up_v4.0")
CONTACT_COLUMNS = ("last_contact_days_to", "days_to_last_known_alive")
FURTHER_COLUMNS = {
    "follow_up_v2.0": ("new_tumor_event_dx_days_to",),
    "follow_up_v4.0_nte": ("new_tumor_event_dx_days_to",),
    "nte": ("new_tumor_event_dx_days_to",),
    "radiation": ("radiation_therapy_started_days_to", "radiation_therapy_ended_days_to"),
    "drug": ("pharmaceutical_tx_started_days_to", "pharmaceutical_tx_ended_days_to"),
}
Recount = dict[str, tuple[int, int]]


def lines_of(form: str) -> list[dict[str, str]]:
    """Rows of one table by its first header row; of repeated names the first counts."""
    path = FOLDER / f"nationwidechildrens.org_clinical_{form}_cesc.txt"
    with path.open(encoding="utf-8", newline="") as lines:
        header, _, _, *rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [dict(reversed(list(zip(header, row, strict=True)))) for row in rows]


def days_of(row: dict[str, str], column: str) -> list[int]:
    text = row.get(column, "")
    return [int(text)] if text.lstrip("-").isdigit() else []


def recounted(with_further_evidence: bool) -> Recount:
    """Barcode -> (days from diagnosis, 1 for dead): the day of death, else the last day known alive."""
    died, alive = defaultdict(set), defaultdict(set)
    for form in FORMS:
        for row in lines_of(form):
            barcode = row["bcr_patient_barcode"]
            alive[barcode].update(day for one in CONTACT_COLUMNS for day in days_of(row, one))
            died[barcode].update(days_of(row, "death_days_to"))
            assert bool(days_of(row, "death_days_to")) == (row["vital_status"] == "Dead")
    for form, columns in FURTHER_COLUMNS.items() if with_further_evidence else ():
        for row in lines_of(form):
            alive[row["bcr_patient_barcode"]].update(day for one in columns for day in days_of(row, one))
    assert all(len(days) <= 1 for days in died.values()), "forms that repeat a death agree on its day"
    return {
        barcode: (max(died[barcode]), 1) if died[barcode] else (max(alive[barcode]), 0) for barcode in died
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home that the example's README describes, after one refresh."""
    made = make_home(tmp_path_factory.mktemp("tcga") / "home")
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    fragment = readme.split("```toml\n")[1].split("```")[0]
    made.settings_file.write_text(
        QUICK_SETTINGS.format(refresh="").replace("extract_date = 2023-06-30\n", "") + fragment,
        encoding="utf-8",
    )
    shutil.copy(EXAMPLE / "tcga_cesc.toml", made.facilities)
    inbox = made.inbox / "tcga_cesc"
    inbox.mkdir()
    for path in FOLDER.glob("nationwidechildrens.org_clinical_*_cesc.txt"):
        shutil.copyfile(path, inbox / path.name)
    report = refresh(made)
    assert report.is_new
    assert len(report.landing.landed) == 8
    assert report.landing.problems == []
    return made


@pytest.fixture(scope="module")
def times(home: Home) -> Recount:
    """Overall survival from diagnosis, by barcode."""
    rows = ask(
        home,
        """
        SELECT source_patient_id, duration_days, event
        FROM mart.survival_time JOIN
            (SELECT DISTINCT patient_id, source_patient_id FROM curated.patient_xref) USING (patient_id)
        WHERE endpoint = 'os' AND origin = 'primary_dx'
        """,
    )
    found = {barcode: (days, event) for barcode, days, event in rows.iter_rows()}
    assert len(found) == rows.height
    return found


def test_the_release_holds_307_patients(home: Home) -> None:
    counts = ask(
        home,
        "SELECT (SELECT count(*) FROM curated.patient), (SELECT count(DISTINCT source_patient_id) FROM "
        "curated.patient_xref), (SELECT count(*) FROM curated.primary_tumour), (SELECT count(*) FROM mart.registry_patient)",
    )
    assert counts.row(0) == (307, 307, 307, 307)


def test_deaths_and_times_agree_with_the_recount_patient_by_patient(times: Recount) -> None:
    expected = {barcode: (max(days, 0), event) for barcode, (days, event) in recounted(True).items()}
    assert len(expected) == 307
    assert sum(event for _, event in expected.values()) == 72
    differing = {one: (times.get(one), expected[one]) for one in expected if times.get(one) != expected[one]}
    assert not differing
    assert set(times) == set(expected)


def test_two_living_patients_are_known_alive_later_than_their_last_contact(times: Recount) -> None:
    """A new tumour event on day 601 (last contact 540), radiotherapy of the primary until day 852 (596)."""
    forms_only = recounted(False)
    later = {
        (forms_only[barcode][0], days)
        for barcode, (days, event) in times.items()
        if not event and days > max(forms_only[barcode][0], 0)
    }
    assert later == {(540, 601), (596, 852)}
    assert all(times[barcode][1] == event for barcode, (_, event) in forms_only.items())


def test_every_row_is_accounted_for(home: Home) -> None:
    account = assert_balanced(home)
    expected = {
        path.name: len(path.read_text(encoding="utf-8").splitlines()) - 3 for path in FOLDER.glob("*.txt")
    }
    assert dict(account.select("source_file", "n_read").iter_rows()) == expected
    assert account["n_read"].sum() == 1193
    assert account["n_rejected"].sum() == 0


def test_follow_up_forms_are_merged_and_new_tumour_events_are_events(home: Home) -> None:
    assert ask(home, "SELECT count(*) FROM curated.death").item() == 72
    n_forms = sum(bool(days_of(row, "last_contact_days_to")) for form in FORMS for row in lines_of(form))
    n_alive = sum(bool(days_of(row, "days_to_last_known_alive")) for row in lines_of("follow_up_v4.0"))
    assert ask(home, "SELECT count(*) FROM curated.followup").item() == n_forms + n_alive
    kinds = {
        "Distant Metastasis": "distant",
        "Locoregional Recurrence": "locoregional",
        "New Primary Tumor": "new_primary",
    }
    dated = {
        (row["bcr_patient_barcode"], day, kinds.get(row["new_tumor_event_type"], "unspecified"))
        for form in ("nte", "follow_up_v4.0_nte")
        for row in lines_of(form)
        for day in days_of(row, "new_tumor_event_dx_days_to")
    }
    found = ask(
        home,
        """
        SELECT DISTINCT source_patient_id, event_date - dx_date, event_type
        FROM curated.event JOIN curated.primary_tumour USING (patient_id)
        JOIN curated.patient_xref xref ON xref.patient_id = event.patient_id
        """,
    )
    assert dated <= set(found.iter_rows())
    undated = ask(
        home, "SELECT count(*) FROM quality.finding WHERE rule_id = 'S10' AND severity = 'error'"
    ).item()
    assert undated == ask(home, "SELECT count(*) FROM quality.quarantine").item() == 2


def test_survival_by_stage_and_age(home: Home, times: Recount) -> None:
    summary = ask(home, "FROM result.km_summary WHERE endpoint = 'os' AND origin = 'primary_dx'")
    groups = {
        (variable, stratum): (n, n_event)
        for variable, stratum, n, n_event in summary.select(
            "stratum_variable", "stratum", "n", "n_event"
        ).iter_rows()
    }
    assert groups["overall", "all"] == (307, 72)
    ages = {row["bcr_patient_barcode"]: int(row["age_at_diagnosis"]) for row in lines_of("patient")}
    for name, low, high in (("<50", 0, 50), ("50-64", 50, 65), ("65+", 65, 200)):
        own = [times[barcode] for barcode, age in ages.items() if low <= age < high]
        assert groups["age_group", name] == (len(own), sum(event for _, event in own)), name
    stages = {row["bcr_patient_barcode"]: _stage(row) for row in lines_of("patient")}
    for name in ("I", "II", "III", "IV"):
        own = [times[barcode] for barcode, stage in stages.items() if stage == name]
        assert groups["figo_group", name] == (len(own), sum(event for _, event in own)), name
    curve = ask(
        home,
        "FROM result.km_curve WHERE endpoint = 'os' AND origin = 'primary_dx' AND stratum_variable = 'overall'",
    )
    assert curve["survival"].to_list() == pytest.approx(
        _kaplan_meier(times, curve["duration_days"].to_list())
    )
    assert (
        ask(home, "SELECT count(*) FROM result.logrank_test WHERE stratum_variable = 'figo_group'").item()
        >= 1
    )


def _stage(row: dict[str, str]) -> str:
    text = next(
        (row[one] for one in ("pathologic_stage", "clinical_stage") if row.get(one, "[")[0] != "["), ""
    )
    return text.removeprefix("Stage ").rstrip("ABC12")


def _kaplan_meier(times: Recount, days: list[int]) -> list[float]:
    """The product-limit estimate, written out."""
    survival, found = 1.0, []
    for day in sorted(days):
        at_risk = sum(one >= day for one, _ in times.values())
        died = sum(one == day and event for one, event in times.values())
        survival *= 1 - died / at_risk if at_risk else 1.0
        found.append(survival)
    return found


def test_cox_models_by_stage_and_age_have_a_plain_status(home: Home) -> None:
    fits = ask(home, "FROM result.cox_fit WHERE endpoint = 'os' AND origin = 'primary_dx'")
    models = dict(fits.filter(pl.col("method") == "efron").select("model", "status").iter_rows())
    assert {"univariable:figo_group", "univariable:age_years", "multivariable"} <= set(models)
    assert set(models.values()) <= {"ok", "not_estimable", "not_converged"}
    assert models["univariable:age_years"] == models["univariable:figo_group"] == "ok"
    terms = ask(
        home,
        "SELECT hazard_ratio, ci_lower, ci_upper FROM result.cox_term WHERE origin = 'primary_dx' AND status = 'ok' "
        "AND model IN ('univariable:figo_group', 'univariable:age_years')",
    )
    assert terms.height >= 4
    assert all(low < ratio < high for ratio, low, high in terms.iter_rows())


def test_what_needs_lesions_is_empty_and_says_so(home: Home) -> None:
    for table in ("mart.cohort", "mart.lesion_growth", "curated.lesion", "curated.omd_episode"):
        assert ask(home, f"SELECT count(*) FROM {table}").item() == 0, table
    for table in (
        "result.growth_fit",
        "result.growth_threshold",
        "result.growth_share",
        "result.surveillance",
    ):
        made = ask(home, f"FROM {table}")
        numbers = [one for one in ("estimate", "months", "share") if one in made.columns]
        assert all(made[one].null_count() == made.height for one in numbers), table
    scorecard = ask(home, "FROM result.scorecard")
    assert scorecard["item"].unique().sort().to_list() == list(range(1, 14))
    assert scorecard["computed"].null_count() == scorecard["agrees"].null_count() == scorecard.height
    assert all(note and note.startswith("not estimable") for note in scorecard["assumption"]), scorecard[
        "assumption"
    ]
    attrition = ask(home, "FROM mart.attrition ORDER BY step")
    assert (attrition["n_before"][0], attrition["n_after"][-1]) == (307, 0)


def test_the_release_says_whose_data_these_are(home: Home) -> None:
    statement = ask(home, "SELECT data_statement FROM meta.release").item()
    assert "TCGA-CESC" in statement
    assert "no figure is comparable" in statement


def test_marts_are_what_a_plain_recount_gives(home: Home) -> None:
    assert recounted_home(home) > 100
