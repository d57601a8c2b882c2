"""Every design, the result tables whose intervals it judges, and how many replicates it gets.

Belongs here: one line per design. Does not belong here: designs, bars.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation import cox_designs, growth_designs, outlook_designs, survival_designs
from tests.simulation.intervals import Design

SMALL = 56  # patients of the study


@dataclass(frozen=True)
class Entry:
    """tables: of schemas/result; long, suite: replicates of `python -m tests.simulation` and of the suite."""

    design: Design
    tables: tuple[str, ...]
    long: int
    suite: int


PROFILE = ("growth_threshold", "growth_sensitivity")
CATALOGUE = {
    "Kaplan-Meier": Entry(
        survival_designs.kaplan_meier, ("km_curve", "km_landmark", "km_summary"), 10_000, 2_000
    ),
    "restricted mean": Entry(survival_designs.restricted_mean, ("rmst", "rmst_difference"), 10_000, 2_000),
    "follow-up": Entry(survival_designs.follow_up, ("follow_up",), 4_000, 1_000),
    "from a landmark": Entry(survival_designs.landmark_analysis, ("landmark_analysis",), 10_000, 2_000),
    "left truncation": Entry(survival_designs.left_truncated, ("immortal_time",), 10_000, 2_000),
    "Aalen-Johansen": Entry(survival_designs.aalen_johansen, ("cumulative_incidence",), 10_000, 600),
    "lesion-level": Entry(survival_designs.lesions, ("lesion_local_control",), 10_000, 2_000),
    "Cox": Entry(cox_designs.cox, ("cox_term", "cutpoint_search"), 5_000, 1_000),
    "Firth alone": Entry(cox_designs.firth_alone, ("cox_term", "cutpoint_search", "lesion_cox"), 2_000, 600),
    "Firth adjusted": Entry(cox_designs.firth_adjusted, ("cox_term",), 1_000, 0),
    "cause-specific": Entry(cox_designs.cause_specific, ("cause_specific_cox",), 2_000, 1_000),
    "clusters": Entry(cox_designs.clusters, ("lesion_cox",), 1_000, 600),
    "spline": Entry(cox_designs.spline, ("cox_spline",), 3_000, 600),
    "over time": Entry(cox_designs.smooth_over_time, ("ph_residual",), 2_000, 600),
    "Fine-Gray": Entry(cox_designs.fine_gray, ("fine_gray",), 1_500, 600),
    "concordance": Entry(cox_designs.concordance_of_a_score, (), 5_000, 2_000),
    "imputed": Entry(cox_designs.imputed, ("imputed_cox",), 800, 40),
    **{
        f"{model}, {error}": Entry(growth_designs.form_profile(model, error), PROFILE, 1_000, 600)
        for model in ("exponential", "power", "linear")
        for error in ("additive", "log")
    },
    **{
        f"plateau, {model}": Entry(growth_designs.form_profile(model, "log"), PROFILE, 1_000, 100)
        for model in ("gompertz", "logistic", "von_bertalanffy")
    },
    "fitted curve, additive": Entry(
        growth_designs.fitted_curve("additive"), ("growth_curve", "surveillance"), 600, 100
    ),
    "fitted curve, log": Entry(
        growth_designs.fitted_curve("log"), ("growth_curve", "surveillance"), 600, 100
    ),
    "growth, clusters": Entry(
        growth_designs.cluster_bootstrap, ("growth_threshold", "growth_curve", "surveillance"), 1_000, 100
    ),
    "onset": Entry(growth_designs.onset, (*PROFILE, "surveillance"), 1_000, 100),
    "mixed model": Entry(growth_designs.mixed, (), 1_000, 100),
    "one lesion": Entry(growth_designs.serial, (), 300, 40),
    "share of lesions": Entry(growth_designs.clustered_share, ("growth_share",), 2_000, 600),
    "states": Entry(outlook_designs.states, ("state_occupation",), 2_000, 600),
    "frailty": Entry(outlook_designs.frailty, ("facility_frailty",), 300, 40),
    "pooled facilities": Entry(outlook_designs.pooled_facilities, ("facility_difference",), 4_000, 600),
    "standardised": Entry(outlook_designs.standardised, ("prediction_standardised",), 2_000, 600),
    "calibration": Entry(outlook_designs.calibrated, ("prediction_calibration",), 2_000, 600),
}
# Limits of a proportion of independent patients need no simulation (growth_designs.exact_coverage).
EXACT = ("recurrence_pattern", "recurrence_by_group")
# Copied from the tables above.
COPIED = ("scorecard",)
# Wider than 95 % on purpose, so that only a lower bar holds. facility_funnel: exact Poisson limits of events whose
# expected number comes from the same patients (test_coverage.test_limits_of_a_facility). growth_band: from the lowest
# to the highest limit of several fits judged above, no interval of a level
# (tests/unit/analysis/test_growth.py::test_bands_are_as_wide_as_the_choices_that_the_data_cannot_make).
WIDER = ("facility_funnel", "growth_band")
