"""The public names of the room, for type checkers and editors; `__init__.py` loads each when it is first used."""

from .cohort.descriptive import describe_cohort as describe_cohort
from .cohort.missing import missing_counts as missing_counts, missing_patterns as missing_patterns
from .cox.bootstrap import bootstrap_concordance as bootstrap_concordance
from .cox.concordance import concordance as concordance
from .cox.factors import factor_tests as factor_tests
from .cox.fine_gray import fit_fine_gray as fit_fine_gray
from .cox.fit import fit_cox as fit_cox
from .cox.imputed import fit_cox_imputed as fit_cox_imputed
from .cox.rubin import pool_rubin as pool_rubin
from .cox.reported import (
    events_label as events_label,
    fit_cause_specific as fit_cause_specific,
    fit_cox_reported as fit_cox_reported,
    influence_by_patient as influence_by_patient,
)
from .cox.result import CoxFit as CoxFit
from .cox.spline import fit_size_spline as fit_size_spline, spline_basis as spline_basis
from .cox.time_varying import coefficient_over_time as coefficient_over_time
from .growth.curve_band import growth_curve as growth_curve
from .growth.fit import fit_growth as fit_growth, fit_growth_all as fit_growth_all
from .growth.onset import fit_interval_onset as fit_interval_onset
from .growth.sensitivity import growth_influence as growth_influence, growth_sensitivity as growth_sensitivity
from .growth.serial import fit_growth_mixed as fit_growth_mixed, lesion_growth_rates as lesion_growth_rates
from .growth.share_small import share_by_interval as share_by_interval
from .growth.surveillance import plan_surveillance as plan_surveillance
from .inputs import PreparedFrame as PreparedFrame
from .times import cause_specific as cause_specific
from .survival.clustered import (
    clustered_incidence as clustered_incidence,
    clustered_survival as clustered_survival,
)
from .survival.cumulative_incidence import (
    cumulative_incidence as cumulative_incidence,
    landmark_incidence as landmark_incidence,
)
from .survival.cutpoint import cutpoint_stability as cutpoint_stability, select_cutpoint as select_cutpoint
from .survival.cutpoint_cost import search_cost as search_cost
from .survival.gray import gray_test as gray_test
from .survival.kaplan_meier import (
    follow_up as follow_up,
    kaplan_meier as kaplan_meier,
    landmark_survival as landmark_survival,
    median_survival as median_survival,
)
from .survival.landmark import immortal_time as immortal_time, landmark_analysis as landmark_analysis
from .survival.logrank import logrank_groups as logrank_groups, logrank_test as logrank_test
from .survival.recurrence import recurrence_patterns as recurrence_patterns
from .survival.restricted_mean import (
    restricted_mean as restricted_mean,
    restricted_mean_difference as restricted_mean_difference,
)
from .distributions import (
    exact_proportion_ci as exact_proportion_ci,
    exact_rate_ci as exact_rate_ci,
    false_discovery_p as false_discovery_p,
    wilson_ci as wilson_ci,
)
from .prediction.baseline import (
    baseline_hazard as baseline_hazard,
    predict_survival as predict_survival,
    standardised_survival as standardised_survival,
)
from .prediction.accuracy import prediction_accuracy as prediction_accuracy
from .prediction.calibration import calibration as calibration
from .facilities.frailty import fit_shared_frailty as fit_shared_frailty
from .facilities.funnel import facility_funnel as facility_funnel
from .facilities.heterogeneity import (
    heterogeneity as heterogeneity,
    leave_one_facility_out as leave_one_facility_out,
)
from .states.course import course_intervals as course_intervals
from .states.occupation import state_occupation as state_occupation, time_in_state as time_in_state
from .growth.bands import growth_bands as growth_bands
