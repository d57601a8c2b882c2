"""FHIR bundles and bulk lines to one sheet per profile: every resource a row or a reason."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_pipeline.intake.parsing.sizes import parse_size
from registry_pipeline.intake.readers import RawSheet, ReadError, ReadLimits, ReadOptions, read_file
from registry_pipeline.intake.readers.fhir.profiles import SHEETS, columns_of_sheet
from tests.support.fhir_bundle import (
    ICD10,
    LOINC,
    MCODE,
    N_PATIENTS,
    SCT,
    bundle,
    concept,
    everything,
    lines,
    patient,
    quantity,
    resource,
    stray,
)
from tests.support.registry_home import ROOT


def sheets(path: Path, content: str | bytes, options: ReadOptions | None = None) -> dict[str, RawSheet]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return {one.sheet: one for one in read_file(path, options).sheets}


def filled(sheet: RawSheet, at: int = 0) -> dict[str, Any]:
    return {name: text for name, text in sheet.frame.row(at, named=True).items() if text is not None}


def test_bundle_lines_and_archives_say_the_same(tmp_path: Path) -> None:
    resources = [one for one in everything(4) if "urn:" not in json.dumps(one)]
    found = sheets(tmp_path / "a.json", bundle(resources))
    assert sum(one.n_read for one in found.values()) == len(resources)
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bulk.ndjson", lines(resources))
    ways = {
        "lines": sheets(tmp_path / "a.ndjson", lines(resources)),
        "unnamed": sheets(tmp_path / "export.txt", lines(resources)),
        "list": sheets(tmp_path / "list.json", json.dumps(resources)),
        "utf-16": sheets(tmp_path / "w.json", b"\xff\xfe" + bundle(resources).encode("utf-16-le")),
        "bom": sheets(tmp_path / "m.json", b"\xef\xbb\xbf" + bundle(resources).encode()),
        "gzip": sheets(tmp_path / "a.ndjson.gz", gzip.compress(lines(resources).encode())),
        "zip": {one.sheet: one for one in read_file(packed).sheets},
    }
    for way, others in ways.items():
        assert list(others) == list(found), way
        for name, sheet in found.items():
            assert others[name].frame.equals(sheet.frame), (way, name)


def test_rows_know_their_entry_and_every_resource_has_one(tmp_path: Path) -> None:
    resources = everything() + stray()
    found = sheets(tmp_path / "a.json", bundle(resources))
    places = [at for sheet in found.values() for at in sheet.frame["source_row"]]
    places += [one.source_row for sheet in found.values() for one in sheet.rejects]
    assert sorted(places) == list(range(1, len(resources) + 1))
    assert [one.reason_code for one in found["Other"].rejects] == [
        "wrong_type",
        "no_resource",
        "nested_bundle",
    ]
    assert found["Patient"].n_read == N_PATIENTS
    assert filled(found["Other"])["resource_type"] == "Organization"


def test_columns_are_there_whatever_the_resources_fill(tmp_path: Path) -> None:
    found = sheets(tmp_path / "a.json", bundle([{"resourceType": "Patient", "id": "p"}]))
    assert found["Patient"].frame.columns == [*columns_of_sheet("Patient"), "source_row"]
    assert filled(found["Patient"]) == {"id": "p", "patient": "p", "source_row": 1}


def test_the_documentation_lists_every_sheet_and_column() -> None:
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    missing = [
        (sheet, column)
        for sheet in SHEETS
        for column in columns_of_sheet(sheet)
        if f"`{sheet}`" not in text or not any(f"`{form}`" in text for form in documented(column))
    ]
    assert missing == []


def documented(column: str) -> set[str]:
    """The forms under which a column may stand in the documentation: concepts and numbered columns once."""
    plain = column
    for suffix in ("_code", "_display", "_further"):
        plain = plain.removesuffix(suffix)
    numbered = {"".join("N" if one.isdigit() else one for one in form) for form in (plain, column)}
    return {column, plain, *numbered}


def test_concepts_keep_system_code_and_display(tmp_path: Path) -> None:
    code = {
        "coding": [
            {"system": SCT, "code": "94391008"},
            {"system": ICD10, "code": "C78.0", "display": "Secondary malignant neoplasm of lung"},
        ],
        "text": "lung metastasis",
    }
    condition = resource(
        "Condition",
        "c",
        None,
        {"reference": "Patient/p"},
        code=code,
        onsetPeriod={"start": "2019", "end": "2019-07"},
    )
    found = filled(sheets(tmp_path / "a.json", bundle([condition]))["SecondaryCancerCondition"])
    assert found == {
        "id": "c",
        "patient": "p",
        "code": f"{SCT}|94391008",
        "code_code": "94391008",
        "code_display": "Secondary malignant neoplasm of lung",
        "code_further": f"{ICD10}|C78.0",
        "code_icd10": "C78.0",
        "code_snomed": "94391008",
        "onset": "2019",
        "onset_end": "2019-07",
        "source_row": 1,
    }


@pytest.mark.parametrize(
    ("given_resource", "sheet"),
    [
        ({"resourceType": "Condition", "code": concept(ICD10, "C53.9")}, "PrimaryCancerCondition"),
        ({"resourceType": "Condition", "code": concept(ICD10, "C77.0")}, "SecondaryCancerCondition"),
        ({"resourceType": "Condition", "code": concept(ICD10, "E11.9")}, "Other"),
        ({"resourceType": "Observation", "code": concept(LOINC, "21889-1")}, "TumorSize"),
        ({"resourceType": "Observation", "code": concept(LOINC, "21908-9")}, "CancerStage"),
        ({"resourceType": "Observation", "code": concept(SCT, "385361009")}, "CancerStage"),
        ({"resourceType": "Observation", "code": concept(LOINC, "97509-4")}, "CancerDiseaseStatus"),
        ({"resourceType": "Observation", "code": concept("urn:local", "97509-4")}, "Other"),
        ({"resourceType": "Procedure", "code": concept(SCT, "1217123003")}, "RadiotherapyCourseSummary"),
        ({"resourceType": "Procedure", "code": concept(SCT, "1")}, "Other"),
        ({"resourceType": "Patient"}, "Patient"),
        ({"resourceType": "BodyStructure"}, "BodyStructure"),
        (
            {"resourceType": "Observation", "meta": {"profile": [f"{MCODE}tnm-clinical-stage-group|2.0.0"]}},
            "CancerStage",
        ),
        (
            {"resourceType": "Condition", "meta": {"profile": [f"{MCODE}secondary-cancer-condition"]}},
            "SecondaryCancerCondition",
        ),
    ],
)
def test_resources_are_known_by_profile_else_by_code(tmp_path: Path, given_resource: Any, sheet: str) -> None:
    assert list(sheets(tmp_path / "a.json", bundle([given_resource]))) == [sheet]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"reference": "Patient/pat-1"}, "pat-1"),
        ({"reference": "Patient/pat-1/_history/2"}, "pat-1"),
        ({"reference": "https://h.example/fhir/Patient/pat-1"}, "pat-1"),
        ({"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"}, "pat-1"),
        ({"reference": "urn:uuid:not-in-the-bundle"}, "not-in-the-bundle"),
        ({"identifier": {"value": "MRN00001"}}, "pat-1"),
        ({"identifier": {"value": "unknown"}}, None),
        ({"reference": "#p1"}, None),
        ({"reference": "Patient?identifier=1"}, None),
        ({"display": "somebody"}, None),
    ],
)
def test_references_lead_to_the_patient_or_nowhere(
    tmp_path: Path, reference: Any, expected: str | None
) -> None:
    """``#p1`` is a part of its own resource: two resources may mean two women by it."""
    size = resource("Observation", "o", "tumor-size", reference)
    found = sheets(tmp_path / "a.json", bundle([patient(1), size]))["TumorSize"].frame
    assert found["patient"].to_list() == [expected]
    assert found["patient_identifier"].to_list() == ["MRN00001" if expected == "pat-1" else None]


def test_an_identifier_that_two_patients_share_leads_nowhere(tmp_path: Path) -> None:
    twins = [patient(1), patient(2) | {"identifier": [{"value": "MRN00001"}]}]
    size = resource("Observation", "o", "tumor-size", {"identifier": {"value": "MRN00001"}})
    assert sheets(tmp_path / "a.json", bundle([*twins, size]))["TumorSize"].frame["patient"].to_list() == [
        None
    ]


def test_a_medical_record_number_goes_before_other_identifiers(tmp_path: Path) -> None:
    number = {"type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR"), "value": "M7"}
    one = {"resourceType": "Patient", "id": "p", "identifier": [{"value": "insurance"}, number]}
    assert filled(sheets(tmp_path / "a.json", bundle([one]))["Patient"])["patient_identifier"] == "M7"


def test_names_and_telephone_numbers_are_not_read(tmp_path: Path) -> None:
    one = patient(1) | {
        "telecom": [{"value": "0151"}],
        "address": [{"line": ["Main street"], "state": "North"}],
    }
    found = sheets(tmp_path / "a.json", bundle([one]))["Patient"].frame
    told = " ".join(text for row in found.rows() for text in map(str, row))
    assert not {"Not", "Read", "0151", "street"} & set(told.split())
    assert found["state"].to_list() == ["North"]


def test_numbers_stay_as_they_were_written(tmp_path: Path) -> None:
    text = bundle([resource("Observation", "o", "tumor-marker-test", {"reference": "Patient/p"})])
    text = text.replace(
        '"id": "o",', '"id": "o", "valueQuantity": {"value": 1.50, "comparator": "<", "unit": "ng/mL"},'
    )
    found = filled(sheets(tmp_path / "a.json", text)["TumorMarkerTest"])
    assert (found["quantity_value"], found["quantity_unit"]) == ("<1.50", "ng/mL")


def test_sizes_have_the_longest_dimension_first(tmp_path: Path) -> None:
    parts = [
        {"code": concept(LOINC, code), "valueQuantity": quantity(value, unit)}
        for code, value, unit in (
            ("33729-5", 8, "mm"),
            ("33728-7", 1.2, "cm"),
            ("33729-5", 5, "mm"),
            ("1-1", 99, "mm"),
        )
    ]
    found = filled(
        sheets(
            tmp_path / "a.json", bundle([resource("Observation", "o", "tumor-size", None, component=parts)])
        )["TumorSize"]
    )
    assert found["size"] == "1.2 cm x 8 mm x 5 mm"
    assert [found[name] for name in ("longest_value", "longest_unit", "other_1_value", "other_2_unit")] == [
        "1.2",
        "cm",
        "8",
        "mm",
    ]


@pytest.mark.parametrize(
    ("elements", "size"),
    [
        ({"component": [("33728-7", {}), ("33729-5", {"valueQuantity": quantity(9, "mm")})]}, "? x 9 mm"),
        ({"component": [("33729-5", {"valueQuantity": quantity(9, "mm")})]}, "? x 9 mm"),
        ({"valueQuantity": quantity(14, "mm")}, "14 mm"),
        ({"valueString": "14 x 9 mm"}, "14 x 9 mm"),
        (
            {
                "valueQuantity": quantity(3.2, "cm"),
                "component": [("33729-5", {"valueQuantity": quantity(9, "mm")})],
            },
            "3.2 cm x 9 mm",
        ),
        ({"component": [("33728-7", {"valueString": "12 mm"})]}, "12 mm"),
        ({"component": [("33728-7", {"valueRange": {"low": quantity(10, "mm")}})]}, "?"),
        ({"valueInteger": 14}, "?"),
        ({"component": [("33728-7", {"dataAbsentReason": concept(LOINC, "x")})]}, None),
        ({"dataAbsentReason": concept(LOINC, "x")}, None),
    ],
)
def test_a_further_dimension_is_never_taken_for_the_longest_and_no_size_is_left_out(
    elements: dict[str, Any], size: str | None, tmp_path: Path
) -> None:
    parts = [{"code": concept(LOINC, code), **value} for code, value in elements.get("component", [])]
    own = resource("Observation", "o", "tumor-size", None, **elements | {"component": parts})
    assert filled(sheets(tmp_path / "a.json", bundle([own]))["TumorSize"]).get("size") == size
    if size is not None:
        assert (parse_size(size).status == "query") == ("?" in size)


def test_further_volumes_get_further_columns(tmp_path: Path) -> None:
    doses = [
        {
            "url": f"{MCODE}radiotherapy-dose-delivered-to-volume",
            "extension": [
                {"url": "volume", "valueReference": {"reference": f"BodyStructure/v{at}"}},
                {"url": "totalDoseDelivered", "valueQuantity": quantity(1000 * at, "cGy")},
                {"url": "fractionsDelivered", "valueUnsignedInt": at},
            ],
        }
        for at in range(1, 6)
    ]
    course = resource(
        "Procedure", "rt", "radiotherapy-course-summary", {"reference": "Patient/p"}, extension=doses
    )
    found = filled(sheets(tmp_path / "a.json", bundle([course]))["RadiotherapyCourseSummary"])
    assert found["n_volumes"] == "5"
    assert [found[f"dose_{at}_volume"] for at in range(1, 6)] == ["v1", "v2", "v3", "v4", "v5"]
    assert (found["dose_5_value"], found["dose_5_unit"], found["dose_5_fractions"]) == ("5000", "cGy", "5")


def test_a_page_of_several_is_a_warning(tmp_path: Path) -> None:
    page = json.loads(bundle([patient(1)])) | {"link": [{"relation": "next", "url": "https://h.example/2"}]}
    (warning,) = sheets(tmp_path / "a.json", json.dumps(page))["Other"].warnings
    assert "one page of several" in warning and "h.example" not in warning


REPEATED = '{"resourceType": "Patient", "id": "p", "gender": "female", "gender": "male"}'
DEEP = '{"resourceType": "Patient", "x": ' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (REPEATED, "repeated_names"),
        (DEEP, "nested_too_deeply"),
        ('{"resourceType": "Patient", "id": "p', "malformed_json"),
        ('{"resourceType": "Patient", "id": NaN}', "malformed_json"),
        ('{"resourceType": "Patient", "id": "a\\u0000b"}', "nul_byte"),
        ('{"resourceType": "Patient", "id": "\\ud800"}', "undecodable"),
        ('{"resourceType": "Patient", "id": "\\ufffd"}', "undecodable"),
        ('{"resourceType": "Patient", "id": "' + "x" * 300_000 + '"}', "cell_too_long"),
        ('{"resourceType": "Patient", "id": {"a": 1}}', "wrong_type"),
        ('{"resourceType": "Condition", "code": "C53"}', "wrong_type"),
        ('{"resourceType": "Condition", "code": {"coding": 1}}', "wrong_type"),
        ('{"resourceType": "Observation", "meta": 1}', "wrong_type"),
        ('{"resourceType": 7}', "no_resource"),
        ('{"resourceType": "Bundle"}', "nested_bundle"),
        ("null", "no_resource"),
        ('["a"]', "no_resource"),
    ],
    ids=range(16),
)  # fmt: skip
def test_a_bad_line_is_one_reject_and_the_others_are_read(tmp_path: Path, line: str, reason: str) -> None:
    good = json.dumps(patient(1))
    found = sheets(tmp_path / "a.ndjson", f"{good}\n{line}\n\n{good}\n")
    assert [(one.source_row, one.reason_code) for one in found["Other"].rejects] == [(2, reason)]
    assert found["Other"].blank_rows == [3]
    assert found["Patient"].frame["source_row"].to_list() == [1, 4]
    assert sum(one.n_read for one in found.values()) == 4
    assert "pat-1" not in found["Other"].rejects[0].message


def test_a_repeated_name_in_a_bundle_costs_its_own_resource_only(tmp_path: Path) -> None:
    text = bundle([patient(1), {"resourceType": "Patient", "id": "here"}, patient(2)])
    text = text.replace('"id": "here"', '"id": "here", "name": [{"use": "a", "use": "b"}]')
    found = sheets(tmp_path / "a.json", text)
    assert found["Patient"].frame["id"].to_list() == ["pat-1", "pat-2"]
    assert [(one.source_row, one.reason_code) for one in found["Other"].rejects] == [(2, "repeated_names")]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.json", bundle(everything(2))[:5000], "damaged"),
        ("a.json", '{"resourceType": "Bundle", "entry": ' + "[" * 100_000, "damaged"),
        ("a.json", '{"resourceType": "Bundle", "entry": {"a": 1}}', "damaged"),
        ("a.json", '{"resourceType": "Bundle"}', "empty"),
        ("a.json", '{"resourceType": "Bundle", "entry": []}', "empty"),
        ("a.json", '[{"record_id": "1"}, {"record_id": "2"}]', "unsupported_format"),
        ("a.csv", '[{"record_id": "1"}]', "unsupported_format"),
        ("a.json", '{"items": []}', "unsupported_format"),
        ("a.json", "id,sex\n1,F\n", "damaged"),
        ("a.json", b'{"resourceType": "Patient", "id": "\xff"}', "undecodable"),
        ("a.json", '{"resourceType": "Patient", "id": "\ufffd"}', "replacement_character"),
    ],
    ids=range(11),
)
def test_a_document_that_cannot_be_read_is_one_line(
    tmp_path: Path, name: str, content: str | bytes, code: str
) -> None:
    with pytest.raises(ReadError) as caught:
        sheets(tmp_path / name, content)
    assert caught.value.code == code
    assert "\n" not in str(caught.value) and "pat-" not in str(caught.value)


def test_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReadError) as caught:
        sheets(tmp_path / "a.json", bundle(everything()), ReadOptions(limits=ReadLimits(max_rows=10)))
    assert caught.value.code == "too_large"
    monkeypatch.setattr("registry_pipeline.intake.readers.fhir.documents.MAX_DOCUMENT_BYTES", 1000)
    with pytest.raises(ReadError) as caught:
        sheets(tmp_path / "a.json", bundle(everything()))
    assert caught.value.code == "too_large"


def test_an_element_of_a_hundred_megabytes_costs_its_resource_only(tmp_path: Path) -> None:
    text = bundle([{"resourceType": "Patient", "id": "HERE"}, patient(1)]).replace("HERE", "x" * 100_000_000)
    found = sheets(tmp_path / "a.json", text)
    assert [one.reason_code for one in found["Other"].rejects] == ["cell_too_long"]
    assert found["Patient"].frame["id"].to_list() == ["pat-1"]


def test_a_table_that_begins_with_a_bracket_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("[id],{sex}\n1,F\n")
    assert read_file(tmp_path / "a.csv").reader == "csv"


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
ELEMENTS = st.sampled_from(
    ["id", "meta", "profile", "subject", "reference", "code", "coding", "system", "extension", "url", "stage", "component"]
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ELEMENTS, inner, max_size=4)
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["Patient", "Condition", "Observation", "Procedure", "BodyStructure", "Nonsense"]),
    element=st.sampled_from(["meta", "code", "subject", "extension", "stage", "component", "identifier", "bodySite"]),
    value=VALUES,
)  # fmt: skip
def test_whatever_stands_in_an_element_the_resource_is_a_row_or_a_reject(
    tmp_path: Path, kind: str, element: str, value: Any
) -> None:
    content = json.dumps(
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": kind, element: value}}]}
    )
    found = sheets(tmp_path / "any.json", content)
    assert sum(one.n_read for one in found.values()) == 1
