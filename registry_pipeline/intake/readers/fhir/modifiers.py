"""What turns the meaning of a FHIR resource round, so that it states no fact.

Belongs here: the elements that FHIR R4 marks *isModifier* in what we read, and what each says.
Does not belong here: columns (``profiles.py``), JSON (``documents.py``).

Source: HL7 FHIR R4, 2.1.0.1 (is-modifier) and the definitions of the resources. ``Quantity.comparator`` and
``deceased[x]`` are modifiers too and stand in columns of their own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from registry_pipeline.intake.readers.fhir.values import Resource, codings, records, scalar

_NO_FACT = {
    "status": {
        "entered-in-error", "not-done", "cancelled", "not-taken", "registered", "preparation", "draft", "planned",
        "proposed", "revoked", "rejected",
    },
    "verificationStatus": {"entered-in-error", "refuted"},
    "lifecycleStatus": {"entered-in-error", "cancelled", "rejected", "proposed", "planned"},
    "actuality": {"potential"},
}  # fmt: skip
"""Modifier element -> codes by which a resource tells that nothing was found, done or given."""
_DOUBTFUL = {"verificationStatus": {"unconfirmed", "provisional", "differential"}}
_ADDRESS = re.compile(r"[A-Za-z0-9:/._#|-]{1,200}")


class NoFact(Exception):
    """A resource that must not be used as a fact.

    Attributes:
        reason: code of the rejection. words: what its message names: FHIR's own element and code, or an address.
    """

    def __init__(self, reason: str, **words: str) -> None:
        super().__init__(reason)
        self.reason, self.words = reason, words


def refuse_no_fact(resource: Resource) -> None:
    """Nothing for a resource that states a fact.

    Raises:
        NoFact: it is voided, refuted, not done, replaced or to be understood by rules that are not known.
        Malformed: a modifier is not of its FHIR type.
    """
    for address in _modifier_extensions(resource):
        raise NoFact("unknown_modifier", address=address)
    if resource.get("implicitRules"):
        raise NoFact("unknown_modifier", address="implicitRules")
    for element, codes in _NO_FACT.items():
        for code in _codes(resource, element):
            if code in codes:
                raise NoFact("no_fact", element=element, code=code)
    if scalar(resource.get("doNotPerform"), "doNotPerform") == "true":
        raise NoFact("no_fact", element="doNotPerform", code="true")
    links = records(resource.get("link"), "link") if resource.get("resourceType") == "Patient" else []
    if any(link.get("type") == "replaced-by" for link in links):
        raise NoFact("no_fact", element="link", code="replaced-by")


def doubts(resources: list[Resource]) -> list[str]:
    """One sentence for each way in which resources that are used are less than certain."""
    counts: Counter[tuple[str, str]] = Counter()
    for resource in resources:
        for element, codes in _DOUBTFUL.items():
            counts.update((element, code) for code in _codes(resource, element) if code in codes)
        if resource.get("resourceType") in ("Patient", "BodyStructure") and resource.get("active") is False:
            counts["active", "false"] += 1
    return [
        f"{n} resources are used whose {element} is '{code}'; if they do not count, keep them out with where"
        for (element, code), n in sorted(counts.items())
    ]


def is_old(element: Resource) -> bool:
    """Whether an identifier or address is one of former times (``use`` is a modifier of both)."""
    return element.get("use") == "old"


def _codes(resource: Resource, element: str) -> Iterator[str]:
    value = resource.get(element)
    if isinstance(value, dict):
        yield from ((scalar(coding.get("code"), element) or "").lower() for coding in codings(value, element))
    elif isinstance(value, str):
        yield value.lower()


def _modifier_extensions(value: Any) -> Iterator[str]:
    """Addresses of the modifier extensions anywhere within a resource, those of contained resources left out."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            for extension in records(item.get("modifierExtension"), "modifierExtension"):
                address = scalar(extension.get("url"), "modifierExtension") or ""
                yield address if _ADDRESS.fullmatch(address) else "its address cannot be shown"
            waiting.extend(part for name, part in item.items() if name != "contained")
