"""Drafts for files whose mapping was written by hand: how much of it is found, and how much is wrong.

The hand-written mapping is the truth; what is counted are triples of file, source column and curated item. The
words of the lexicon were written with the demo hospital in sight, so its figures say that nothing gets lost, not
how well a stranger's export is recognised; the simulated facilities were looked at only afterwards.
"""

from pathlib import Path

import pytest

from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.mapping.model import Facility
from registry_pipeline.simulate.demo.demo import demo_mapping, write_demo_exports
from registry_pipeline.simulate.population.write import write_simulation
from tests.support.profiled import Guess, drafted, pairs
from tests.support.shared import SHARED, needs_shared

TCGA = SHARED / "real" / "tcga_cesc"
HAND_WRITTEN = Path(__file__).resolve().parents[3] / "examples" / "tcga_cesc" / "tcga_cesc.toml"
PATIENT = "nationwidechildrens.org_clinical_patient_cesc.txt"


def shares(truth: set[Guess], guess: set[Guess]) -> tuple[float, float]:
    """Recall and precision."""
    return len(truth & guess) / len(truth), len(truth & guess) / len(guess)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Facility, Facility, list[str]]:
    folder = tmp_path_factory.mktemp("demo")
    write_demo_exports(folder / "exports")
    paths = sorted((folder / "exports").iterdir())
    (folder / "truth").mkdir()
    written = folder / "truth" / "demo_hospital.toml"
    written.write_text(demo_mapping(), encoding="utf-8")
    draft, facility = drafted(folder, "demo_hospital", paths)
    assert draft.problems == ()
    return draft.text, facility, read_facility(written), [one.name for one in paths]


def test_the_demo_hospital_is_recognised(demo: tuple[str, Facility, Facility, list[str]]) -> None:
    _, facility, truth, names = demo
    recall, precision = shares(pairs(truth, names), pairs(facility, names))
    assert recall > 0.95
    assert precision > 0.95


def test_how_the_demo_files_are_read_is_found_out(demo: tuple[str, Facility, Facility, list[str]]) -> None:
    _, facility, truth, _ = demo
    by_glob = {one.files: one for one in facility.sources}
    for wanted in truth.sources:
        found = by_glob[wanted.files]
        assert found.read_options.header_rows == wanted.read_options.header_rows
        if wanted.read_options.delimiter is not None:
            assert found.read_options.delimiter == wanted.read_options.delimiter
            assert (found.read_options.encoding or "").lower() == (wanted.read_options.encoding or "").lower()
        assert set(found.date_formats) >= set(wanted.date_formats)
        assert found.excel_serial == wanted.excel_serial
        grouped = {one.table: one.group_by for one in wanted.tables if one.group_by}
        assert {one.table: one.group_by for one in found.tables if one.group_by} == grouped


def test_the_demo_draft_shows_no_record(demo: tuple[str, Facility, Facility, list[str]]) -> None:
    text, _, _, _ = demo
    assert (
        "0045" not in text and "ZY41" not in text and "CT42" not in text
    )  # numbers of patients, stays, examinations
    for region in ("东区", "西区", "高新区"):
        assert region not in text
    for word in ("IMRT_60/30", "Pneumonitis", "紫杉醇"):
        assert word not in text


def test_a_simulated_facility_is_recognised(tmp_path: Path) -> None:
    made = write_simulation(120, 1, 5, tmp_path / "sim", 0.0)
    name = made.facility_ids[0]
    paths = sorted((made.folder / "inbox" / name).iterdir())
    _, facility = drafted(tmp_path, name, paths)
    truth = read_facility(made.folder / "facilities" / f"{name}.toml")
    names = [one.name for one in paths]
    recall, precision = shares(pairs(truth, names), pairs(facility, names))
    assert recall > 0.80
    assert precision > 0.93


@needs_shared
def test_tcga_is_recognised_unaided(tmp_path: Path) -> None:
    """What issue 3 asks for: identifier, vital status, day offsets, sex, age, stage and histology."""
    paths = sorted(TCGA.iterdir())
    draft, facility = drafted(tmp_path, "tcga_cesc", paths)
    names = [one.name for one in paths]
    found = pairs(facility, names)
    own = {(column, item) for name, column, item in found if name == PATIENT}
    assert own >= {
        ("bcr_patient_barcode", "patient.patient_id"), ("gender", "patient.sex"), ("birth_days_to", "patient.birth_date"),
        ("vital_status", "followup.is_alive"), ("last_contact_days_to", "followup.contact_date"),
        ("death_days_to", "death.death_date"), ("initial_pathologic_dx_year", "primary_tumour.dx_date"),
        ("age_at_diagnosis", "primary_tumour.age_at_diagnosis_years"), ("clinical_stage", "primary_tumour.figo_stage"),
        ("histologic_diagnosis", "primary_tumour.histology_group"), ("tumor_grade", "primary_tumour.grade_code"),
        ("icd_o_3_histology", "primary_tumour.morphology_code"), ("icd_o_3_site", "primary_tumour.topography_code"),
        ("tumor_status", "followup.disease_status"), ("cause_of_death", "death.death_cause"),
    }  # fmt: skip
    assert facility.calendar == "relative"
    assert all(one.read_options.skip_after_header == 2 for one in facility.sources)
    assert all(one.tables == () for one in facility.sources if "omf" in one.files[0])
    assert {column for _, column, item in found if item.endswith(".patient_id")} == {"bcr_patient_barcode"}
    recall, precision = shares(pairs(read_facility(HAND_WRITTEN), names), found)
    assert recall > 0.85
    assert precision > 0.95
    assert "TCGA-" not in draft.text.replace("tcga_cesc", "")


@needs_shared
def test_tcga_doses_take_their_unit_from_its_column(tmp_path: Path) -> None:
    _, facility = drafted(
        tmp_path, "tcga_cesc", [TCGA / "nationwidechildrens.org_clinical_radiation_cesc.txt"]
    )
    tables = [one for source in facility.sources for one in source.tables if "dose_gy" in one.columns]
    assert not tables  # days are counted from a diagnosis that this file does not give: no date, no record
    _, facility = drafted(
        tmp_path, "tcga_cesc", [TCGA / PATIENT, TCGA / "nationwidechildrens.org_clinical_radiation_cesc.txt"]
    )
    (table,) = [one for source in facility.sources for one in source.tables if "dose_gy" in one.columns]
    assert table.columns["dose_gy"].unit_from == "radiation_adjuvant_units"
