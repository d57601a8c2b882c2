"""Cox results: one covariate at a time, and together; penalised where a group has no events.

Belongs here: which models are fitted for which endpoint and origin.
Does not belong here: how they are fitted and certified (``analysis/``).
"""

from collections.abc import Iterator

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.cox.proportional_hazards import TRANSFORMS
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables
from registry_pipeline.study.marts import TIME
from schemas.study import MAIN_COVARIATES, ORIGINS, OS, REGISTRY_COVARIATES

MANY_PATIENTS = 5_000  # from here on equal rows enter a fit once, with their count


def cox_results(inputs: Inputs) -> Tables:
    """``cox_fit``, ``cox_term``, ``cox_factor`` and ``ph_test``: OS in full, the other endpoints by site and size."""
    fits: list[pd.DataFrame] = []
    terms: list[pd.DataFrame] = []
    tests: list[pd.DataFrame] = []
    factors: list[pd.DataFrame] = []
    frames: dict[tuple[str, str], analysis.PreparedFrame] = {}
    for endpoint, origin, model, covariates in _plan(inputs):
        if (endpoint, origin) not in frames:  # the plan goes from one to the next: only the last is kept
            frames = {(endpoint, origin): analysis.PreparedFrame(inputs.marts.times(endpoint, origin))}
        frame = frames[endpoint, origin]
        label = {"endpoint": endpoint, "origin": origin, "model": model}
        shown = reported_fits(frame, covariates)
        for fit in shown:
            fits.append(fit.summary.assign(**label, method=fit.method))
            terms.append(fit.terms.assign(**label))
            factors.append(analysis.factor_tests(fit).assign(**label))
        plain = next((fit for fit in shown if fit.method == "efron"), None) or _plain(frame, covariates)
        if plain is not None and plain.status == "ok":
            tests += [plain.ph_test(name).assign(**label, transform=name) for name in TRANSFORMS]
    joined = {"cox_fit": fits, "cox_term": terms, "ph_test": tests, "cox_factor": factors}
    return {
        name: pd.concat(rows, ignore_index=True) if rows else pd.DataFrame() for name, rows in joined.items()
    }


def _plan(inputs: Inputs) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Endpoint, origin, name of the model and its covariates."""
    single: tuple[str, ...]
    together: tuple[str, ...]
    study = inputs.study
    for endpoint, origin in inputs.pairs:
        if ORIGINS[origin].is_registry:
            single, together = REGISTRY_COVARIATES, REGISTRY_COVARIATES
        elif endpoint == OS.name:
            single, together = study.univariable, study.multivariable
        else:
            single, together = MAIN_COVARIATES, ()
        yield from ((endpoint, origin, f"univariable:{name}", (name,)) for name in single)
        if together:
            yield endpoint, origin, "multivariable", together


def _usable(frame: analysis.PreparedFrame, covariates: tuple[str, ...]) -> list[str]:
    return [name for name in covariates if frame[name].notna().any()]


def _plain(frame: analysis.PreparedFrame, covariates: tuple[str, ...]) -> analysis.CoxFit | None:
    """The plain fit, whose hazards are tested for proportion even where only the penalised one is shown."""
    usable = _usable(frame, covariates)
    if not usable:
        return None
    return analysis.fit_cox(frame, *TIME, usable, cross_check=False)


def reported_fits(
    frame: analysis.PreparedFrame,
    covariates: tuple[str, ...],
    cross_check: bool = True,
    limits: bool = True,
) -> list[analysis.CoxFit]:
    """The fits that may be shown: plain, penalised beside it where a term is lost, penalised alone with few events.

    cross_check, limits: as in `analysis.fit_cox`.
    """
    usable = _usable(frame, covariates)
    if not usable:
        return []
    many = len(frame.frame) >= MANY_PATIENTS
    fits: list[analysis.CoxFit] = analysis.fit_cox_reported(
        frame, *TIME, usable, cross_check=cross_check, pool=many, limits=limits
    )
    return fits


ANALYSES = (
    Analysis(
        name="Cox models",
        reads=TIMES,
        makes=("cox_fit", "cox_term", "cox_factor", "ph_test"),
        run=cox_results,
        pairs=tuple,
        is_slow=True,  # a second engine looks at every model
    ),
)
