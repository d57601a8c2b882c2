"""A synthetic hospital in FHIR R4 with mCODE profiles, as a Bundle or as bulk lines.

Belongs here: resources as a server would export them, with the three ways to refer to a patient.
Does not belong here: what a refresh makes of them (``tests/e2e/test_fhir_facility.py``).
"""

from __future__ import annotations

import json
from typing import Any

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"
SCT, LOINC, UCUM = "http://snomed.info/sct", "http://loinc.org", "http://unitsofmeasure.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
ICDO3 = "http://terminology.hl7.org/CodeSystem/icd-o-3"
N_PATIENTS = 12
Json = dict[str, Any]
SITES = (("39607008", "Lung structure", "C78.0"), ("76838003", "Supraclavicular lymph node", "C77.0"))
STAGES = ("FIGO Stage IB1", "FIGO Stage IIB", "FIGO Stage IIIB")


def concept(system: str, code: str, display: str = "") -> Json:
    """A CodeableConcept with one coding."""
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def quantity(value: float, unit: str) -> Json:
    """A Quantity in UCUM."""
    return {"value": value, "system": UCUM, "code": unit, "unit": unit}


def extension(name: str, **value: Any) -> Json:
    """An mCODE extension."""
    return {"url": MCODE + name, **value}


def resource(kind: str, own_id: str, profile: str | None, subject: Json | None, **elements: Any) -> Json:
    """A resource; ``profile`` None leaves meta.profile out, as many exports do."""
    meta = {"meta": {"profile": [MCODE + profile]}} if profile else {}
    return {
        "resourceType": kind,
        "id": own_id,
        **meta,
        **({"subject": subject} if subject else {}),
        **elements,
    }


def address(number: int) -> str:
    """The fullUrl of a patient's entry."""
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def reference(number: int) -> Json:
    """A patient, referred to in each of the ways in turn."""
    ways = (
        f"Patient/pat-{number}",
        address(number),
        f"https://fhir.example/r4/Patient/pat-{number}/_history/3",
    )
    return {"reference": ways[number % 3]}


def patient(number: int) -> Json:
    """A woman; every fourth has died."""
    died = {"deceasedDateTime": f"2019-0{number % 9 + 1}-11T23:30:00+01:00"} if number % 4 == 0 else {}
    return {
        "resourceType": "Patient",
        "id": f"pat-{number}",
        "meta": {"profile": [MCODE + "cancer-patient|4.0.0"]},
        "identifier": [{"system": "urn:mrn", "value": f"MRN{number:05d}"}],
        "name": [{"family": "Not", "given": ["Read"]}],
        "gender": "female",
        "birthDate": f"{1950 + number}-0{number % 9 + 1}" + ("" if number % 5 == 0 else "-15"),
        "address": [{"state": f"Region {number % 3}"}],
        **died,
    }


def of_patient(number: int) -> list[Json]:
    """All resources of one patient but the patient's own."""
    subject, year = reference(number), 2014 + number % 3
    primary = resource(
        "Condition",
        f"tum-{number}",
        "primary-cancer-condition",
        subject,
        clinicalStatus=concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        code={
            "coding": [
                {"system": SCT, "code": "363354003", "display": "Malignant tumor of cervix"},
                {"system": ICD10, "code": "C53.9", "display": "Malignant neoplasm of cervix uteri"},
            ]
        },
        extension=[
            extension("histology-morphology-behavior", valueCodeableConcept=concept(ICDO3, "8070/3", "SCC"))
        ],
        onsetDateTime=f"{year}-03-1{number % 9}",
        stage=[
            {"summary": concept("", f"{number % 3}", STAGES[number % 3]), "type": concept(SCT, "254383006")}
        ],
    )
    stage = resource(
        "Observation", f"stg-{number}", "figo-stage", subject, status="final",
        code=concept(SCT, "385361009"), valueCodeableConcept=concept("", "x", STAGES[number % 3]),
        effectiveDateTime=f"{year}-03-20",
    )  # fmt: skip
    marker = resource(
        "Observation", f"scc-{number}", "tumor-marker-test", subject, status="final",
        code=concept(LOINC, "9679-2", "Squamous cell carcinoma Ag"), effectiveDateTime=f"{year}-03-21",
        focus=[{"reference": f"Condition/tum-{number}"}], valueQuantity=quantity(2.5 + number, "ug/L"),
    )  # fmt: skip
    operation = resource(
        "Procedure", f"op-{number}", "cancer-related-surgical-procedure", subject, status="completed",
        code=concept(SCT, "236887007", "Radical hysterectomy"), performedDateTime=f"{year}-04-05",
        reasonReference=[{"reference": f"Condition/tum-{number}"}],
        extension=[extension("procedure-intent", valueCodeableConcept=concept(SCT, "373808002"))],
    )  # fmt: skip
    statuses = [
        resource(
            "Observation", f"sta-{number}-{after}", "cancer-disease-status" if after == 1 else None, subject,
            status="final", code=concept(LOINC, "97509-4", "Cancer disease progression"),
            valueCodeableConcept=concept(SCT, "260415000" if number % 2 else "359746009"),
            effectiveDateTime=f"{year + 3}-{6 + after:02d}-02T09:00:00Z",
        )
        for after in (1, 2)
    ]  # fmt: skip
    return [primary, stage, marker, operation, *oligometastases(number, subject, year + 2), *statuses]


def oligometastases(number: int, subject: Json, year: int) -> list[Json]:
    """One or two metastases with their sizes, volumes and one course of radiotherapy."""
    made: list[Json] = []
    doses = []
    for at in range(1 + number % 2):
        own = f"met-{number}-{at}"
        code, display, icd10 = SITES[at]
        side = {
            "url": MCODE + "laterality-qualifier",
            "valueCodeableConcept": concept(SCT, "7771000", "Left"),
        }
        made += [
            resource(
                "Condition", own, "secondary-cancer-condition" if number % 3 else None, subject,
                code=concept(ICD10, icd10), onsetDateTime=f"{year}-05-07",
                bodySite=[concept(SCT, code, display) | {"extension": [side]}],
                extension=[extension("related-primary-cancer-condition", valueReference={"reference": f"Condition/tum-{number}"})],
            ),
            resource("BodyStructure", own, "radiotherapy-volume", None, patient=subject, location=concept(SCT, code)),
            resource(
                "Observation", f"siz-{number}-{at}", "tumor-size" if number % 2 else None, subject, status="final",
                code=concept(LOINC, "21889-1", "Size Tumor"), effectiveDateTime=f"{year}-05-07",
                focus=[{"reference": f"Condition/{own}"}], method=concept(SCT, "77477000", "CT"),
                component=[
                    {"code": concept(LOINC, "33729-5"), "valueQuantity": quantity(9, "mm")},
                    {"code": concept(LOINC, "33728-7"), "valueQuantity": quantity(round(1.2 + 0.1 * number, 1), "cm")},
                ],
            ),
        ]  # fmt: skip
        parts = [
            {"url": "volume", "valueReference": {"reference": f"BodyStructure/{own}"}},
            {"url": "totalDoseDelivered", "valueQuantity": quantity(5000 + 1000 * at, "cGy")},
            {"url": "fractionsDelivered", "valueUnsignedInt": 5},
        ]
        doses.append(extension("radiotherapy-dose-delivered-to-volume", extension=parts))
    technique = [
        extension("radiotherapy-modality", valueCodeableConcept=concept(SCT, "1156506007", "Photons")),
        extension("radiotherapy-technique", valueCodeableConcept=concept(SCT, "1163157007", "SBRT")),
    ]
    course = resource(
        "Procedure", f"rt-{number}", "radiotherapy-course-summary" if number % 2 else None, subject,
        status="completed", code=concept(SCT, "1217123003", "Radiotherapy course of treatment"),
        performedPeriod={"start": f"{year}-06-01", "end": f"{year}-06-10"},
        extension=[
            extension("procedure-intent", valueCodeableConcept=concept(SCT, "373808002")),
            extension("treatment-termination-reason", valueCodeableConcept=concept(SCT, "182992009")),
            extension("radiotherapy-modality-and-technique", extension=technique),
            extension("radiotherapy-sessions", valueUnsignedInt=5),
            *doses,
        ],
    )  # fmt: skip
    return [*made, course]


def stray() -> list[Any]:
    """Entries that are no record of the study: an organisation, a wrong type, no resource, a bundle within."""
    return [
        {"resourceType": "Organization", "id": "org-1", "name": "Somewhere"},
        {
            "resourceType": "Observation",
            "id": "bad-1",
            "subject": ["pat-1"],
            "code": concept(LOINC, "21889-1"),
        },
        {"id": "nothing"},
        {"resourceType": "Bundle", "type": "collection"},
    ]


def everything(n: int = N_PATIENTS) -> list[Json]:
    """The resources of n patients."""
    return [one for number in range(n) for one in (patient(number), *of_patient(number))]


def bundle(resources: list[Any]) -> str:
    """A Bundle; patients carry the address that others refer to."""
    entries = []
    for one in resources:
        own_id = str(one.get("id", ""))
        named = {"fullUrl": address(int(own_id[4:]))} if own_id.startswith("pat-") else {}
        entries.append({**named, "resource": one})
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}, indent=1)


def lines(resources: list[Any]) -> str:
    """One resource a line."""
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in resources)
