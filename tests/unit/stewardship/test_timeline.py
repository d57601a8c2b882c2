"""Records of one day that say the same stand in one line of a patient's time line, whatever they are numbered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from registry_pipeline.stewardship.timeline import TimelineEntry, folded

FIRST = TimelineEntry(
    day=date(2017, 6, 1), precision="day", label="exam_date", table_name="imaging_region", record_key="R1|chest",
    outcome="accepted", facility_id="north", values={"impression": "neg"}, source_record_id="ACC-1",
)  # fmt: skip
SECOND = replace(FIRST, record_key="R2|chest", source_record_id="ACC-2")


def test_what_differs_in_the_number_of_the_record_only_is_one_line() -> None:
    assert folded([FIRST, SECOND], []) == [replace(FIRST, n_records=2)]


def test_a_record_that_says_something_else_or_has_a_finding_stands_by_itself() -> None:
    other = replace(SECOND, values={"impression": "pos"})
    assert folded([FIRST, other], []) == [FIRST, other]
    finding = {"table_name": "imaging_region", "record_key": "R2|chest"}
    assert folded([FIRST, SECOND], [finding]) == [FIRST, SECOND]
