"""FHIR data types to flat text cells.

Belongs here: concepts, quantities, choices of dates, extensions, references between resources.
Does not belong here: which element of which resource is wanted (``intake/readers/fhir/profiles.py``), what a cell means
(the facility's mapping).

An element that is not of its FHIR type raises ``Malformed`` with the element's name, which is FHIR's own and
tells nothing of the patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Cells = dict[str, str | None]
Resource = Mapping[str, Any]

SYSTEMS = {
    "snomed": ("http://snomed.info/sct",),
    "loinc": ("http://loinc.org",),
    "icd10": (
        "http://hl7.org/fhir/sid/icd-10",
        "http://hl7.org/fhir/sid/icd-10-cm",
        "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
        "http://fhir.de/CodeSystem/dimdi/icd-10-gm",
        "urn:oid:2.16.840.1.113883.6.3",
        "urn:oid:2.16.840.1.113883.6.90",
    ),
    "icdo3": (
        "http://terminology.hl7.org/CodeSystem/icd-o-3",
        "http://hl7.org/fhir/sid/icd-o-3",
        "urn:oid:2.16.840.1.113883.6.43.1",
    ),
}
"""Short name -> the identifiers under which a code system is written."""


class Malformed(Exception):
    """An element of a resource is not of its FHIR type; the message names the element."""


def scalar(value: Any, name: str) -> str | None:
    """A primitive as text."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise Malformed(name)
    return str(value)


def record(value: Any, name: str) -> Resource:
    """An element that is an object; empty where it is absent."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(name)
    return value


def records(value: Any, name: str) -> list[Resource]:
    """An element that repeats; empty where it is absent."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(name)
    return [record(part, name) for part in value if part is not None]


def first(value: Any, name: str) -> Resource:
    """The first of a repeating element."""
    return next(iter(records(value, name)), {})


def codings(value: Any, name: str) -> list[Resource]:
    """The codings of a CodeableConcept, those with a code only."""
    members = records(record(value, name).get("coding"), name)
    return [coding for coding in members if scalar(coding.get("code"), name)]


def in_system(value: Any, name: str, short: str) -> str | None:
    """The code of a concept in one code system of ``SYSTEMS``."""
    address = SYSTEMS[short]
    return next(
        (
            scalar(coding.get("code"), name)
            for coding in codings(value, name)
            if coding.get("system") in address
        ),
        None,
    )


def _full(coding: Resource, name: str) -> str:
    return f"{scalar(coding.get('system'), name) or ''}|{scalar(coding.get('code'), name)}"


def concept(name: str, value: Any, *systems: str) -> Cells:
    """A CodeableConcept: ``system|code``, the code alone, its display or text, further codings.

    ``systems`` adds a column for the code in each of these systems (``SYSTEMS``).
    """
    coded = codings(value, name)
    main = coded[0] if coded else {}
    text = scalar(record(value, name).get("text"), name)
    displays = (scalar(coding.get("display"), name) for coding in coded)
    cells: Cells = {
        name: _full(main, name) if main else None,
        f"{name}_code": scalar(main.get("code"), name),
        f"{name}_display": next((display for display in displays if display), text),
        f"{name}_further": " ".join(_full(coding, name) for coding in coded[1:]) or None,
    }
    return cells | {f"{name}_{system}": in_system(value, name, system) for system in systems}


def quantity(name: str, value: Any) -> Cells:
    """A Quantity: its number (after ``<`` or ``>`` where it is a bound) and its UCUM code, else its unit."""
    parts = record(value, name)
    number = scalar(parts.get("value"), name)
    sign = scalar(parts.get("comparator"), name) or ""
    unit = scalar(parts.get("code"), name) or scalar(parts.get("unit"), name)
    return {f"{name}_value": None if number is None else sign + number, f"{name}_unit": unit}


def when(name: str, resource: Resource, stem: str) -> Cells:
    """A choice of date: dateTime, instant, date or string, or a Period with its end."""
    period = record(resource.get(f"{stem}Period"), stem)
    kinds = ("DateTime", "Date", "Instant", "String")
    points = (scalar(resource.get(stem + kind), stem) for kind in kinds)
    start = next((point for point in points if point), None) or scalar(period.get("start"), stem)
    return {name: start, f"{name}_end": scalar(period.get("end"), stem)}


def extension(element: Resource, *names: str) -> list[Resource]:
    """The extensions of an element by the last part of their address, without ``mcode-``."""
    members = records(element.get("extension"), "extension")
    return [item for item in members if short_name(scalar(item.get("url"), "extension")) in names]


def extended(element: Resource, kind: str, *names: str) -> Any:
    """The value of the first such extension, such as its ``valueCodeableConcept``; None where there is none."""
    return next((item[kind] for item in extension(element, *names) if kind in item), None)


def short_name(address: str | None) -> str:
    """The last part of a canonical address without version and without ``mcode-``."""
    return (address or "").partition("|")[0].rpartition("/")[2].removeprefix("mcode-")


def repeated(name: str, items: Iterable[Cells], least: int, empty: Cells) -> Cells:
    """Cells of repeating elements under numbered names: ``dose_1_value``, ``dose_2_value``, ….

    At least ``least`` of them are there, so that a file with none has the same columns.
    """
    filled = list(items)
    filled += [empty] * (least - len(filled))
    return {
        f"{name}_{number}_{key}": value
        for number, item in enumerate(filled, start=1)
        for key, value in item.items()
    }


@dataclass
class References:
    """Who is meant by a reference within one file.

    Attributes:
        ids: address of an entry (``urn:uuid:…``) -> id of its resource.
        identifiers: id of a patient -> the first identifier, those in use and medical record numbers before others.
        by_identifier: value of a patient's identifier -> id, None where two patients share it.
    """

    ids: dict[str, str] = field(default_factory=dict)
    identifiers: dict[str, str] = field(default_factory=dict)
    by_identifier: dict[str, str | None] = field(default_factory=dict)

    def add(self, resource: Resource, address: str | None, own_id: str | None) -> None:
        """Remember a resource before any reference is resolved."""
        if own_id is None:
            return
        if address:
            self.ids[address] = own_id
        if resource.get("resourceType") == "Patient":
            record_numbers = records(resource.get("identifier"), "identifier")
            numbers = sorted(
                record_numbers, key=lambda number: (number.get("use") == "old", _is_no_record_number(number))
            )
            for value in (scalar(number.get("value"), "identifier") for number in numbers):
                if value:
                    self.identifiers.setdefault(own_id, value)
                    same = self.by_identifier.setdefault(value, own_id)
                    self.by_identifier[value] = own_id if same == own_id else None

    def resolve(self, value: Any, name: str) -> str | None:
        """The id that a Reference points to; None for one that leads nowhere outside its own resource.

        ``Type/id``, with an address before it and a version behind it or without, ``urn:uuid:…`` and
        logical references by a patient's identifier are understood. An anonymous reference (``#…``) means
        a part of its own resource, whose name another resource may use for somebody else.
        """
        parts = record(value, name)
        text = scalar(parts.get("reference"), name)
        if text is None:
            number = scalar(record(parts.get("identifier"), name).get("value"), name)
            return self.by_identifier.get(number) if number else None
        if text in self.ids:
            return self.ids[text]
        if text.startswith("#") or "?" in text:
            return None
        if text.startswith("urn:"):
            return text.rpartition(":")[2] or None
        return text.partition("/_history/")[0].rpartition("/")[2] or None


def _is_no_record_number(identifier: Resource) -> bool:
    """Sorts medical record numbers (HL7 table 0203, MR) first."""
    return all(coding.get("code") != "MR" for coding in codings(identifier.get("type"), "identifier"))
