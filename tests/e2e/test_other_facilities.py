"""Five hospitals that send five kinds of export, from bytes to one release.

German CSV in a zip, French CSV, a research data set in Stata, SPSS, SAS, Parquet and UTF-16, a workbook as people make
them, and a FHIR bundle with mCODE resources. What each file holds stands in ``tests/support``; nothing here is read
by the readers' own means.
"""

from __future__ import annotations

import shutil
from datetime import date

import polars as pl
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.refresh import refresh
from tests.support import fhir_bundle, foreign_exports
from tests.support.foreign_exports import DIED, N_PATIENTS, STAGES
from tests.support.registry_home import ROOT, ask, assert_balanced, quick_home, without_reports

pytestmark = pytest.mark.slow

# lost to follow-up, completeness of fields that these exports do not have, nodes without biopsy
EXPECTED_RULES = {"U03", "G06", "M05"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home of all five after one refresh."""
    made = quick_home(tmp_path_factory.mktemp("others") / "home")
    mappings = {"kiel": foreign_exports.KIEL, "lyon": foreign_exports.LYON, "trial": foreign_exports.TRIAL}
    mappings["ward"] = foreign_exports.WARD
    files = {
        "kiel": foreign_exports.kiel_files(),
        "lyon": foreign_exports.lyon_files(),
        "trial": foreign_exports.trial_files(tmp_path_factory.mktemp("trial")),
        "ward": foreign_exports.ward_files(tmp_path_factory.mktemp("ward")),
        "fhir_mcode": {"bundle.json": _bundle()},
    }
    shutil.copy(ROOT / "examples" / "fhir_mcode" / "fhir_mcode.toml", made.facilities)
    for name, toml in mappings.items():
        (made.facilities / f"{name}.toml").write_text(toml, encoding="utf-8")
    for name, contents in files.items():
        (made.inbox / name).mkdir()
        for file, content in contents.items():
            (made.inbox / name / file).write_bytes(content)
    with without_reports():
        report = refresh(made)
    assert report.is_new and report.landing.problems == []
    return made


def _bundle() -> bytes:
    return fhir_bundle.bundle(fhir_bundle.everything() + fhir_bundle.stray()).encode()


def tumours(home: Home, facility: str) -> pl.DataFrame:
    """Patients with their tumours, by the facility's own number."""
    return ask(
        home,
        "SELECT * FROM curated.patient JOIN curated.primary_tumour USING (patient_id, facility_id) "
        f"WHERE facility_id = '{facility}' ORDER BY source_patient_id",
    )


def findings(home: Home, facility: str) -> pl.DataFrame:
    """Findings other than those that these small exports cannot but raise."""
    found = ask(home, f"FROM quality.finding WHERE facility_id = '{facility}' ORDER BY ALL")
    return found.filter(~pl.col("rule_id").is_in(EXPECTED_RULES))


def remarks(home: Home, facility: str) -> list[tuple[str, str, str, str]]:
    """Rule, severity, file or sheet, and what was remarked, of findings about files."""
    found = findings(home, facility)
    assert found["source_file"].null_count() == 0, "nothing is said of a record"
    where = [row["sheet"] or row["source_file"] for row in found.to_dicts()]
    said = [message.rsplit(" (", 1)[-1].removesuffix(")") for message in found["message"]]
    return sorted(zip(found["rule_id"], found["severity"], where, said, strict=True))


def test_every_row_of_every_format_is_accounted_for(home: Home) -> None:
    account = assert_balanced(home)
    read = dict(account.group_by("facility_id").agg(pl.col("n_read").sum()).iter_rows())
    n_resources = len(fhir_bundle.everything()) + len(fhir_bundle.stray())
    assert read == {
        "kiel": N_PATIENTS + 3,
        "lyon": N_PATIENTS,
        "trial": 5 * N_PATIENTS + len(DIED),
        "ward": 2 * (N_PATIENTS + 1) + 2 * N_PATIENTS + 1,
        "fhir_mcode": n_resources,
    }
    assert ask(home, "SELECT count(*) FROM quality.quarantine").item() == 0


def test_how_each_file_was_read(home: Home) -> None:
    found = ask(home, "SELECT source_file, reader, encoding FROM meta.submission")
    assert set(found.iter_rows()) == {
        ("export.zip", "zip", "utf-8-sig"),
        ("dossiers.csv", "csv", "cp1252"),
        ("baseline.sav", "spss", "utf-8"),
        ("ages.dta", "stata", "utf-8"),
        ("visits.parquet", "parquet", "utf-8"),
        ("deaths.xpt", "sas", "utf-8"),
        ("consent.txt", "csv", "utf-16-le"),
        ("ward.xlsx", "xlsx", "utf-8"),
        ("bundle.json", "fhir", "utf-8"),
    }


def test_german_csv_in_a_zip_of_years(home: Home) -> None:
    found = tumours(home, "kiel")
    assert found["source_patient_id"].to_list() == [f"{at + 1:04d}" for at in range(N_PATIENTS)]
    assert found["birth_date"][0] == date(1950, 1, 7)
    assert found["sex"].to_list() == ["F"] * N_PATIENTS
    assert found["figo_stage"].to_list() == [STAGES[at % 3] for at in range(N_PATIENTS)]
    sizes = [10 * float(f"{2 + at % 3}.{at}") if at != 3 else None for at in range(N_PATIENTS)]
    assert found["tumour_size_mm"].to_list() == pytest.approx(sizes)
    place = ask(home, "SELECT DISTINCT sheet FROM quality.row_account WHERE facility_id = 'kiel'")["sheet"]
    assert set(place) == {"Fälle_2014.csv", "Fälle_2015.csv", "Fälle_2016.csv"}
    assert remarks(home, "kiel") == [
        (rule, "info", sheet, remark)
        for rule, remark in (
            ("S01", "byte-order mark removed"),
            ("S15", "a totals row, not a record; left out"),
        )
        for sheet in ("Fälle_2014.csv", "Fälle_2015.csv", "Fälle_2016.csv")
    ]


def test_german_dates_keep_their_precision(home: Home) -> None:
    """``00.02.2015`` and ``00.00.2016`` are how the German oncological data set marks an unknown day or month."""
    found = tumours(home, "kiel").select("dx_date_lower", "dx_date_upper", "dx_date_precision").rows()
    assert found[1] == (date(2015, 2, 1), date(2015, 2, 28), "month")
    assert found[2] == (date(2016, 1, 1), date(2016, 12, 31), "year")
    assert {one[2] for at, one in enumerate(found) if at not in (1, 2)} == {"day"}


def test_french_csv_in_windows_1252(home: Home) -> None:
    found = tumours(home, "lyon")
    assert found["birth_date"][0] == date(1951, 12, 1), "the day comes first"
    assert set(found["residence_region"]) == {"Rhône"}
    assert found["histology_group"].to_list() == ["scc" if at % 2 else "adeno" for at in range(N_PATIENTS)]
    assert found["tumour_size_mm"].to_list() == [10 * (2 + at % 3) + 5.0 for at in range(N_PATIENTS)]
    alive = ask(home, "SELECT is_alive FROM curated.followup WHERE facility_id = 'lyon'")["is_alive"]
    assert alive.to_list() == [True] * N_PATIENTS
    title = "title row above the header left out: row 1"
    assert remarks(home, "lyon") == [("S01", "info", "dossiers.csv", title)]


def test_a_research_data_set_in_five_formats_is_one_cohort(home: Home) -> None:
    """Numbers 1, 1.0 and '1' of the five files are the same patient; no integer became 1.0."""
    found = tumours(home, "trial")
    assert found["source_patient_id"].to_list() == [str(at + 1) for at in range(N_PATIENTS)]
    assert found["has_consent"].to_list() == [True] * N_PATIENTS
    assert found["birth_date"].to_list() == [date(1950 + at, 2, 3) for at in range(N_PATIENTS)]
    assert found["dx_date"].to_list() == [date(2014 + at % 3, at % 12 + 1, 5) for at in range(N_PATIENTS)]
    visits = ask(
        home, "SELECT source_record_id FROM curated.followup WHERE facility_id = 'trial'"
    ).to_series()
    assert len(visits) == 2 * N_PATIENTS and all(one.endswith(("-V1", "-V2")) for one in visits)
    deaths = ask(
        home, "SELECT death_cause, count(*) FROM curated.death WHERE facility_id = 'trial' GROUP BY 1"
    )
    assert dict(deaths.iter_rows()) == {"cancer": 2, "other": 1}
    assert remarks(home, "trial") == [
        ("S01", "info", "ages.dta", "value labels shown instead of codes in 1 columns"),
        ("S01", "info", "ages.dta", "values that the file declares missing are marked in 1 columns"),
        ("S01", "info", "baseline.sav", "value labels shown instead of codes in 3 columns"),
        ("S01", "info", "baseline.sav", "values that the file declares missing are marked in 1 columns"),
        ("S01", "info", "consent.txt", "byte-order mark removed"),
    ]


def test_labels_are_used_and_declared_missing_values_are_no_numbers(home: Home) -> None:
    found = tumours(home, "trial")
    assert found["figo_stage"].to_list() == [STAGES[at % 3] for at in range(N_PATIENTS)]
    sizes = [None if at in (2, 3) else 20.0 + at for at in range(N_PATIENTS)]
    assert found["tumour_size_mm"].to_list() == sizes, "99 has no label, 98 is 'not recorded'"
    assert found["age_at_diagnosis_years"][1] is None
    assert found["hpv"].to_list()[:4] == ["neg", "pos", "unk", "pos"]


def test_a_workbook_as_people_make_them(home: Home) -> None:
    found = tumours(home, "ward")
    expected = [date(year, at + 1, 20) for year in (2014, 2015) for at in range(N_PATIENTS)]
    assert found["dx_date"].to_list() == expected, "day numbers of the last rows included"
    sizes = [20.0 + at for _ in (2014, 2015) for at in range(N_PATIENTS)]
    sizes[5] = None
    assert found["tumour_size_mm"].to_list() == sizes, (
        "a hidden column is read, a formula without result is not"
    )
    told = findings(home, "ward").select("sheet", "rule_id", "severity", "items").rows()
    assert sorted(told, key=str) == [
        ("2014", "S01", "warning", None),
        ("2014", "S01", "warning", None),
        ("2014", "S15", "info", None),
        ("2015", "S01", "warning", None),
        ("2015", "S11", "warning", "Tumour diagnosed"),
        ("2015", "S15", "info", None),
    ]
    words = " ".join(findings(home, "ward")["message"])
    assert "1 formulas have no stored result (the first in F10)" in words
    assert words.count("1 ranges of columns are hidden in the workbook and were read too") == 2
    assert "3 cells of this column of dates are bare day numbers" in words
    changed = ask(
        home,
        "SELECT text_before, value_after FROM quality.coercion "
        "WHERE facility_id = 'ward' AND column_name LIKE '%dx_date' ORDER BY source_row",
    )
    assert changed.rows() == [
        (str((day - date(1899, 12, 30)).days), day.isoformat()) for day in expected[-3:]
    ]


N_FHIR = fhir_bundle.N_PATIENTS


def counted(home: Home, table: str) -> int:
    """Records of the FHIR hospital in a table."""
    return int(ask(home, f"SELECT count(*) FROM curated.{table} WHERE facility_id = 'fhir_mcode'").item())


def test_every_mcode_profile_becomes_records(home: Home) -> None:
    n_lesions = sum(1 + number % 2 for number in range(N_FHIR))
    expected = {
        "patient": N_FHIR,
        "death": len(range(0, N_FHIR, 4)),
        "primary_tumour": N_FHIR,
        "primary_treatment": N_FHIR,
        "omd_episode": N_FHIR,
        "lesion": n_lesions,
        "measurement": n_lesions,
        "imaging_exam": N_FHIR,
        "lrt_course": N_FHIR,
        "lrt_target": n_lesions,
        "followup": 2 * N_FHIR,
    }
    assert {table: counted(home, table) for table in expected} == expected


def test_patients_of_a_bundle_are_told_by_every_kind_of_reference(home: Home) -> None:
    found = tumours(home, "fhir_mcode")
    assert set(found["source_patient_id"]) == {f"pat-{number}" for number in range(N_FHIR)}
    by_number = {row["source_patient_id"]: row for row in found.to_dicts()}
    assert by_number["pat-1"]["birth_date"] == date(1951, 2, 15)
    assert by_number["pat-5"]["birth_date_precision"] == "month"
    for number in range(N_FHIR):
        row = by_number[f"pat-{number}"]
        assert row["source_record_id"] == f"tum-{number}"
        assert (row["topography_code"], row["morphology_code"]) == ("C53.9", "8070/3")
        assert (row["figo_stage"], row["scc_ag_ng_ml"]) == (STAGES[number % 3], 2.5 + number)
        assert row["scc_ag_date"] == date(2014 + number % 3, 3, 21)


def test_sizes_doses_and_deaths_of_a_bundle(home: Home) -> None:
    sizes = ask(
        home, "SELECT source_record_id, long_axis_mm, short_axis_mm FROM curated.measurement ORDER BY ALL"
    )
    expected = [
        (f"siz-{number}-{at}", pytest.approx(12.0 + number), 9.0)
        for number in range(N_FHIR)
        for at in range(1 + number % 2)
    ]
    assert sorted(sizes.iter_rows()) == sorted(expected, key=lambda one: one[0])
    doses = ask(
        home,
        "SELECT lesion.source_record_id, dose_gy FROM curated.lrt_target JOIN curated.lesion USING (lesion_id) "
        "WHERE lesion.source_record_id LIKE 'met-1-%'",
    )
    assert set(doses.iter_rows()) == {("met-1-0", 50.0), ("met-1-1", 60.0)}
    course = ask(
        home,
        "SELECT DISTINCT lrt_technique, intent, termination_reason, n_fractions_delivered FROM curated.lrt_course",
    )
    assert course.rows() == [("sbrt", "definitive", "completed", 5)]
    died = ask(home, "SELECT death_date FROM curated.death WHERE facility_id = 'fhir_mcode'")["death_date"]
    assert set(died) == {date(2019, number % 9 + 1, 11) for number in range(0, N_FHIR, 4)}


def test_the_bundle_feeds_the_study_cohort(home: Home) -> None:
    cohort = ask(home, "SELECT max_diameter_mm, bed10_gy FROM mart.cohort WHERE facility_id = 'fhir_mcode'")
    assert cohort.height == N_FHIR and cohort.null_count().row(0) == (0, 0)


def test_what_is_no_record_in_a_bundle_is_told_or_counted(home: Home) -> None:
    account = ask(home, "FROM quality.row_account WHERE facility_id = 'fhir_mcode' AND sheet = 'Other'")
    assert account.select("n_read", "n_unrouted", "n_rejected").row(0) == (4, 1, 3)
    told = findings(home, "fhir_mcode")
    of_sheets = told.filter(pl.col("source_row").is_null()).sort("rule_id", "sheet")
    assert of_sheets.select("rule_id", "severity", "sheet", "items").rows() == [
        *(("S02", "info", sheet, None) for sheet in ("BodyStructure", "CancerStage", "Other")),
        # every moment of the bundle's disease status is 09:00 UTC, and the mapping declares no time zone
        ("S12", "warning", "CancerDiseaseStatus", "effective"),
    ]
    rejected = told.filter(pl.col("source_row").is_not_null()).sort("source_row")
    first = len(fhir_bundle.everything()) + 1
    assert rejected.select("rule_id", "source_row").rows() == [("S15", first + at) for at in (1, 2, 3)]
    words = rejected["message"].to_list()
    for part, message in zip(
        ("'subject' is not of its FHIR type", "no resource", "Bundle within"), words, strict=True
    ):
        assert part in message
