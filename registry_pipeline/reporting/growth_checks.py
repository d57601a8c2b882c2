"""Study report: how far the growth answer depends on choices and on single patients; repeated measurements.

Belongs here: tables beside the interval to the cutpoint. Does not belong here: the interval itself (growth_tables).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.blocks import Block, Column, Row, Table, Text, missing
from registry_pipeline.reporting.report_context import Context
from registry_pipeline.reporting.wording import (
    NOT_GIVEN,
    clean,
    count,
    interval,
    is_given,
    number,
    upper_first,
)

_VARIANTS = {
    "as reported": "As reported",
    "form": "Another form or error model",
    "lesions": "Other lesions",
    "threshold": "Another threshold",
    "onset": "Onset interval-censored: months from the detection limit, another quantity",
}


def _why(context: Context, name: str, rows: pd.DataFrame) -> str:
    if len(rows) and is_given(rows["note"].iloc[0]) and rows["note"].iloc[0]:
        return context.note(rows["note"].iloc[0])
    return context.why_empty(f"result.{name}")


def sensitivity_table(context: Context) -> Block:
    """The interval to the cutpoint under other choices."""
    rows = context.tables.in_order("result.growth_sensitivity")
    known = rows[rows["variant"].notna()] if len(rows) else rows
    if known.empty:
        return missing(f"Sensitivity of the interval: not given. {_why(context, 'growth_sensitivity', rows)}")
    made: list[Row] = []
    for variant, part in known.groupby("variant", sort=False):
        if variant == "form":  # the table of models shows them
            continue
        made.append(Row(_VARIANTS.get(str(variant), upper_first(clean(variant))), ("",) * 4, "group"))
        for one in part.to_dict("records"):
            is_known = is_given(one["months"]) and one["status"] == "ok"
            made.append(
                Row(
                    upper_first(clean(one["reading"])),
                    (
                        f"{context.count(one['n_lesions'])} in {context.count(one['n_patients'])}",
                        number(one["months"]) if is_known else clean(one["status"]).replace("_", " "),
                        interval(one["ci_lower"], one["ci_upper"], open_end="open")
                        if is_known
                        else NOT_GIVEN,
                        number(one["change_months"]) if is_known else NOT_GIVEN,
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
        tuple(made),
        "result.growth_sensitivity",
        ("What moves with a choice that the data cannot settle is as uncertain as the choice.",),
    )


def influence_text(context: Context) -> Block:
    """How far the interval moves without one patient."""
    rows = context.tables.in_order("result.growth_influence")
    known = rows[rows["months_without"].notna()] if len(rows) else rows
    if known.empty:
        return missing(f"Influence on the interval: not given. {_why(context, 'growth_influence', rows)}")
    low, high, all_of = (
        float(known["months_without"].min()),
        float(known["months_without"].max()),
        float(known["months"].iloc[0]),
    )
    return Text(
        f"Left out in turn, single patients move the interval between {number(low, 2)} and {number(high, 2)} months "
        f"(all patients: {number(all_of, 2)}; {count(len(known))} refits).",
        "result.growth_influence",
    )


def serial_table(context: Context) -> Block:
    """Lesions measured more than once before therapy: rates, and the mixed model."""
    rows = context.tables.in_order("result.growth_serial")
    known = rows[rows["rate_per_month"].notna()] if len(rows) else rows
    if known.empty or context.is_small(len(known)):
        why = (
            "few lesions, and small counts are hidden."
            if len(known)
            else _why(context, "growth_serial", rows)
        )
        return missing(f"Repeated measurements before therapy: not given. {why}")
    rates, doubling = (
        known["rate_per_month"].astype(float),
        known["volume_doubling_days"].dropna().astype(float),
    )
    made = [
        Row(
            "Each lesion by itself",
            (
                f"{count(len(known))} in {count(known['patient_id'].nunique())}",
                _spread(rates, 3),
                _spread(doubling, 0),
            ),
        )
    ]
    mixed = context.tables.in_order("result.growth_mixed")
    values = dict(zip(mixed["parameter"], mixed["estimate"], strict=True)) if len(mixed) else {}
    if is_given(values.get("rate_per_month")):
        first = mixed.iloc[0]
        made.append(
            Row(
                "Mixed model, the average lesion",
                (
                    f"{context.count(first['n_lesions'])} in {context.count(first['n_patients'])}",
                    number(values["rate_per_month"], 3),
                    number(values.get("volume_doubling_days"), 0),
                ),
            )
        )
    note = "" if is_given(values.get("rate_per_month")) else _why(context, "growth_mixed", mixed)
    return Table(
        "Lesions measured more than once before therapy",
        "Estimate",
        (
            Column("Lesions in patients"),
            Column("Growth of the log diameter per month"),
            Column("Volume doubling time, days"),
        ),
        tuple(made),
        "result.growth_serial, result.growth_mixed",
        (
            "Median and range over lesions. Lesions that are watched without treatment are not like those that are treated at once.",
            *((f"Mixed model: {note}.".replace("..", "."),) if note else ()),
        ),
    )


def _spread(values: pd.Series, digits: int) -> str:
    if values.empty:
        return "no lesion grew"
    if len(values) == 1:
        return number(values.iloc[0], digits)
    ends = interval(values.min(), values.max(), digits)
    return f"{number(values.median(), digits)} ({ends})"
