"""The scorecard: every number the study published beside the one computed from this release's records.

Belongs here: result.scorecard rows and the count of items that agree.
Does not belong here: estimation (the frames come ready) and the published numbers (scorecard_items).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from registry_pipeline.analysis.growth.lesions import Frame
from registry_pipeline.study.published import PARTS, Part
from registry_pipeline.study.scorecard_lookup import Estimate, Frames

COLUMNS = [
    "item", "part", "description", "published", "computed", "ci_lower", "ci_upper", "n", "agrees",
    "tolerance", "assumption", "published_value", "computed_value", "unit",
]  # fmt: skip
NO_COHORT = "not estimable: no patient of this release meets the study's eligibility criteria"


def scorecard(
    frames: Mapping[str, Frame | None],
    growth_model: str = "exponential",
    growth_error_model: str = "additive",
    words: Callable[[str], str] = str,
) -> pd.DataFrame:
    """Build the result.scorecard rows, one per part of the thirteen published items.

    frames (pandas or polars, by table name; absent ones count as empty): cohort, attrition, lesion_growth,
    km_landmark, logrank_test, cox_fit, cox_term, follow_up, recurrence (result.recurrence_pattern),
    growth_share, growth_threshold. growth_model, growth_error_model: the curve that the predicted interval is
    read from; words: a reader's name for a variable. published and computed are text as printed; published_value,
    computed_value, ci_lower and ci_upper are numbers in `unit`. agrees is True when the computed number
    rounds to the printed one (or keeps the printed bound), False when not, and NULL when there is no
    computed number: then assumption says why.
    """
    read = Frames(frames, (growth_model, growth_error_model), words)
    rows = [_row(part, _estimate(part, read)) for part in PARTS]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"agrees": "boolean", "n": "Int64", "item": "int64"})


def items_agreeing(frame: Frame) -> tuple[int, int]:
    """Of the scorecard's items, how many agree in all their parts (NULL is not agreement), and how many there are."""
    data = pd.DataFrame(
        {
            "item": list(frame["item"]),
            "agrees": [value is True or value is np.True_ for value in frame["agrees"]],
        }
    )
    whole = data.groupby("item")["agrees"].all()
    return int(whole.sum()), len(whole)


def agreement(part: Part, value: float) -> bool | None:
    """Whether a computed value agrees with the published part; None without a value.

    Half of the last printed digit counts as rounding to it, on both sides.
    """
    if not np.isfinite(value):
        return None
    if part.rule == "below":
        return value < part.value
    if part.rule == "not_before":
        return value >= part.value
    if part.rule == "not_after":
        return value <= part.value
    return abs(value - part.value) <= part.tolerance * (1 + 1e-9)


def _estimate(part: Part, frames: Frames) -> Estimate:
    if frames.cohort.empty:
        return Estimate(note=NO_COHORT)
    return part.compute(frames)


def _row(part: Part, found: Estimate) -> dict[str, object]:
    known = bool(np.isfinite(found.value))
    return {
        "item": part.item,
        "part": part.part,
        "description": part.description,
        "published": _published(part),
        "computed": _printed(part, found.value) if known else None,
        "ci_lower": found.ci_lower,
        "ci_upper": found.ci_upper,
        "n": found.n,
        "agrees": agreement(part, found.value),
        "tolerance": _rule(part),
        "assumption": found.note,
        "published_value": part.value,
        "computed_value": found.value,
        "unit": part.unit,
    }


def _published(part: Part) -> str:
    if part.rule == "below":
        return f"<{part.value:g}"
    return f"{part.value:.{part.digits}f} {part.unit}".strip()


def _printed(part: Part, value: float) -> str:
    if part.rule == "below" or (part.value < 1 and part.digits):
        return "<0.001" if value < 0.001 else f"{value:.3f}"
    digits = max(part.digits, 1) if part.unit else part.digits
    return f"{value:.{digits}f} {part.unit}".strip()


def _rule(part: Part) -> str:
    if part.rule == "below":
        return f"below {part.value:g}"
    if part.rule == "not_before":
        return f"not below {part.value:g}"
    if part.rule == "not_after":
        return f"not above {part.value:g}"
    if part.digits == 0 and not part.unit:
        return "equal"
    return f"within {part.tolerance:g} (rounds to the printed figure)"
