"""What an expression of a REDCap project gives for every row of an export.

Belongs here: where the fields that an expression names stand (own row, the record's other rows, another event), and
evaluating once per distinct set of answers. Does not belong here: judging the result (``redcap_rules.py``).

A field of a form that repeats has no one value outside that form, and an event that repeats none outside itself: both
are unknown, and nothing is concluded from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from registry_pipeline.intake.redcap.dictionary import Field
from registry_pipeline.intake.redcap.evaluate import UNKNOWN, Value, evaluate
from registry_pipeline.intake.redcap.export import EVENT, INSTANCE, INSTRUMENT, Export
from registry_pipeline.intake.redcap.logic import LogicError, Node, Reference, parse_logic
from registry_pipeline.intake.redcap.records import FORM

_UNKNOWN = "\x00"
_ROW = "_row_id"


class NotExported(LogicError):
    """The expression names a field that the export does not hold."""


@dataclass(frozen=True)
class Rows:
    """The rows of one export: raw names and values as text, ``_row_id``."""

    frame: pl.DataFrame
    export: Export

    @cached_property
    def repeating_forms(self) -> set[str]:
        """Forms that repeat somewhere in this export."""
        return {form.lower() for form in self.frame[INSTRUMENT].drop_nulls().unique()}

    @cached_property
    def events(self) -> dict[str, bool]:
        """Events of this export -> whether they repeat."""
        repeats = pl.col(INSTRUMENT).is_null() & pl.col(INSTANCE).is_not_null()
        seen = self.frame.drop_nulls(EVENT).group_by(EVENT).agg(repeats.any())
        return dict(seen.iter_rows())

    @cached_property
    def _single(self) -> pl.DataFrame:
        """Rows that repeat nothing, one per record and event."""
        single = self.frame.filter(pl.col(INSTRUMENT).is_null() & pl.col(INSTANCE).is_null())
        return single.unique([self._record, EVENT], keep="first", maintain_order=True)

    @property
    def _record(self) -> str:
        return self.export.dictionary.record_field

    def narrowed(self, field: Field, text: str) -> pl.DataFrame:
        """The columns of every row that judging a field by an expression needs: filtering wide frames is slow."""
        try:
            named = {reference.field for reference in parse_logic(text).references()} if text else set()
        except LogicError:
            named = set()
        field_of = self.export.field_of
        fields = [name for name in self.frame.columns if field_of.get(name) in {field.name, *named}]
        parts = [_ROW, self._record, EVENT, INSTRUMENT, INSTANCE, FORM + field.form]
        return self.frame.select(*dict.fromkeys([*parts, *fields]))

    def evaluated(self, text: str, rows: pl.DataFrame) -> list[Value]:
        """The value of an expression for each of the wanted rows, in their order.

        Args:
            rows: rows of ``frame``.

        Raises:
            NotExported: it names a field that is not in the export.
            LogicError: it cannot be read, or names a field that the project has not.
        """
        node = parse_logic(text)
        references = list(dict.fromkeys(node.references()))
        if not references or rows.is_empty():
            return [evaluate(node, {})] * rows.height
        answers = self._answers(references, rows)
        distinct = answers.unique(maintain_order=True)
        result = [_value(node, references, row) for row in distinct.iter_rows()]
        place = distinct.with_row_index("_place")
        placed = answers.join(place, on=answers.columns, how="left", nulls_equal=True, maintain_order="left")
        return [result[at] for at in placed["_place"]]

    def _answers(self, references: Sequence[Reference], rows: pl.DataFrame) -> pl.DataFrame:
        """A column per reference, in the order of the wanted rows."""
        columns = [self._column(reference) for reference in references]
        frame = rows.select(
            _ROW, self._record, EVENT, INSTRUMENT, *dict.fromkeys(column for column in columns)
        )
        return pl.DataFrame(
            [
                self._answer(frame, reference, column).alias(f"answer {at}")
                for at, (reference, column) in enumerate(zip(references, columns, strict=True))
            ]
        )

    def _column(self, reference: Reference) -> str:
        field = self.export.dictionary.fields.get(reference.field)
        if field is None:
            raise LogicError(f"[{reference.field}] is no field of the dictionary")
        if field.is_checkbox and reference.code is None:
            raise LogicError(f"[{reference.field}] is a checkbox and needs the code of a choice")
        column = field.column_of(reference.code) if field.is_checkbox and reference.code else field.name
        if column not in self.frame.columns:
            raise NotExported(f"[{reference.field}] is not in the export")
        return column

    def _answer(self, frame: pl.DataFrame, reference: Reference, column: str) -> pl.Series:
        form = self.export.dictionary.fields[reference.field].form
        repeats = form in self.repeating_forms
        if reference.event is not None:
            if repeats or self.events.get(reference.event, True):
                return pl.Series([_UNKNOWN] * frame.height, dtype=pl.String)
            other_rows = self._single.filter(pl.col(EVENT) == reference.event)
            return self._looked_up(frame, other_rows, [self._record], column)
        own = frame[column]
        is_own = frame.select(pl.col(INSTRUMENT).is_null() | (pl.col(INSTRUMENT).str.to_lowercase() == form))
        if repeats:
            others = pl.Series([_UNKNOWN] * frame.height, dtype=pl.String)
            is_here = is_own.to_series() & frame.select(pl.col(INSTRUMENT).is_not_null()).to_series()
            return own.zip_with(is_here | own.is_not_null(), others)
        return own.zip_with(
            is_own.to_series(), self._looked_up(frame, self._single, [self._record, EVENT], column)
        )

    def _looked_up(
        self, frame: pl.DataFrame, other_rows: pl.DataFrame, by: list[str], column: str
    ) -> pl.Series:
        answers = other_rows.select(*by, pl.col(column).alias("_answer")).unique(by, keep="first")
        joined = frame.select(by).join(answers, on=by, how="left", nulls_equal=True, maintain_order="left")
        return joined["_answer"]


def _value(node: Node, references: Sequence[Reference], row: Sequence[str | None]) -> Value:
    values = dict(zip(references, row, strict=True))
    return evaluate(
        node, {reference: UNKNOWN if text == _UNKNOWN else text for reference, text in values.items()}
    )
