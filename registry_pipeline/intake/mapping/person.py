"""``[source.person]`` of a facility's TOML: what a row says of who somebody is.

Belongs here: :class:`Person`, reading and refusing the declaration. Does not belong here: following it (``identity.py``,
``intake/identity/person_keys.py``).

    [[source]]
    patient_number = "admission"        # kind of the number that patient_id of this source is; default "patient"

      [source.person]
      numbers = { patient = "record_no", admission = "admission_no" }   # numbers of one woman in one row
      name = ["surname", "given_name"]  # kept as keyed hashes only
      national_id = "id_card"           # likewise, its last four characters
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from registry_pipeline.core.toml_section import Section

_KEYS = ("numbers", "name", "national_id", "sheets")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,30}")
LEADING_NUMBER = "patient"


@dataclass(frozen=True)
class Person:
    """``[source.person]``: columns that say who somebody is.

    Attributes:
        numbers: kind of number -> source column; the numbers of one row are one person's.
        name, national_id: source columns of which keyed hashes are kept, to recognise probable pairs.
        sheets: globs on the sheets that have these columns; empty means every sheet.
    """

    numbers: Mapping[str, str] = field(default_factory=dict)
    name: tuple[str, ...] = ()
    national_id: str | None = None
    sheets: tuple[str, ...] = ()

    def source_columns(self) -> Iterator[str]:
        """Every source column that is read."""
        yield from self.numbers.values()
        yield from self.name
        if self.national_id is not None:
            yield self.national_id


def read_person(section: Section) -> Person | None:
    """``[source.person]`` of a source; None where there is none.

    Raises:
        ConfigurationError: an unknown key, a kind that is no name, nothing declared.
    """
    if not section.has("person"):
        return None
    person = section.section("person", "[source.person]")
    person.refuse_unknown(_KEYS)
    numbers = person.section("numbers")
    for kind in numbers.data:
        _check_kind(numbers, kind, kind)
    result = Person(
        numbers={kind: numbers.text(kind) for kind in numbers.data},
        name=person.texts("name"),
        national_id=person.optional_text("national_id"),
        sheets=person.texts("sheets"),
    )
    if not list(result.source_columns()):
        raise person.error('[source.person] needs numbers = { … }, name = ["…"] or national_id = "…"')
    return result


def read_patient_number(section: Section) -> str:
    """The kind of number by which a source knows its patients.

    Raises:
        ConfigurationError: it is no name.
    """
    kind = section.text("patient_number", LEADING_NUMBER)
    _check_kind(section, kind, "patient_number")
    return kind


def _check_kind(section: Section, kind: str, key: str) -> None:
    if not _KIND.fullmatch(kind):
        raise section.error(
            f"'{kind}' is no kind of number; write a word such as admission: a-z, 0-9, '_'", key
        )
