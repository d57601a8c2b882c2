"""Study report: who was counted, who left, who the patients are, how long they were followed.

Belongs here: the sections on patients. Does not belong here: outcomes.
"""

from __future__ import annotations

from registry_pipeline.reporting.document.blocks import (
    Block,
    Column,
    Row,
    Section,
    Table,
    Text,
    caution,
    missing,
)
from registry_pipeline.reporting.document.wording import clean, count, count_of, interval, number, share
from registry_pipeline.reporting.figures.flow import Step, flow_figure
from registry_pipeline.reporting.release.disclosure.people import level_counts, missing_counts
from registry_pipeline.reporting.release.disclosure.table_one import Family, Variable, table_one
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.record import ReportSection
from schemas.codes import LESION_SITE_GROUP
from schemas.study import (
    AGE,
    AGE_GROUP,
    BED,
    DX_YEAR,
    HISTOLOGY,
    INTERVAL,
    IS_IN_COHORT,
    MAX_DIAMETER,
    MODALITY,
    OMD_CLASS,
    REGIONAL,
    SITE,
    SIZE_GROUP,
    STAGE_GROUP,
)

COHORT_VARIABLES = (
    Variable(AGE.name, True),
    Variable(AGE_GROUP.name),
    Variable(STAGE_GROUP.name),
    Variable(HISTOLOGY.name),
    Variable(SITE.name),
    Variable("n_lesions"),
    Variable(MAX_DIAMETER.name, True),
    Variable(SIZE_GROUP.name),
    Variable(MODALITY.name),
    Variable(BED.name, True),
    Variable(INTERVAL.name, True),
    Variable(REGIONAL.name),
    Variable(OMD_CLASS.name),
)
REGISTRY_VARIABLES = (
    Variable(AGE.name, True),
    Variable(AGE_GROUP.name),
    Variable(STAGE_GROUP.name),
    Variable(HISTOLOGY.name),
    Variable(DX_YEAR.name, True),
    Variable("is_dead"),
)
COHORT_FAMILIES = (
    Family(SIZE_GROUP.name, ("small", "large")),
    Family(SITE.name, tuple(LESION_SITE_GROUP.codes)),
)
FOLLOW_UP = {
    "reverse_km": "Reverse Kaplan-Meier: how long patients would have been watched had nobody died",
    "observed": "Observed: time to death or last contact of all patients, dead or alive",
}


def flow_section(context: Context) -> Section:
    """Attrition as a figure and as a table."""
    section = Section("flow", "Flow of patients")
    data = context.tables.table("mart.attrition").sort_values("step")
    data = data[["reason", "n_before", "n_excluded", "n_after"]].assign(reason=data["reason"].map(clean))
    steps = list(data.itertuples(index=False, name=None))
    if not steps:
        return section.add(missing(context.why_empty("mart.attrition", of_cohort=False)))
    first, last = steps[0][1], steps[-1][3]
    drawn = [
        Step(reason, f"n = {count(gone)}", f"n = {count(after)}") for reason, _, gone, after in steps if gone
    ]
    figure = context.figures.add(
        "flow",
        flow_figure(f"Patients on record, n = {count(first)}", drawn, f"Analysed, n = {count(last)}"),
        data,
        title="Flow of patients from the records to the analysis",
        description=f"Of {count(first)} patients {count(last)} are analysed. "
        + "; ".join(f"{reason}: {gone} left" for reason, _, gone, _ in steps if gone),
        meaning="Every patient on record is either analysed or left at exactly one step, the first that applied.",
        limits="That the record of a patient who left is poor, except at the steps that name quarantine.",
        source="mart.attrition",
    )
    rows = [Row(reason, (count(before), count(gone), count(after))) for reason, before, gone, after in steps]
    table = Table(
        "Steps of the flow",
        "Reason for leaving",
        (Column("Before"), Column("Left"), Column("After")),
        tuple(rows),
        "mart.attrition",
    )
    return section.add(figure, table)


def cohort_section(context: Context) -> Section:
    """Table 1 of the cohort."""
    section = Section("patients", "Patients of the study")
    if context.no_cohort:
        return section.add(missing(context.no_cohort))
    return section.add(
        table_one(
            context.tables,
            "mart.cohort",
            COHORT_VARIABLES,
            COHORT_FAMILIES,
            context.words,
            caption="Table 1. Patients, overall, by largest diameter and by site",
        ),
        caution(
            "Small groups differ by chance: a standardised difference between few patients is imprecise. The table "
            "describes; it does not test.",
        ),
    )


def follow_up_section(context: Context) -> Section:
    """Both definitions of follow-up, always named."""
    section = Section("follow-up", "Follow-up")
    follow_up = context.tables.in_order("result.follow_up")
    if follow_up.empty:
        return section.add(missing(context.why_empty("result.follow_up", of_cohort=False)))
    rows = [
        Row(
            FOLLOW_UP.get(str(row.definition), clean(row.definition)),
            (
                count(row.n),
                number(row.median_months),
                interval(row.ci_lower, row.ci_upper),
                interval(row.min_months, row.max_months),
            ),
        )
        for row in follow_up.itertuples()
    ]
    table = Table(
        "Follow-up by both definitions, months",
        "Definition",
        (Column("Patients"), Column("Median"), Column("95 % CI"), Column("Shortest to longest")),
        tuple(rows),
        "result.follow_up",
    )
    whom = "the whole registry, from diagnosis of the primary" if context.no_cohort else "the study cohort"
    note = (
        f"Both are of {whom}. The observed median is short wherever patients die early: it mixes survival with the length of "
        "the watch. The reverse Kaplan-Meier median speaks of the watch alone. They answer different questions and "
        "may lie far apart."
    )
    return section.add(table, Text(note))


def registry_section(context: Context) -> Section:
    """Everyone in the registry, in the study or not."""
    section = Section("registry", "All patients of the registry")
    if not context.tables.n_rows("mart.registry_patient"):
        return section.add(missing(context.why_empty("mart.registry_patient", of_cohort=False)))
    section.add(
        Text(
            "All curated patients, described from the diagnosis of the primary tumour. This is the source "
            "population; it is not the study.",
        ),
        table_one(
            context.tables,
            "mart.registry_patient",
            REGISTRY_VARIABLES,
            (Family(IS_IN_COHORT.name, ("True", "False")),),
            context.words,
            caption="Patients of the registry",
        ),
    )
    return section.add(_without_times(context))


def registry_missing(context: Context) -> Block | None:
    """Values that the models of the whole registry lack."""
    names = (AGE.name, STAGE_GROUP.name, HISTOLOGY.name)
    table = "mart.registry_patient"
    lacking = missing_counts(context.tables, table, names)
    if lacking.empty:
        return None
    n = context.tables.n_rows(table)
    rows = tuple(
        Row(
            context.words.variable(str(line.Index)),
            (
                count_of(line.n_missing, n),
                share(line.share),
            ),
        )
        for line in lacking.itertuples()
    )
    return Table(
        "Values that are missing in the models of the registry",
        "Variable",
        (Column("Missing"), Column("Share")),
        rows,
        "mart.registry_patient",
        ("A patient in whom a factor is missing is left out of the models that hold it (complete cases).",),
    )


def _without_times(context: Context) -> Block | None:
    counts = level_counts(context.tables, "mart.registry_patient", "exclusion_reason")
    if counts.empty:
        return None
    rows = tuple(Row(clean(line.Index), (count(line.n_rows),)) for line in counts.itertuples())
    return Table(
        "Patients without a survival time from diagnosis",
        "Why",
        (Column("Patients"),),
        rows,
        "mart.registry_patient",
    )


SECTIONS = (
    ReportSection("flow", 20, flow_section),
    ReportSection("cohort", 30, cohort_section),
    ReportSection("follow_up", 40, follow_up_section),
)
