"""Facilities that are screened under one another get what each gets alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from registry_pipeline.core.settings import Settings
from registry_pipeline.core.sql_files import SqlFile, sql_files
from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue, parameters_of
from registry_pipeline.validation.screening.record_keys import RecordKeys
from registry_pipeline.validation.screening.screen import Screening, ScreenOptions, screen_facility
from registry_pipeline.validation.screening.screened import Screened
from schemas.table import Rule
from tests.support.staged import EXTRACT_DATE, Staged, frame_of, staged_of

RULES, PARAMETERS = catalogue(), parameters_of(Settings(), EXTRACT_DATE)
KEY = b"a key of 32 bytes for this test.."
ASKED_FOR = ("regional_recurrence", "imaging_exam", "lesion", "toxicity")
"""Tables of which rules ask whether a facility sends any."""
SENT: list[tuple[tuple[str, ...], Sequence[str], bool]] = [
    (("within", "between"), (), False),
    ((), (), False),
    (("between",), ASKED_FOR, True),
]
"""Examples of which rules, tables left out, and whether no record says to which other one it belongs."""
_REFERENCES = ("patient_id", "episode_id", "lesion_id", "lrt_id", "tumour_id")


def _sent_by(facility_id: str, kinds: Sequence[str], without: Sequence[str], blank: bool) -> Staged:
    """The examples of all rules as what a facility sent, the patients of each by themselves."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for number, example in enumerate(_examples(kinds)):
        for name, rows in example.items():
            if name[0] != "_" and name not in without:
                every = [other for row in rows for other in (row, *row.get("_others", ()))]
                own = [_as_own(row, facility_id, f"-{number}", blank) for row in every]
                tables.setdefault(name, []).extend(own)
    for number, mm in enumerate((*[10.0] * 60, *[100.0] * 6) if "within" in kinds else ()):
        size = {"measurement_id": f"{facility_id}-m{number}", "facility_id": facility_id, "long_axis_mm": mm}
        dose = {"lrt_id": f"{facility_id}-d{number}", "facility_id": facility_id, "total_dose_gy": mm}
        tables.setdefault("measurement", []).append(size)
        tables.setdefault("lrt_course", []).append(dose)
    own_rows = {"patient": tables.get("patient", [])[:2]}
    for row in own_rows["patient"]:  # the same patient twice, and a value that cannot be
        tables["patient"].append({**row, "sex": "x", "birth_date": None})
    issue = {
        "table_name": "patient",
        "_row_id": 1,
        "column_name": "birth_date",
        "rule_id": "S11",
        "reason": "unreadable",
    }
    file_issue = {
        "rule_id": "S02",
        "submission_id": f"{facility_id}-1",
        "column_name": "x",
        "reason": "not there",
    }
    columns = {("source0", "patient", "birth_date"): f"born at {facility_id}"}
    staged = staged_of(tables, [issue] if tables else (), [file_issue] * 2, (), columns)
    rows = staged.rows.with_columns(
        pl.lit(f"{facility_id}-1").alias("submission_id"),
        pl.when(pl.col("_row_id") == 7).then(pl.lit("blank")).otherwise("fate").alias("fate"),
    )
    return replace(staged, rows=rows, judged={"S05": 3} if kinds else {})


def _examples(kinds: Sequence[str]) -> list[Mapping[str, Any]]:
    """What breaks each rule."""
    between = [
        example
        for rule in RULES.of_scope("facility")
        for example in sql_files("rules")[rule].header["failing"]
    ]
    within = [
        {str(entry.table_name): list(entry.judged_by.failing)}
        for entry in RULES.of_scope("table").values()
        if isinstance(entry.judged_by, Rule)
    ]
    return [*(between if "between" in kinds else ()), *(within if "within" in kinds else ())]


def _as_own(row: Mapping[str, Any], facility_id: str, suffix: str, blank: bool) -> dict[str, Any]:
    named = {
        key: f"{facility_id}-{value}{suffix}" if key.endswith("_id") and value is not None else value
        for key, value in row.items()
        if key[0] != "_"
    }
    if blank:
        named |= dict.fromkeys(set(_REFERENCES) & named.keys()) | dict.fromkeys(
            {"event_evidence"} & named.keys()
        )
    return {**named, "facility_id": facility_id}


def _same(together: Screened, alone: Screened) -> None:
    for field in fields(Screened):
        value, expected = getattr(together, field.name), getattr(alone, field.name)
        if isinstance(value, pl.DataFrame):
            assert_frame_equal(value, expected, categorical_as_str=True)
        elif isinstance(value, dict):
            assert value == expected
        else:
            frames = (value, expected) if isinstance(value, Mapping) else (value.records, expected.records)
            assert list(frames[0]) == list(frames[1])
            for name in frames[0]:
                assert_frame_equal(frames[0][name], frames[1][name], categorical_as_str=True)
    assert_frame_equal(together.doubts.findings, alone.doubts.findings)


def _options(raw: str) -> ScreenOptions:
    def raw_value(cells: pl.DataFrame) -> pl.DataFrame:
        assert (cells["_row_id"] < 10_000).all(), "rows as their facility numbers them"
        return cells.with_columns(pl.format(raw + "{}", "_row_id").alias("value_text"))

    return ScreenOptions(raw_value=raw_value, record_keys=RecordKeys(KEY))


def test_each_of_several_facilities_gets_what_it_gets_alone() -> None:
    ids = [f"f{at}" for at in range(len(SENT))]
    staged = [_sent_by(name, *parts) for name, parts in zip(ids, SENT, strict=True)]
    options = [_options(f"{name} wrote ") for name in ids]
    alone = [
        screen_facility(*sent, RULES, PARAMETERS, own)
        for *sent, own in zip(ids, staged, options, strict=True)
    ]
    screening = Screening(ids, staged, RULES, PARAMETERS, options)
    assert screening.is_as_alone
    for together, own in zip(screening.finish(), alone, strict=True):
        _same(together, own)
    rules = set(alone[0].findings["rule_id"])
    assert {"S02", "S13", "S18"} <= rules and len(rules) > 80 and alone[0].doubts.findings.height


def test_where_a_rule_fails_or_not_all_is_listed_each_is_judged_alone() -> None:
    ids = ["f0", "f1"]
    staged = [_sent_by(name, (), (), False) for name in ids]
    for own in staged:
        own.tables["patient"] = frame_of("patient", [{"patient_id": "P1", "source_patient_id": "x"}])
    query = "SELECT _row_id, CAST(source_patient_id AS INTEGER) > 5 AS is_violated FROM screened.patient"
    failing = replace(
        RULES.entries["H02"], table_name="patient", judged_by=SqlFile("H02", {}, query), thresholds={}
    )
    few = ScreenOptions(max_findings=1)
    assert not Screening(
        ids, staged, Catalogue({"H02": failing}), PARAMETERS, [ScreenOptions()] * 2
    ).is_as_alone
    assert not Screening(ids, staged, RULES, PARAMETERS, [few] * 2).is_as_alone
    assert Screening(ids[:1], staged[:1], RULES, PARAMETERS, [few]).is_as_alone
