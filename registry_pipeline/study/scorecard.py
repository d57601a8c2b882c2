"""The scorecard: every number the study published beside the one computed from this release's records.

Belongs here: result.scorecard rows and the count of items that agree.
Does not belong here: estimation (the frames come ready) and the published numbers (``published.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from registry_pipeline.analysis.inputs import Frame
from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import Analysis, Inputs, Tables
from registry_pipeline.study.published import PARTS, Part
from registry_pipeline.study.scorecard_lookup import Estimate, Frames

COLUMNS = [
    "item", "part", "description", "published", "computed", "ci_lower", "ci_upper", "n", "agrees",
    "tolerance", "assumption", "published_value", "computed_value", "unit",
]  # fmt: skip
NO_COHORT = "not estimable: no patient of this release meets the study's eligibility criteria"


def scorecard(frames: Mapping[str, Frame | None], study: Study | None = None) -> pd.DataFrame:
    """Build the result.scorecard rows, one per part of the thirteen published items.

    frames (pandas or polars, by table name; absent ones count as empty): cohort, attrition, lesion_growth,
    km_landmark, logrank_test, cox_fit, cox_term, follow_up, recurrence_pattern, growth_share, growth_threshold.
    study: the parameters under which they were made; a number that was published under another value of one
    (groups divided at 15 mm) is not compared, and assumption says so. published and computed are text as printed; published_value,
    computed_value, ci_lower and ci_upper are numbers in `unit`. agrees is True when the computed number
    rounds to the printed one (or keeps the printed bound), False when not, and NULL when there is no
    computed number: then assumption says why.
    """
    read = Frames(frames, study or Study())
    rows = [_row(part, _estimate(part, read)) for part in PARTS]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"agrees": "boolean", "n": "Int64", "item": "int64"})


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
    if why := differing_parameters(part, frames.study):
        return Estimate(note=f"not comparable: {why}")
    return part.compute(frames)


def differing_parameters(part: Part, study: Study) -> str:
    """The parameters under which a published number does not stand beside the computed one; empty where none differs."""
    reasons = []
    for name, published in part.published_under.items():
        value = getattr(study, name)
        differs = published not in value if isinstance(value, tuple) else value != published
        if differs:
            shown = ", ".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}"
            reasons.append(f"published for {published:g}, and study.{name} is {shown}")
    return "; ".join(reasons)


def _row(part: Part, estimate: Estimate) -> dict[str, object]:
    is_computed = bool(np.isfinite(estimate.value))
    return {
        "item": part.item,
        "part": part.part,
        "description": part.description,
        "published": _published(part),
        "computed": _printed(part, estimate.value) if is_computed else None,
        "ci_lower": estimate.ci_lower,
        "ci_upper": estimate.ci_upper,
        "n": estimate.n,
        "agrees": agreement(part, estimate.value),
        "tolerance": _rule(part),
        "assumption": estimate.note,
        "published_value": part.value,
        "computed_value": estimate.value,
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


def scorecard_results(inputs: Inputs) -> Tables:
    """``scorecard``."""
    marts = inputs.marts
    own = {"cohort": marts.cohort, "attrition": marts.attrition, "lesion_growth": marts.lesion_growth}
    return {"scorecard": scorecard({**inputs.results, **own}, inputs.study)}


ANALYSES = (
    Analysis(
        name="published numbers",
        reads=(
            "mart.cohort",
            "mart.attrition",
            "mart.lesion_growth",
            "result.km_landmark",
            "result.logrank_test",
            "result.cox_fit",
            "result.cox_term",
            "result.follow_up",
            "result.recurrence_pattern",
            "result.growth_share",
            "result.growth_threshold",
        ),
        makes=("scorecard",),
        run=scorecard_results,
    ),
)
