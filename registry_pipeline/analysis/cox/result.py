"""The result of a Cox fit: tidy terms, one summary row, and what is computed from the fit on request.

Belongs here: :class:`CoxFit` and the making of its tables.
Does not belong here: the fitting (cox.py, analysis/cox/newton.py, analysis/cox/firth.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from registry_pipeline.analysis.blockwise import combine
from registry_pipeline.analysis.cox.concordance import Concordance, concordance
from registry_pipeline.analysis.cox.design import CoxData
from registry_pipeline.analysis.cox.estimates import Estimates, Model, wald_statistic
from registry_pipeline.analysis.cox.levels import (
    hazard_ratios,
    is_rare,
    ratio_notes,
    with_leading_p,
    with_levels,
)
from registry_pipeline.analysis.cox.proportional_hazards import (
    TRANSFORMS,
    ph_score_test,
    scaled_schoenfeld,
    score_residuals,
    transformed_time,
)
from registry_pipeline.analysis.cox.ratio import ratio_statistic
from registry_pipeline.analysis.distributions import chi_square_p
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Floats

TERM_COLUMNS = [
    "term",
    "coefficient",
    "standard_error",
    "hazard_ratio",
    "ci_lower",
    "ci_upper",
    "p_value",
    "method",
    "status",
    "note",
    "reference_level",
]


@dataclass(frozen=True)
class CoxFit:
    """A Cox model, certified or refused.

    status: ok, not_estimable or not_converged; note: what a reader must know, in sentences. When the status
    is not ok every number is NaN. A model that is ok may still hold terms that are not: `terms.status`.
    """

    status: str
    note: str
    method: str
    data: CoxData = field(repr=False)
    term_status: tuple[str, ...]
    term_note: tuple[str, ...]
    used: tuple[int, ...]
    estimates: Estimates | None = field(repr=False, default=None)
    model: Model | None = field(repr=False, default=None)

    @property
    def independent(self) -> tuple[int, ...]:
        """Positions of the independent columns in the model."""
        return () if self.model is None else self.model.independent

    @property
    def events_per_variable(self) -> float:
        """Events for each coefficient of the model, or that it should have had."""
        is_fitted = self.status == OK and self.estimates is not None
        return self.data.n_event / max(len(self.independent if is_fitted else self.data.terms), 1)

    @cached_property
    def terms(self) -> pd.DataFrame:
        """One row per coefficient, columns of `result.cox_term`; n_level, n_event_level: patients and events of its level.

        p_value leads: Wald's, Firth's by profile; of a level with fewer than 5 events, or against one, by likelihood
        ratio, or withheld; p_value_method says which.
        """
        values = np.full((len(self.data.terms), 6), np.nan)
        if self.estimates is not None and self.used:
            estimates = self.estimates
            error = np.sqrt(np.diag(estimates.covariance))
            limits = hazard_ratios(estimates.beta, estimates.lower, estimates.upper)
            values[list(self.used)] = np.column_stack([estimates.beta, error, limits, estimates.p_value])
        frame = pd.DataFrame(values, columns=TERM_COLUMNS[1:7])
        frame.insert(0, "term", list(self.data.terms))
        frame["method"] = self.method
        frame["status"] = list(self.term_status)
        frame["note"] = ratio_notes(frame["coefficient"], self.data.terms, self.term_note)
        frame["reference_level"] = [self._reference(term) for term in self.data.terms]
        is_dependent = self.data.cluster is not None or self.data.is_weighted
        method = "profile" if self.method == "firth" else "Wald, robust" if is_dependent else "Wald"
        frame = with_levels(frame, self.data.levels)
        return with_leading_p(frame, self.data.levels, method, None if is_dependent else self._term_ratio_p)

    def _term_ratio_p(self, position: int) -> float:
        """Likelihood-ratio p value of one term."""
        if self.model is None or position not in self.independent:
            return float("nan")
        at = [self.independent.index(position)]
        return chi_square_p(ratio_statistic(self.model, at, is_maximum=self.method != "firth"), 1)

    def _reference(self, term: str) -> str | None:
        """Give the reference level of a dummy column."""
        return self.data.references.get(term.rsplit("[", 1)[0]) if term.endswith("]") else None

    @cached_property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the coefficients (robust where clusters were named), NaN for terms without estimate."""
        names = list(self.data.terms)
        values = np.full((len(names), len(names)), np.nan)
        if self.estimates is not None and self.used:
            values[np.ix_(self.used, self.used)] = self.estimates.covariance
        return pd.DataFrame(values, index=names, columns=names)

    @cached_property
    def linear_predictor(self) -> Floats:
        """Log hazard relative to the average row, one per row used, in order of `data.row`."""
        if self.model is None:
            return np.full(len(self.data.row), np.nan)
        predictor = combine(self.model.x, self.model.scaled_beta)
        if len(
            self.model.shift
        ):  # the columns are centred within strata, which says nothing of the overall average
            predictor += (self.model.shift @ self.model.scaled_beta)[self.data.stratum]
        return predictor

    @cached_property
    def concordance(self) -> Concordance:
        """Harrell's concordance within strata with its jackknife standard error, as R's summary(coxph)."""
        if self.status != OK:
            return Concordance(0.0, 0.0, 0.0, float("nan"), float("nan"))
        data = self.data
        cluster = np.arange(len(data.row)) if data.cluster is None and data.is_weighted else data.cluster
        return concordance(data.times, self.linear_predictor, data.stratum, data.count, cluster)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row as `result.cox_fit`."""
        estimates, agreement = self.estimates, self.concordance
        ok = self.status == OK and estimates is not None
        limits = agreement.limits(estimates.level if estimates else 0.95)
        ph = self.ph_test()
        overall = ph.loc[ph["term"] == "GLOBAL", "p_value"]
        row = {
            "n": self.data.n,
            "n_missing": self.data.n_missing,
            "n_event": self.data.n_event,
            "events_per_variable": self.events_per_variable,
            "log_likelihood_null": estimates.log_likelihood_null if ok and estimates else np.nan,
            "log_likelihood": estimates.log_likelihood if ok and estimates else np.nan,
            "concordance": agreement.estimate,
            "concordance_se": agreement.standard_error,
            "concordance_ci_lower": limits[0],
            "concordance_ci_upper": limits[1],
            "likelihood_ratio_p_value": self._ratio_p(),
            "wald_p_value": self._wald_p(),
            "ph_p_value": float(overall.iloc[0]) if len(overall) else np.nan,
            "method": self.method,
            "status": self.status,
            "note": self.note,
        }
        return pd.DataFrame([row])

    def _ratio_p(self) -> float:
        """P value of the likelihood-ratio test of all coefficients."""
        estimates = self.estimates
        if estimates is None:
            return float("nan")
        return chi_square_p(
            2 * (estimates.log_likelihood - estimates.log_likelihood_null), len(self.independent)
        )

    def _wald_p(self) -> float:
        """P value of the Wald test of all coefficients; robust where clusters or weights made the errors so."""
        if self.estimates is None or not self.used or is_rare(self.data.levels[j] for j in self.used):
            return float("nan")
        statistic = wald_statistic(self.estimates.beta, self.estimates.covariance)
        return chi_square_p(statistic, len(self.used))

    def ph_test(self, transform: str = "km") -> pd.DataFrame:
        """Test proportional hazards: columns of `result.ph_test`, one row per term and GLOBAL.

        transform: km, rank or identity of time. Score test of Grambsch & Therneau as R's cox.zph computes it
        since survival 3.0; dummy columns are tested one by one. No rows where there is no certified
        unpenalised fit; NaN with too few death times.
        """
        columns = ["transform", "term", "chi_square", "degrees_of_freedom", "p_value"]
        if transform not in TRANSFORMS:
            raise ValueError(f"transform must be one of {', '.join(TRANSFORMS)}")
        if transform not in self._ph_tests:
            self._ph_tests[transform] = self._ph_test(transform, columns)
        return self._ph_tests[transform].copy()

    @cached_property
    def _ph_tests(self) -> dict[str, pd.DataFrame]:
        """The tests made so far."""
        return {}

    def _ph_test(self, transform: str, columns: list[str]) -> pd.DataFrame:
        if self.model is None or self.method == "firth":
            return pd.DataFrame(columns=columns)
        patients = np.ones(len(self.data.row)) if self.data.is_weighted else self.data.count
        g = transformed_time(self.data.times, patients, transform)
        with np.errstate(all="ignore"):
            each, overall = ph_score_test(self.model.sets, self.model.x, self.model.evaluation, g)
        rows = [
            [transform, self.data.terms[j], chi, 1, chi_square_p(chi, 1)]
            for j, chi in zip(self.independent, each, strict=True)
            if self.term_status[j] == OK
        ]
        rows.append(
            [
                transform,
                "GLOBAL",
                overall,
                len(self.independent),
                chi_square_p(overall, len(self.independent)),
            ]
        )
        return pd.DataFrame(rows, columns=columns)

    def influence(self) -> pd.DataFrame:
        """Approximate change of each coefficient when a row is left out (dfbeta), and `row`, its position.

        Exact infinitesimal jackknife for Efron's ties, as R's residuals(type="dfbeta").
        """
        if self.model is None:
            return self._columns_of_terms(np.zeros((0, 0)))
        model = self.model
        residual = score_residuals(model.sets, model.x, model.evaluation)
        scaled = np.linalg.solve(model.evaluation.information, residual.T).T / model.scale
        frame = self._columns_of_terms(scaled)
        frame.insert(0, "row", self.data.row)
        return frame

    @property
    def schoenfeld(self) -> pd.DataFrame:
        """Scaled Schoenfeld residuals (a coefficient over time): row, duration and one column per term."""
        if self.model is None:
            return self._columns_of_terms(np.zeros((0, 0)))
        model = self.model
        residual = scaled_schoenfeld(model.sets, model.x, model.evaluation, model.scaled_beta) / model.scale
        frame = self._columns_of_terms(residual)
        frame.insert(0, "row", self.data.row[model.sets.death_row])
        frame.insert(1, "duration", self.data.times.duration[model.sets.death_row])
        return frame.sort_values(["duration", "row"], ignore_index=True)

    def _columns_of_terms(self, values: Floats) -> pd.DataFrame:
        """Name the columns of the independent terms and show those with an estimate."""
        if self.model is None:
            return pd.DataFrame(columns=["row", *self.data.terms])
        frame = pd.DataFrame(values, columns=[self.data.terms[j] for j in self.independent])
        return frame[[self.data.terms[j] for j in self.used]]


def refused(data: CoxData, method: str, status: str, note: str, term_notes: dict[int, str]) -> CoxFit:
    """Make the result of a model that has no numbers to show."""
    p = len(data.terms)
    term_note = tuple(term_notes.get(j, note) for j in range(p))
    shown = status if status != OK else NOT_ESTIMABLE
    return CoxFit(shown, note, method, data, (shown,) * p, term_note, ())
