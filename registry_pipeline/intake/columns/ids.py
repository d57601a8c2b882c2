"""Identifiers: the patient's own number, templates, and names that are unique beyond a facility.

Belongs here: what becomes of every ``…_id`` of a staged row.
Does not belong here: the keyed hash (``pseudonym.py``).

An identifier becomes ``facility-local``. One that begins with the patient is unique already: a template that
begins with ``{patient_id}`` stays as it is, and one that begins with the patient's own number gets the
pseudonym in its place, so that the number does not travel on inside other identifiers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from registry_pipeline.intake.columns.values import SOURCE_PREFIX, Typed, type_column
from registry_pipeline.intake.mapping.codes import is_identifier
from registry_pipeline.intake.mapping.column import ColumnMapping, Placeholder
from registry_pipeline.intake.mapping.model import Source, TableMapping

LOCAL_PATIENT = "_local_patient"
_COMPOSED = "_composed"


def local_patient(rows: pl.DataFrame, mapping: ColumnMapping, source: Source) -> Typed:
    """The facility's own number of the patient, from a column or a template of source columns."""
    if mapping.template is None:
        return type_column(rows, mapping, source, {})
    parts = {
        name: type_column(rows, replace(mapping, template=None, sources=(name,)), source, {}, is_part=True)
        for name in dict.fromkeys(placeholder.name for placeholder in mapping.placeholders)
    }
    pieces = [
        _part(piece, parts[piece.name]) if isinstance(piece, Placeholder) else pl.lit(piece)
        for piece in mapping.template_pieces
    ]
    number = rows.select(pl.concat_str(pieces).alias(mapping.target.name))
    first = parts[mapping.placeholders[0].name]
    return Typed(
        number,
        number.to_series(),
        first.source_column,
        pl.concat([part.issues for part in parts.values()]),
        pl.concat([part.changes for part in parts.values()]),
    )


def _part(placeholder: Placeholder, typed: Typed) -> pl.Series:
    """The part of a number that one column gives; where it could not be read there is no number."""
    value = typed.values.to_series()
    if not placeholder.may_be_blank:
        return value
    return value.zip_with(typed.texts.is_not_null(), pl.Series([""]))


def _piece(placeholder: Placeholder, value: pl.Expr) -> pl.Expr:
    return value.fill_null("") if placeholder.may_be_blank else value


def composed(
    rows: pl.DataFrame, mapping: ColumnMapping, source: Source, siblings: Mapping[str, object]
) -> Typed:
    """A date, number or code whose text stands in several columns, such as ``{year}-{month}-{day}``."""
    pieces = [
        _piece(template_piece, pl.col(template_piece.name))
        if isinstance(template_piece, Placeholder)
        else pl.lit(template_piece)
        for template_piece in mapping.template_pieces
    ]
    whole = rows.with_columns(pl.concat_str(pieces).alias(_COMPOSED))
    typed = type_column(whole, replace(mapping, template=None, sources=(_COMPOSED,)), source, siblings)
    first = pl.Series("source_column", [mapping.placeholders[0].name]).new_from_index(0, rows.height)
    named = pl.lit(mapping.placeholders[0].name).alias("source_column")
    return replace(typed, source_column=first, issues=typed.issues.with_columns(named))


def fill_templates(records: pl.DataFrame, mapping: TableMapping) -> pl.DataFrame:
    """Columns made from others; a blank part makes the whole blank, unless it is marked ``{name?}``."""
    waiting = [
        name
        for name, column in mapping.columns.items()
        if column.template is not None and not column.is_composed and name != "patient_id"
    ]
    while waiting:
        name = next(
            waiting_name for waiting_name in waiting if not _needs(mapping, waiting_name) & set(waiting)
        )
        pieces = [
            _piece(template_piece, _text_of(mapping, name, template_piece))
            if isinstance(template_piece, Placeholder)
            else pl.lit(template_piece)
            for template_piece in mapping.columns[name].template_pieces
        ]
        records = records.with_columns(pl.concat_str(pieces).alias(name))
        waiting.remove(name)
    return records


def _needs(mapping: TableMapping, name: str) -> set[str]:
    own = mapping.columns[name]
    return {
        placeholder.name
        for placeholder in own.placeholders
        if not mapping.is_source_column(own, placeholder.name)
    }


def _text_of(mapping: TableMapping, name: str, placeholder: Placeholder) -> pl.Expr:
    if mapping.is_source_column(mapping.columns[name], placeholder.name):
        return pl.col(SOURCE_PREFIX + placeholder.name)
    return pl.col(placeholder.name).cast(pl.String)


def qualify_ids(records: pl.DataFrame, mapping: TableMapping, facility_id: pl.Expr) -> pl.DataFrame:
    """Every identifier made unique beyond the facility of its row."""
    result = []
    for name, column in mapping.columns.items():
        if is_identifier(column.target) and not _begins_with_patient(mapping, column):
            suffix = pl.col(name).str.strip_prefix(pl.col(LOCAL_PATIENT))
            is_own = pl.col(name).str.starts_with(pl.col(LOCAL_PATIENT)) & ~suffix.str.contains(r"\A[\pL\pN]")
            result.append(
                pl.when(is_own.fill_null(False))
                .then(pl.col("patient_id") + suffix)
                .otherwise(facility_id + "-" + pl.col(name))
                .alias(name)
            )
    return records.with_columns(result)


def _begins_with_patient(mapping: TableMapping, column: ColumnMapping) -> bool:
    pieces = [template_piece for template_piece in column.template_pieces if template_piece != ""]
    if not pieces or not isinstance(pieces[0], Placeholder):
        return False
    name = pieces[0].name
    if name == "patient_id":
        return True
    is_own = mapping.is_source_column(column, name)
    return (
        not is_own
        and is_identifier(mapping.columns[name].target)
        and _begins_with_patient(mapping, mapping.columns[name])
    )
