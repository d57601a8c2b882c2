"""Frames in, estimates out: survival, Cox, competing risks, cutpoints and growth, for notebooks as for the assets.

Belongs here: the list of public names, each loaded when it is first used.
Does not belong here: computation, Dagster, DuckDB, files.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "cause_specific": "gate",
    "Checked": "gate",
    "kaplan_meier": "survival",
    "landmark_survival": "survival",
    "median_survival": "survival",
    "follow_up": "survival",
    "logrank_test": "logrank",
    "logrank_groups": "logrank",
    "restricted_mean": "rmst",
    "restricted_mean_difference": "rmst",
    "fit_cox": "cox",
    "CoxFit": "cox_result",
    "bootstrap_concordance": "cox_bootstrap",
    "concordance": "cox_concordance",
    "spline_basis": "cox_spline",
    "fit_size_spline": "cox_spline",
    "cumulative_incidence": "competing_risks",
    "landmark_incidence": "competing_risks",
    "gray_test": "gray",
    "fit_fine_gray": "fine_gray",
    "select_cutpoint": "cutpoint",
    "cutpoint_stability": "cutpoint",
    "describe_cohort": "descriptive",
    "exact_proportion_ci": "descriptive",
    "wilson_ci": "descriptive",
    "fit_growth": "growth",
    "fit_growth_all": "growth",
    "fit_interval_onset": "growth_onset",
    "share_by_interval": "growth_share",
    "recurrence_patterns": "recurrence",
    "plan_surveillance": "surveillance",
    "lesion_growth_rates": "growth_serial",
    "fit_growth_mixed": "growth_serial",
    "headline_bounds": "bounds",
    "missing_counts": "missing",
    "missing_patterns": "missing",
    "fit_cox_imputed": "imputation",
    "pool_rubin": "imputation",
    "landmark_analysis": "landmark",
    "immortal_time": "landmark",
    "clustered_survival": "clustered",
    "clustered_incidence": "clustered",
    "fit_cause_specific": "cox_reported",
    "fit_cox_reported": "cox_reported",
    "events_label": "cox_reported",
    "influence_by_patient": "cox_reported",
    "search_cost": "cutpoint_cost",
    "growth_sensitivity": "growth_readings",
    "growth_curve": "growth_band",
    "coefficient_over_time": "cox_smooth",
    "growth_influence": "growth_readings",
}

__all__ = [
    "Checked",
    "CoxFit",
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
    "headline_bounds",
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
