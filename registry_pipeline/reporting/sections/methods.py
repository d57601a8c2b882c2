"""Study report: methods and definitions in words.

Belongs here: sentences that do not depend on records. Does not belong here: numbers computed from records.
Sources: DATECAN endpoint definitions; ESTRO-EORTC 2020; the study's abstract (Gao and others 2023).
"""

from __future__ import annotations

from registry_pipeline.reporting.document.blocks import Bullets, Column, Heading, Row, Section, Table
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.record import ReportSection
from schemas.disease.wording import SITE_DEFINITION
from schemas.study import ENDPOINTS, ORIGINS, PRIMARY_DX

_ESTIMATES = (
    "Curves: Kaplan-Meier, log-log confidence intervals; a time later than the last observation of a group has no "
    "estimate. Groups are compared by the two-sided log-rank test, beside it by weighted and stratified ones and by "
    "differences of restricted means, with limits by t (Kaplan-Meier’s correction, Satterthwaite).",
    "Where events compete: Aalen-Johansen cumulative incidence beside 1 − Kaplan-Meier, Gray’s test, cause-specific and "
    "subdistribution (Fine-Gray) hazard ratios.",
    "Local control lesion by lesion: the same estimates per treated lesion, with patients as clusters (robust variance, limits widened "
    "for few patients).",
    "Cox models: ties by Efron. A fit is shown only with a certified solution (score zero, likelihood not below the "
    "null, information positive definite). Below five events per coefficient, or where a group has no event, the fit "
    "with Firth’s penalty and profile-likelihood intervals is shown in its place.",
    "Proportional hazards: score tests on Kaplan-Meier time, and scaled Schoenfeld residuals with a spline through them. "
    "Restricted mean survival stands beside hazard ratios.",
    "The model of all factors: concordance corrected for optimism by bootstrap (Harrell), and the influence of single patients "
    "(dfbeta).",
    "Size without a cutpoint: restricted cubic spline with three knots at Harrell’s quantiles. With a searched one: maximally "
    "selected log-rank statistic, p corrected for the search by permutation (beside it by the formulas of Lausen and others, "
    "1994 and 1992), and the cutpoints that bootstrap samples choose.",
    "Immortal time: survival from landmarks on, and with entry at the start of therapy (left truncation).",
    "Shares: exact (Clopper-Pearson) intervals.",
    "Missing values are counted and left out (complete cases). Where a factor of the model of all factors is missing, multiple "
    "imputation (chained equations, Rubin’s rules) stands beside it.",
    "Open questions of the records: partial dates at their bounds, quarantined records in, lost patients dead or alive; each "
    "reading is computed anew. These are bounds, no intervals.",
)


def methods_section(context: Context) -> Section:
    """Endpoints, estimators, models, growth."""
    return Section("methods", "Methods and definitions").add(
        _endpoint_table(),
        Heading("Time"),
        Bullets(_time(context)),
        Heading("Estimates"),
        Bullets(_ESTIMATES),
        Heading("Size and site"),
        Bullets(_size_and_site(context)),
        Heading("Growth"),
        Bullets(_growth(context)),
    )


def _endpoint_table() -> Table:
    rows = tuple(
        Row(endpoint.label, (endpoint.event, endpoint.last_seen, endpoint.competing_event or "none"))
        for endpoint in ENDPOINTS.values()
    )
    heads = ("Event", "Censored at", "Competing")
    return Table(
        "Endpoints",
        "Endpoint",
        tuple(Column(head, is_number=False) for head in heads),
        rows,
        "mart.survival_time",
        (
            "Last disease assessment: the last imaging or visit that says how the disease stands; a telephone call that "
            "finds the patient alive prolongs survival only.",
        ),
    )


def _time(context: Context) -> tuple[str, ...]:
    end = (
        context.tables.parameters.get("refresh.extract_date")
        or "the day on which the newest file was received"
    )
    return (
        f"The clock starts at the {PRIMARY_DX.label}: this release has no study cohort."
        if context.no_cohort
        else f"The clock starts at the {ORIGINS[context.origin].label}. Treatment is a condition of being in the study, so a clock "
        "started earlier would give every patient time in which she could not have died (immortal time).",
        f"Times are whole days; a month is {context.days_per_month:g} days and is for display only.",
        "Censoring on the day of an event comes after the event. A time of 0 days is kept.",
        f"Observation ends on {end}.",
        "A date of which only the month or the year is known carries its precision and its bounds in the release; the "
        "analyses use the value between the bounds.",
    )


def _size_and_site(context: Context) -> tuple[str, ...]:
    parameters = context.tables.parameters
    axis = context.size_axis
    cutpoint = f"{context.cutpoint_mm:g} mm"
    return (
        f"Size of a patient: the largest {axis} over her index lesions at detection. The cutpoint of {cutpoint} is taken "
        f"as given; what a search in these data would find stands in a section of its own. Exactly {cutpoint} counts as small.",
        "Site of a patient: one group, from her index lesions. " + SITE_DEFINITION,
        f"Oligometastatic here: 1 to {parameters.get('study.omd_max_lesions', '3')} extracranial lesions, treated by "
        "definitive radiotherapy, surgery or ablation.",
    )


def _growth(context: Context) -> tuple[str, ...]:
    limit = context.tables.number("study.detection_limit_mm", 4.0)
    return (
        "Naive regression: diameter at detection on months since the last negative CT of the region, one reading per "
        "lesion, six forms, two error models; the interval at which the curve reaches the cutpoint is a parameter of the "
        "fit and has a profile-likelihood interval, and a bootstrap interval in which patients are drawn.",
        f"Interval-censored onset: each lesion crosses the detection limit ({limit:g} mm) at an unknown moment between the "
        "negative CT and detection, uniform in between, and then grows exponentially at its own rate (lognormal between "
        "lesions).",
        "Forms with a plateau are hardly identifiable from one reading per lesion; where the data show none, no plateau is "
        "printed.",
    )


SECTIONS = (ReportSection("methods", 180, methods_section, is_folded=True),)
