"""Rows of a REDCap export as records of forms, under the names that a mapping uses.

Belongs here: which form a row feeds, columns made from several. Does not belong here: headers (``export.py``).

A row of a repeating instrument belongs to that instrument; any other row to every form of which a field is filled.
A checkbox that is not ticked, a calculated field and ``{form}_complete`` fill nothing: a form that somebody opened and
left empty is no record.
"""

from __future__ import annotations

import polars as pl

from registry_pipeline.intake.mapping.model import Source, TableMapping
from registry_pipeline.intake.redcap.dictionary import RECORD_PARTS, Field
from registry_pipeline.intake.redcap.export import EVENT, INSTANCE, INSTRUMENT, LABEL, Export, withheld

FORM = "_form:"
"""Before the name of a form: whether a row feeds it."""
AND = " + "
"""Between several ticked choices of one checkbox."""


def with_forms(rows: pl.LazyFrame, export: Export) -> pl.LazyFrame:
    """With a flag per form: whether the row feeds it."""
    return rows.with_columns(feeds(export, form).alias(FORM + form) for form in export.dictionary.forms)


def feeds(export: Export, form: str) -> pl.Expr:
    """Whether a row is a record of a form."""
    filled = [is_filled(export, field) for field in export.dictionary.forms.get(form, [])]
    known_fields = [is_field_filled for is_field_filled in filled if is_field_filled is not None]
    is_own = pl.col(INSTRUMENT).is_null() | (pl.col(INSTRUMENT).str.to_lowercase() == form)
    return (is_own & pl.any_horizontal(known_fields)).fill_null(False) if known_fields else pl.lit(False)


def is_filled(export: Export, field: Field) -> pl.Expr | None:
    """Whether somebody entered a field; None for a field that nobody enters or that is not exported."""
    if field.name == export.dictionary.record_field or field.kind in ("calc", "descriptive"):
        return None
    if field.is_checkbox:
        names = export.dictionary.checkbox_columns(field, export.redcap.missing_codes)
        ticked = [pl.col(name) == "1" for name in names if name in export.columns]
        return pl.any_horizontal(ticked).fill_null(False) if ticked else None
    return pl.col(field.name).is_not_null() if field.name in export.columns else None


def mapped_rows(rows: pl.LazyFrame, export: Export, source: Source) -> pl.LazyFrame:
    """What staging reads: the source columns of the mapping, ``table_flag`` of every table, ``_row_id``.

    Missing-data codes are blank unless the mapping itself gives them a meaning. The instance of a row that repeats
    nothing is 1, so that the same form can repeat in one event and not in another.
    """
    set_aside, meant = set(withheld(export)), _meant(source)
    result = []
    for name in source.source_columns():
        if name == INSTANCE:
            repeats = pl.col(INSTRUMENT).is_not_null() | pl.col(name).is_not_null()
            result.append(pl.when(repeats).then(pl.col(name)).otherwise(pl.lit("1")).alias(name))
        elif name in RECORD_PARTS or (name in export.columns and name not in set_aside):
            result.append(_without_missing(export, name, meant.get(name, set())))
        else:
            result.append(_derived(export, name, set_aside).alias(name))
    return rows.select(*result, *(_table(export, table) for table in source.tables), "_row_id")


def table_flag(table: TableMapping) -> str:
    """Name of the column that says whether a row feeds a ``[[source.table]]``."""
    return f"_feeds:{table.number}"


def _table(export: Export, table: TableMapping) -> pl.Expr:
    is_fed = feeds(export, table.instrument or "")
    if table.events:
        is_fed = is_fed & pl.col(EVENT).is_in(list(table.events)).fill_null(False)
    return is_fed.alias(table_flag(table))


def _meant(source: Source) -> dict[str, set[str]]:
    """Source column -> words to which a table of the mapping gives a meaning."""
    meant: dict[str, set[str]] = {}
    for table in source.tables:
        for column in table.columns.values():
            for name in column.sources:
                meant.setdefault(name, set()).update(column.codes or ())
    return meant


def _without_missing(export: Export, name: str, meant: set[str]) -> pl.Expr:
    field = export.dictionary.fields.get(export.field_of.get(name, ""))
    choices = field.choices if field else {}
    codes = [code for code in export.redcap.missing_codes if code not in choices and code not in meant]
    value = pl.col(name)
    return pl.when(~value.is_in(codes)).then(value).alias(name) if codes else value


def _derived(export: Export, name: str, set_aside: set[str]) -> pl.Expr:
    field, behind = export.dictionary.fields.get(name.removesuffix(LABEL)), export.behind(name)
    if field is None or not behind or set_aside & set(behind):
        return pl.lit(None, dtype=pl.String)
    wants_label = name.endswith(LABEL)
    if not field.is_checkbox:
        return _without_missing(export, field.name, set()).replace(dict(field.choices))
    ticked = [
        pl.when(pl.col(column) == "1").then(pl.lit(label if wants_label else code))
        for column, (code, label) in export.dictionary.checkbox_columns(field, {}).items()
        if column in export.columns
    ]
    return pl.concat_str(ticked, separator=AND, ignore_nulls=True).replace("", None)
