"""``[source.redcap]`` of a facility's TOML: a REDCap project and its data dictionary.

Belongs here: reading the section, the source that takes the dictionary's files, what it asks of a table.
Does not belong here: what a dictionary says (``intake/redcap/dictionary.py``), other sources (``intake/mapping/source.py``).
"""

from __future__ import annotations

import re
from dataclasses import replace

from registry_pipeline.core.toml_section import Section
from registry_pipeline.intake.mapping.model import Redcap, Source
from registry_pipeline.intake.readers import ReadOptions

_KEYS = ("dictionary", "missing_codes", "export", "deidentified", "instruments", "events")
_FORM = re.compile(r"[a-z][a-z0-9_]*")


def read_redcap(section: Section) -> Redcap | None:
    """``[source.redcap]`` of a source, or None where there is none.

    Raises:
        ConfigurationError: naming the line and what to write.
    """
    if not section.has("redcap"):
        return None
    own = section.section("redcap", "[source.redcap]")
    own.refuse_unknown(_KEYS)
    dictionary = own.texts("dictionary")
    if not dictionary:
        raise own.error('[source.redcap] needs dictionary = ["*DataDictionary*.csv"]')
    for glob in dictionary:
        if "/" in glob:
            raise own.error(
                'dictionary names files without folders, such as "*DataDictionary*.csv"', "dictionary"
            )
    return Redcap(
        dictionary=dictionary,
        missing_codes=_labels(own, "missing_codes"),
        export=own.choice("export", ("auto", "raw", "labels"), "auto"),
        is_deidentified=own.flag("deidentified") or False,
        instruments=_labels(own, "instruments"),
        events=_labels(own, "events"),
    )


def _labels(section: Section, name: str) -> dict[str, str]:
    """A table of texts; a list stands for codes without labels."""
    if isinstance(section.data.get(name), list):
        return {code: code for code in section.texts(name)}
    labels = section.section(name)
    return {key: labels.text(key) for key in labels.data}


def dictionary_source(source: Source, number: int) -> Source:
    """The source that takes the data dictionaries of a REDCap source: they are landed and counted like all files,
    and feed no table.
    """
    assert source.redcap is not None
    return replace(
        source,
        name=f"{source.name}.dictionary",
        number=number,
        files=source.redcap.dictionary,
        read_options=ReadOptions(totals_row_markers=()),
        sheet_globs=(),
        required=(),
        ignore=("*",),
        tables=(),
        redcap=None,
        dictionary_of=source.name,
    )


def read_instrument(section: Section, is_redcap: bool) -> tuple[str | None, tuple[str, ...]]:
    """``instrument`` and ``events`` of a ``[[source.table]]``.

    Raises:
        ConfigurationError: a REDCap table without an instrument, or an instrument elsewhere.
    """
    instrument, events = section.optional_text("instrument"), section.texts("events")
    if not is_redcap:
        for name in ("instrument", "events"):
            if section.has(name):
                raise section.error(f"{name} needs [source.redcap] in the source", name)
        return None, ()
    if instrument is None:
        raise section.error('a table of a REDCap source needs instrument = "the unique name of its form"')
    if not _FORM.fullmatch(instrument):
        raise section.error("an instrument is named as in the dictionary: a-z, 0-9 and '_'", "instrument")
    return instrument, events
