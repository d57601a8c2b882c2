"""What the values of one column look like: counts, forms of dates, numbers, sizes, blanks in words.

Belongs here: looking at the values of one text column. Does not belong here: what the column may be (``fit.py``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from statistics import median

import polars as pl

from registry_pipeline.intake.parsing import parse_date, parse_number, parse_size
from registry_pipeline.intake.parsing.text import comparison_key, normalise_text
from registry_pipeline.intake.profiling.lexicon import lexicon
from registry_pipeline.intake.profiling.words import Header, read_header

MOST_DISTINCT = 5_000
"""Distinct values that are looked at; more are sampled evenly."""
_PARTS = {
    "%Y": "(?:1[89]|20|21)[0-9]{2}", "%y": "[0-9]{2}", "%m": "[0-9]{1,2}", "%d": "[0-9]{1,2}", "%H": "[0-9]{1,2}",
    "%M": "[0-9]{2}", "%S": "[0-9]{2}", "%b": "[A-Za-z]{3}", "%B": "[A-Za-z]{3,9}",
}  # fmt: skip
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_SERIAL = re.compile(r"[1-5][0-9]{4}(?:\.[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_DATE_LENGTHS = range(6, 33)


@dataclass(frozen=True)
class Dates:
    """How a column writes dates; every number counts rows.

    Attributes:
        forms: ``strptime`` format -> values that are dates in it (one value can be so in two).
        n_read: values that are dates in some form; ``n_other`` of these in none of ``forms``.
        n_years: bare years. n_serials: bare numbers that can be Excel's day counts.
    """

    forms: Mapping[str, int]
    n_read: int
    n_other: int
    n_years: int
    n_serials: int


@dataclass(frozen=True)
class Numbers:
    """Numbers of a column; every count is of rows.

    Attributes:
        n_read: plain numbers. n_whole: whole ones. n_comma: numbers with a decimal comma.
        middle: median, or None; never written down.
    """

    n_read: int
    n_whole: int
    n_comma: int
    middle: float | None


class ColumnProfile:
    """One column of a source.

    Attributes:
        name: as the readers give it. header: the name taken apart.
        n_rows, n_blank: all rows; those without a text.
        n_distinct: distinct texts, outer blanks off.
        counts: text -> rows, of at most ``MOST_DISTINCT`` texts.
        blank_words: texts that hospitals write for "nothing" -> rows.
    """

    def __init__(self, series: pl.Series) -> None:
        texts = series.str.strip_chars().drop_nulls().alias("text")
        texts = texts.filter(texts != "")
        counted = texts.to_frame().group_by("text").len().sort("text")
        self.name = series.name
        self.header: Header = read_header(series.name)
        self.n_rows, self.n_blank, self.n_distinct = len(series), len(series) - len(texts), counted.height
        step = -(-counted.height // MOST_DISTINCT) or 1
        self.counts: dict[str, int] = dict(counted.gather_every(step).iter_rows())
        self.blank_words = {text: n for text, n in self.counts.items() if comparison_key(text) in _blanks()}
        self.filled = {text: n for text, n in self.counts.items() if text not in self.blank_words}
        self.n_filled = sum(self.filled.values())

    def part(self, pattern: str) -> ColumnProfile:
        """The column of which only a part of each text is read, by the first group of a regular expression."""
        texts = [text for text, n in self.filled.items() for _ in range(n)]
        return ColumnProfile(pl.Series(self.name, texts, dtype=pl.String).str.extract(pattern, 1))

    def share(self, n: int) -> float:
        """``n`` rows as a share of the rows that say something."""
        return n / self.n_filled if self.n_filled else 0.0

    def count(self, test: Callable[[str], object]) -> int:
        """Rows whose text passes a test."""
        return sum(n for text, n in self.filled.items() if test(text))

    @cached_property
    def longest(self) -> int:
        """Characters of the longest text."""
        return max(map(len, self.filled), default=0)

    @cached_property
    def is_free_text(self) -> bool:
        """Whether the column holds sentences rather than words of a list, numbers or identifiers."""
        if self.longest <= 24 or len(self.filled) < 3:
            return False
        n_prose = sum(n for text, n in self.filled.items() if _is_prose(text))
        return self.share(n_prose) > 0.3 and len(self.filled) > 0.5 * self.n_filled**0.5

    @cached_property
    def dates(self) -> Dates:
        """Forms of dates."""
        forms: Counter[str] = Counter()
        n_read = n_other = n_years = n_serials = 0
        for text, n in self.filled.items():
            plain = normalise_text(text)
            formats = formats_of(plain)
            forms.update(dict.fromkeys(formats, n))
            is_other = not formats and _is_partial_date(plain)
            n_read += n if formats or is_other else 0
            n_other += n if is_other else 0
            n_years += n if _YEAR.fullmatch(plain) else 0
            n_serials += n if _SERIAL.fullmatch(plain) else 0
        return Dates(dict(forms.most_common()), n_read, n_other, n_years, n_serials)

    @cached_property
    def numbers(self) -> Numbers:
        """Plain numbers, with a decimal point or a comma."""
        read: list[tuple[float, int]] = []
        n_comma = 0
        for text, n in self.filled.items():
            plain = normalise_text(text)
            is_comma = bool(_COMMA.fullmatch(plain))
            parsed = parse_number(plain.replace(",", ".") if is_comma else plain)
            if parsed.status == "ok" and parsed.value is not None and parsed.qualifier == "=":
                read.append((parsed.value, n))
                n_comma += n if is_comma else 0
        n_whole = sum(n for value, n in read if value.is_integer())
        middle = median(value for value, _ in read) if read else None
        return Numbers(sum(n for _, n in read), n_whole, n_comma, middle)

    @cached_property
    def n_sizes(self) -> int:
        """Rows whose text states a size with its unit, such as ``12 x 9 mm``."""
        return self.count(_is_size)


def _is_prose(text: str) -> bool:
    """Several words; Chinese needs no blanks for them."""
    return text.count(" ") >= 3 or (len(text) > 24 and (" " in text or not text.isascii()))


def _is_size(text: str) -> bool:
    if not any(mark.isdigit() for mark in text):
        return False
    parsed = parse_size(text)
    return parsed.status == "ok" and parsed.upper_mm is not None


def _is_partial_date(plain: str) -> bool:
    if len(plain) not in _DATE_LENGTHS or plain.isdigit():
        return False
    parsed = parse_date(plain)
    return parsed.status == "ok" and parsed.precision in ("day", "month")


@cache
def _blanks() -> frozenset[str]:
    values = lexicon().values
    return frozenset(comparison_key(value) for value in values["sentinels"])


def formats_of(plain: str) -> list[str]:
    """Every known ``strptime`` format that a text is a date in."""
    if len(plain) not in _DATE_LENGTHS or not any(mark.isdigit() for mark in plain):
        return []
    return [form for form, pattern in _date_patterns() if pattern.fullmatch(plain) and _is_date(plain, form)]


@cache
def _date_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    values = lexicon().values
    forms = [form + time for time in values["times"] for form in values["date_formats"]]
    return tuple((form, re.compile(_pattern(form))) for form in forms)


def _pattern(form: str) -> str:
    pattern = re.escape(form)
    for part, digits in _PARTS.items():
        # without marks between them, month and day have two digits or they cannot be told apart
        digits = digits.replace("{1,2}", "{2}") if form.startswith("%Y%m%d") else digits
        pattern = pattern.replace(re.escape(part), digits)
    return pattern


def _is_date(plain: str, form: str) -> bool:
    try:
        datetime.strptime(plain, form)
    except ValueError:
        return False
    return True
