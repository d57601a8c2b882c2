"""What a column says of a person is declared: no text column without a code list is overlooked."""

from pathlib import Path

import pytest

import schemas
from schemas.columns import Column
from schemas.derive import dictionary_rows
from schemas.table import columns_of

REVIEWED = Path(__file__).parent / "columns_of_no_person.txt"
COLUMNS = [(name, column) for name, model in schemas.tables().items() for column in columns_of(model)]


def untagged() -> list[str]:
    """Text columns of tables with rows of persons that are neither coded nor tagged."""
    return sorted(
        f"{name}.{column.name}"
        for name, column in COLUMNS
        if name.startswith(("curated.", "mart.", "quality."))
        and column.kind == "text"
        and column.codes is None
        and not (column.is_identifying or column.is_quasi_identifier or column.is_free_text)
    )


def test_a_text_column_has_its_tags_or_was_read_by_people() -> None:
    assert untagged() == REVIEWED.read_text(encoding="utf-8").split()


@pytest.mark.parametrize(
    "name",
    [
        "curated.patient.birth_date", "curated.patient.birth_date_lower", "curated.imaging_exam.exam_id",
        "curated.followup.followup_id", "curated.event.event_id", "curated.measurement.measurement_id",
        "quality.finding.record_key", "quality.finding.source_file", "quality.finding.message",
        "quality.finding.items", "quality.finding.source_column", "quality.decision.decided_by",
    ],
)  # fmt: skip
def test_what_identifies_is_marked(name: str) -> None:
    marked = {
        f"{row['schema_name']}.{row['table_name']}.{row['column_name']}"
        for row in dictionary_rows()
        if row["is_identifying"]
    }
    assert name in marked


def test_every_key_that_a_facility_numbers_is_identifying() -> None:
    kept: list[tuple[str, Column]] = [
        (name, column)
        for name, column in COLUMNS
        if name.startswith("curated.") and column.name.endswith("_id") and not column.is_identifying
    ]
    # a pseudonym and the facility are all that is left
    assert {column.name for _, column in kept} == {"patient_id", "facility_id"}
