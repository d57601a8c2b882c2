"""Readings of whole columns at once, for the texts that are written plainly; the parser reads the others.

Belongs here: dates and identifiers, of which a registry has millions. Does not belong here: what one text means
(``readings.py``); both give the same, which a test holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import polars as pl

from registry_pipeline.core.frames import constant
from registry_pipeline.core.side_by_side import by_facility
from registry_pipeline.intake.columns.readings import Reading, read_identifier
from registry_pipeline.intake.mapping.column import ColumnMapping
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.parsing import distinct_texts, parse_texts
from registry_pipeline.intake.parsing.identifiers import NumberedColumn

_DATE_PARTS = {"%Y": "(?:1[89]|2[01])[0-9]{2}", "%m": "[0-9]{2}", "%d": "[0-9]{2}"}
_PLAIN_IDENTIFIER = r"\A[!-~]+(?: [!-~]+)*\z"
_ODD_IDENTIFIER = r"\A[^0-9]*\z|\A['=-]|\.0*\z|\A[0-9](?:\.[0-9]+)?[eE]|\A[089]+\z"
_DECIMAL_IDENTIFIER = r"\A[0-9]+\.[0-9]*[1-9][0-9]*\z"
_BEFORE_REPEATED = r"\A(?:9+8|8+7)\z"


def plain_date_format(mapping: ColumnMapping, source: Source) -> str | None:
    """The first declared format of a date, where it is made of year, month and day in digits."""
    if mapping.target.kind != "date" or mapping.anchor is not None:
        return None
    first = next(iter(mapping.formats or source.date_formats), "")
    is_plain = all(first.count(part) == 1 for part in _DATE_PARTS) and first.count("%") == len(_DATE_PARTS)
    return first if is_plain else None


def read_dates(
    texts: pl.Series, read: Callable[[str | None], Reading], fields: Mapping[str, pl.DataType], form: str
) -> pl.DataFrame:
    """Readings of dates. Most are written just as declared: only the others go through the parser, which takes
    as long for one of them as this takes for a thousand.
    """
    pattern = re.escape(form)
    for part, digits in _DATE_PARTS.items():
        pattern = pattern.replace(part, digits)
    text = pl.col("text")
    is_declared = pl.when(text.str.contains(rf"\A{pattern}\z")).then(text)
    dates = texts.to_frame("text").select("text", is_declared.str.to_date(form, strict=False).alias("date"))
    iso = pl.col("date").dt.to_string("%Y-%m-%d")
    result = {name: pl.col("date") for name in ("value", "lower", "upper")}
    result |= {"precision": pl.lit("day"), "parser": pl.lit("date"), "after": pl.when(iso != text).then(iso)}
    return _read_others(texts, dates, dates["date"].is_not_null(), result, read, fields)


def read_identifiers(texts: pl.Series, is_person: bool, fields: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Readings of identifiers, which are nearly all distinct and plain: only the others go through the parser."""
    text = pl.col("text")
    distinct = texts.to_frame("text").select(
        text,
        (text.str.contains(_PLAIN_IDENTIFIER) & ~text.str.contains(_ODD_IDENTIFIER))
        .fill_null(False)
        .alias("is_plain"),
        text.str.contains(_DECIMAL_IDENTIFIER).alias("has_decimals"),
        text.str.contains(_BEFORE_REPEATED).fill_null(False).alias("is_running"),
    )
    column = NumberedColumn(
        is_person,
        has_decimals=bool(distinct["has_decimals"].any()),
        running=frozenset(texts.filter(distinct["is_running"])),
    )
    read = partial(read_identifier, column=column)
    return _read_others(texts, distinct, distinct["is_plain"], {"value": text}, read, fields)


def identifier_readings(
    texts: pl.Series, row_ids: pl.Series, is_person: bool, fields: Mapping[str, pl.DataType]
) -> tuple[pl.Series, pl.DataFrame, pl.Series]:
    """The distinct identifiers of a column, what each is read as, and for every row the place of its own among them.

    What others of the column say of one counts within a facility: where they say anything, each is read by itself.
    """
    distinct = distinct_texts(texts)
    parts = by_facility(texts, row_ids)
    if len(parts) == 1 or not _tells_of_others(distinct.texts):
        return distinct.texts, read_identifiers(distinct.texts, is_person, fields), distinct.places
    own = [distinct_texts(part) for part in parts]
    readings = [read_identifiers(part.texts, is_person, fields) for part in own]
    before = np.cumsum([0, *(len(part.texts) for part in own[:-1])]).tolist()
    places = [part.places + first for part, first in zip(own, before, strict=True)]
    return pl.concat([part.texts for part in own]), pl.concat(readings), pl.concat(places)


def _tells_of_others(texts: pl.Series) -> bool:
    return any(texts.str.contains(pattern).any() for pattern in (_DECIMAL_IDENTIFIER, _BEFORE_REPEATED))


def part_of_identifier(texts: pl.Series, row_ids: pl.Series) -> pl.Series:
    """Texts as a template puts them into an identifier: wrappers off; what is no identifier stays as it is written."""
    distinct, readings, places = identifier_readings(texts, row_ids, False, {"value": pl.String()})
    return readings["value"].fill_null(distinct.str.normalize("NFKC")).gather(places)


def _read_others(
    texts: pl.Series,
    distinct: pl.DataFrame,
    is_known: pl.Series,
    expressions: Mapping[str, pl.Expr],
    read: Callable[[str | None], Reading],
    fields: Mapping[str, pl.DataType],
) -> pl.DataFrame:
    """Readings of all texts: made from ``distinct`` where that is enough, else by the parser; of a null nothing."""
    made = {name: expression.cast(fields[name]).alias(name) for name, expression in expressions.items()}
    if is_known.sum() + texts.null_count() == len(texts):
        known = pl.when(pl.lit(is_known))
        own = distinct.select(known.then(expression).alias(name) for name, expression in made.items())
        return pl.DataFrame(
            [
                own[name] if name in made else constant(name, None, dtype, len(texts))
                for name, dtype in fields.items()
            ]
        )
    others = parse_texts(texts.filter(~is_known), read, fields)
    nothing = pl.lit(None)
    columns = [made.get(name, nothing.cast(dtype).alias(name)) for name, dtype in fields.items()]
    plain = distinct.lazy().filter(is_known).select(columns).collect()
    mask = is_known.to_numpy()
    places = np.argsort(np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)]))
    return pl.concat([plain, others])[places]
