"""Files without a header: their first row is a record, whose values must not be shown as names of columns.

Belongs here: telling a header from a record. Does not belong here: finding the header (``files.py``).
"""

from __future__ import annotations

import re

import polars as pl

from registry_pipeline.intake.profiling.columns import formats_of
from registry_pipeline.intake.profiling.files import MOST_ALIAS_ROWS, SourceFile

_LEAST_SHARE, _BODY_ROWS = 0.3, 2_000
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")


def looks_headless(file: SourceFile) -> bool:
    """Whether names of columns are dates, numbers or values that the column itself holds."""
    sheets = [sheet for sheet in file.sheets if sheet.frame.height and sheet.frame.width > 1]
    return bool(sheets) and all(_is_record(sheet.header, sheet.frame) for sheet in sheets)


def _is_record(header: tuple[str, ...], frame: pl.DataFrame) -> bool:
    names = [name.strip() for name in header]
    filled = [(name, place) for place, name in enumerate(names) if name]
    odd = sum(
        bool(_NUMBER.fullmatch(name) or formats_of(name) or _recurs(name, frame[frame.columns[place]]))
        for name, place in filled
    )
    return odd >= 2 and odd >= _LEAST_SHARE * len(filled)


def _recurs(name: str, series: pl.Series) -> bool:
    """Whether a header is a value of its column; a second line of the header repeats it only at the top."""
    return bool((series.slice(MOST_ALIAS_ROWS, _BODY_ROWS).str.strip_chars() == name).any())
