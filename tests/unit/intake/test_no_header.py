"""Exports without a header: their first record stands where names of columns are looked for, and is shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_pipeline.intake.profiling.draft import draft_mapping
from tests.support.staging import Place, source, table

PATIENT = table("patient", 'patient_id = "no"', 'birth_date = "born"', 'residence_region = "region"')
RECORDS = [
    "Zanzibara Canaryova,K-77123,1951-03-04,Hidden Street 9",
    "K-77123,Zanzibara Canaryova,Hidden Street,lung",
    "Canaryova;Zanzibara;Oncology ward",
]
CANARIES = ("Zanzibara", "Canaryova", "77123", "Hidden", "1951-03-04")


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("n_rows", [1, 2, 3, 30])
def test_findings_of_a_file_without_header_show_nothing_of_its_first_record(
    record: str, n_rows: int, tmp_path: Path
) -> None:
    place = Place(tmp_path, source(PATIENT))
    place.send(
        "a.csv", "\n".join([record, *(f"M{at},B{at},1960-01-02,x" for at in range(n_rows - 1))]) + "\n"
    )
    issues = place.stage().file_issues
    shown = " ".join(str(value) for row in issues.iter_rows() for value in row)
    assert not [canary for canary in CANARIES if canary in shown]
    assert "none of the mapped columns is in the first row" in shown


def test_a_second_export_without_header_suggests_no_value_as_the_new_name(tmp_path: Path) -> None:
    place = Place(tmp_path, source(PATIENT))
    rows = [f"K{at},1960-01-{at + 1:02d},District {at % 3}" for at in range(25)]
    place.send("a.csv", "\n".join(["no,born,region", *rows]) + "\n")
    place.land()
    place.send("b.csv", "\n".join(rows) + "\n")
    issues = place.stage().file_issues
    shown = " ".join(str(value) for row in issues.iter_rows() for value in row)
    assert "K0" not in shown and "1960-01-01" not in shown and "District" not in shown


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("n_rows", [1, 2, 3, 4])
def test_a_draft_of_a_few_records_without_header_holds_nothing_of_them(
    record: str, n_rows: int, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    separator = ";" if ";" in record else ","
    other = separator.join(f"v{place}" for place in range(record.count(separator) + 1))
    path.write_text("\n".join([record, *[other] * (n_rows - 1)]) + "\n", encoding="utf-8")
    draft = draft_mapping("west", [path])
    assert not [canary for canary in CANARIES if canary in draft.text]
    assert draft.problems and "looks like a record" in draft.problems[0]


def test_a_draft_of_a_header_alone_is_a_draft(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("patient id,date of birth,sex,remark\n", encoding="utf-8")
    draft = draft_mapping("west", [path])
    assert not draft.problems and "date of birth" in draft.text
