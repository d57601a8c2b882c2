"""What a text that could not be read may mean, where only one thing or two are possible.

Belongs here: other readings of a cell under its column's mapping. Does not belong here: reading it (``readings.py``),
whether rules would hold with it (``validation/screening/trials.py``).

A suggestion is never used by itself: it is shown, and somebody decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import SequenceMatcher
from typing import Any

import polars as pl

from registry_pipeline.intake.columns.readings import plain, words_of_column
from registry_pipeline.intake.mapping.column import ColumnMapping
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.parsing import parse_number, parse_size
from registry_pipeline.intake.parsing.other_dates import other_dates
from registry_pipeline.intake.parsing.text import comparison_key
from schemas.rules.suggestion import either

MOST_TEXTS = 1_000
"""Different unreadable texts of one column that are looked at: where there are more, the mapping is what is wrong."""
_LONGEST, _SHORTEST_WORD, _SHORTEST_HAN = 60, 4, 2
_ALIKE = 0.85
_CODED = re.compile(r"[0-9]|\b[ivx]+[a-c]?\b|\b\w\b")
"""Words with digits, Roman numerals or single letters: one sign more or less is another code, not a slip."""
_DENIES = re.compile(
    r"\b(?:no|not|non|without|exclude[ds]?|rule[ds]? out)\b|[?？]|[非无無不未否]|排除|除外|可能|待查"
)
_HAS_LETTER = re.compile(r"[^\W\d_]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_OTHER_MARK = {"undeclared_comma": ",", "undeclared_point": "."}


def with_suggestions(
    issues: pl.DataFrame, columns: Mapping[str, ColumnMapping], source: Source, received: date
) -> pl.DataFrame:
    """Issues with ``suggestion``, what to write instead; null where nothing can be said.

    Args:
        issues: with ``column_name, reason, value_text``.
        columns: of the table, by the name of the curated column.
        received: day of the newest file, after which no date of it lies; the day of today would say another thing on
            another day, and on a machine with another clock.
    """
    keys = ["column_name", "reason", "value_text"]
    texts = issues.select(keys).drop_nulls().unique(maintain_order=True)
    texts = texts.filter(pl.int_range(pl.len()).over("column_name") < MOST_TEXTS)
    rows = [
        (name, reason, text, suggestion)
        for name, reason, text in texts.iter_rows()
        if name in columns
        and (suggestion := suggest(text, reason, columns[name], source, received)) is not None
    ]
    suggested = pl.DataFrame(rows, schema=[(key, pl.String) for key in (*keys, "suggestion")], orient="row")
    return issues.join(suggested, on=keys, how="left", maintain_order="left")


def suggest(text: str, reason: str, mapping: ColumnMapping, source: Source, received: date) -> str | None:
    """What a text of a column may mean: one value, or two between which somebody has to choose, else None."""
    if len(text) > _LONGEST or mapping.part is not None or mapping.anchor is not None:
        return None
    column = mapping.target
    if column.kind == "date":
        return either(other_dates(text, reason, received, source.day_first))
    if mapping.is_size:
        return either(_sizes(text, source)) if reason == "unit_missing" else None
    if column.kind in ("integer", "real"):
        return either(_numbers(text, reason, mapping)) if reason in _OTHER_MARK else None
    words = words_of_column(mapping)
    if reason != "not_in_code_list" or words is None:
        return None
    labels = {label: code for code, label in column.codes.labels.items()} if column.codes else {}
    values = set(map(plain, words.values()))
    return either(
        nearest_values(text, {**{label: code for label, code in labels.items() if code in values}, **words})
    )


def _sizes(text: str, source: Source) -> Iterable[str]:
    """The size in mm, and in cm."""
    for unit in ("mm", "cm"):
        parsed = parse_size(text, unit, "," if source.decimal == "," else ".")
        axes = [
            axis for axis in (parsed.long_axis_mm, parsed.short_axis_mm, parsed.third_mm) if axis is not None
        ]
        if parsed.status == "ok" and axes and 1 <= axes[0] <= 200:
            yield f"{' x '.join(f'{axis:g}' for axis in axes)} mm"


def _numbers(text: str, reason: str, mapping: ColumnMapping) -> Iterable[str]:
    """The number, if the mark that the mapping does not declare is its decimal mark."""
    column, mark = mapping.target, _OTHER_MARK[reason]
    parsed = parse_number(text, decimal="," if mark == "," else ".")
    low = float("-inf") if column.minimum is None else column.minimum
    high = float("inf") if column.maximum is None else column.maximum
    if (
        parsed.status == "ok"
        and parsed.qualifier == "="
        and parsed.value is not None
        and low <= parsed.value <= high
    ):
        yield f"{parsed.value:g}"


def nearest_values(text: str, words: Mapping[str, Any]) -> list[str]:
    """The values whose word is meant: the same but for its spelling, or the only one that stands in the text.

    Args:
        words: word -> value. Numbers are no words: ``11`` is not a misspelt ``1``.
    """
    key = comparison_key(text)
    if not _HAS_LETTER.search(key) or len(key) < _SHORTEST_HAN:
        return []
    keys = [(comparison_key(word), plain(value)) for word, value in words.items() if _HAS_LETTER.search(word)]
    if same := {value for word, value in keys if word == key}:
        return sorted(same)
    if _DENIES.search(key):
        return []
    if alike := {value for word, value in keys if _is_misspelt(key, word)}:
        return sorted(alike)
    within = {value for word, value in keys if _stands_in(word, key)}
    return sorted(within) if len(within) == 1 else []


def _is_misspelt(text: str, word: str) -> bool:
    """Whether a text is a word but for a slip; with another beginning (incomplete, undifferentiated) it is its opposite."""
    if min(len(text), len(word)) < _SHORTEST_WORD or _CODED.search(text) or _CODED.search(word):
        return False
    is_prefixed = text.endswith(word) or word.endswith(text)
    return not is_prefixed and SequenceMatcher(None, text, word, autojunk=False).ratio() >= _ALIKE


def _stands_in(word: str, text: str) -> bool:
    """Whether a word stands in a text; of Chinese words the characters in their order, for they are shortened so."""
    if _HAN.search(word):
        following = iter(text)
        return len(word) >= _SHORTEST_HAN and all(mark in following for mark in word)
    return len(word) >= _SHORTEST_WORD and re.search(rf"\b{re.escape(word)}\b", text) is not None
