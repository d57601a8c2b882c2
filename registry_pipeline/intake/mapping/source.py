"""``[[source]]`` of a facility's TOML: files of one make and how they are read.

Belongs here: file globs, mode, reader options, sentinels, date and number conventions.
Does not belong here: what the rows become (``intake/mapping/table.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from registry_pipeline.core.toml_section import Section
from registry_pipeline.intake.mapping.date_formats import read_date_formats, read_year_cutoff
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.mapping.person import read_patient_number, read_person
from registry_pipeline.intake.mapping.redcap import read_redcap
from registry_pipeline.intake.mapping.table import read_conditions, read_table
from registry_pipeline.intake.readers import DEFAULT_TOTALS_MARKERS, ReadOptions
from registry_pipeline.intake.readers.formats import formats

_KEYS = (
    "name",
    "files",
    "mode",
    "format",
    "encoding",
    "delimiter",
    "header_rows",
    "header_join",
    "skip_rows",
    "skip_title_rows",
    "skip_after_header",
    "sheets",
    "totals_markers",
    "sentinels",
    "date_formats",
    "day_first",
    "excel_serial",
    "year_cutoff",
    "timezone",
    "utc_times",
    "decimal",
    "required",
    "ignore",
    "leave_out",
    "redcap",
    "patient_number",
    "person",
    "table",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def read_source(
    section: Section, number: int, n_tables: int, anchors: Mapping[str, Any], timezone: str | None = None
) -> Source:
    """One ``[[source]]``.

    Args:
        number: its position in the file, from 0.
        n_tables: how many ``[[source.table]]`` stand before it.
        anchors: the declared anchors by name.
        timezone: the facility's, for a source that declares none.

    Raises:
        ConfigurationError: naming the line and what to write.
    """
    section.refuse_unknown(_KEYS)
    name = section.text("name")
    if not _NAME.fullmatch(name):
        raise section.error("the name of a source is letters from a to z, digits, '_', '-' and '.'", "name")
    section = section.named(f"source '{name}'")
    tables = section.sections("table", f"a table of source '{name}'")
    person = read_person(section)
    if not tables and person is None and "*" not in section.texts("ignore"):
        message = (
            f"source '{name}' feeds no table: write [[source.table]], [source.person] for a cross-reference,"
            ' or ignore = ["*"] to keep it unused'
        )
        raise section.error(message)
    redcap = read_redcap(section)
    return Source(
        name=name,
        number=number,
        files=_files(section),
        mode=section.choice("mode", ("full", "incremental"), "full"),
        read_options=_read_options(section),
        sheet_globs=section.texts("sheets"),
        sentinels=section.texts("sentinels"),
        date_formats=read_date_formats(section, "date_formats"),
        day_first=section.flag("day_first"),
        excel_serial=section.choice("excel_serial", ("1900", "1904")),
        year_cutoff=read_year_cutoff(section),
        timezone=read_timezone(section) or timezone,
        times_are_utc=bool(section.flag("utc_times")),
        decimal=section.choice("decimal", (".", ","), "."),
        required=section.texts("required"),
        ignore=section.texts("ignore"),
        tables=tuple(
            read_table(table, n_tables + position, anchors, is_redcap=redcap is not None)
            for position, table in enumerate(tables)
        ),
        leave_out=read_conditions(section, "leave_out"),
        redcap=redcap,
        patient_number=read_patient_number(section),
        person=person,
    )


def read_timezone(section: Section) -> str | None:
    """``timezone``: a name of the IANA database, or None where it is not declared."""
    name = section.optional_text("timezone")
    if name is None:
        return None
    try:
        return ZoneInfo(name).key
    except (KeyError, OSError, ValueError):
        raise section.error(
            f"'{name[:60]}' is no time zone; write for example \"Asia/Shanghai\"", "timezone"
        ) from None


def _files(section: Section) -> tuple[str, ...]:
    files = section.texts("files")
    if not files:
        raise section.error(f'{section.title} needs files = ["*.csv"]')
    for file in files:
        if "/" in file:
            raise section.error('files are names without folders, such as "his_*.csv"', "files")
    return files


def _read_options(section: Section) -> ReadOptions:
    form = section.optional_text("format")
    if form is not None and form not in formats():
        raise section.error(f"'format' must be one of {', '.join(sorted(formats()))}", "format")
    title_rows = tuple(range(1, section.count("skip_title_rows") + 1))
    delimiter = section.data.get("delimiter")
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        raise section.error('\'delimiter\' must be one character, such as ";" or "\\t"', "delimiter")
    by_sheet: tuple[tuple[str, tuple[int, ...]], ...] = ()
    if isinstance(section.data.get("header_rows"), dict):
        named = section.section("header_rows")
        by_sheet = tuple((glob, named.counts(glob)) for glob in named.data)
    return ReadOptions(
        format=form,
        encoding=_encoding(section),
        delimiter=delimiter,
        header_rows=None if by_sheet else section.counts("header_rows") or None,
        sheet_header_rows=by_sheet,
        header_join=section.choice("header_join", ("join", "first"), "join"),
        skip_rows=tuple(sorted({*section.counts("skip_rows"), *title_rows})),
        skip_after_header=section.count("skip_after_header"),
        totals_row_markers=section.texts("totals_markers", DEFAULT_TOTALS_MARKERS),
    )


def _encoding(section: Section) -> str | None:
    encoding = section.optional_text("encoding")
    if encoding is not None:
        try:
            "".encode(encoding)
        except LookupError:
            raise section.error(
                f"unknown encoding '{encoding}'; for example utf-8, gb18030", "encoding"
            ) from None
    return encoding
