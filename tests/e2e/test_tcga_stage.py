"""The eight TCGA-CESC tables as they are, from bytes to staged tables, against a recount of the text files.

The recount below reads the files with nothing but ``str.split``; it shares no code with the project.
"""

import shutil
from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.home import make_home
from registry_pipeline.core.settings import Refresh, Settings
from registry_pipeline.intake.landing.land import land_inbox
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.stage import stage_facility
from tests.support.shared import SHARED, whole_module_needs_shared

whole_module_needs_shared(__name__)

FOLDER = SHARED / "real" / "tcga_cesc"
MAPPING = Path(__file__).resolve().parents[2] / "examples" / "tcga_cesc" / "tcga_cesc.toml"
FORMS = ("patient", "follow_up_v2.0", "follow_up_v4.0")


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("tcga") / "home")
    shutil.copy(MAPPING, home.facilities)
    (home.inbox / "tcga_cesc").mkdir()
    for path in FOLDER.glob("*.txt"):
        shutil.copyfile(path, home.inbox / "tcga_cesc" / path.name)
    settings = Settings(refresh=Refresh(settle_seconds=0.0))
    assert land_inbox(home, settings).problems == []
    return stage_facility(home, read_facility(home.facilities / "tcga_cesc.toml"), settings)


def lines_of(form):
    """Rows of one table as dictionaries by the first header row; of repeated names the first counts."""
    text = (FOLDER / f"nationwidechildrens.org_clinical_{form}_cesc.txt").read_text(encoding="utf-8")
    head, _, _, *rows = [line.split("\t") for line in text.splitlines()]
    return [dict(reversed(list(zip(head, row, strict=True)))) for row in rows]


def days_of(row, column):
    text = row.get(column, "")
    return int(text) if text.lstrip("-").isdigit() else None


@pytest.fixture(scope="module")
def recount():
    """Barcode -> (day of death, day of last contact), over all forms."""
    deaths, contacts = defaultdict(set), defaultdict(set)
    for form in FORMS:
        for row in lines_of(form):
            barcode = row["bcr_patient_barcode"]
            deaths[barcode].add(days_of(row, "death_days_to"))
            contacts[barcode].add(days_of(row, "last_contact_days_to"))
            contacts[barcode].add(days_of(row, "days_to_last_known_alive"))
    return {
        barcode: (max(deaths[barcode] - {None}, default=None), max(contacts[barcode] - {None}, default=None))
        for barcode in deaths
    }


@pytest.fixture(scope="module")
def anchored(staged):
    """Every patient with the day of diagnosis, by barcode."""
    tumour = staged.tables["primary_tumour"].select("patient_id", "dx_date")
    return staged.tables["patient"].select("patient_id", "source_patient_id").join(tumour, on="patient_id")


def by_barcode(anchored, frame, column):
    joined = frame.join(anchored, on="patient_id").with_columns(
        (pl.col(column) - pl.col("dx_date")).dt.total_days().alias("days")
    )
    found = defaultdict(set)
    for barcode, days in joined.select("source_patient_id", "days").iter_rows():
        found[barcode].add(days)
    return found


def test_every_row_of_the_eight_files_is_there(staged):
    expected = {
        path.name: len(path.read_text(encoding="utf-8").splitlines()) - 3 for path in FOLDER.glob("*.txt")
    }
    assert dict(staged.sheets.select("source_file", "n_read").iter_rows()) == expected
    assert sum(expected.values()) == len(staged.rows) == 1193
    assert staged.rows["fate"].null_count() == 1193


@pytest.mark.parametrize("column", ["tumor_status", "bcr_followup_barcode"])
def test_what_no_table_reads_in_a_form_of_death_is_said(staged, column):
    """Without a day of last contact the form is a death, which holds neither; a finding counts the cells of a file."""
    expected = {
        f"nationwidechildrens.org_clinical_{form}_cesc.txt": f"{n} cells"
        for form in FORMS
        if (
            n := sum(
                is_only_a_death(row) and not row.get(column, "[").startswith("[") for row in lines_of(form)
            )
        )
    }
    found = staged.file_issues.filter(pl.col("column_name") == column)
    assert dict(found.select("source_file", "reason").iter_rows()) == expected != {}
    assert found["rule_id"].unique().to_list() == ["S27"]


def is_only_a_death(row):
    return row["vital_status"] == "Dead" and days_of(row, "last_contact_days_to") is None


def test_nothing_else_is_said_of_the_files(staged):
    assert set(staged.file_issues["column_name"]) == {"tumor_status", "bcr_followup_barcode"}


def test_patients_and_tumours(staged):
    assert staged.tables["patient"]["patient_id"].n_unique() == staged.tables["patient"].height == 307
    assert staged.tables["primary_tumour"]["patient_id"].n_unique() == 307
    assert staged.tables["patient"]["sex"].to_list() == ["F"] * 307
    assert staged.tables["patient_xref"]["patient_id"].n_unique() == 307


def test_deaths_agree_with_the_recount_patient_by_patient(staged, anchored, recount):
    found = by_barcode(anchored, staged.tables["death"], "death_date")
    assert all(len(days) == 1 for days in found.values()), "forms that repeat a death agree on its day"
    assert {barcode: max(days) for barcode, days in found.items()} == {
        barcode: death for barcode, (death, _) in recount.items() if death is not None
    }
    assert len(found) == 72
    in_patient_form = staged.tables["death"].filter(pl.col("_source_no") == 0)
    assert in_patient_form["patient_id"].n_unique() == 60


def test_last_contacts_agree_with_the_recount_patient_by_patient(staged, anchored, recount):
    found = by_barcode(anchored, staged.tables["followup"], "contact_date")
    expected = {barcode: contact for barcode, (_, contact) in recount.items() if contact is not None}
    assert {barcode: max(days) for barcode, days in found.items()} == expected
    latest = [max(one for one in pair if one is not None) for pair in recount.values()]
    assert len(latest) == 307
    assert sum(days <= 0 for days in latest) == 13


def test_calendar_is_relative(staged):
    for table, column in (("death", "death_date"), ("followup", "contact_date"), ("patient", "birth_date")):
        known = staged.tables[table].drop_nulls(column)
        assert known[f"{column}_precision"].unique().to_list() == ["year"]
        assert (known[column] == known[f"{column}_lower"]).all() and (
            known[column] == known[f"{column}_upper"]
        ).all()
    years = {row["bcr_patient_barcode"]: row["initial_pathologic_dx_year"] for row in lines_of("patient")}
    patient = staged.tables["patient"].join(
        staged.tables["primary_tumour"].select("patient_id", "dx_date"), on="patient_id"
    )
    for barcode, day in patient.select("source_patient_id", "dx_date").iter_rows():
        assert years[barcode] in (str(day.year), "[Not Available]")
    defaults = staged.coercions.filter(
        (pl.col("parser") == "default") & (pl.col("column_name") == "primary_tumour.dx_date")
    )
    assert defaults.height == 2


def test_ages_fit_the_birth_dates(staged):
    joined = staged.tables["primary_tumour"].join(
        staged.tables["patient"].select("patient_id", "birth_date"), on="patient_id"
    )
    known = joined.drop_nulls(["birth_date", "age_at_diagnosis_years"])
    computed = (known["dx_date"] - known["birth_date"]).dt.total_days() / 365.25
    assert known.height == 305
    assert ((computed - known["age_at_diagnosis_years"] - 0.5).abs() <= 0.51).all()


def test_doses_in_two_units_are_gray(staged):
    rows = [row for row in lines_of("radiation") if row["radiation_adjuvant_units"] in ("cGy", "Gy")]
    factor = {"cGy": 0.01, "Gy": 1.0}
    expected = {
        row["bcr_radiation_barcode"].replace(row["bcr_patient_barcode"], ""): float(
            row["radiation_total_dose"]
        )
        * factor[row["radiation_adjuvant_units"]]
        for row in rows
        if row["radiation_total_dose"] != "[Not Available]"
    }
    found = (
        staged.tables["primary_treatment"]
        .drop_nulls("dose_gy")
        .with_columns(("-" + pl.col("treatment_id").str.split("-").list.last()).alias("barcode"))
    )
    for barcode, dose in found.select("barcode", "dose_gy").iter_rows():
        assert dose == pytest.approx(expected[barcode], abs=1e-9)
    assert {row["radiation_adjuvant_units"] for row in rows} == {"cGy", "Gy"}
    unit_missing = staged.issues.filter(pl.col("rule_id") == "S13")
    assert unit_missing["reason"].to_list() == ["unit_missing"] * 3


def test_events_of_all_three_forms(staged):
    event = staged.tables["event"]
    patients = dict(event.group_by("event_type").agg(pl.col("patient_id").n_unique()).iter_rows())
    assert patients == {"distant": 35, "locoregional": 15, "new_primary": 4, "unspecified": 1}
    rows = [row for form in ("nte", "follow_up_v4.0_nte") for row in lines_of(form)]
    rows += [row for row in lines_of("follow_up_v2.0") if row["new_tumor_event_dx_indicator"] == "YES"]
    assert event.height == len(rows)
    assert event["event_date"].null_count() == sum(
        days_of(row, "new_tumor_event_dx_days_to") is None for row in rows
    )


def test_no_identifier_carries_a_barcode(staged):
    barcodes = staged.tables["patient"]["source_patient_id"].to_list()
    for name, frame in staged.tables.items():
        for column in frame.columns:
            if column.endswith("_id") and column != "source_patient_id":
                text = (
                    "\n".join(one or "" for one in frame[column].to_list())
                    if frame[column].dtype == pl.String
                    else ""
                )
                assert not any(barcode in text for barcode in barcodes), f"{name}.{column}"


def test_what_cannot_be_read_is_an_issue(staged):
    counted = staged.issues.group_by("table_name", "column_name", "rule_id").len().sort("len")
    assert counted.rows() == [
        ("primary_treatment", "dose_gy", "S13", 3),
        ("primary_treatment", "primary_modality", "S05", 19),
        ("primary_tumour", "figo_edition", "S05", 26),
    ]


def test_there_is_nothing_for_growth(staged):
    assert not {"lesion", "measurement", "imaging_exam", "lrt_course"} & set(staged.tables)
