"""Frames in, estimates out: survival, Cox, competing risks, cutpoints and growth, for notebooks as for the assets.

Belongs here: the list of public names, each loaded when it is first used.
Does not belong here: computation, Dagster, DuckDB, files.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "cause_specific": "inputs",
    "PreparedFrame": "inputs",
    "kaplan_meier": "survival.kaplan_meier",
    "landmark_survival": "survival.kaplan_meier",
    "median_survival": "survival.kaplan_meier",
    "follow_up": "survival.kaplan_meier",
    "logrank_test": "survival.logrank",
    "logrank_groups": "survival.logrank",
    "restricted_mean": "survival.restricted_mean",
    "restricted_mean_difference": "survival.restricted_mean",
    "fit_cox": "cox.fit",
    "CoxFit": "cox.result",
    "bootstrap_concordance": "cox.bootstrap",
    "concordance": "cox.concordance",
    "spline_basis": "cox.spline",
    "fit_size_spline": "cox.spline",
    "cumulative_incidence": "survival.cumulative_incidence",
    "landmark_incidence": "survival.cumulative_incidence",
    "gray_test": "survival.gray",
    "fit_fine_gray": "cox.fine_gray",
    "select_cutpoint": "survival.cutpoint",
    "cutpoint_stability": "survival.cutpoint",
    "describe_cohort": "cohort.descriptive",
    "exact_proportion_ci": "cohort.descriptive",
    "wilson_ci": "cohort.descriptive",
    "fit_growth": "growth.fit",
    "fit_growth_all": "growth.fit",
    "fit_interval_onset": "growth.onset",
    "share_by_interval": "growth.share_small",
    "recurrence_patterns": "survival.recurrence",
    "plan_surveillance": "growth.surveillance",
    "lesion_growth_rates": "growth.serial",
    "fit_growth_mixed": "growth.serial",
    "missing_counts": "cohort.missing",
    "missing_patterns": "cohort.missing",
    "fit_cox_imputed": "cox.imputed",
    "pool_rubin": "cox.imputed",
    "landmark_analysis": "survival.landmark",
    "immortal_time": "survival.landmark",
    "clustered_survival": "survival.clustered",
    "clustered_incidence": "survival.clustered",
    "fit_cause_specific": "cox.reported",
    "fit_cox_reported": "cox.reported",
    "events_label": "cox.reported",
    "influence_by_patient": "cox.reported",
    "search_cost": "survival.cutpoint_cost",
    "growth_sensitivity": "growth.sensitivity",
    "growth_curve": "growth.curve_band",
    "coefficient_over_time": "cox.time_varying",
    "growth_influence": "growth.sensitivity",
}

__all__ = [
    "CoxFit",
    "PreparedFrame",
    "bootstrap_concordance",
    "cause_specific",
    "clustered_incidence",
    "clustered_survival",
    "coefficient_over_time",
    "concordance",
    "cumulative_incidence",
    "cutpoint_stability",
    "describe_cohort",
    "events_label",
    "exact_proportion_ci",
    "fit_cause_specific",
    "fit_cox",
    "fit_cox_imputed",
    "fit_cox_reported",
    "fit_fine_gray",
    "fit_growth",
    "fit_growth_all",
    "fit_growth_mixed",
    "fit_interval_onset",
    "fit_size_spline",
    "follow_up",
    "gray_test",
    "growth_curve",
    "growth_influence",
    "growth_sensitivity",
    "immortal_time",
    "influence_by_patient",
    "kaplan_meier",
    "landmark_analysis",
    "landmark_incidence",
    "landmark_survival",
    "lesion_growth_rates",
    "logrank_groups",
    "logrank_test",
    "median_survival",
    "missing_counts",
    "missing_patterns",
    "plan_surveillance",
    "pool_rubin",
    "recurrence_patterns",
    "restricted_mean",
    "restricted_mean_difference",
    "search_cost",
    "select_cutpoint",
    "share_by_interval",
    "spline_basis",
    "wilson_ci",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use, so that importing the package stays cheap."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
