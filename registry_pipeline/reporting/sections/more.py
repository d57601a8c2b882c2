"""What is folded under "More about this": whole factors, absolute risk, the course, bands of growth.

Belongs here: which result tables stand behind which section, and the sentence that says what each means.
Does not belong here: how a table is drawn (``result_table.py``), estimates.
"""

from __future__ import annotations

from registry_pipeline.reporting.document.blocks import Folded
from registry_pipeline.reporting.document.wording import interval, is_given, upper_first
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.record import Addition
from registry_pipeline.reporting.sections.result_table import (
    Cell,
    Shown,
    folded_table,
    probability,
    text,
    value,
    with_interval,
)
from schemas.study import OS, OVERALL


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
            "p, Wald": probability("wald_p_value"),
            "p, likelihood ratio": probability("likelihood_ratio_p_value"),
            "p, proportional hazards": probability("ph_p_value"),
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
        lambda row: context.words.group(str(row["variable"]), row["level"]),
        {"%": with_interval("survival", 1, 100.0)},
        across=lambda row: f"{float(row['landmark_months']):g} months, % (95 % CI)",
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
        "A state lasts until a more severe one: a recurrence that was treated and controlled still counts as recurred. "
        "In %, with 95 % limits.",
        lambda row: (
            f"{_group(context, row['stratum_variable'], row['stratum'])}, {float(row['landmark_months']):g} months"
        ),
        {"%": with_interval("probability", 1, 100.0)},
        across=lambda row: upper_first(str(row["state"])),
    )
    lasting = Shown(
        "result.state_time",
        "The course as states: expected months in each",
        "Of the months within the horizon, how many a patient spends in each state in the mean, with 95 % limits; they add up "
        "to the horizon.",
        lambda row: (
            f"{_group(context, row['stratum_variable'], row['stratum'])}, of {float(row['tau_months']):g} months"
        ),
        {"Months": with_interval("mean_months", 1, 1.0, ("ci_lower_months", "ci_upper_months"))},
        across=lambda row: upper_first(str(row["state"])),
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
            "Months, as reported": value("months"),
            "Lowest to highest": _ends("lowest_months", "highest_months"),
            "Widest interval": _ends("ci_lower", "ci_upper"),
            "Choices": value("n_plausible", 0),
        },
    )
    return [folded_table(context, shown)]


def _ends(lowest: str, highest: str) -> Cell:
    return lambda row: interval(row[lowest], row[highest])


def _group(context: Context, variable: object, level: object) -> str:
    name = str(variable) if is_given(variable) else OVERALL.name
    return context.words.group(name, level if is_given(level) else "all")


ADDITIONS = (
    Addition("progression", course_blocks),
    Addition("models", factor_blocks),
    Addition("checks", risk_blocks),
    Addition("growth", growth_blocks),
)
