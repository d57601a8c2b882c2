"""A Cox model whose facilities share an unmeasured gamma frailty: how much their hazards differ, and its limits.

Belongs here: the shared-frailty fit by EM, its marginal likelihood and the profile of the variance.
Does not belong here: observed against expected (funnel.py), models without frailty (analysis/cox).

Given the frailties the likelihood is Cox's with an offset; given the hazard each frailty is gamma, with shape 1/theta + d
and rate 1/theta + H (Klein 1992; Therneau & Grambsch 2000, 9.6). The marginal log-likelihood is that of R's
coxph(frailty(..., method = "em")) and its profile gives the limits of the variance, which a Wald interval does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.cox.design import read_cox_data
from registry_pipeline.analysis.cox.likelihood import Evaluation, evaluate
from registry_pipeline.analysis.cox.newton import split_columns, standardise
from registry_pipeline.analysis.cox.risk_sets import RiskSets, build_risk_sets, cumulate
from registry_pipeline.analysis.distributions import chi_square_quantile
from registry_pipeline.analysis.inputs import NOT_CONVERGED, NOT_ESTIMABLE, OK, Floats, Frame, Ints, series
from registry_pipeline.analysis.times import check_groups

COLUMNS = [
    "facility_variable", "n", "n_event", "n_facilities", "variance", "ci_lower", "ci_upper", "chi_square", "p_value",
    "median_hazard_ratio", "log_likelihood", "log_likelihood_null", "status", "note",
]  # fmt: skip
FEWEST_FACILITIES = 3
MAX_ITERATIONS = 1_000
LARGEST_VARIANCE = 20.0
SMALLEST_VARIANCE = 1e-4
EM_TOLERANCE = 1e-10
LEAST_GAIN = 1e-7  # of log-likelihood, by which a variance must be better than none
# Times the smallest variance: a profile that falls from each to the next is highest at it, where a search would creep to.
FALLING = (1.0, 1.1, 100.0, 2_000.0)


@dataclass(frozen=True)
class FrailtyProblem:
    """Risk sets, standardised columns x (n, p), each row's facility (codes), and deaths of each facility (f,)."""

    sets: RiskSets
    x: Floats
    owner: Ints
    deaths: Floats


@dataclass(frozen=True)
class FrailtyFit:
    """summary: one row; facilities: one row each with its frailty (a hazard ratio against the average facility)."""

    summary: pd.DataFrame
    facilities: pd.DataFrame
    status: str
    note: str


@checked
def fit_shared_frailty(
    frame: Frame,
    duration: str,
    event: str,
    facility: str,
    covariates: Sequence[str] = (),
    level: float = 0.95,
) -> FrailtyFit:
    """How much hazards differ between facilities beyond the covariates: a shared gamma frailty of mean 1.

    variance: of the frailty, with profile-likelihood limits (the lower one is 0 where the profile reaches it); p_value:
    of no variance, half the chi-square's because it cannot be negative (Self & Liang 1987). median_hazard_ratio: between
    two facilities drawn at random the higher over the lower hazard, in the median (Austin et al. 2017), for gamma
    frailties by quadrature. facilities: frailty, its events and those expected without it; few events pull it to 1.
    Ties by Efron. Fewer than three facilities with patients, or fewer than two events: not_estimable.
    """
    owner = check_groups(frame, facility, len(series(frame, duration)))
    data, x = read_cox_data(frame, duration, event, covariates, None, None, None, facility)
    code = np.unique(owner.code[data.row], return_inverse=True)[1].astype(np.int64)
    labels = [owner.labels[k] for k in np.unique(owner.code[data.row])]
    sizes = data.n, data.n_event, len(labels)
    if reason := _why_not(*sizes[1:]):
        return _refused(facility, *sizes, reason, NOT_ESTIMABLE)
    standardise(x, data.count)
    sets = build_risk_sets(data.times, np.zeros(len(x), dtype=np.int64), data.count)
    start = evaluate(sets, x, np.zeros(x.shape[1]))
    independent = (
        split_columns(start.information)[2] if start is not None else np.zeros(x.shape[1], dtype=bool)
    )
    deaths = binned(code, data.times.event > 0, len(labels))
    problem = FrailtyProblem(sets, np.asfortranarray(x[:, independent]), code, deaths)
    null = best = _at_variance(problem, 0.0)
    if null is not None:
        profile = _Profile(problem, null.log_likelihood)
        variance = profile.maximum()
        best = profile.solution(variance)
    if null is None or best is None:
        return _refused(facility, *sizes, "The model did not converge.", NOT_CONVERGED)
    lower, upper = profile.limits(variance, level)
    return _result(facility, labels, problem, data.n, best, null, variance, (lower, upper))


def _why_not(n_event: int, n_facility: int) -> str:
    if n_facility < FEWEST_FACILITIES:
        return f"{n_facility} facilities with patients; differences between them need at least {FEWEST_FACILITIES}."
    return "Fewer than two events." if n_event < 2 else ""


@dataclass(frozen=True)
class _Solution:
    """The maximum at one variance: coefficients, frailties (f,), expected events without them (f,), likelihood."""

    beta: Floats
    frailty: Floats
    expected: Floats
    log_likelihood: float


def _newton(problem: FrailtyProblem, beta: Floats, offset: Floats) -> tuple[Floats, Evaluation] | None:
    """Maximise Cox's likelihood with an offset, carried as a further column whose coefficient is 1."""
    x = np.asfortranarray(np.column_stack([problem.x, offset]))
    p = problem.x.shape[1]
    current = evaluate(problem.sets, x, np.append(beta, 1.0))
    for _ in range(50):
        if current is None:
            return None
        if not p:
            return beta, current
        information, score = current.information[:p, :p], current.score[:p]
        try:  # where the risks are concentrated in a few patients nothing is left to learn of a coefficient
            np.linalg.cholesky(information)
        except np.linalg.LinAlgError:
            return None
        step = np.linalg.solve(information, score)
        if float(np.max(np.abs(score) / np.sqrt(np.diag(information)))) < 1e-9:
            return beta, current
        size = 1.0
        better = evaluate(problem.sets, x, np.append(beta + step, 1.0))
        while better is None or better.log_likelihood < current.log_likelihood - 1e-9:
            size /= 2
            if size < 1e-6:
                return beta, current
            better = evaluate(problem.sets, x, np.append(beta + size * step, 1.0))
        beta, current = beta + size * step, better
    return None


def _expected(problem: FrailtyProblem, evaluation: Evaluation, risk: Floats) -> Floats:
    """Cumulative hazard of each facility's patients times their risk (n,): events expected without frailty."""
    hazard = cumulate(problem.sets, evaluation.steps.hazard)
    tied = np.zeros(len(risk))
    tied[problem.sets.death_row] = evaluation.steps.hazard_dying[problem.sets.death_index]
    return binned(problem.owner, problem.sets.count * risk * (hazard - tied), len(problem.deaths))


def _at_variance(problem: FrailtyProblem, theta: float, start: _Solution | None = None) -> _Solution | None:
    """EM at a fixed variance; 0 is the model without frailty. None where it does not settle."""
    beta = np.zeros(problem.x.shape[1]) if start is None else start.beta
    frailty = np.ones(len(problem.deaths)) if start is None or theta == 0 else start.frailty
    last = -np.inf
    for _ in range(MAX_ITERATIONS):
        offset = np.log(frailty)[problem.owner]
        solution = _newton(problem, beta, offset)
        if solution is None:
            return None
        beta, evaluation = solution
        expected = _expected(problem, evaluation, np.exp(problem.x @ beta))
        value = _marginal(problem, evaluation, expected, frailty, theta)
        if theta == 0 or abs(value - last) < EM_TOLERANCE * max(1.0, abs(value)):
            return _Solution(beta, frailty, expected, value)
        last = value
        frailty = (1 / theta + problem.deaths) / (1 / theta + expected)
    return None


def _marginal(
    problem: FrailtyProblem, evaluation: Evaluation, expected: Floats, frailty: Floats, theta: float
) -> float:
    """Marginal log-likelihood with the hazard profiled out, on the scale of Cox's partial likelihood.

    Cox's at the frailties, less what they contribute to it, plus the integral over the gamma distribution.
    """
    from scipy.special import gammaln

    if theta == 0:
        return evaluation.log_likelihood
    nu, d = 1 / theta, problem.deaths
    # at the full likelihood sum(d) is the fitted cumulative hazard: it cancels the exponent of the partial one
    inside = evaluation.log_likelihood - float(d @ np.log(frailty)) + float(d.sum())
    integral = gammaln(nu + d) - gammaln(nu)
    return inside + float((nu * np.log(nu) + integral - (nu + d) * np.log(nu + expected)).sum())


class _Profile:
    """The marginal likelihood as a function of the variance; each solution starts from the last."""

    def __init__(self, problem: FrailtyProblem, null: float) -> None:
        self.problem, self.null = problem, null
        self.solutions: dict[float, _Solution | None] = {}
        self.latest: _Solution | None = None

    def solution(self, theta: float) -> _Solution | None:
        """The solution at a variance."""
        if theta not in self.solutions:
            self.solutions[theta] = _at_variance(self.problem, theta, self.latest)
            self.latest = self.solutions[theta] or self.latest
        return self.solutions[theta]

    def height(self, theta: float) -> float:
        """Log-likelihood above that without frailty."""
        if theta <= 0:
            return 0.0
        solution = self.solution(theta)
        return -np.inf if solution is None else solution.log_likelihood - self.null

    def maximum(self) -> float:
        """The variance of highest likelihood; 0 where none is better than no variance."""
        from scipy.optimize import minimize_scalar

        heights = [self.height(SMALLEST_VARIANCE * times) for times in FALLING]
        if heights == sorted(set(heights), reverse=True):
            return SMALLEST_VARIANCE if heights[0] > LEAST_GAIN else 0.0
        optimum = minimize_scalar(
            lambda log_theta: -self.height(float(np.exp(log_theta))),
            bounds=(np.log(SMALLEST_VARIANCE), np.log(LARGEST_VARIANCE)), method="bounded", options={"xatol": 1e-6},
        )  # fmt: skip
        return float(np.exp(optimum.x)) if self.height(float(np.exp(optimum.x))) > LEAST_GAIN else 0.0

    def limits(self, theta: float, level: float) -> tuple[float, float]:
        """Profile limits of the variance, at least the smallest looked at; 0 or NaN where it does not fall far enough."""
        from scipy.optimize import brentq

        drop = chi_square_quantile(level, 1) / 2
        top = self.height(theta)

        def excess(value: float) -> float:
            return top - self.height(value) - drop

        lower = 0.0
        if theta > 0 and excess(SMALLEST_VARIANCE) > 0:
            lower = float(brentq(excess, SMALLEST_VARIANCE, theta, xtol=1e-6))
        inside = max(theta, SMALLEST_VARIANCE)
        if 0 <= excess(inside) < np.inf:
            return lower, inside
        if excess(LARGEST_VARIANCE) <= 0 or not np.isfinite(excess(LARGEST_VARIANCE)):
            return lower, float("nan")
        return lower, float(brentq(excess, inside, LARGEST_VARIANCE, xtol=1e-6))


def median_hazard_ratio(theta: float) -> float:
    """Median of the higher over the lower of two gamma frailties of mean 1 and this variance.

    Their ratio is an F variable of 2/theta and 2/theta degrees of freedom; the median is its upper quartile.
    """
    from scipy.special import fdtri

    return 1.0 if theta <= 0 else float(fdtri(2 / theta, 2 / theta, 0.75))


def _result(
    variable: str,
    labels: list[str],
    problem: FrailtyProblem,
    n: int,
    best: _Solution,
    null: _Solution,
    variance: float,
    limits: tuple[float, float],
) -> FrailtyFit:
    """The tables of a fit."""
    from scipy.special import chdtrc

    statistic = max(2 * (best.log_likelihood - null.log_likelihood), 0.0) if variance > 0 else 0.0
    p_value = float(chdtrc(1, statistic)) / 2 if statistic > 0 else 1.0
    note = "" if variance > 0 else "No variance between facilities is seen; its upper limit holds."
    row = {
        "facility_variable": variable, "n": n, "n_event": int(problem.deaths.sum()), "n_facilities": len(labels),
        "variance": variance, "ci_lower": limits[0], "ci_upper": limits[1], "chi_square": statistic,
        "p_value": p_value, "median_hazard_ratio": median_hazard_ratio(variance),
        "log_likelihood": best.log_likelihood, "log_likelihood_null": null.log_likelihood, "status": OK, "note": note,
    }  # fmt: skip
    facilities = pd.DataFrame(
        {
            "facility": labels, "n": np.bincount(problem.owner, minlength=len(labels)), "n_event": problem.deaths.astype(np.int64), "expected": best.expected,
            "frailty": best.frailty if variance > 0 else np.ones(len(labels)),
        }
    )  # fmt: skip
    return FrailtyFit(pd.DataFrame([row], columns=COLUMNS), facilities, OK, note)


def _refused(variable: str, n: int, n_event: int, n_facility: int, note: str, status: str) -> FrailtyFit:
    row = dict.fromkeys(COLUMNS, float("nan")) | {
        "facility_variable": variable, "n": n, "n_event": n_event, "n_facilities": n_facility, "status": status,
        "note": note,
    }  # fmt: skip
    empty = pd.DataFrame(columns=["facility", "n", "n_event", "expected", "frailty"])
    return FrailtyFit(pd.DataFrame([row], columns=COLUMNS), empty, status, note)
