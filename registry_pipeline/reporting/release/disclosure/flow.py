"""The flow of patients without steps at which few left.

Belongs here: joining steps. Does not belong here: drawing the flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.release.disclosure.remarks import is_small


def disclosed_flow(steps: pd.DataFrame, limit: int) -> pd.DataFrame:
    """The flow of patients: a step with few joins its neighbour; the only step left is hidden."""
    merged: list[dict[str, Any]] = []
    for step in steps.sort_values("step").to_dict("records"):
        last = merged[-1] if merged else None
        gone = step["n_excluded"]
        if last and (is_small(last["n_excluded"], limit) or (is_small(gone, limit) and last["n_excluded"])):
            merged[-1] = _joined(last, step)
        else:
            merged.append(step)
    while len(merged) > 1 and is_small(merged[-1]["n_excluded"], limit):
        merged[-2:] = [_joined(merged[-2], merged[-1])]
    for step in merged:
        if is_small(step["n_excluded"], limit):
            step |= {"n_before": Hidden(), "n_excluded": Hidden(f"<{limit}")}
    return pd.DataFrame(merged, columns=steps.columns, dtype=object)


def _joined(step: Mapping[str, Any], following: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **step,
        "reason": f"{step['reason']}; {following['reason']}",
        "n_excluded": step["n_excluded"] + following["n_excluded"],
        "n_after": following["n_after"],
    }
