"""Exports of REDCap: recognised and named, so that the right section of the mapping is written for them.

Belongs here: telling such files by their columns, and what to write. Does not belong here: reading them.
"""

from __future__ import annotations

from collections.abc import Sequence

_EXPORT = (
    "redcap_event_name",
    "redcap_repeat_instrument",
    "redcap_repeat_instance",
    "redcap_data_access_group",
)
_DICTIONARIES = (
    {"variable / field name", "form name", "field type", "field label"},
    {"field_name", "form_name", "field_type", "field_label"},
)


def is_dictionary(columns: Sequence[str]) -> bool:
    """Whether the columns are those of a REDCap data dictionary, in either style of header."""
    plain = {name.strip().casefold() for name in columns}
    return any(needed <= plain for needed in _DICTIONARIES)


def is_export(columns: Sequence[str]) -> bool:
    """Whether the columns are those of a REDCap export with events or repeating instruments."""
    return any(name in _EXPORT for name in columns)


def dictionary_note(name: str) -> str:
    """What to write for a data dictionary."""
    note = f"{name} is a REDCap data dictionary: under the source that it describes write [source.redcap]"
    return f'{note} with dictionary = ["{name}"]'


EXPORT_NOTE = (
    "this is a REDCap export with events or repeating instruments: name its data dictionary under"
    " [source.redcap], and in each [[source.table]] instrument = the form that it comes from"
)
