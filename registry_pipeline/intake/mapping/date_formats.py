"""Declared formats of dates, of a source or of one of its columns.

Belongs here: which formats can be read, and of which century years of two digits are.
Does not belong here: reading dates (``intake/parsing/dates.py``).
"""

from __future__ import annotations

import re
from datetime import datetime

from registry_pipeline.core.toml_section import Section
from registry_pipeline.intake.parsing.dates import has_short_year

_FIRST_CUTOFF, _LAST_CUTOFF = 1800, 2000


def read_date_formats(section: Section, name: str) -> tuple[str, ...]:
    """Formats as ``strptime`` reads them; years of two digits are of no century until the source says of which."""
    sources, number = section.keys[:2]
    of_source = section.toml.data[str(sources)][number]
    formats = section.texts(name)
    for date_format in formats:
        if "%" not in date_format or not _reads_back(date_format):
            raise section.error(f"'{date_format}' is no date format; write for example \"%Y-%m-%d\"", name)
        if "year_cutoff" not in of_source and has_short_year(date_format):
            message = (
                f"'{date_format}' has years of two digits: its source needs the first of the hundred years that"
                " they lie in; year_cutoff = 1930 makes 30 the year 1930 and 29 the year 2029"
            )
            raise section.error(message, name)
    return formats


def _reads_back(date_format: str) -> bool:
    """Whether a date written in a format is read in it: every letter after a % is one that Python reads."""
    written = datetime(2020, 12, 31).strftime(date_format)
    try:
        datetime.strptime(written, date_format)
    except (ValueError, re.error):
        return False
    return True


def read_year_cutoff(section: Section) -> int | None:
    """``year_cutoff``: the first of the hundred years that years of two digits lie in, or None."""
    if not section.has("year_cutoff"):
        return None
    cutoff = section.count("year_cutoff")
    if not _FIRST_CUTOFF <= cutoff <= _LAST_CUTOFF:
        raise section.error(
            f"'year_cutoff' is a year from {_FIRST_CUTOFF} to {_LAST_CUTOFF}, such as 1930", "year_cutoff"
        )
    return cutoff
