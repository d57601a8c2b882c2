"""Study report: which Cox fit is shown, and how its terms are written.

Belongs here: what the sections on models share. Does not belong here: tables and figures.
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import (
    clean,
    is_given,
    p_value,
    ratio,
    ratio_interval,
)

FEW_EVENTS = 5.0
STATUS = {
    "not_estimable": "not estimable",
    "not_converged": "no certified solution",
}
METHOD = {"efron": "Cox", "firth": "Cox, Firth penalty"}


def preferred(fits: pd.DataFrame) -> pd.DataFrame:
    """One fit per model: the plain one, unless it failed or has too few events and a penalised one stands beside it."""
    rows = []
    for _, group in fits.groupby("model", sort=False):
        plain, firth = group[group["method"] == "efron"], group[group["method"] == "firth"]
        is_weak = plain.empty or plain.iloc[0]["status"] != "ok" or _is_few(plain.iloc[0], FEW_EVENTS)
        rows.append(
            firth.iloc[[0]] if is_weak and len(firth) else plain.iloc[[0]] if len(plain) else group.iloc[[0]]
        )
    return pd.concat(rows, ignore_index=True)


def _is_few(fit: pd.Series, limit: float) -> bool:
    per_variable = fit["events_per_variable"]
    return isinstance(per_variable, Hidden) or (is_given(per_variable) and float(per_variable) < limit)


def ratio_cells(term: dict[str, object] | None) -> tuple[str, str]:
    """Hazard ratio with its interval, and p; why there is none; dashes where the model lacks the term."""
    if term is None:
        return "–", "–"
    if term["status"] != "ok" or not is_given(term["hazard_ratio"]):
        return STATUS.get(str(term["status"]), clean(term["status"])), "–"
    return f"{ratio(term['hazard_ratio'])} ({ratio_interval(term['ci_lower'], term['ci_upper'])})", p_value(
        term["p_value"]
    )
