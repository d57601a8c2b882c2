"""What is folded under "More about this": whole factors, absolute risk, facilities, the course, bands of growth.

Belongs here: which result tables stand behind which section, and the sentence that says what each means.
Does not belong here: how a table is drawn (``result_table.py``), estimates.
"""

from __future__ import annotations

from registry_pipeline.reporting.document.blocks import Block, Folded, Section, missing
from registry_pipeline.reporting.document.wording import clean, is_given, p_value
from registry_pipeline.reporting.figures.funnel import funnel_figure
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.record import Addition, ReportSection
from registry_pipeline.reporting.sections.result_table import (
    Cell,
    Shown,
    folded_table,
    text,
    value,
    with_interval,
)
from schemas.study import OS


def _p(name: str) -> Cell:
    return lambda row: p_value(row[name]) if is_given(row[name]) else "–"


def factor_blocks(context: Context) -> list[Folded | None]:
    """Each covariate of the models as one question."""
    shown = Shown(
        "result.cox_factor",
        "Each factor as a whole",
        "One test per factor, however many levels it has: whether it tells anything at all once the others are known. "
        "It does not say which level differs, and a factor with few events per level can matter and not show.",
        lambda row: f"{context.words.variable(str(row['covariate']))} ({str(row['model']).split(':')[0]})",
        {
            "df": value("degrees_of_freedom", 0),
            "p, Wald": _p("wald_p_value"),
            "p, likelihood ratio": _p("likelihood_ratio_p_value"),
            "p, proportional hazards": _p("ph_p_value"),
        },
    )
    return [folded_table(context, shown, {"endpoint": OS.name, "origin": context.origin})]


def risk_blocks(context: Context) -> list[Folded | None]:
    """Absolute risk by the model, and how far it can be trusted."""
    adjusted = Shown(
        "result.prediction_standardised",
        "Survival adjusted for the other factors",
        "Survival of the whole cohort had everybody been in the level, the other factors as they are. It is what the model "
        "attributes to the factor, and a causal difference only as far as these factors are all that matters.",
        lambda row: (
            f"{context.words.group(str(row['variable']), row['level'])}, {float(row['landmark_months']):g} months"
        ),
        {"Survival, % (95 % CI)": with_interval("survival", 1, 100.0)},
    )
    calibrated = Shown(
        "result.prediction_calibration",
        "Predicted against observed survival",
        "Quarters of predicted risk, lowest first. Observed is Kaplan-Meier. The patients are those who made the model, "
        "which flatters it; the corrected difference takes that away, as far as resampling these patients can, and says "
        "nothing of other hospitals.",
        lambda row: f"Quarter {int(row['risk_group'])}, {float(row['landmark_months']):g} months",
        {
            "Patients": value("n", 0),
            "Predicted, %": value("predicted", 1, 100.0),
            "Observed, % (95 % CI)": with_interval("observed", 1, 100.0),
            "Difference": value("difference", 1, 100.0),
            "Difference, corrected": value("difference_corrected", 1, 100.0),
        },
    )
    accurate = Shown(
        "result.prediction_accuracy",
        "How well the model predicts",
        "Brier score: mean squared error, 0 is perfect; without covariates: that of Kaplan-Meier. AUC: 0.5 is chance. "
        "Corrected: less the optimism of judging a model on its own patients. It says nothing of other hospitals' patients.",
        lambda row: f"{float(row['landmark_months']):g} months",
        {
            "Brier": value("brier", 3),
            "Brier, corrected": value("brier_corrected", 3),
            "Brier without covariates": value("brier_null", 3),
            "AUC": value("auc", 3),
            "AUC, corrected": value("auc_corrected", 3),
        },
    )
    return [folded_table(context, shown) for shown in (adjusted, calibrated, accurate)]


def course_blocks(context: Context) -> list[Folded | None]:
    """The course after local therapy as states."""
    occupied = Shown(
        "result.state_occupation",
        "The course as states: where patients are at fixed times",
        "The probability of being free of recurrence, recurred, progressed widely or dead; at each time they add up to 100 %. "
        "A state lasts until a more severe one: a recurrence that was treated and controlled still counts as recurred.",
        lambda row: (
            f"{_group(context, row['stratum_variable'], row['stratum'])}: {row['state']}, {float(row['landmark_months']):g} months"
        ),
        {"% (95 % CI)": with_interval("probability", 1, 100.0), "Seen in it": value("n_in_state", 0)},
    )
    lasting = Shown(
        "result.state_time",
        "The course as states: expected months in each",
        "Of the months within the horizon, how many a patient spends in each state in the mean; they add up to the horizon.",
        lambda row: f"{_group(context, row['stratum_variable'], row['stratum'])}: {row['state']}",
        {
            "Horizon, months": value("tau_months", 0),
            "Months (95 % CI)": with_interval("mean_months", 1, 1.0, ("ci_lower_months", "ci_upper_months")),
        },
    )
    return [folded_table(context, shown) for shown in (occupied, lasting)]


def growth_blocks(context: Context) -> list[Folded | None]:
    """Bands over what the data of growth cannot settle."""
    shown = Shown(
        "result.growth_band",
        "How far the choice of form and detection limit moves the months",
        "Lowest and highest over forms that fit about as well as the best, and over detection limits of CT; the interval is "
        "the widest of any of them. These are as wide as choices that nobody can make for sure, no intervals of 95 %.",
        text("band"),
        {
            "Months": value("months"),
            "Lowest to highest": with_interval("months", 1, 1.0, ("lowest_months", "highest_months")),
            "Widest interval": with_interval("months", 1, 1.0, ("ci_lower", "ci_upper")),
            "Choices": value("n_plausible", 0),
        },
    )
    return [folded_table(context, shown)]


def facilities_section(context: Context) -> Section:
    """How facilities differ."""
    section = Section("facilities", "Facilities")
    funnel = Shown(
        "result.facility_funnel",
        "Observed against expected deaths",
        "Deaths of a facility's patients by those expected if the facility made no difference, without and with their case "
        "mix. A facility outside the limits is a question, not a verdict: case mix is adjusted for what is recorded.",
        lambda row: f"{row['facility']} ({'as they are' if row['adjustment'] == 'none' else 'case mix'})",
        {
            "Patients": value("n", 0),
            "Expected": value("expected"),
            "Ratio (95 % CI)": with_interval("ratio", 2),
            "p, adjusted": _p("p_value_adjusted"),
            "In the funnel": text("position"),
        },
    )
    frailty = Shown(
        "result.facility_frailty",
        "How much facilities differ as a whole",
        "The variance of the facilities' hazards. Median hazard ratio: the worse of two facilities drawn at random against "
        "the better. With few facilities the interval is wide, and a variance of 0 is no proof that they are alike.",
        lambda row: "As they are" if row["adjustment"] == "none" else "Adjusted for case mix",
        {
            "Facilities": value("n_facilities", 0),
            "Variance (95 % CI)": with_interval("variance", 3),
            "Median hazard ratio": value("median_hazard_ratio", 2),
            "p": _p("p_value"),
        },
    )
    section.add(_funnel_figure(context))
    section.add(*(folded_table(context, shown) for shown in (funnel, frailty, *_HEADLINES)))
    return section if section.blocks else section.add(missing(context.why_empty("result.facility_funnel")))


_HEADLINES = (
    Shown(
        "result.facility_difference",
        "Each headline number: does it differ between facilities",
        "The mean over facilities with its interval, the test that all are equal, and where the true value of another "
        "facility would lie. Facilities of fewer than 5 patients have no estimate of their own. Case mix is not adjusted "
        "for, so a difference may be one of patients.",
        text("description"),
        {
            "Everybody": value("computed_value"),
            "Facilities": value("n_facilities", 0),
            "Mean (95 % CI)": with_interval("pooled"),
            "p, all equal": _p("p_value"),
            "Beyond chance, %": value("i_squared", 0, 100.0),
            "Another facility": with_interval("pooled", 1, 1.0, ("prediction_lower", "prediction_upper")),
        },
    ),
    Shown(
        "result.facility_left_out",
        "Each headline number without one facility",
        "On which facility a number hangs: what it is without each. Patients of the facility that is left out are in none "
        "of the row's numbers.",
        lambda row: f"{row['description']}, without {row['left_out']}",
        {
            "Patients": value("n", 0),
            "Value": value("computed_value"),
            "Change": value("change"),
        },
    ),
)


def _funnel_figure(context: Context) -> Block | None:
    """The funnel of the facilities, adjusted for case mix where that is known; none where fewer than two may be shown."""
    rows = (
        context.tables.table("result.facility_funnel")
        if context.tables.has("result.facility_funnel")
        else None
    )
    if rows is None or not len(rows):
        return None
    rows = rows[rows["status"] == "ok"]
    adjusted = rows[rows["adjustment"] != "none"]
    rows = adjusted if len(adjusted) else rows
    if len(rows) < 2:
        return None
    outside = rows[rows["position"] != "inside"]
    words = ", ".join(f"{clean(row.facility)} {row.position}" for row in outside.itertuples()) or "none"
    return context.figures.add(
        "facilities-funnel",
        funnel_figure(rows),
        rows[["facility", "n", "n_event", "expected", "ratio", "ci_lower", "ci_upper", "position"]],
        title="Observed by expected deaths of each facility",
        description=f"Facilities outside the limits: {words}.",
        meaning="Each point is a facility. Between the inner lines lie 95, between the outer 99.8 of 100 facilities that make "
        "no difference, by the exact Poisson distribution of the deaths expected of their patients.",
        limits="Expected deaths are adjusted for the recorded case mix only. A facility outside is a question, not a verdict.",
        source="result.facility_funnel",
    )


def _group(context: Context, variable: object, level: object) -> str:
    name = str(variable) if is_given(variable) else "overall"
    return context.words.group(name, level if is_given(level) else "all")


SECTIONS = (ReportSection("facilities", 120, facilities_section),)
ADDITIONS = (
    Addition("progression", course_blocks),
    Addition("models", factor_blocks),
    Addition("checks", risk_blocks),
    Addition("growth", growth_blocks),
)
