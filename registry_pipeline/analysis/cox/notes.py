"""What a reader must know of a Cox model, in sentences.

Belongs here: why there is nothing to fit, and warnings of models too large for their data.
Does not belong here: fitting (fit.py), terms that rest on few events (levels.py).
"""

from __future__ import annotations

from registry_pipeline.analysis.cox.design import CoxData

MANY_LEVELS = 10
RATIO_NOTE = "The likelihood-ratio test takes rows as independent and unweighted; the Wald test of all terms is the robust one."


def hopeless(data: CoxData) -> str:
    """Say why there is nothing to fit, or nothing."""
    if data.n == 0:
        return "There are no patients with complete covariates."
    if not data.terms:
        return "No covariates are named."
    if data.n_event == 0:
        return "There are no events."
    if data.n_event == 1:
        return "There is only one event; it cannot bear a model."
    if data.cluster is not None and data.n_cluster <= len(data.terms):
        return "Robust standard errors need more clusters than coefficients."
    return ""


def few_events_note(per_variable: float, method: str) -> str:
    """Warn of a model that is too large for its events."""
    if per_variable >= 10:
        return ""
    text = f"Only {per_variable:.1f} events per variable"
    if per_variable < 5 and method != "firth":
        return f"{text}: rely on the penalised fit (penalty='firth')."
    return f"{text}."


def many_levels_note(data: CoxData) -> str:
    """Warn of a factor of many levels: each is a coefficient of its own."""
    counts = {name: data.covariates.count(name) + 1 for name in data.references}
    large = [f"{name} has {n} levels" for name, n in counts.items() if n > MANY_LEVELS]
    return (
        f"{', '.join(large)}, each a coefficient of its own: a stratum or fewer groups say more."
        if large
        else ""
    )
