"""FHIR elements that turn the meaning of a resource round: nothing that they void becomes a row, and all is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from registry_pipeline.intake.readers import RawSheet, read_file


def read(tmp_path: Path, *resources: dict[str, Any]) -> dict[str, RawSheet]:
    path = tmp_path / "b.json"
    entries = [{"resource": resource} for resource in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return {sheet.sheet: sheet for sheet in read_file(path).sheets}


def rejected(sheets: dict[str, RawSheet]) -> list[tuple[int, str, str]]:
    return [(r.source_row, r.reason_code, r.message) for s in sheets.values() for r in s.rejects]


def n_rows(sheets: dict[str, RawSheet]) -> int:
    return sum(len(sheet.frame) for sheet in sheets.values())


PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female"}
ADDRESS = "http://example.org/turned-round"


def condition(code: str) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": code}
    icd = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "C78.0"}]}
    return {
        "resourceType": "Condition", "id": "c", "code": icd, "verificationStatus": {"coding": [coding]},
    }  # fmt: skip


VOID = [
    (condition("refuted"), "verificationStatus"),
    (condition("entered-in-error"), "verificationStatus"),
    *[
        ({"resourceType": kind, "id": "x", "status": status}, "status")
        for kind, status in (
            ("Observation", "entered-in-error"), ("Observation", "cancelled"), ("Observation", "registered"),
            ("Procedure", "not-done"), ("Procedure", "preparation"), ("MedicationStatement", "not-taken"),
            ("MedicationAdministration", "not-done"), ("ServiceRequest", "revoked"), ("Encounter", "planned"),
            ("DiagnosticReport", "entered-in-error"), ("Immunization", "not-done"),
        )
    ],
    ({"resourceType": "MedicationRequest", "id": "x", "status": "active", "doNotPerform": True}, "doNotPerform"),
    ({"resourceType": "AdverseEvent", "id": "x", "actuality": "potential"}, "actuality"),
    ({**PATIENT, "id": "p2", "link": [{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}]}, "link"),
]  # fmt: skip


@pytest.mark.parametrize("resource, element", VOID)
def test_a_resource_that_states_nothing_is_no_row_and_is_told(
    tmp_path: Path, resource: dict[str, Any], element: str
) -> None:
    sheets = read(tmp_path, PATIENT, resource)
    assert n_rows(sheets) == 1
    ((place, reason, message),) = rejected(sheets)
    assert (place, reason) == (2, "no_fact")
    assert f"'{element}'" in message or f"its {element} " in message
    assert sum(sheet.n_read for sheet in sheets.values()) == 2


EXTENSION = [{"url": ADDRESS, "valueBoolean": True}]
KNOWN = condition("confirmed")


@pytest.mark.parametrize(
    "resource",
    [
        KNOWN | {"modifierExtension": EXTENSION},
        KNOWN | {"stage": [{"modifierExtension": EXTENSION, "summary": {"text": "IB"}}]},
        KNOWN | {"implicitRules": "http://example.org/rules"},
        PATIENT | {"id": "p9", "contact": [{"modifierExtension": EXTENSION}]},
    ],
)
def test_a_modifier_that_is_not_known_is_never_ignored(tmp_path: Path, resource: dict[str, Any]) -> None:
    sheets = read(tmp_path, PATIENT, resource)
    ((_, reason, message),) = rejected(sheets)
    assert reason == "unknown_modifier"
    assert ADDRESS in message or "implicitRules" in message
    assert n_rows(sheets) == 1


def test_an_address_that_may_hold_something_else_is_not_shown(tmp_path: Path) -> None:
    hostile = KNOWN | {"modifierExtension": [{"url": "Zhang Wei 1960-01-01 <script>"}]}
    ((_, _, message),) = rejected(read(tmp_path, hostile))
    assert "Zhang" not in message


@pytest.mark.parametrize("code", ["confirmed", "unconfirmed", "provisional", "differential"])
def test_a_doubtful_condition_is_a_row_and_is_asked_about(tmp_path: Path, code: str) -> None:
    sheets = read(tmp_path, condition(code), condition(code) | {"id": "d"})
    assert n_rows(sheets) == 2
    warnings = [warning for sheet in sheets.values() for warning in sheet.warnings]
    assert bool(warnings) == (code != "confirmed")
    assert all(warning.startswith("2 resources") and code in warning for warning in warnings)


@pytest.mark.parametrize(
    "status", ["completed", "in-progress", "stopped", "final", "amended", "corrected", "unknown"]
)
def test_other_states_are_rows(tmp_path: Path, status: str) -> None:
    sheets = read(tmp_path, {"resourceType": "Procedure", "id": "x", "status": status})
    assert n_rows(sheets) == 1 and rejected(sheets) == []


def test_identifiers_and_addresses_of_former_times_come_last(tmp_path: Path) -> None:
    resource = PATIENT | {
        "identifier": [{"use": "old", "value": "OLD1"}, {"use": "usual", "value": "NEW1"}],
        "address": [{"use": "old", "state": "East"}, {"state": "West"}],
    }
    (row,) = read(tmp_path, resource)["Patient"].frame.to_dicts()
    assert (row["patient_identifier"], row["state"]) == ("NEW1", "West")
