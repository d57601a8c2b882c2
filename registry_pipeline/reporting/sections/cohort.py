"""Study report: who was counted, who left, who the patients are, how long they were followed.

Belongs here: the sections on patients. Does not belong here: outcomes.
"""

from __future__ import annotations

import pandas as pd

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
from registry_pipeline.reporting.document.wording import clean, count, interval, number, share
from registry_pipeline.reporting.figures.flow import Step, flow_figure
from registry_pipeline.reporting.release.disclosure import hidden_groups
from registry_pipeline.reporting.sections.context import HIDDEN, Context
from registry_pipeline.reporting.sections.table_one import Family, Variable, table_one
from schemas.study import (
    AGE,
    AGE_GROUP,
    BED,
    DX_YEAR,
    FIGO_GROUP,
    HISTOLOGY,
    INTERVAL,
    IS_IN_COHORT,
    MAX_DIAMETER,
    MODALITY,
    OMD_CLASS,
    REGIONAL,
    SITE,
    SIZE_GROUP,
)

COHORT_VARIABLES = (
    Variable(AGE.name, True),
    Variable(AGE_GROUP.name),
    Variable(FIGO_GROUP.name),
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
    Variable(FIGO_GROUP.name),
    Variable(HISTOLOGY.name),
    Variable(DX_YEAR.name, True),
    Variable("is_dead"),
)
COHORT_FAMILIES = (
    Family(SIZE_GROUP.name, ("small", "large")),
    Family(SITE.name, ("scf", "lung", "other")),
)
FOLLOW_UP = {
    "reverse_km": "Reverse Kaplan-Meier: how long patients would have been watched had nobody died",
    "observed": "Observed: time to death or last contact of all patients, dead or alive",
}


def flow_section(context: Context) -> Section:
    """Attrition as a figure and as a table."""
    section = Section("flow", "Flow of patients")
    steps = _merged_steps(context, context.tables.table("mart.attrition"))
    if not steps:
        return section.add(missing(context.why_empty("mart.attrition", of_cohort=False)))
    first, last = steps[0][1], steps[-1][3]
    drawn = [
        Step(reason, f"n = {count(gone)}", f"n = {count(after)}") for reason, _, gone, after in steps if gone
    ]
    data = pd.DataFrame(steps, columns=["reason", "n_before", "n_excluded", "n_after"])
    figure = context.figures.add(
        "flow",
        flow_figure(f"Patients on record, n = {count(first)}", drawn, f"Analysed, n = {count(last)}"),
        data,
        title="Flow of patients from the records to the analysis",
        description=f"Of {count(first)} patients {count(last)} are analysed. "
        + "; ".join(f"{clean(reason)}: {gone} left" for reason, _, gone, _ in steps if gone),
        meaning="Every patient on record is either analysed or left at exactly one step, the first that applied.",
        limits="That the record of a patient who left is poor, except at the steps that name quarantine.",
        source="mart.attrition",
    )
    rows = [
        Row(clean(reason), (count(before), count(gone), count(after)))
        for reason, before, gone, after in steps
    ]
    table = Table(
        "Steps of the flow",
        "Reason for leaving",
        (Column("Before"), Column("Left"), Column("After")),
        tuple(rows),
        "mart.attrition",
    )
    return section.add(figure, table)


def _merged_steps(context: Context, attrition: pd.DataFrame) -> list[tuple[str, int, int, int]]:
    """Steps in order; where small counts are hidden, a step with few joins its neighbour."""
    steps: list[tuple[str, int, int, int]] = []
    for row in attrition.sort_values("step").itertuples():
        reason, before, gone, after = (
            clean(row.reason),
            int(row.n_before),
            int(row.n_excluded),
            int(row.n_after),
        )
        if steps and (context.is_small(steps[-1][2]) or (context.is_small(gone) and steps[-1][2])):
            reason, before, gone = f"{steps[-1][0]}; {reason}", steps[-1][1], steps[-1][2] + gone
            steps.pop()
        steps.append((reason, before, gone, after))
    while len(steps) > 1 and context.is_small(steps[-1][2]):
        (reason, before, gone, _), (next_reason, _, next_gone, after) = steps[-2:]
        steps[-2:] = [(f"{reason}; {next_reason}", before, gone + next_gone, after)]
    return steps


def cohort_section(context: Context) -> Section:
    """Table 1 of the cohort."""
    section = Section("patients", "Patients of the study")
    if context.no_cohort:
        return section.add(missing(context.no_cohort))
    columns = [cohort_variable.name for cohort_variable in COHORT_VARIABLES]
    return section.add(
        table_one(
            context.tables.table("mart.cohort", columns=columns),
            COHORT_VARIABLES,
            COHORT_FAMILIES,
            context.words,
            caption="Table 1. Patients, overall, by largest diameter and by site",
            source="mart.cohort",
            small_cell=context.small_cell,
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
                context.count(row.n),
                number(row.median_months),
                interval(row.ci_lower, row.ci_upper),
                HIDDEN if context.small_cell else interval(row.min_months, row.max_months),
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
    columns = [
        *(registry_variable.name for registry_variable in REGISTRY_VARIABLES),
        IS_IN_COHORT.name,
        "exclusion_reason",
    ]
    patients = context.tables.table("mart.registry_patient", columns=columns)
    if patients.empty:
        return section.add(missing(context.why_empty("mart.registry_patient", of_cohort=False)))
    named = patients.assign(
        is_dead=patients["is_dead"].map({True: "dead", False: "alive"}),
        is_in_cohort=patients[IS_IN_COHORT.name].map({True: "True", False: "False"}),
    )
    section.add(
        Text(
            "All curated patients, described from the diagnosis of the primary tumour. This is the source "
            "population; it is not the study.",
        ),
        table_one(
            named,
            REGISTRY_VARIABLES,
            (Family(IS_IN_COHORT.name, ("True", "False")),),
            context.words,
            caption="Patients of the registry",
            source="mart.registry_patient",
            small_cell=context.small_cell,
        ),
    )
    without = patients[patients["exclusion_reason"].notna()]
    if len(without):
        section.add(_without_times(context, without))
    return section


def registry_missing(context: Context) -> Block | None:
    """Values that the models of the whole registry lack."""
    names = (AGE.name, FIGO_GROUP.name, HISTOLOGY.name)
    patients = context.tables.table("mart.registry_patient", columns=names)
    gone = {name: int(patients[name].isna().sum()) for name in names}
    gone = {name: n for name, n in gone.items() if n}
    if patients.empty or not gone:
        return None
    n = len(patients)
    rows = tuple(
        Row(
            context.words.variable(name),
            (
                context.count_of(n_missing, n),
                HIDDEN if context.is_telling(n_missing, n) else share(n_missing / n),
            ),
        )
        for name, n_missing in gone.items()
    )
    return Table(
        "Values that are missing in the models of the registry",
        "Variable",
        (Column("Missing"), Column("Share")),
        rows,
        "mart.registry_patient",
        ("A patient in whom a factor is missing is left out of the models that hold it (complete cases).",),
    )


def _without_times(context: Context, without: pd.DataFrame) -> Block:
    counts = without["exclusion_reason"].astype(str).value_counts().sort_index()
    hidden = hidden_groups(counts.tolist(), int(counts.sum()), context.small_cell)
    rows = tuple(
        Row(clean(reason), (context.count(n, is_hidden),))
        for (reason, n), is_hidden in zip(counts.items(), hidden, strict=True)
    )
    return Table(
        "Patients without a survival time from diagnosis",
        "Why",
        (Column("Patients"),),
        rows,
        "mart.registry_patient",
    )
