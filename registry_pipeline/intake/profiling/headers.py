"""Files without a header: their first row is a record, whose values must not be shown as names of columns.

Belongs here: telling a header from a record. Does not belong here: finding the header (``files.py``).
"""

from __future__ import annotations

import re

import polars as pl

from registry_pipeline.intake.profiling.columns import formats_of
from registry_pipeline.intake.profiling.files import MOST_ALIAS_ROWS, SourceFile
from registry_pipeline.intake.profiling.lexicon import lexicon
from registry_pipeline.intake.profiling.words import LEAST_COVERAGE, name_score, names_person, read_header

_LEAST_SHARE, _BODY_ROWS, _FEW_ROWS = 0.3, 2_000, MOST_ALIAS_ROWS + 1
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")


def looks_headless(file: SourceFile) -> bool:
    """Whether names of columns are dates, numbers or values that the column itself holds.

    A few rows cannot show what a column holds: their first one is a header only where it says words that headers say.
    """
    sheets = [sheet for sheet in file.sheets if sheet.frame.width > 1]
    return bool(sheets) and all(_is_record(sheet.header, sheet.frame) for sheet in sheets)


def _is_record(header: tuple[str, ...], frame: pl.DataFrame) -> bool:
    names = [name.strip() for name in header]
    filled = [(name, place) for place, name in enumerate(names) if name]
    odd = sum(
        bool(_NUMBER.fullmatch(name) or formats_of(name) or _recurs(name, frame[frame.columns[place]]))
        for name, place in filled
    )
    if frame.height < _FEW_ROWS:
        n_known = sum(_is_known(name) for name, _ in filled)
        return odd >= _LEAST_SHARE * len(filled) or n_known < _LEAST_SHARE * len(filled)
    return odd >= 2 and odd >= _LEAST_SHARE * len(filled)


def _recurs(name: str, series: pl.Series) -> bool:
    """Whether a header is a value of its column; a second line of the header repeats it only at the top."""
    return bool((series.slice(MOST_ALIAS_ROWS, _BODY_ROWS).str.strip_chars() == name).any())


def _is_known(name: str) -> bool:
    """Whether headers of exports that we know say this."""
    header = read_header(name)
    if names_person(header) or header.is_days or header.unit is not None or header.stem != header.tokens:
        return True
    words = (words for record in lexicon().records for words in record.items.values())
    return any(name_score(header, word) >= LEAST_COVERAGE for word in words)
