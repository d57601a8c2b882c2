"""The columns of each sheet that FHIR resources are read to.

Belongs here: mCODE profiles (HL7 mCODE Implementation Guide, STU 2 to 4, FHIR R4) as flat, documented columns;
docs/formats.md lists them. Does not belong here: FHIR's data types (``intake/readers/fhir/values.py``), which resource goes
to which sheet (``intake/readers/fhir/kinds.py``).

Names, telephone numbers and addresses below the district are not read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry_pipeline.intake.readers.fhir.kinds import OTHER, profiles
from registry_pipeline.intake.readers.fhir.modifiers import is_old
from registry_pipeline.intake.readers.fhir.values import (
    Cells,
    References,
    Resource,
    concept,
    extended,
    extension,
    first,
    in_system,
    quantity,
    record,
    records,
    repeated,
    scalar,
    when,
)

Columns = Callable[[Resource, References], Cells]

_LONGEST, _FURTHER_DIMENSION = "33728-7", "33729-5"
_NOT_UNDERSTOOD = "?"  # no size, so rule M03 asks for it
_DOSE: Cells = {"volume": None, "value": None, "unit": None, "fractions": None}
_MODALITY: Cells = {**concept("modality", None), **concept("technique", None)}
_STAGE: Cells = {**concept("summary", None), **concept("type", None), "assessment": None}


def common(resource: Resource, refs: References, own_id: str | None) -> Cells:
    """What every sheet begins with; ``patient`` is the id of the patient, in the sheet Patient too."""
    is_patient = resource.get("resourceType") == "Patient"
    subject = resource.get("subject", resource.get("patient"))
    patient = own_id if is_patient else refs.resolve(subject, "subject")
    return {
        "id": own_id,
        "patient": patient,
        "patient_identifier": refs.identifiers.get(patient or ""),
        "profile": " ".join(profiles(resource)) or None,
    }


def _patient(resource: Resource, refs: References) -> Cells:
    addresses = records(resource.get("address"), "address")
    home = next((address for address in addresses if not is_old(address)), {})
    died = scalar(resource.get("deceasedDateTime"), "deceased")
    stated = scalar(resource.get("deceasedBoolean"), "deceased")
    return {
        "gender": scalar(resource.get("gender"), "gender"),
        "birth_date": scalar(resource.get("birthDate"), "birthDate"),
        "is_deceased": stated or ("true" if died else None),
        "deceased_date": died,
        "active": scalar(resource.get("active"), "active"),
        "district": scalar(home.get("district"), "address"),
        "state": scalar(home.get("state"), "address"),
        "country": scalar(home.get("country"), "address"),
    }


def _condition(resource: Resource, refs: References) -> Cells:
    site = first(resource.get("bodySite"), "bodySite")
    morphology = extended(resource, "valueCodeableConcept", "histology-morphology-behavior")
    side = extended(site, "valueCodeableConcept", "laterality-qualifier", "body-location-qualifier")
    primary = extended(resource, "valueReference", "related-primary-cancer-condition", "related-condition")
    age = record(resource.get("onsetAge"), "onset")
    stages = (_stage(stage, refs) for stage in records(resource.get("stage"), "stage"))
    return {
        **concept("code", resource.get("code"), "icd10", "icdo3", "snomed"),
        **concept("morphology", morphology, "icdo3"),
        **concept("body_site", site, "icdo3", "snomed"),
        **concept("laterality", side),
        **when("onset", resource, "onset"),
        "onset_age_years": scalar(age.get("value"), "onset"),
        "asserted_date": scalar(extended(resource, "valueDateTime", "condition-assertedDate"), "extension"),
        "recorded_date": scalar(resource.get("recordedDate"), "recordedDate"),
        **when("abatement", resource, "abatement"),
        **concept("clinical_status", resource.get("clinicalStatus")),
        **concept("verification_status", resource.get("verificationStatus")),
        "related_primary": refs.resolve(primary, "extension"),
        **repeated("stage", stages, 2, _STAGE),
    }


def _stage(stage: Resource, refs: References) -> Cells:
    assessment = first(stage.get("assessment"), "stage")
    return {
        **concept("summary", stage.get("summary")),
        **concept("type", stage.get("type")),
        "assessment": refs.resolve(assessment, "stage"),
    }


def _observation(resource: Resource, refs: References) -> Cells:
    """The value of an Observation, whatever its type, and what it was observed of."""
    value = scalar(resource.get("valueString"), "value") or scalar(resource.get("valueInteger"), "value")
    when_taken = when("effective", resource, "effective")
    return {
        "status": scalar(resource.get("status"), "status"),
        **concept("code", resource.get("code")),
        **concept("value", resource.get("valueCodeableConcept")),
        **quantity("quantity", resource.get("valueQuantity")),
        "value_text": value or scalar(resource.get("valueDateTime"), "value"),
        **when_taken,
        "issued": scalar(resource.get("issued"), "issued"),
        **concept("method", resource.get("method")),
        **concept("body_site", resource.get("bodySite")),
        "focus": refs.resolve(first(resource.get("focus"), "focus"), "focus"),
        "specimen": refs.resolve(resource.get("specimen"), "specimen"),
        **concept("absent_reason", resource.get("dataAbsentReason")),
    }


def _tumour_size(resource: Resource, refs: References) -> Cells:
    sizes: dict[str, list[Cells]] = {_LONGEST: [], _FURTHER_DIMENSION: []}
    texts: dict[str, list[str]] = {_LONGEST: [], _FURTHER_DIMENSION: []}
    for part in records(resource.get("component"), "component"):
        code = in_system(part.get("code"), "component", "loinc")
        if code in sizes:
            size = quantity("size", part.get("valueQuantity"))
            sizes[code].append({"value": size["size_value"], "unit": size["size_unit"]})
            texts[code] += _size_text(part)
    longest = texts[_LONGEST] or _size_text(resource)
    if texts[_FURTHER_DIMENSION]:  # which is not the longest, however alone it stands
        longest = longest or [_NOT_UNDERSTOOD]
    empty: Cells = {"value": None, "unit": None}
    return {
        **_observation(resource, refs),
        **{f"longest_{key}": text for key, text in (*sizes[_LONGEST], empty)[0].items()},
        **repeated("other", sizes[_FURTHER_DIMENSION], 2, empty),
        "size": " x ".join([*longest, *texts[_FURTHER_DIMENSION]]) or None,
    }


def _size_text(element: Resource) -> list[str]:
    """The size that an Observation or a component says, if any: a Quantity or a text; of another type a question mark."""
    size = quantity("size", element.get("valueQuantity"))
    if size["size_value"]:
        return [f"{size['size_value']} {size['size_unit'] or ''}".strip()]
    text = scalar(element.get("valueString"), "value")
    is_other = any(name.startswith("value") for name in element.keys() - {"valueQuantity", "valueString"})
    return [text] if text else [_NOT_UNDERSTOOD] if is_other else []


def _procedure(resource: Resource, refs: References) -> Cells:
    intent = extended(resource, "valueCodeableConcept", "procedure-intent", "treatment-intent")
    ended = extended(resource, "valueCodeableConcept", "treatment-termination-reason", "termination-reason")
    sites = records(resource.get("bodySite"), "bodySite")
    return {
        "status": scalar(resource.get("status"), "status"),
        **concept("code", resource.get("code")),
        **concept("category", resource.get("category")),
        **concept("intent", intent),
        **concept("termination_reason", ended or resource.get("statusReason")),
        **when("performed", resource, "performed"),
        **concept("body_site", sites[0] if sites else None),
        **concept("outcome", resource.get("outcome")),
        "reason": refs.resolve(first(resource.get("reasonReference"), "reasonReference"), "reasonReference"),
    }


def _radiotherapy(resource: Resource, refs: References) -> Cells:
    deliveries = extension(resource, "radiotherapy-modality-and-technique")
    doses = extension(resource, "radiotherapy-dose-delivered-to-volume")
    sessions = extended(resource, "valueUnsignedInt", "radiotherapy-sessions")
    return {
        **_procedure(resource, refs),
        "sessions": scalar(sessions, "extension"),
        **repeated("delivery", (_modality(modality) for modality in deliveries), 1, _MODALITY),
        "n_volumes": str(len(doses)) if doses else None,
        **repeated("dose", (_dose(dose, refs) for dose in doses), 3, _DOSE),
    }


def _modality(delivery: Resource) -> Cells:
    modality = extended(delivery, "valueCodeableConcept", "radiotherapy-modality", "modality")
    technique = extended(delivery, "valueCodeableConcept", "radiotherapy-technique", "technique")
    return {**concept("modality", modality), **concept("technique", technique)}


def _dose(dose: Resource, refs: References) -> Cells:
    total = quantity("dose", extended(dose, "valueQuantity", "totalDoseDelivered"))
    volume = extended(dose, "valueReference", "volume")
    return {
        "volume": refs.resolve(volume, "extension"),
        "value": total["dose_value"],
        "unit": total["dose_unit"],
        "fractions": scalar(extended(dose, "valueUnsignedInt", "fractionsDelivered"), "extension"),
    }


def _body_structure(resource: Resource, refs: References) -> Cells:
    qualifier = first(resource.get("locationQualifier"), "locationQualifier")
    return {
        **concept("location", resource.get("location")),
        **concept("laterality", qualifier),
        **concept("morphology", resource.get("morphology")),
        "description": scalar(resource.get("description"), "description"),
    }


_DATES = (
    "effectiveDateTime",
    "performedDateTime",
    "onsetDateTime",
    "authoredOn",
    "started",
    "date",
    "issued",
)


def _other(resource: Resource, refs: References) -> Cells:
    medication: Any = resource.get("code")
    code = medication if isinstance(medication, dict) else resource.get("medicationCodeableConcept")
    value = quantity("value", resource.get("valueQuantity"))
    dates = (scalar(resource.get(name), name) for name in _DATES)
    return {
        "resource_type": scalar(resource.get("resourceType"), "resourceType"),
        "status": scalar(resource.get("status"), "status"),
        **concept("code", code, "icd10", "icdo3", "snomed"),
        **concept("concept", resource.get("valueCodeableConcept")),
        **value,
        "value_text": scalar(resource.get("valueString"), "value")
        or scalar(resource.get("valueDateTime"), "value"),
        "date": next((date for date in dates if date), None),
    }


SHEETS: dict[str, Columns] = {
    "Patient": _patient,
    "PrimaryCancerCondition": _condition,
    "SecondaryCancerCondition": _condition,
    "CancerStage": _observation,
    "TumorSize": _tumour_size,
    "RadiotherapyCourseSummary": _radiotherapy,
    "CancerRelatedSurgicalProcedure": _procedure,
    "TumorMarkerTest": _observation,
    "CancerDiseaseStatus": _observation,
    "BodyStructure": _body_structure,
    OTHER: _other,
}
"""Sheet -> its columns, behind the common ones."""


def columns_of_sheet(sheet: str) -> list[str]:
    """The columns of a sheet; repeating elements have at least these and one set more for each further one."""
    refs = References()
    return [*common({}, refs, None), *SHEETS[sheet]({}, refs)]
