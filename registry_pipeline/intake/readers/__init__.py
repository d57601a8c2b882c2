"""Bytes that a hospital sent to rows of text; nothing is interpreted, everything is counted.

Belongs here: one reader per file format behind ``read_file``, found by its module (``formats.py``).
Does not belong here: types and units (parsing/), names of columns of ours (the facility's mapping).

A reader takes a ``Source`` and ``ReadOptions`` and gives a list of ``RawSheet``; a new format is one module
that names it in ``FORMATS``. Formats import what they need only when they are used.
"""

from __future__ import annotations

from pathlib import Path

from registry_pipeline.intake.readers.formats import formats
from registry_pipeline.intake.readers.model import (
    DEFAULT_TOTALS_MARKERS,
    SOURCE_ROW,
    RawSheet,
    ReadError,
    ReadLimits,
    ReadOptions,
    ReadResult,
    Reject,
)
from registry_pipeline.intake.readers.sniff import sniff_format
from registry_pipeline.intake.readers.source import Source, open_source

__all__ = [
    "DEFAULT_TOTALS_MARKERS",
    "SOURCE_ROW",
    "RawSheet",
    "ReadError",
    "ReadLimits",
    "ReadOptions",
    "ReadResult",
    "Reject",
    "read_file",
    "read_source",
]


def read_file(path: Path, options: ReadOptions | None = None) -> ReadResult:
    """Read one file as received.

    Args:
        path: a regular file; its name only helps where its content does not say what it is.
        options: what the facility's mapping declares; what it leaves open is found out from the file.

    Raises:
        ReadError: the file cannot be read at all; one line that holds nothing of its content.
    """
    options = options or ReadOptions()
    with open_source(path, options.limits) as source:
        name, sheets = read_source(source, options)
        encodings = dict.fromkeys(sheet.encoding for sheet in sheets)
        return ReadResult(sheets, ", ".join(encodings), name, source.n_bytes)


def read_source(source: Source, options: ReadOptions) -> tuple[str, list[RawSheet]]:
    """Read bytes from wherever they came: the format's name and its sheets."""
    name = format_of(source, options)
    return name, formats()[name].read(source, options)


def format_of(source: Source, options: ReadOptions) -> str:
    """The name of the format that a file has.

    Raises:
        ReadError: what the mapping declares and what the bytes are contradict, or the bytes are no table.
    """
    sniffed = sniff_format(source, options.limits)
    declared = options.format if options.format not in (None, "auto") else sniffed
    return _agree(declared or sniffed, sniffed)


def _agree(declared: str, sniffed: str) -> str:
    """The declared format where the bytes allow it; text cannot be read as a workbook nor the reverse."""
    if declared not in formats():
        raise ReadError("bad_option", "the declared format is not known; use one of " + ", ".join(formats()))
    text = {"csv", "tsv"}
    workbooks = {"xlsx", "xlsb", "ods", "xls"}
    if declared == sniffed or {declared, sniffed} <= text or {declared, sniffed} <= workbooks:
        return declared if {declared, sniffed} <= text else sniffed
    code = "not_a_workbook" if declared in workbooks else "unsupported_format"
    raise ReadError(code, f"declared as {declared}, but its content is {sniffed}; correct the mapping")
