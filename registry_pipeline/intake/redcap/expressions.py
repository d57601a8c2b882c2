"""REDCap's branching logic, required fields and calculated fields, judged on an export.

Belongs here: S06, S07, S21 and S24. Does not belong here: rules that need no expression (``redcap_rules.py``), what an
expression gives for a row (``intake/redcap/values.py``).
"""

from __future__ import annotations

import polars as pl

from registry_pipeline.intake.redcap.breaches import Judged, breach
from registry_pipeline.intake.redcap.dictionary import Field
from registry_pipeline.intake.redcap.evaluate import BLANK, UNKNOWN, Value, number_of, truth_of
from registry_pipeline.intake.redcap.export import Export
from registry_pipeline.intake.redcap.logic import LogicError
from registry_pipeline.intake.redcap.records import FORM, is_filled
from registry_pipeline.intake.redcap.values import NotExported, Rows

_LONGEST = 200
"""Characters of an expression that are shown."""


def judge_shown(rows: Rows, result: Judged) -> None:
    """S06: a value where branching logic hides the field; S21: none where a required field is shown."""
    fields = rows.export.dictionary.fields.values()
    filled = {
        field.name: is_filled(rows.export, field) for field in fields if field.branching or field.is_required
    }
    expressions = {name: expression for name, expression in filled.items() if expression is not None}
    if not expressions:
        return
    # All fields at once: most of them are filled where they have to be, and blank where they are hidden.
    n_filled = rows.frame.select(
        expression.sum().alias(name) for name, expression in expressions.items()
    ).row(0, named=True)
    n_blank = rows.frame.select(
        (pl.col(FORM + rows.export.dictionary.fields[name].form) & ~expression).sum().alias(name)
        for name, expression in expressions.items()
    ).row(0, named=True)
    for field in fields:
        if field.name not in expressions:
            continue
        if (field.branching and n_filled[field.name]) or (field.is_required and n_blank[field.name]):
            _judge_field(rows, field, expressions[field.name], result)
        elif field.is_required:
            result.judge("S21", n_filled[field.name])


def _judge_field(rows: Rows, field: Field, filled: pl.Expr, result: Judged) -> None:
    own = rows.narrowed(field, field.branching).with_columns(filled.alias("_filled"))
    chosen = own.filter(
        pl.col("_filled") if not field.is_required else pl.col("_filled") | pl.col(FORM + field.form)
    )
    shown = _truths(rows, field, chosen, result)
    if shown is None:
        return
    judged = chosen.with_columns(pl.Series("_shown", shown, dtype=pl.Boolean))
    column = field.name if field.name in rows.frame.columns else _first_column(rows.export, field)
    if field.branching:
        hidden = judged.filter(pl.col("_filled") & ~pl.col("_shown"))
        reason = f"the form shows it only if {field.branching[:_LONGEST]}"
        n_judged = judged.filter(pl.col("_filled") & pl.col("_shown").is_not_null()).height
        result.judge("S06", n_judged, breach(hidden, column, "S06", reason))
    if field.is_required:
        required = judged.filter(pl.col(FORM + field.form) & pl.col("_shown"))
        blank = required.filter(~pl.col("_filled"))
        reason = f"form {field.form} was filled in without it"
        result.judge("S21", required.height, breach(blank, column, "S21", reason))


def _first_column(export: Export, target: Field) -> str:
    return next(
        name for name, field in export.field_of.items() if field == target.name and name in export.columns
    )


def _truths(rows: Rows, field: Field, chosen: pl.DataFrame, result: Judged) -> list[bool | None] | None:
    """Whether the form shows the field, per row; None where it cannot be told, or for all of them."""
    if not field.branching:
        return [True] * chosen.height
    values = _evaluated(rows, field, field.branching, chosen, result)
    return None if values is None else [truth_of(value) for value in values]


def _evaluated(
    rows: Rows, field: Field, text: str, chosen: pl.DataFrame, result: Judged
) -> list[Value] | None:
    try:
        return rows.evaluated(text, chosen)
    except NotExported as problem:
        result.notes.append(("S25", field.name, f"its expression is not checked: {problem}"))
    except LogicError:
        pass  # told once, with the dictionary
    return None


def judge_calculated(rows: Rows, field: Field, result: Judged) -> None:
    """S07: a stored result that is not the formula's; S24: none where the formula gives one."""
    if field.name not in rows.frame.columns or not field.formula:
        return
    missing = list(rows.export.redcap.missing_codes)
    chosen = rows.narrowed(field, field.formula).filter(
        pl.col(FORM + field.form) & ~pl.col(field.name).is_in(missing).fill_null(False)
    )
    values = _evaluated(rows, field, field.formula, chosen, result)
    if values is None:
        return
    stored = chosen[field.name].to_list()
    verdicts = [_verdict(text, value) for text, value in zip(stored, values, strict=True)]
    n_judged = sum(value is not UNKNOWN for value in values)
    for rule_id, reason in (
        ("S07", "the dictionary's formula gives another result for this row"),
        ("S24", "the dictionary's formula gives a result for this row"),
    ):
        broken = [at for at, verdict in enumerate(verdicts) if verdict == rule_id]
        suggestions = [_suggestion(values[at]) for at in broken]
        result.judge(rule_id, n_judged, breach(chosen[broken], field.name, rule_id, reason, suggestions))


def _suggestion(value: Value) -> str:
    number = number_of(value)
    text = "nothing" if value is BLANK else f"{number:.10g}" if number is not None else str(value)
    return f"recomputed: {text}; save the form again in REDCap"


def _verdict(stored: str | None, value: Value) -> str | None:
    """The rule that a stored result breaks, if any."""
    if value is UNKNOWN:
        return None
    number, own = number_of(value), number_of(stored)
    if stored is None:
        return "S24" if value is not BLANK else None
    if value is BLANK:
        return None if own == 0 else "S07"
    if number is None or own is None:
        return None if stored == str(value) else "S07"
    decimals = len(stored.partition(".")[2]) if "e" not in stored.lower() else 0
    tolerance = 0.5 * 10.0**-decimals if decimals else 1e-6
    return None if abs(own - number) <= tolerance * (1 + 1e-9) else "S07"
