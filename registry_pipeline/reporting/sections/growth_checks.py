"""Study report: how far the growth answer depends on choices and on single patients; repeated measurements.

Belongs here: tables beside the interval to the cutpoint. Does not belong here: the interval itself (growth_tables).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Row, Table, Text, caution, missing
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    clean,
    count,
    interval,
    is_given,
    number,
    upper_first,
)
from registry_pipeline.reporting.sections.context import Context
from schemas.study import GROWTH_ERRORS, GROWTH_MODELS, ONSET_MODEL

_CLOSE = 2.0  # a smaller difference of AICc says nothing (Burnham and Anderson 2002)
_VARIANTS = {
    "as reported": "As reported",
    "form": "Another form or error model",
    "lesions": "Other lesions",
    "threshold": "Another threshold",
    "onset": "Onset interval-censored: months from the detection limit, another quantity",
}


def form_caution(context: Context) -> Block | None:
    """That another form or error model describes the same lesions much better than the reported one."""
    fits = context.tables.in_order("result.growth_fit").drop_duplicates(["model", "error_model"])
    plain = fits[(fits["model"] != ONSET_MODEL) & fits["aicc"].notna() & (fits["status"] == "ok")]
    own = plain[(plain["model"] == context.growth_model) & (plain["error_model"] == context.growth_error)]
    if own.empty:
        return None
    best, reported = plain.sort_values("aicc", kind="stable").iloc[0], own.iloc[0]
    if float(reported["aicc"]) - float(best["aicc"]) < _CLOSE:
        return None
    text = (
        f"The reported fit is not the one that describes these lesions best: {_form(reported)} has an AICc of "
        f"{number(reported['aicc'])}, {_form(best)} {number(best['aicc'])}; a difference above 10 leaves little to be said for "
        "the higher one. It is reported because it was chosen beforehand (parameters study.growth_model and "
        "study.growth_error_model)."
    )
    return caution(" ".join([text, *forms_text(context)]), "result.growth_fit, result.growth_threshold")


def _form(reading: pd.Series) -> str:
    model, error = str(reading["model"]), str(reading["error_model"])
    return f"{GROWTH_MODELS.get(model, clean(model))} with {GROWTH_ERRORS.get(error, clean(error))}"


def forms_range(context: Context) -> tuple[float, float] | None:
    """Lowest and highest months to the cutpoint over the plain regressions, all forms and errors."""
    rows = context.tables.table("result.growth_threshold", {"ci_method": "profile", "status": "ok"})
    estimates = rows[(rows["model"] != ONSET_MODEL) & rows["months"].notna()] if len(rows) else rows
    return (
        (float(estimates["months"].min()), float(estimates["months"].max())) if len(estimates) > 1 else None
    )


def limits_text(context: Context) -> str:
    """What other detection limits of CT would make of the months, in brackets; empty where they are not known."""
    if not context.tables.has("result.growth_band"):
        return ""
    rows = context.tables.table("result.growth_band", {"band": "detection limits", "status": "ok"})
    return "".join(
        f" (a limit of {clean(row['readings']).replace(';', ',')}: {interval(row['lowest_months'], row['highest_months'])})"
        for row in rows.to_dict("records")
    )


def forms_text(context: Context) -> list[str]:
    """The range over forms and errors as a sentence, if there is one."""
    ends = forms_range(context)
    return [f"Over all forms and errors the answer runs from {interval(*ends)} months."] if ends else []


def sensitivity_table(context: Context) -> Block:
    """The interval to the cutpoint under other choices."""
    rows = context.tables.in_order("result.growth_sensitivity")
    estimates = rows.dropna(subset="variant")
    if estimates.empty:
        return missing(
            f"Sensitivity of the interval: not given. {context.why_not('result.growth_sensitivity', rows)}"
        )
    result: list[Row] = []
    for variant, part in estimates.groupby("variant", sort=False):
        if variant == "form":  # the table of models shows them
            continue
        result.append(Row(_VARIANTS.get(str(variant), upper_first(clean(variant))), ("",) * 4, "group"))
        for reading in part.to_dict("records"):
            is_known = is_given(reading["months"]) and reading["status"] == "ok"
            result.append(
                Row(
                    upper_first(clean(reading["reading"])),
                    (
                        f"{count(reading['n_lesions'])} in {count(reading['n_patients'])}",
                        number(reading["months"]) if is_known else clean(reading["status"]).replace("_", " "),
                        interval(reading["ci_lower"], reading["ci_upper"], open_end="open")
                        if is_known
                        else NOT_GIVEN,
                        number(reading["change_months"]) if is_known else NOT_GIVEN,
                    ),
                    "level",
                )
            )
    return Table(
        f"Months to {context.cutpoint_mm:g} mm under other choices",
        "Choice",
        (
            Column("Lesions in patients"),
            Column("Months"),
            Column("95 % CI"),
            Column("Change, months"),
        ),
        tuple(result),
        "result.growth_sensitivity",
        ("What moves with a choice that the data cannot settle is as uncertain as the choice.",),
    )


def influence_text(context: Context) -> Block:
    """How far the interval moves without one patient."""
    rows = context.tables.in_order("result.growth_influence")
    estimates = rows.dropna(subset="months_without")
    if estimates.empty:
        return missing(
            f"Influence on the interval: not given. {context.why_not('result.growth_influence', rows)}"
        )
    low, high, all_of = (
        float(estimates["months_without"].min()),
        float(estimates["months_without"].max()),
        float(estimates["months"].iloc[0]),
    )
    return Text(
        f"Left out in turn, single patients move the interval between {number(low, 2)} and {number(high, 2)} months "
        f"(all patients: {number(all_of, 2)}; {count(len(estimates))} refits).",
        "result.growth_influence",
    )


def serial_table(context: Context) -> Block:
    """Lesions measured more than once before therapy: rates, and the mixed model."""
    rows = context.tables.in_order("result.growth_serial")
    rates = rows.dropna(subset="rate_per_month")
    if rates.empty:
        why = context.why_not("result.growth_serial", rows)
        return missing(f"Repeated measurements before therapy: not given. {why}")
    mixed = context.tables.in_order("result.growth_mixed")
    has_mixed = bool((mixed.loc[mixed["parameter"] == "rate_per_month", "estimate"].notna()).any())
    note = "" if has_mixed else context.why_not("result.growth_mixed", mixed)
    result = [_serial_row(rates), *([_mixed_row(mixed)] if has_mixed else [])]
    return Table(
        "Lesions measured more than once before therapy",
        "Estimate",
        (
            Column("Lesions in patients"),
            Column("Growth of the log diameter per month"),
            Column("Volume doubling time, days"),
        ),
        tuple(result),
        "result.growth_serial, result.growth_mixed",
        (
            "Median and range over lesions. Lesions that are watched without treatment are not like those that are treated at once.",
            *((f"Mixed model: {note}.".replace("..", "."),) if note else ()),
        ),
    )


def _serial_row(lesions: pd.DataFrame) -> Row:
    rates, doubling = (
        lesions["rate_per_month"].astype(float),
        lesions["volume_doubling_days"].dropna().astype(float),
    )
    n = f"{count(len(lesions))} in {count(lesions['patient_id'].nunique())}"
    return Row("Each lesion by itself", (n, _spread(rates, 3), _spread(doubling, 0)))


def _mixed_row(mixed: pd.DataFrame) -> Row:
    values = dict(zip(mixed["parameter"], mixed["estimate"], strict=True))
    n = f"{count(mixed['n_lesions'].iloc[0])} in {count(mixed['n_patients'].iloc[0])}"
    rate, doubling = number(values["rate_per_month"], 3), number(values.get("volume_doubling_days"), 0)
    return Row("Mixed model, the average lesion", (n, rate, doubling))


def _spread(values: pd.Series, digits: int) -> str:
    if values.empty:
        return "no lesion grew"
    if len(values) == 1:
        return number(values.iloc[0], digits)
    ends = interval(values.min(), values.max(), digits)
    return f"{number(values.median(), digits)} ({ends})"
