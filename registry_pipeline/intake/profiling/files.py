"""Files of one make, read with the header that they turn out to have.

Belongs here: reading each file, telling title rows, merged headings and rows of aliases from data, putting files
with the same columns together. Does not belong here: readers (``readers/``), what columns mean (``guess.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from registry_pipeline.intake.profiling.columns import ColumnProfile
from registry_pipeline.intake.readers import RawSheet, ReadLimits, ReadOptions, read_source
from registry_pipeline.intake.readers.delimited import sniff_delimiter
from registry_pipeline.intake.readers.encoding import decode_strictly, detect_encoding
from registry_pipeline.intake.readers.isolated import read_isolated
from registry_pipeline.intake.readers.source import open_source

MOST_ROWS = 200_000
"""Rows of one source that are looked at."""
MOST_ALIAS_ROWS = 4
_BODY_ROWS = 500
_LEAST_BODY, _MOST_WORDS = 12, 15
_GRIDS = ("csv", "tsv", "xlsx", "xlsb", "ods", "xls")
_DAY = re.compile(r"(?:19|20)[0-9]{2}(?:[-_.]?[0-9]{1,2}){0,2}(?:[-_.T]?[0-9]{4,6})?")
_VALUE = re.compile(r"[+-]?[0-9][0-9.,:/ T年月日-]*")


@dataclass(frozen=True)
class SourceFile:
    """A file as it was read.

    Attributes:
        name: the file's name. reader, encoding, delimiter: as found; delimiter None where there is none.
        header_rows: physical rows of the header where it is not simply the first row.
        skip_after_header: rows of aliases below it.
        sheets: what was read. odd_sheets: sheets whose header stands elsewhere.
    """

    name: str
    reader: str
    encoding: str
    delimiter: str | None
    header_rows: tuple[int, ...]
    skip_after_header: int
    sheets: tuple[RawSheet, ...]
    odd_sheets: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of its sheets, once."""
        return tuple(dict.fromkeys(name for sheet in self.sheets for name in sheet.frame.columns[:-1]))


class SourceGroup:
    """Files that one ``[[source]]`` will take.

    Attributes:
        name: for ``name``. globs: for ``files``.
    """

    def __init__(self, name: str, globs: tuple[str, ...], members: Sequence[SourceFile]) -> None:
        self.name, self.globs, self.files = name, globs, tuple(members)

    @cached_property
    def frame(self) -> pl.DataFrame:
        """All rows as text; a column that a sheet lacks is null there."""
        sheets = [
            sheet.frame.drop(sheet.frame.columns[-1]).cast(pl.String)
            for file in self.files
            for sheet in file.sheets
            if sheet.frame.width > 1
        ]
        return pl.concat(sheets, how="diagonal").head(MOST_ROWS) if sheets else pl.DataFrame()

    @cached_property
    def columns(self) -> dict[str, ColumnProfile]:
        """Every column, looked at."""
        return {name: ColumnProfile(self.frame[name]) for name in self.frame.columns}

    @property
    def labels(self) -> str:
        """Names of files and sheets, for words in them."""
        names = [Path(file.name).stem for file in self.files]
        names += [f"{sheet.sheet} {sheet.member}" for file in self.files for sheet in file.sheets]
        return " ".join(names)


def read_profiled(path: Path, limits: ReadLimits) -> SourceFile:
    """Read a file and find its header; files of foreign formats in a process of their own.

    Raises:
        ReadError: it cannot be read; the message holds nothing of its content.
    """
    return read_isolated(path, path.suffix.lower(), ReadOptions(limits=limits), _read_profiled, path, limits)


def _read_profiled(path: Path, limits: ReadLimits) -> SourceFile:
    options = ReadOptions(limits=limits)
    with open_source(path, limits) as source:
        reader, sheets = read_source(source, options)
        delimiter = None
        if reader in ("csv", "tsv"):
            decoding = detect_encoding(source, None)
            lines = decoding.data.data[decoding.start : decoding.start + 2**16].split(b"\n")[:100]
            delimiter = sniff_delimiter(
                [t for t in (decode_strictly(line, decoding.codec) for line in lines) if t]
            )
        headers = [_header_of(sheet) if reader in _GRIDS else ((), 0) for sheet in sheets]
        largest = max(range(len(sheets)), key=lambda place: sheets[place].n_read)
        header_rows, skip = headers[largest]
        odd = tuple(
            sheet.sheet
            for sheet, other in zip(sheets, headers, strict=True)
            if sheet.frame.height
            and other != headers[largest]
            and not _begins_as(sheet, other, sheets[largest], header_rows)
        )
        if header_rows and (skip or len(header_rows) > 1) and not odd:
            options = replace(options, skip_after_header=skip)
            if all(sheet.frame.height for sheet in sheets):
                options = replace(options, header_rows=header_rows)
            else:
                filled = (sheet.sheet for sheet in sheets if sheet.frame.height)
                options = replace(
                    options, sheet_header_rows=tuple((escaped(name), header_rows) for name in filled)
                )
            reader, sheets = read_source(source, options)
    encodings = dict.fromkeys(sheet.encoding for sheet in sheets)
    return SourceFile(
        path.name, reader, next(iter(encodings), ""), delimiter, header_rows, skip, tuple(sheets), odd
    )


def _begins_as(
    sheet: RawSheet, own: tuple[tuple[int, ...], int], other: RawSheet, rows: tuple[int, ...]
) -> bool:
    """Whether the first line of the header is that of another sheet, in the same row: few records do not show the lines below."""
    return sheet.header == other.header and (own[0] or (1,))[0] == (rows or (1,))[0]


def _header_of(sheet: RawSheet) -> tuple[tuple[int, ...], int]:
    """Physical rows of the header, empty when it is the first row alone, and rows of aliases below it."""
    if not sheet.frame.height:
        return (), 0
    first = int(sheet.frame[sheet.frame.columns[-1]][0])
    row = first - 1
    while row in sheet.blank_rows:
        row -= 1
    n_more = _n_header_rows_below(sheet)
    nameless = [place for place, name in enumerate(sheet.header) if not name.strip()]
    below = sheet.frame.row(0)
    if n_more and nameless and sum(bool(below[place]) for place in nameless) >= 0.8 * len(nameless):
        lines = [row, first, *_further_lines(sheet, n_more)]
        return tuple(lines), n_more - len(lines) + 1
    return ((row,) if row > 1 or n_more else ()), n_more


def _further_lines(sheet: RawSheet, n_more: int) -> list[int]:
    """Physical rows of the third and later lines of a header; aliases and codes of items are none."""
    texts = sheet.frame.drop(sheet.frame.columns[-1])
    body = texts.slice(MOST_ALIAS_ROWS, _BODY_ROWS)
    lines = []
    for place in range(1, n_more):
        row = texts.row(place)
        if _repeats(row, texts.columns) or _is_labelled(row, body):
            break
        lines.append(int(sheet.frame[sheet.frame.columns[-1]][place]))
    return lines


def _n_header_rows_below(sheet: RawSheet) -> int:
    """Rows at the top of the data that are no data: a second line of the header, aliases, codes of items."""
    texts = sheet.frame.drop(sheet.frame.columns[-1])
    body = texts.slice(MOST_ALIAS_ROWS, _BODY_ROWS)
    kinds = [_kind_of(body[name]) for name in texts.columns]
    n_rows = 0
    for row in texts.head(MOST_ALIAS_ROWS).rows():
        votes = [kind(cell) for kind, cell in zip(kinds, row, strict=True) if kind is not None and cell]
        is_apart = sum(votes) >= 2 and sum(votes) >= 0.8 * len(votes)
        if not is_apart and not _repeats(row, texts.columns) and not _is_labelled(row, body):
            break
        n_rows += 1
    return n_rows


def _repeats(row: Sequence[str | None], names: Sequence[str]) -> bool:
    """Whether a row says the names of the columns once more."""
    filled = [(cell, name) for cell, name in zip(row, names, strict=True) if cell]
    n_same = sum(cell.strip().casefold() == name.casefold() for cell, name in filled)
    return n_same >= 3 and n_same >= 0.2 * len(filled)


def _is_labelled(row: Sequence[str | None], body: pl.DataFrame) -> bool:
    """Whether all cells begin with one word and a colon, as codes of items do, and no cell below does."""
    cells = [cell for cell in row if cell]
    label = cells[0].partition(":")[0] + ":" if cells else ""
    if len(cells) < 3 or not all(cell.startswith(label) for cell in cells):
        return False
    return not body.select(pl.any_horizontal(pl.all().str.starts_with(label).any())).item()


class _Kind:
    """What the cells of a column have in common; calling it tells whether a cell breaks that."""

    def __init__(self, words: frozenset[str] | None) -> None:
        self._words = words

    def __call__(self, cell: str) -> bool:
        if self._words is not None:
            return cell.strip() not in self._words
        return not any(mark.isdigit() for mark in cell) or cell[:1].isalpha()


def _kind_of(series: pl.Series) -> _Kind | None:
    """The kind of a column that has one: values with digits first, or a short list of words."""
    texts = [text.strip() for text in series.drop_nulls() if text.strip()]
    if len(texts) < _LEAST_BODY:
        return None
    words = frozenset(texts)
    plain = [text for text in texts if not text.startswith("[")]
    if plain and sum(bool(_VALUE.fullmatch(text)) for text in plain) >= 0.9 * len(plain):
        return _Kind(None)
    return _Kind(words) if len(words) <= _MOST_WORDS else None


def group_files(members: Sequence[SourceFile]) -> list[SourceGroup]:
    """Files that differ by a date in their name only and have the same columns, together."""
    by_shape: dict[tuple[str, tuple[str, ...]], list[SourceFile]] = {}
    for member in members:
        by_shape.setdefault((_glob(member.name), tuple(sorted(member.columns))), []).append(member)
    names = _names(list(by_shape))
    groups = []
    for (glob, _), own in by_shape.items():
        is_shared = sum(other == glob for other, _ in by_shape) > 1
        globs = tuple(escaped(file.name) for file in own) if is_shared else (glob,)
        groups.append(SourceGroup(next(names), globs, own))
    return groups


def escaped(name: str) -> str:
    """A name as a glob that fits it alone."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def _glob(name: str) -> str:
    """The file's name with a date in it left open."""
    stem, dot, suffix = name.rpartition(".")
    opened = _DAY.sub("\0", stem)
    is_open = opened.strip("\0 _-.") != ""
    return escaped(opened).replace("\0", "*") + dot + suffix if is_open else escaped(name)


def _names(keys: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    """Short names: what the file names do not all share, plain letters only, each once."""
    stems = [re.sub(r"[^A-Za-z0-9]+", "_", glob.rpartition(".")[0]).strip("_") for glob, _ in keys]
    parts = [stem.split("_") for stem in stems]
    shared = set.intersection(*map(set, parts)) if len(parts) > 1 else set()
    taken: set[str] = set()
    for number, words in enumerate(parts, start=1):
        own = "_".join(word for word in words if word not in shared) or f"source_{number}"
        name = own[:60] if own[:1].isalnum() else f"source_{number}"
        while name in taken:
            name = f"{own[:56]}_{number}"
        taken.add(name)
        yield name
