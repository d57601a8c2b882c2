"""Identifiers as numbers: one number per text, strangers behind the known, texts back where one is shown."""

from datetime import date

import polars as pl

from registry_pipeline.validation.screening.identifiers import number_identifiers
from tests.support.staged import records_of, screen, staged_of


def test_one_text_has_one_number_in_every_table() -> None:
    patients = [{"patient_id": one} for one in ("P2", "P1", None)]
    exams = [{"exam_id": "X1", "patient_id": "P1"}, {"exam_id": "X2", "patient_id": "P9"}]
    events = [{"event_id": one, "patient_id": one} for one in ("P8", None, "P2", "P9")]
    records = records_of({"patient": patients, "imaging_exam": exams, "event": events})
    made = number_identifiers(records)
    assert made.n_known["patient"] == 2
    for name in ("patient", "imaging_exam", "event"):
        numbers = made.numbers[name]["patient_id"]
        assert made.texts["patient"].gather(numbers).to_list() == records[name]["patient_id"].to_list()
    assert made.numbers["imaging_exam"]["patient_id"].to_list()[1] >= 2
    assert made.texts["patient"].is_unique().all()
    assert made.numbers["event"]["patient_id"].dtype == pl.UInt32


def test_a_suggested_identifier_is_shown_as_text() -> None:
    lesions = [{"lesion_id": one, "patient_id": one[0], "lesion_site": "lung"} for one in ("A1", "B1", "B2")]
    events = [
        {"event_id": one, "patient_id": one, "event_type": "local_recurrence", "event_date": date(2018, 1, 1)}
        for one in ("A", "B")
    ]
    done = screen(staged_of({"lesion": lesions, "event": events}))
    found = done.findings.filter(pl.col("rule_id") == "U04").sort("record_key")
    assert found["suggestion"].to_list() == ["A1", None]
