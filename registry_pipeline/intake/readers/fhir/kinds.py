"""Which sheet a FHIR resource belongs to.

Belongs here: mCODE profiles and the fixed codes behind them (HL7 mCODE Implementation Guide, STU 2 to 4).
Does not belong here: the columns of a sheet (``intake/readers/fhir/profiles.py``).

A resource is known by its profile, and where an export left ``meta.profile`` out, by the fixed code that mCODE
gives to the profile. What is neither goes to the sheet ``Other`` with its kind, code, value and date.
"""

from __future__ import annotations

from registry_pipeline.intake.readers.fhir.values import Resource, in_system, record, scalar, short_name

OTHER = "Other"
_BY_PROFILE = {
    "cancer-patient": "Patient",
    "primary-cancer-condition": "PrimaryCancerCondition",
    "secondary-cancer-condition": "SecondaryCancerCondition",
    "cancer-stage": "CancerStage",
    "figo-stage": "CancerStage",
    "gynecologic-tumor-figo-stage": "CancerStage",
    **dict.fromkeys(
        (
            f"tnm-{method}{part}"
            for method in ("", "clinical-", "pathological-")
            for part in (
                "stage-group",
                "primary-tumor-category",
                "regional-nodes-category",
                "distant-metastases-category",
            )
        ),
        "CancerStage",
    ),
    "tumor-size": "TumorSize",
    "radiotherapy-course-summary": "RadiotherapyCourseSummary",
    "cancer-related-surgical-procedure": "CancerRelatedSurgicalProcedure",
    "tumor-marker-test": "TumorMarkerTest",
    "cancer-disease-status": "CancerDiseaseStatus",
    "tumor": "BodyStructure",
    "tumor-focus": "BodyStructure",
    "radiotherapy-volume": "BodyStructure",
}
_BY_TYPE = {"Patient": "Patient", "BodyStructure": "BodyStructure"}
_OBSERVATION_CODES = {
    "21889-1": "TumorSize",
    "97509-4": "CancerDiseaseStatus",
    "88040-1": "CancerDiseaseStatus",
    **dict.fromkeys(("21908-9", "21902-2", "21914-7", "21905-5", "21906-3", "21907-1"), "CancerStage"),
    **dict.fromkeys(("21899-0", "21900-6", "21901-4", "21924-6", "21917-0"), "CancerStage"),
    **dict.fromkeys(("385361009", "254383006", "399390009", "80621003", "258234001"), "CancerStage"),
}
"""Fixed codes of mCODE and of its examples: LOINC tumour size, disease status and TNM, SNOMED CT FIGO and TNM."""
_PROCEDURE_CODES = {"1217123003": "RadiotherapyCourseSummary"}


def sheet_of(resource: Resource) -> str:
    """The sheet of a resource."""
    kind = scalar(resource.get("resourceType"), "resourceType")
    for profile in profiles(resource):
        if profile in _BY_PROFILE:
            return _BY_PROFILE[profile]
    if kind == "Condition":
        return _condition_sheet(resource)
    codes = {"Observation": _OBSERVATION_CODES, "Procedure": _PROCEDURE_CODES}.get(kind or "", {})
    code = resource.get("code")
    sheets = (
        (codes.get(in_system(code, "code", system) or "") for system in ("loinc", "snomed")) if codes else ()
    )
    return next((sheet for sheet in sheets if sheet), _BY_TYPE.get(kind or "", OTHER))


def profiles(resource: Resource) -> list[str]:
    """Short names of the profiles that a resource claims."""
    urls = record(resource.get("meta"), "meta").get("profile") or []
    members = urls if isinstance(urls, list) else [urls]
    return [short_name(scalar(address, "profile")) for address in members]


def _condition_sheet(resource: Resource) -> str:
    """C77 to C79 are secondary neoplasms, the other C codes primary ones (ICD-10)."""
    code = in_system(resource.get("code"), "code", "icd10") or ""
    if code[:3] in ("C77", "C78", "C79"):
        return "SecondaryCancerCondition"
    return "PrimaryCancerCondition" if code[:1] == "C" and code[1:3].isdigit() else OTHER
