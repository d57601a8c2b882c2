"""Keys of records are keyed hashes: they join and stay, and the facility's number stands in its own column only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from registry_pipeline.pipeline.corrections import APPLIED, with_corrections
from registry_pipeline.validation.decisions.ledger import value_digest
from registry_pipeline.validation.decisions.waivers import Waivers
from registry_pipeline.validation.records import curated, references, whole_key
from registry_pipeline.validation.registry_wide.persons import StagedParts
from registry_pipeline.validation.screening.record_keys import RecordKeys, own_identifier
from registry_pipeline.validation.screening.screen import ScreenOptions
from registry_pipeline.validation.screening.screened import Screened
from schemas.table import key_of
from tests.support.staged import screen, staged_of

KEY = b"k" * 32
PATIENT = {"patient_id": "P1", "facility_id": "x", "sex": "F", "birth_date": date(1960, 5, 1)}
NUMBERS = {
    "tumour_id": "x-ACC|7", "exam_id": "x-ACC 0012", "episode_id": "x-EPI/4", "lesion_id": "P1-L1",
    "lrt_id": "x-COURSE9", "measurement_id": "x-MEAS3", "followup_id": "x-VISIT44", "event_id": "x-EV1",
    "toxicity_id": "x-TOX1", "line_id": "x-LINE1", "treatment_id": "x-TREAT1", "regional_recurrence_id": "x-REC1",
}  # fmt: skip


def _record(name: str, **changed: Any) -> dict[str, Any]:
    """A record of a table with an identifier in every column that holds one."""
    columns = curated()[name].columns
    values = {**NUMBERS, "patient_id": "P1", "facility_id": "x", "body_region": "chest"}
    return {key: value for key, value in values.items() if key in columns} | changed


def _tables() -> dict[str, list[dict[str, Any]]]:
    return {
        name: [PATIENT if name == "patient" else _record(name)]
        for name in curated()
        if name not in ("patient_xref", "death")
    }


def _screened(tables: Mapping[str, list[dict[str, Any]]], key: bytes = KEY, **options: Any) -> Screened:
    return screen(staged_of(tables), options=ScreenOptions(record_keys=RecordKeys(key), **options))


def _records(screened: Screened, name: str) -> pl.DataFrame:
    return pl.concat([screened.accepted[name], screened.quarantined[name]])


def test_no_number_of_a_record_stands_outside_its_column() -> None:
    screened = _screened(_tables())
    numbers = [number.removeprefix("x-") for number in NUMBERS.values()]
    frames = {name: _records(screened, name) for name in curated()}
    frames |= {"finding": screened.findings, "quarantine": screened.quarantine}
    holders = set()
    for name, frame in frames.items():
        texts = frame.select(pl.col(pl.String))
        holders |= {
            f"{name}.{column}"
            for column in texts.columns
            if any(texts[column].str.contains(number, literal=True).any() for number in numbers)
        }
    named = {f"{name}.source_record_id" for name in curated() if own_identifier(name)}
    quoted = {"finding.value_text", "finding.suggestion", "finding.message"}
    assert named <= holders <= named | quoted | {"finding.source_record_id", "quarantine.source_record_id"}


def test_references_join_as_the_identifiers_did() -> None:
    screened = _screened(_tables())
    for name, model in curated().items():
        for column, parent, key in references(model):
            own = _records(screened, name)[column.name].drop_nulls()
            assert own.is_in(_records(screened, parent)[key].implode()).all(), f"{name}.{column.name}"
    event, lesion = _records(screened, "event"), _records(screened, "lesion")
    assert event["lesion_id"].to_list() == lesion["lesion_id"].to_list()  # by name, not declared a reference


def test_a_record_keeps_its_key_among_others_and_with_the_key_of_the_registry_only() -> None:
    other = [PATIENT | {"patient_id": "P0"}]
    more = {"patient": [*other, PATIENT], "lesion": [_record("lesion", lesion_id="P0-L9"), _record("lesion")]}
    alone = _records(_screened(_tables()), "lesion")["lesion_id"].to_list()
    among = _records(_screened(more), "lesion")
    assert alone[0] in among["lesion_id"].to_list() and among["lesion_id"].n_unique() == 2
    assert _records(_screened(_tables(), key=b"l" * 32), "lesion")["lesion_id"].to_list() != alone
    same = {name: frame[key_of(curated()[name])[0]][0] for name, frame in _screened(_tables()).quarantined.items()
            if frame.height and name in ("imaging_exam", "imaging_region")}  # fmt: skip
    assert len(set(same.values())) == 1


def test_findings_and_quarantine_name_the_record_by_its_key_and_as_the_facility_does() -> None:
    screened = _screened({"patient": [PATIENT], "lesion": [_record("lesion", episode_id="x-epi 4")],
                          "omd_episode": [_record("omd_episode", episode_id="x-EPI/4")]})  # fmt: skip
    finding = screened.findings.filter(pl.col("rule_id") == "S18").row(0, named=True)
    lesion = _records(screened, "lesion")
    assert finding["record_key"] == lesion.select(whole_key("lesion"))["lesion_id"][0]
    assert finding["source_record_id"] == "P1-L1"
    assert finding["value_text"] == "x-epi 4" and finding["suggestion"] == "x-EPI/4"
    parent = screened.quarantine.filter(pl.col("table_name") == "lesion").row(0, named=True)
    assert (parent["record_key"], parent["source_record_id"]) == (finding["record_key"], "P1-L1")


def test_a_waiver_finds_the_record_again() -> None:
    tables = {"patient": [PATIENT], "measurement": [_record("measurement", long_axis_mm=0.5)]}
    screened = _screened(tables)
    finding = screened.findings.filter(pl.col("rule_id") == "M01").row(0, named=True)
    waived = {finding["finding_id"]: value_digest(finding["value_text"], KEY)}
    causes = [
        ",".join(result.quarantine.filter(pl.col("reason") == "own")["cause"])
        for result in (screened, _screened(tables, waivers=Waivers(waived, KEY)))
    ]
    assert "M01" in causes[0] and "M01" not in causes[1]


def test_a_correction_finds_the_record_again() -> None:
    tables = {"patient": [PATIENT], "primary_tumour": [_record("primary_tumour")]}
    finding = _screened(tables).findings.filter(pl.col("rule_id") == "S10").row(0, named=True)
    correction = {
        "decision_no": 1,
        "column_name": "dx_date",
        "new_value": "2015-03-04",
        "value_received": None,
    }
    applied = pl.DataFrame([finding | correction]).select(list(APPLIED))
    staged = staged_of(tables)
    parts = StagedParts(staged.tables, staged.issues, staged.rows, staged.file_issues, {}, {})
    for record_key, day in ((finding["record_key"], date(2015, 3, 4)), ("R0000000000000000", None)):
        named = applied.with_columns(pl.lit(record_key).alias("record_key"))
        corrected = with_corrections(parts, named, RecordKeys(KEY))
        assert corrected.tables["primary_tumour"]["dx_date"].to_list() == [day]
